"""Detect actions in live camera streams with the Hi-TRS hierarchical skeleton transformer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hitrs_live.telemetry import disable_telemetry
from hitrs_live.version import __version__

if TYPE_CHECKING:
    from hitrs_live.checkpoint import load_checkpoint
    from hitrs_live.messages import (
        ActionEvent,
        AnyMessage,
        Array,
        JointsEvent,
        Message,
        MotionPrediction,
        PoseEvent,
        ScoreEvent,
        SourceEvent,
        Status,
    )
    from hitrs_live.model.hitrs import hitrs_base, hitrs_small
    from hitrs_live.pipeline.in_process import LiveRun, run
    from hitrs_live.transport.subscriber import subscribe

# Only here: this line runs first, whichever module of this package is imported.
disable_telemetry()

__all__ = [
    "ActionEvent",
    "AnyMessage",
    "Array",
    "JointsEvent",
    "LiveRun",
    "Message",
    "MotionPrediction",
    "PoseEvent",
    "ScoreEvent",
    "SourceEvent",
    "Status",
    "__version__",
    "hitrs_base",
    "hitrs_small",
    "load_checkpoint",
    "run",
    "subscribe",
]

_MESSAGES = (
    "ActionEvent", "AnyMessage", "Array", "JointsEvent", "Message", "MotionPrediction", "PoseEvent", "ScoreEvent",
    "SourceEvent", "Status",
)  # fmt: skip
_HOMES = {
    **dict.fromkeys(_MESSAGES, "hitrs_live.messages"),
    "LiveRun": "hitrs_live.pipeline.in_process",
    "hitrs_base": "hitrs_live.model.hitrs",
    "hitrs_small": "hitrs_live.model.hitrs",
    "load_checkpoint": "hitrs_live.checkpoint",
    "run": "hitrs_live.pipeline.in_process",
    "subscribe": "hitrs_live.transport.subscriber",
}


def __getattr__(name: str) -> Any:
    """Import an exported name on first use, so that a subscriber does not load torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
