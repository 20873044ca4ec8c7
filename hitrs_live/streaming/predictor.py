"""The stage between the resampler and the decoders: joint frames in, predictions out, by any `StreamModel`."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hitrs_live.config import PoseConfig
from hitrs_live.messages import JointFrame, Prediction
from hitrs_live.skeleton import NTU25, mirrored_labels
from hitrs_live.streaming.stream_model import ModelOutput, SkipsOutputs, StreamModel
from hitrs_live.transforms import average_sides, fill_unseen, mirror

_MAY_BE_MISSING = tuple(
    NTU25.index(f"{side}_{part}") for side in ("left", "right") for part in ("hand", "hand_tip", "thumb", "foot")
)
"""Joints that the model was trained to do without. Of any other, the pose stage's estimate is better than none."""
_REQUIRED = ~np.isin(np.arange(len(NTU25)), _MAY_BE_MISSING)


class Predictor:
    """Run a `StreamModel` over all people in one batch, one row per person.

    With `mirror`, each person takes a second row, as a mirror image. The logits of a class are then averaged with
    those of its counterpart on the other side: neither view is better than the other, and their errors differ.
    Future joints come from the person as seen.
    """

    def __init__(
        self,
        model: StreamModel[Any],
        *,
        rows: int,
        min_joint_confidence: float = PoseConfig().min_joint_confidence,
        mirror: bool = True,
    ) -> None:
        """Take the model and the number of people.

        min_joint_confidence: joints below it count as not seen, whatever source they come from; by default as live.
        mirror: whether each person is also predicted as a mirror image.
        """
        self._model = model
        self._mirrored = torch.from_numpy(mirrored_labels(model.description.labels)) if mirror else None
        self._rows = rows * (2 if mirror else 1)
        self._state = model.empty_state(self._rows)
        self._min_confidence = min_joint_confidence
        self._mirrors = mirror
        self._mirrored_rows = torch.full((rows,), mirror)
        """(R,) bool: people whose mirror image has been predicted since their first frame."""

    @property
    def mirrors(self) -> bool:
        """Whether it was made to predict mirror images too."""
        return self._mirrored is not None

    @property
    def can_skip(self) -> bool:
        """Whether the model can leave out the outputs between the ends of clips."""
        return isinstance(self._model, SkipsOutputs) and self._model.can_skip

    def reduce(self, *, mirror: bool, clips_only: bool) -> None:
        """Do less from the next frame on, or everything again.

        mirror: whether mirror images are predicted, if they ever are. They come back with each person's next track: a
        mirror image that begins later would have another history than the person. clips_only: whether outputs between
        the ends of clips are left out, where the model can.
        """
        self._mirrors = mirror and self._mirrored is not None
        if not self._mirrors:
            self._mirrored_rows.fill_(False)
        if isinstance(self._model, SkipsOutputs):
            self._model.skip_outputs(clips_only=clips_only and self._model.can_skip)

    def warm_up(self) -> None:
        """Run the model to its first output on a state of its own, so that the first person does not wait for it."""
        state = self._model.empty_state(self._rows)
        still, everyone = torch.zeros(self._rows, len(NTU25), 3), torch.ones(self._rows, dtype=torch.bool)
        for _ in range(self._model.description.span_frames):
            _, state = self._model.step(still, state, everyone)

    def step(self, joint_frame: JointFrame) -> Sequence[Prediction]:
        """Advance by one frame; return a prediction where a row has an output or a track ended, else nothing."""
        reset, active = torch.from_numpy(joint_frame.reset), torch.from_numpy(joint_frame.active)
        joints_m = torch.from_numpy(fill_missing(joint_frame.joints_m, joint_frame.confidence, self._min_confidence))
        if self._mirrored is not None:
            joints_m = torch.cat((joints_m, mirror(joints_m)))
            self._mirrored_rows[reset] = self._mirrors
            active = torch.cat((active, active & self._mirrored_rows))
            reset = reset.repeat(2)
        if joint_frame.reset.any():
            self._state = self._model.reset(reset, self._state)
        output, self._state = self._model.step(joints_m, self._state, active)
        if not len(output.rows) and not joint_frame.reset.any():
            return ()
        logits = output.logits
        if self._mirrored is not None:
            logits = _average(output, len(joint_frame.active), self._mirrored)
        return (_spread(joint_frame, output, logits),)


def fill_missing(
    joints_m: NDArray[np.float32],
    confidence: NDArray[np.float32],
    min_joint_confidence: float = PoseConfig().min_joint_confidence,
) -> NDArray[np.float32]:
    """Fill the hands and feet that were not seen, as the model was trained to see them. The other joints stay.

    joints_m: (..., 25, 3); confidence: (..., 25). Returns (..., 25, 3).
    """
    seen = torch.from_numpy((confidence >= min_joint_confidence) | _REQUIRED)
    filled: NDArray[np.float32] = fill_unseen(torch.from_numpy(joints_m), seen).numpy()
    return filled


def _average(output: ModelOutput, count: int, mirrored: Tensor) -> Tensor:
    """Return the logits of the outputs of people, the first `count` rows, averaged with those of their mirror images.

    mirrored: (K,), each class's counterpart on the other side. A person without a mirror image keeps the logits.
    """
    people = int((output.rows < count).sum())
    own, of_mirrored = output.logits[:people], output.logits[people:]
    if len(own) == len(of_mirrored):
        return average_sides(own, of_mirrored, mirrored)
    has_image = torch.isin(output.rows[:people], output.rows[people:] - count)
    averaged = own.clone()
    averaged[has_image] = average_sides(own[has_image], of_mirrored, mirrored)
    return averaged


def _spread(joint_frame: JointFrame, output: ModelOutput, row_logits: Tensor) -> Prediction:
    """Spread the outputs of the people among M rows over all R rows, with zeros where a row has none.

    row_logits: (N, K), those of the N first outputs, which are of people; the others are of mirror images.
    """
    count = len(joint_frame.active)
    own = slice(len(row_logits))
    rows = output.rows[own].numpy()
    has_output = np.zeros(count, bool)
    has_output[rows] = True
    logits = np.zeros((count, *output.logits.shape[1:]), np.float32)
    logits[rows] = row_logits.numpy()
    future_joints_m = np.zeros((count, *output.future_joints_m.shape[1:]), np.float32)
    future_joints_m[rows] = output.future_joints_m[own].numpy()
    scales_m = np.zeros((count, *output.scales_m.shape[1:]), np.float32)
    scales_m[rows] = output.scales_m[own].numpy()
    embeddings = None
    if output.embeddings is not None:
        embeddings = np.zeros((count, *output.embeddings.shape[1:]), np.float32)
        embeddings[rows] = output.embeddings[own].numpy()
    return Prediction(
        joint_frame=joint_frame,
        has_output=has_output,
        logits=logits,
        future_joints_m=future_joints_m,
        scales_m=scales_m,
        embeddings=embeddings,
    )
