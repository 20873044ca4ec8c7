"""Tell the actions that take two people."""

from collections.abc import Sequence

from hitrs_live.checkpoint import CheckpointInfo
from hitrs_live.config import Config
from hitrs_live.messages import ActionEvent, EndReason, Prediction
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.pairs import PairStage
from hitrs_live.streaming.thresholds import Thresholds


class PairDecoder:
    """Form pairs of the people, and tell what each pair does as `ActionDecoder` tells what each person does."""

    def __init__(
        self,
        info: CheckpointInfo,
        config: Config,
        *,
        source_id: str,
        rows: int,
        thresholds: Thresholds | None,
        step_frames: int,
    ) -> None:
        """Take what `ActionDecoder` takes; rows are people."""
        self._pairs = PairStage(config.pair, rows=rows, classes=len(info.labels))
        self._decoder = ActionDecoder(
            info, config.action, source_id=source_id, rows=rows, thresholds=thresholds, step_frames=step_frames,
            bridge_s=config.track.bridge_s, of_pairs=True,
        )  # fmt: skip
        self.judged: Prediction | None = None
        """What the newest step made of pairs, as `PairStage` has it; None before the first."""

    def step(self, prediction: Prediction) -> Sequence[ActionEvent]:
        """Take what the model says of people; return what changed of pairs, each event with both track ids."""
        self.judged = self._pairs.step(prediction)
        events = self._decoder.step(self.judged)
        return [event for event in events if isinstance(event, ActionEvent)]

    def running_actions(self) -> dict[int, tuple[str, float]]:
        """Tell each pair's running action and its score, by its first track, for a view."""
        return self._decoder.running_actions()

    def close_all(self, reason: EndReason) -> Sequence[ActionEvent]:
        """End every open action, where the source or the program ends."""
        return self._decoder.close_all(reason)
