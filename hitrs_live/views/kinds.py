"""The table of views of the pictures. A new one is a module of this package and one line of VIEWS.

Importing this is cheap: a view's own module is imported when one is opened.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hitrs_live.views.base import Viewer
    from hitrs_live.views.projection import LensFor


@dataclass(frozen=True, kw_only=True)
class ViewOptions:
    """Options of a view beside its value."""

    source_id: str
    lens_for: "LensFor"
    """Returns the source's lens for a picture size."""
    may_wait: bool
    """Whether `show` may wait until a picture is written; otherwise pictures are left out."""


@dataclass(frozen=True, kw_only=True)
class ViewKind:
    """One kind of view on the command line; each source has its own."""

    factory: str
    """`module.function` within this package: takes (value, ViewOptions) and returns a view."""
    metavar: str | None
    """Placeholder of the value in the help; None for a flag without a value."""
    text: str
    """Text of the help."""
    file_of: str = ""
    """Name of the file's kind in errors; empty if the value is not a file."""

    def make(self, value: str, options: ViewOptions) -> "Viewer":
        """Open a view of this kind. Raises ViewUnavailable if it cannot be shown here."""
        maker: Callable[[str, ViewOptions], Viewer] = pkgutil.resolve_name(f"hitrs_live.views.{self.factory}")
        return maker(value, options)


VIEWS: dict[str, ViewKind] = {
    "show": ViewKind(
        factory="window.make_window", metavar=None,
        text="show the annotated pictures in a window, one per source",
    ),
    "save-video": ViewKind(
        factory="continued_video.make_video", metavar="FILE", file_of="video",
        text="write the annotated pictures to a .webm (which browsers play), .mp4 or .avi file, one per source",
    ),
}  # fmt: skip
"""Views by the name of their flag, in the order of the help."""
