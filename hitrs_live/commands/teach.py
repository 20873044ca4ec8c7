"""`hitrs-live teach`: a user's own actions, from a few repetitions."""

import argparse
from importlib import import_module

_ACTIONS = (
    ("record", "record an action done several times before a camera, and find the repetitions"),
    ("add", "add examples of an action from a recording, a video or labelled joints"),
    ("quiet", "record what is none of the actions"),
    ("wrong", "correct an event that was reported and is wrong"),
    ("missed", "add an action that happened and was not reported"),
    ("sequence", "make an action of actions that follow each other"),
    ("fit", "make a file of actions from the examples, and say how often it will be right and wrong"),
    ("list", "list what was taught"),
)
"""Every action and its help. The module `commands.teach_add` implements `add`, and so on, as a verb's module does."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's actions and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, text in _ACTIONS:
        added = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        import_module(f"hitrs_live.commands.teach_{name}").add_flags(added)
