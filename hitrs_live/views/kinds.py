"""Every kind of view of the pictures. A new one is a module of this package and one line of VIEWS.

Importing this is cheap: a view's own module is imported when one is made.
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
    """What a view may need beside its value."""

    source_id: str
    lens_for: "LensFor"
    """Gives the source's lens for a picture's size."""
    may_wait: bool
    """Whether `show` may wait until a picture is drawn; otherwise pictures are left out."""


@dataclass(frozen=True, kw_only=True)
class ViewKind:
    """One kind of view, as the command line offers it; each source has one of its own."""

    makes: str
    """`module.function` within this package: takes (value, ViewOptions) and returns a view."""
    metavar: str | None
    """What stands for the value in the help; None for a flag without a value."""
    text: str
    file_of: str = ""
    """What the file that the value names is called in errors; empty for a value that names none."""

    def make(self, value: str, options: ViewOptions) -> "Viewer":
        """Make one. Raises ViewUnavailable where it can show nothing here."""
        maker: Callable[[str, ViewOptions], Viewer] = pkgutil.resolve_name(f"hitrs_live.views.{self.makes}")
        return maker(value, options)


VIEWS: dict[str, ViewKind] = {
    "show": ViewKind(
        makes="window.make_window", metavar=None,
        text="open a window a source with the picture and what is known of it",
    ),
    "save-video": ViewKind(
        makes="save_video.make_video", metavar="FILE", file_of="video",
        text="write that picture to a video file, .webm (browsers play it), .mp4 or .avi; a file a source",
    ),
}  # fmt: skip
"""By kind, which is the name of the flag; in the order of the help."""
