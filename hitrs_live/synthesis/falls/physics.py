"""Import MuJoCo where it is needed, and say what to install where it is missing."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from hitrs_live.errors import ConfigError


def load_mujoco() -> Any:
    """Return the module `mujoco`. Raises ConfigError where the extra `physics` is not installed."""
    try:
        return import_module("mujoco")
    except ImportError as error:
        raise ConfigError(f"simulated falls need MuJoCo ({error}): pip install 'hitrs-live[physics]'") from None


@contextmanager
def without_warnings() -> Iterator[None]:
    """Keep MuJoCo from writing a log file where a simulation diverges; `diverged` says so."""
    mujoco = load_mujoco()
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda _: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)


def diverged(data: Any) -> bool:
    """Say whether a simulation met numbers that are not finite; MuJoCo then starts it again from rest."""
    return any(int(count) for count in data.warning.number)
