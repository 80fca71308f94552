"""Use cases: one file each. A use case opens one transaction, asks the domain, and has the accepted effects stored in that transaction."""
