"""The verbs of the command line, a file each: its flags, and what it runs."""
