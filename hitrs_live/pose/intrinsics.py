"""Read how a camera maps rays to pixels from a file, or assume it from a field of view."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from hitrs_live.config import CameraConfig
from hitrs_live.errors import ConfigError
from hitrs_live.files.text_file import TextUnreadable
from hitrs_live.files.toml_file import read_toml
from hitrs_live.lens import undistorted
from hitrs_live.settings_check import find_fault


@dataclass(frozen=True, kw_only=True)
class Intrinsics:
    """Describe a pinhole camera with lens distortion, for pictures of width x height pixels."""

    fx: float
    fy: float
    """Focal lengths, pixels."""
    cx: float
    cy: float
    """Where the optical axis meets the picture, pixels from its top left corner."""
    width: int
    height: int
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    """k1, k2, p1, p2, k3: radial and tangential, in OpenCV's order."""
    origin: str = ""
    """Where these numbers came from, for people to read."""
    assumed_deg: float | None = None
    """The horizontal field of view that all this was assumed from, degrees; None where it was measured."""

    def __post_init__(self) -> None:
        numbers = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if not all(map(math.isfinite, numbers)) or min(self.fx, self.fy) <= 0 or min(self.width, self.height) <= 0:
            raise ValueError(f"got {self}, expected finite numbers, positive focal lengths and a positive size")
        if len(self.distortion) != 5:
            raise ValueError(f"got {len(self.distortion)} distortion numbers, expected 5: k1, k2, p1, p2, k3")

    @classmethod
    def from_field_of_view(cls, horizontal_deg: float, *, width: int, height: int) -> "Intrinsics":
        """Assume a centred lens without distortion that sees horizontal_deg from left to right edge."""
        if not 1 < horizontal_deg < 179:
            raise ValueError(f"got a field of view of {horizontal_deg} degrees, expected one between 1 and 179")
        focal = width / 2 / math.tan(math.radians(horizontal_deg) / 2)
        origin = f"assumed: {horizontal_deg:g} degrees across, not calibrated"
        return cls(
            fx=focal, fy=focal, cx=width / 2, cy=height / 2, width=width, height=height, origin=origin,
            assumed_deg=horizontal_deg,
        )  # fmt: skip

    def scaled(self, *, width: int, height: int) -> "Intrinsics":
        """Return the same lens for another picture size.

        An assumed field of view is that of the picture, whatever its shape. A measured lens seen in another shape (4:3
        instead of 16:9) is cropped about its centre: a camera cuts its sensor, it does not squeeze. A portrait picture
        of a lens measured in landscape, or the reverse, comes from a camera that was turned by a quarter first.
        """
        if width <= 0 or height <= 0:
            raise ValueError(f"got a picture of {width} x {height}, expected a positive size")
        if (width, height) == (self.width, self.height):
            return self
        if self.assumed_deg is not None:
            return Intrinsics.from_field_of_view(self.assumed_deg, width=width, height=height)
        if (width - height) * (self.width - self.height) < 0:
            return self._turned().scaled(width=width, height=height)
        # The larger ratio keeps the whole new picture inside the old one.
        scale = max(width / self.width, height / self.height)
        return Intrinsics(
            fx=self.fx * scale,
            fy=self.fy * scale,
            cx=(self.cx - self.width / 2) * scale + width / 2,
            cy=(self.cy - self.height / 2) * scale + height / 2,
            width=width,
            height=height,
            distortion=self.distortion,
            origin=self.origin,
        )

    def _turned(self) -> "Intrinsics":
        """Return the lens of the camera turned by a quarter.

        To which side is not known, so what depends on the side is taken to be in the middle: the optical axis is in
        the picture's centre, and the tangential distortion is left out.
        """
        k1, k2, _, _, k3 = self.distortion
        return Intrinsics(
            fx=self.fy, fy=self.fx, cx=self.height / 2, cy=self.width / 2, width=self.height, height=self.width,
            distortion=(k1, k2, 0.0, 0.0, k3), origin=f"{self.origin}, turned by a quarter".lstrip(", "),
        )  # fmt: skip

    def rays(self, fractions: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return where the sight lines of picture points meet the plane one metre ahead.

        fractions: (..., 2), x to the right and y down as fractions of the picture; they may lie outside it.
        Result: (..., 2) float64, metres to the right and down; the distortion is undone.
        """
        pixels = np.asarray(fractions, np.float64) * (self.width, self.height)
        seen = (pixels - (self.cx, self.cy)) / (self.fx, self.fy)
        return undistorted(seen, np.array(self.distortion))

    @property
    def lens(self) -> NDArray[np.float32]:
        """(9,), as poses carry it (`hitrs_live.lens`)."""
        shares = (self.fx / self.width, self.fy / self.height, self.cx / self.width, self.cy / self.height)
        return np.array((*shares, *self.distortion), np.float32)


_Size = Annotated[int, Meta(gt=0)]
_Focal = Annotated[float, Meta(gt=0)]


class _IntrinsicsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    width: _Size
    height: _Size
    fx: _Focal
    fy: _Focal
    cx: float
    cy: float
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    camera: str = ""
    error_px: float | None = None


def load_intrinsics(path: str | Path) -> Intrinsics:
    """Read a calibration file (calibration/README.md has the format).

    Raises ConfigError where it cannot be read or is not of that format.
    """
    try:
        tree = read_toml(Path(path))
    except TextUnreadable as error:
        raise ConfigError(f"calibration {path}: {error}; calibration/README.md has the format") from None
    if fault := find_fault(tree, _IntrinsicsFile):
        raise ConfigError(f"calibration {path}: {fault.text()}; calibration/README.md has the format")
    loaded = msgspec.convert(tree, _IntrinsicsFile)
    return Intrinsics(
        fx=loaded.fx, fy=loaded.fy, cx=loaded.cx, cy=loaded.cy, width=loaded.width, height=loaded.height,
        distortion=loaded.distortion, origin=f"calibrated: {path}",
    )  # fmt: skip


def save_intrinsics(
    path: str | Path, intrinsics: Intrinsics, *, camera: str = "", error_px: float | None = None
) -> None:
    """Write a calibration file that `load_intrinsics` reads. error_px: mean reprojection error, pixels."""
    lines = [
        "# Camera intrinsics in pixels; calibration/README.md describes each number.",
        f"camera = {msgspec.json.encode(camera).decode()}",
        f"width = {intrinsics.width}",
        f"height = {intrinsics.height}",
        *(f"{name} = {getattr(intrinsics, name):.6f}" for name in ("fx", "fy", "cx", "cy")),
        f"distortion = [{', '.join(f'{value:.8f}' for value in intrinsics.distortion)}]",
    ]
    if error_px is not None:
        lines.append(f"error_px = {error_px:.4f}")
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def camera_intrinsics(config: CameraConfig, source_id: str = "") -> Intrinsics:
    """Return a camera's intrinsics: its calibration file, that of its name in a folder, else its field of view.

    Raises ConfigError where the file cannot be read or is not of the format.
    """
    if config.calibration:
        path = Path(config.calibration)
        return load_intrinsics(path / f"{source_id}.toml" if path.is_dir() else path)
    return Intrinsics.from_field_of_view(config.field_of_view_deg, width=config.width, height=config.height)
