"""From cameras to action events, live, with the Hi-TRS hierarchical skeleton transformer."""

__version__ = "0.1.0"
