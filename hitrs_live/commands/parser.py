"""An argument parser that reports each error in one line and suggests the nearest flag."""

import argparse
import difflib
from collections.abc import Mapping, Sequence
from typing import NoReturn

from hitrs_live.wire.addresses import show_address

_NEAR = 0.6
_USER_MISTAKE = 2


class Parser(argparse.ArgumentParser):
    """Parse a command line. The parsers of its verbs are of this class too."""

    def error(self, message: str) -> NoReturn:
        """Print an error in one line and exit with code 2."""
        self.exit(_USER_MISTAKE, f"{self.prog}: {message}; see {self.prog} --help\n")

    def parse_line(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse a whole command line; exit with code 2 at an unknown argument."""
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            self._verb_of(arguments)._refuse(unknown)
        return options

    def _verb_of(self, arguments: Sequence[str]) -> "Parser":
        """Return the parser of the verb or, for a verb with kinds, of the kind."""
        parser = self
        for word in arguments:
            parser = parser._verbs().get(word, parser)
        return parser

    def _verbs(self) -> Mapping[str, "Parser"]:
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return action.choices
        return {}

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        flags = {
            flag.lstrip("-"): flag
            for action in self._actions
            if action.help != argparse.SUPPRESS
            for flag in action.option_strings
        }
        near = difflib.get_close_matches(unknown[0].split("=")[0].lstrip("-"), flags, n=1, cutoff=_NEAR)
        hint = f" (the nearest is {flags[near[0]]})" if near else ""
        # An address without its flag may contain a login.
        shown = " ".join(show_address(each) if "://" in each else each for each in unknown)
        self.error(f"unrecognized arguments: {shown}{hint}")
