"""Import MuJoCo where it is needed, and say what to install where it is missing."""

from importlib import import_module
from typing import Any

from hitrs_live.errors import ConfigError


def load_mujoco() -> Any:
    """Return the module `mujoco`. Raises ConfigError where the extra `physics` is not installed."""
    try:
        return import_module("mujoco")
    except ImportError as error:
        raise ConfigError(f"simulated falls need MuJoCo ({error}): pip install 'hitrs-live[physics]'") from None
