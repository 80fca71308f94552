"""The tasks that flows make by themselves, and resources, under the names that flows import them by."""
