"""Parse arguments, call one use case, shape the answer. No decision is made here."""
