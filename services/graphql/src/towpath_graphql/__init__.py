"""The business service of Towpath: the only writer of its database."""
