"""Turn the joints of a stream into one rotation for each bone of a body, for all frames at once.

A limb's bone is swung from its direction at rest to the data's direction. Its twist about itself comes from the hinge
of the elbow or knee (and the foot, for the leg), smoothed over time and weighted by how clearly the hinge is seen, so
that a straight noisy limb does not turn about itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.rotations import unit
from hitrs_live.synthesis.smoothing import smooth_frames
from hitrs_live.virtual_camera.people.rotation_matrices import about, apply, between, frame, swing, swing_at_most

Floats = NDArray[np.float64]
# A twist is smoothed over about a quarter of a second: hinges turn slowly, their noise is fast.
_TWIST_SIGMA_FRAMES = 4.0
# How much the rest twist counts against a clearly bent hinge (weight 1).
_TWIST_PRIOR = 0.08
# A joint closer than this to its neighbour is a copy of it: the set does not have it.
_MISSING_M = 0.035
_SIDES = ("left", "right")


@dataclass(frozen=True, kw_only=True)
class RestPoints:
    """Give the points of a body at rest that directions are measured between: (3,) each, metres."""

    joints: Mapping[str, Floats]
    """The body's own joints by their NTU names."""
    ball: Mapping[str, Floats]
    """By side: the ball of the foot."""


def bone_rotations(joints_m: Floats, rest: RestPoints) -> dict[str, Floats]:
    """Return rotations (T, 3, 3) from rest for groups of bones. joints_m: (T, 25, 3), finite, metres.

    The groups: pelvis, chest, neck, head, and by side collar, upper_arm, fore_arm, hand, thigh, shank, foot; the upper
    parts of twisting bones are upper_arm_top and thigh_top.
    """
    stream = _Stream(joints_m, rest)
    result = stream.trunk()
    for side in _SIDES:
        result |= stream.arm(side, result["chest"])
        result |= stream.leg(side, result["pelvis"])
    return result


class _Stream:
    """Hold one stream while its bones are turned."""

    def __init__(self, joints_m: Floats, rest: RestPoints) -> None:
        self._joints_m = joints_m
        self._rest = rest
        lowest = np.minimum(*(self._joint(f"{side}_ankle")[:, 1] for side in _SIDES))
        # The floor under this stream, whatever its origin: where the ankles are when they are lowest.
        self._ankle_floor_m = float(np.percentile(lowest, 3))

    def _joint(self, name: str) -> Floats:
        return self._joints_m[:, NTU25.index(name)]

    def _data(self, start: str, end: str) -> Floats:
        return self._joint(end) - self._joint(start)

    def _at_rest(self, start: str, end: str) -> Floats:
        return self._rest.joints[end] - self._rest.joints[start]

    def trunk(self) -> dict[str, Floats]:
        """Turn pelvis, chest, neck and head. The pelvis follows the hips, the chest the shoulders."""
        hips, shoulders = ("right_hip", "left_hip"), ("right_shoulder", "left_shoulder")
        middle = self._data("left_hip", "left_shoulder") + self._data("right_hip", "right_shoulder")
        rest_middle = self._at_rest("left_hip", "left_shoulder") + self._at_rest("right_hip", "right_shoulder")
        # The spine's joints differ from sensor to sensor; the line from hips to shoulders does not.
        lower = self._rest_free(self._data("spine_base", "spine_middle"), middle)
        upper = self._rest_free(self._data("spine_middle", "spine_shoulder"), middle)
        rest_frame = frame(self._at_rest(*shoulders), rest_middle)
        pelvis = frame(self._data(*hips), lower) @ frame(self._at_rest(*hips), rest_middle).T
        chest = frame(self._data(*shoulders), upper) @ rest_frame.T
        neck_data = smooth_frames(unit(self._data("spine_shoulder", "head")), 1.5)
        neck_rest = apply(chest, self._at_rest("spine_shoulder", "head"))
        turn = swing_at_most(neck_rest, neck_data, np.radians(50))
        head = turn @ chest
        return {"pelvis": pelvis, "chest": chest, "neck": between(chest, head, 0.5), "head": head}

    @staticmethod
    def _rest_free(spine: Floats, middle: Floats) -> Floats:
        """Lean half of the spine's own direction, less its mean angle to the line from hips to shoulders."""
        bent = unit(spine) - unit(middle)
        return unit(unit(middle) + 0.7 * (bent - np.median(bent, axis=0)))

    def arm(self, side: str, chest: Floats) -> dict[str, Floats]:
        """Turn collar, upper arm, forearm and hand."""
        shoulder, elbow, wrist = (f"{side}_{name}" for name in ("shoulder", "elbow", "wrist"))
        upper, fore = unit(self._data(shoulder, elbow)), unit(self._data(elbow, wrist))
        rest_upper, rest_fore = self._at_rest(shoulder, elbow), self._at_rest(elbow, wrist)
        # Above the horizontal the shoulder blade takes part: a third of what is beyond 60 degrees from hanging.
        raised = np.arccos(np.clip(-np.sum(upper * apply(chest, np.array([0.0, 1.0, 0.0])), -1), -1, 1))
        hanging = apply(chest, np.array([0.0, -1.0, 0.0]))
        axis = unit(np.cross(hanging, upper))
        collar = about(axis, np.clip(raised - np.radians(60), 0, None) / 3) @ chest
        swung = swing(apply(chest, rest_upper), upper) @ chest
        hinge = np.cross(upper, fore)
        twist = self._twist(swung, upper, np.cross(rest_upper, rest_fore), hinge)
        upper_arm = about(upper, twist) @ swung
        fore_arm = swing(apply(upper_arm, rest_fore), fore) @ upper_arm
        palm = self._data(wrist, f"{side}_hand")
        seen = np.linalg.norm(palm, axis=-1) > _MISSING_M
        palm = smooth_frames(unit(np.where(seen[:, None], unit(palm), 0) + fore), 1.5)
        hand_rest = apply(fore_arm, self._at_rest(wrist, f"{side}_hand"))
        straight = swing(rest_fore, self._at_rest(wrist, f"{side}_hand"))
        hand = swing_at_most(hand_rest, apply(fore_arm @ straight @ fore_arm.swapaxes(-1, -2), palm), np.radians(45))
        return {
            f"{side}_collar": collar,
            f"{side}_upper_arm_top": about(upper, twist / 2) @ swung,
            f"{side}_upper_arm": upper_arm,
            f"{side}_fore_arm": fore_arm,
            f"{side}_hand": hand @ fore_arm,
        }

    def leg(self, side: str, pelvis: Floats) -> dict[str, Floats]:
        """Turn thigh, shank and foot. The foot's direction and the bent knee say how the leg is twisted."""
        hip, knee, ankle = (f"{side}_{name}" for name in ("hip", "knee", "ankle"))
        thigh, shank = unit(self._data(hip, knee)), unit(self._data(knee, ankle))
        toes = self._data(ankle, f"{side}_foot")
        seen = np.linalg.norm(toes, axis=-1) > _MISSING_M
        swung = swing(apply(pelvis, self._at_rest(hip, knee)), thigh) @ pelvis
        hinge = np.cross(thigh, shank) + 0.25 * np.where(seen[:, None], np.cross(-shank, unit(toes)), 0)
        twist = self._twist(swung, thigh, np.array([1.0, 0.0, 0.0]), hinge)
        # Hips turn by 45 degrees at most.
        twist = np.clip(twist, -0.8, 0.8)
        upper_leg = about(thigh, twist) @ swung
        lower_leg = swing(apply(upper_leg, self._at_rest(knee, ankle)), shank) @ upper_leg
        return {
            f"{side}_thigh_top": about(thigh, twist / 2) @ swung,
            f"{side}_thigh": upper_leg,
            f"{side}_shank": lower_leg,
            f"{side}_foot": self._foot(side, lower_leg, np.where(seen[:, None], toes, np.nan)),
        }

    def _foot(self, side: str, lower_leg: Floats, toes: Floats) -> Floats:
        """Turn the foot towards its toes, NaN where not seen; near the floor it stands on its sole."""
        rest_toes = self._rest.ball[side] - self._rest.joints[f"{side}_ankle"]
        carried = apply(lower_leg, rest_toes)
        seen = np.isfinite(toes[:, :1])
        toes = smooth_frames(unit(np.where(seen, toes, carried)), 1.0)
        turned = swing_at_most(carried, toes, np.radians(60)) @ lower_leg
        ahead = apply(turned, np.array([0.0, 0.0, 1.0]))
        level = np.hypot(ahead[:, 0], ahead[:, 2])
        yaw = np.arctan2(ahead[:, 0], ahead[:, 2])
        flat = about(np.broadcast_to([0.0, 1.0, 0.0], ahead.shape), yaw)
        above_m = self._joint(f"{side}_ankle")[:, 1] - self._ankle_floor_m
        # On its sole up to 4 cm above where the ankle is lowest, free from 12 cm on. A foot that hangs straight down,
        # stands on its toes or lies on its side has no sole on the floor.
        upright = np.clip((turned[:, 1, 1] - 0.3) / 0.4, 0, 1)
        share = np.clip((0.12 - above_m) / 0.08, 0, 1) * np.clip((level - 0.2) / 0.3, 0, 1) * upright
        return between(turned, flat, smooth_frames(share, 1.5))

    @staticmethod
    def _twist(swung: Floats, along: Floats, rest_hinge: Floats, hinge: Floats) -> Floats:
        """Return the angle (T,) about `along` from the swung hinge to the data's, smoothed where it is not clear."""
        across = apply(swung, unit(rest_hinge))
        across = unit(across - np.sum(across * along, -1, keepdims=True) * along)
        third = np.cross(along, across)
        parts = np.stack((np.sum(hinge * across, -1), np.sum(hinge * third, -1)), axis=-1)
        # Noise of a straight limb has short hinges: their square hardly counts.
        parts = parts * np.minimum(np.linalg.norm(parts, axis=-1, keepdims=True) / 0.35, 1.0)
        parts = smooth_frames(parts, _TWIST_SIGMA_FRAMES)
        angle: Floats = np.arctan2(parts[:, 1], parts[:, 0] + _TWIST_PRIOR)
        return angle
