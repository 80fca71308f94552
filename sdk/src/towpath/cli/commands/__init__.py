"""The commands, a module for each or for a family of them; each is imported when it is called."""
