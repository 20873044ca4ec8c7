"""Turn off the telemetry of ONNX Runtime before anything imports it.

Its wheels since 1.29 send usage events unless an environment variable forbids it when they are loaded: the import alone
writes a device id and a database into the user's cache, and seconds later resolves the name of an event host. The
switch in its API comes too late for both. `docs/PRIVACY.md` describes the measurement.
"""

import os
import sys
import warnings

VARIABLE = "ORT_DISABLE_TELEMETRY"
"""Read by ONNX Runtime once, when it is loaded. Child processes inherit it."""


def disable_telemetry() -> None:
    """Set the variable, whatever its value was, and warn if ONNX Runtime has already been loaded without it."""
    allowed_before = os.environ.get(VARIABLE, "").lower() not in ("1", "true")
    os.environ[VARIABLE] = "1"
    loaded = sys.modules.get("onnxruntime")
    if loaded is None or not allowed_before:
        return
    # Suppresses only some of the events, but those for the rest of the process.
    getattr(loaded, "disable_telemetry_events", lambda: None)()
    warnings.warn(
        f"onnxruntime was imported before hitrs_live, with its telemetry on: import hitrs_live first, or set "
        f"{VARIABLE}=1 in the environment",
        RuntimeWarning,
        stacklevel=3,
    )
