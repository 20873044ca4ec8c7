"""The rows of several sources as one batch, and what is said of them given back to each."""

from collections.abc import Mapping, Sequence

import numpy as np

from hitrs_live.messages import Prediction, Tick
from hitrs_live.skeleton import NTU25


class RowBatch:
    """Lay ticks of sources, R rows each, out over the rows of one batch: those of source n from n * R on."""

    def __init__(self, sources: int, rows: int) -> None:
        """Take how many sources there may be, and the rows of each."""
        self._sources, self._rows = sources, rows
        joints_m, confidence = np.zeros((rows, len(NTU25), 3), np.float32), np.zeros((rows, len(NTU25)), np.float32)
        self._idle = Tick.of(joints_m, confidence, track_ids=np.full(rows, -1, np.int64), active=False)
        """Of a source that has nothing now."""

    def join(self, ticks: Mapping[int, Tick]) -> Tick:
        """Make one tick of those of some sources."""
        if self._sources == 1:
            return ticks[0]
        each = [ticks.get(source, self._idle) for source in range(self._sources)]
        return Tick(
            time_ns=np.concatenate([tick.time_ns for tick in each]),
            track_ids=np.concatenate([tick.track_ids for tick in each]),
            active=np.concatenate([tick.active for tick in each]),
            reset=np.concatenate([tick.reset for tick in each]),
            joints_m=np.concatenate([tick.joints_m for tick in each]),
            confidence=np.concatenate([tick.confidence for tick in each]),
        )

    def split(self, ticks: Mapping[int, Tick], predictions: Sequence[Prediction]) -> dict[int, Sequence[Prediction]]:
        """Give each source what was said of its rows: nothing where none completed a clip or ended."""
        if self._sources == 1:
            return {0: predictions}
        return {source: self._of(source, tick, predictions) for source, tick in ticks.items()}

    def _of(self, source: int, tick: Tick, predictions: Sequence[Prediction]) -> Sequence[Prediction]:
        rows = slice(source * self._rows, (source + 1) * self._rows)
        return [
            Prediction(
                tick=tick, completed=said.completed[rows], logits=said.logits[rows],
                future_joints_m=said.future_joints_m[rows], scales_m=said.scales_m[rows],
            )
            for said in predictions
            if said.completed[rows].any() or tick.reset.any()
        ]  # fmt: skip
