"""Download the wheel that the pose model is assembled from, with the pip that is available.

An environment made by `uv venv` or `python -m venv --without-pip` has no pip. Then the pip that Python ships for new
environments is run from its wheel, else uv's, else any other on the path. Each downloads the same wheel, from the
registry that the user configured.
"""

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from hitrs_live.errors import PoseModelMissing
from hitrs_live.pose.mediapipe.task_bundle import WHEEL

# The networks are the same in the wheel of every platform; naming one makes set-up the same on all of them.
DOWNLOAD = (
    "download", "--no-deps", "--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp",
    "--platform", "manylinux_2_28_x86_64",
)  # fmt: skip
ELSEWHERE = (
    f"on a machine with a network run `pip {' '.join(DOWNLOAD)} {WHEEL}`, copy the wheel here, and give it to "
    "`hitrs-live models --wheel FILE`"
)
_LONGEST_WAIT_S = 900

_log = logging.getLogger(__name__)


def fetch_wheel(folder: Path) -> Path:
    """Download the wheel into a folder and return its path. Raises PoseModelMissing, with alternatives."""
    _log.info("fetching %s for its pose model (36 MB, once)", WHEEL)
    tried = []
    for name, command, environment in _pips():
        reason = _download(command, environment, folder)
        wheels = sorted(folder.glob("mediapipe-*.whl"))
        if wheels:
            return wheels[0]
        tried.append(f"{name}: {reason}")
    why = "; ".join(tried) or f"{sys.executable} has no pip, and there is neither ensurepip, uv nor pip on the path"
    raise PoseModelMissing(f"the pose model's wheel {WHEEL} could not be fetched ({why}); {ELSEWHERE}")


def _pips() -> Iterator[tuple[str, list[str], Mapping[str, str]]]:
    """List the ways to run pip here, the nearest first: a name, a command, and what to add to its environment."""
    if importlib.util.find_spec("pip") is not None:
        yield "pip", [sys.executable, "-m", "pip"], {}
        return
    bundled = _bundled_pip()
    if bundled is not None:
        yield "the pip of ensurepip", [sys.executable, "-m", "pip"], {"PYTHONPATH": str(bundled)}
    uv = shutil.which("uv")
    if uv is not None:
        yield "uv", [uv, "tool", "run", "--quiet", "pip"], {}
    pip = shutil.which("pip3") or shutil.which("pip")
    if pip is not None:
        yield pip, [pip], {}


def _bundled_pip() -> Path | None:
    """Find the wheel of pip that Python installs into new environments; some systems remove it."""
    spec = importlib.util.find_spec("ensurepip")
    if spec is None or spec.origin is None:
        return None
    return next(iter(sorted((Path(spec.origin).parent / "_bundled").glob("pip-*.whl"))), None)


def _download(pip: list[str], environment: Mapping[str, str], folder: Path) -> str:
    """Run one pip; return its last error, in a line."""
    command = [*pip, *DOWNLOAD, "--quiet", "--disable-pip-version-check", "--dest", str(folder), WHEEL]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=_LONGEST_WAIT_S, check=False, env={**os.environ, **environment},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error).splitlines()[0]
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or [f"exit code {done.returncode}"])[-1]
