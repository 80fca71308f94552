"""The live view of a run on a terminal.

`feed` reads, `model` holds what was read, `view` draws it as lines, `screen` puts them on the terminal, `live` listens to keys and signals.
"""
