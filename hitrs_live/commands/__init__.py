"""The verbs of the command line, one file per verb: its flags and the function that runs it."""
