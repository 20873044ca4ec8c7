"""Detect the actions that take two people, such as a handshake."""

from collections.abc import Sequence

from hitrs_live.config import Config
from hitrs_live.messages import ActionEvent, EndReason, Prediction
from hitrs_live.streaming.decoder import ActionDecoder
from hitrs_live.streaming.pairs import PairStage
from hitrs_live.streaming.stream_model import StreamDescription
from hitrs_live.streaming.thresholds import Thresholds


class PairDecoder:
    """Form pairs of people with `PairStage` and detect the actions of each pair with an `ActionDecoder`."""

    def __init__(
        self,
        model: StreamDescription,
        config: Config,
        *,
        source_id: str,
        rows: int,
        thresholds: Thresholds | None,
    ) -> None:
        """Take what `ActionDecoder` takes; rows are people."""
        self._pairs = PairStage(config.pair, rows=rows, classes=len(model.labels))
        self._decoder = ActionDecoder(
            model, config.action, source_id=source_id, rows=rows, thresholds=thresholds, bridge_s=config.track.bridge_s,
            of_pairs=True,
        )  # fmt: skip
        self.predicted: Prediction | None = None
        """The newest prediction for pairs, as `PairStage` returns it; None before the first."""

    def step(self, prediction: Prediction) -> Sequence[ActionEvent]:
        """Advance by one prediction for people; return the events of pairs, each with both track ids."""
        self.predicted = self._pairs.step(prediction)
        events = self._decoder.step(self.predicted)
        return [event for event in events if isinstance(event, ActionEvent)]

    def running_actions(self) -> dict[int, tuple[str, float]]:
        """Return each pair's running action and its score, by its first track, for a view."""
        return self._decoder.running_actions()

    def close_all(self, reason: EndReason) -> Sequence[ActionEvent]:
        """End every open action, where the source or the program ends."""
        return self._decoder.close_all(reason)
