"""Detected and true starts of actions, for tests of metrics."""

from hypothesis import strategies as st

from hitrs_live.evaluation.metrics.point import DetectedStart, TrueStart


def start(onset_s: float, stream: int = 0, label: int = 1) -> TrueStart:
    return TrueStart(stream=stream, label=label, onset_s=onset_s)


def detected(
    detected_s: float, score: float, stream: int = 0, label: int = 1, onset_s: float | None = None
) -> DetectedStart:
    """A start that is detected at its onset, unless another onset is given."""
    dated_s = detected_s if onset_s is None else onset_s
    return DetectedStart(stream=stream, label=label, onset_s=dated_s, detected_s=detected_s, score=score)


STARTS = st.lists(st.builds(start, st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=8)
DETECTIONS = st.lists(st.builds(detected, st.integers(0, 12), st.integers(0, 4), st.integers(0, 2)), max_size=12)
