"""The command line of each command: its options, and the text of its help.

Loads neither Beam nor spaCy, pyarrow or Presidio, so that help and mistakes come at once.
"""
