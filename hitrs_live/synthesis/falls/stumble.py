"""Simulate a stumble that is recovered: the planned poses are followed with contacts, the pelvis softly guided."""

from typing import Final

import numpy as np

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.body_shape import Floats
from hitrs_live.synthesis.falls.humanoid import STEPS_PER_FRAME, Humanoid
from hitrs_live.synthesis.falls.physics import diverged, load_mujoco
from hitrs_live.synthesis.falls.rollout import TICKS_PER_FRAME, Rollout
from hitrs_live.synthesis.falls.support import Support

_UPRIGHT_SHARE: Final = 0.7
_FOOT_OFF_SHARE: Final = 0.12
"""Of the height: the ankles of a person who stands again are below it."""


def run_stumble(humanoid: Humanoid, planned: Floats, velocity: Floats) -> Rollout:
    """Follow planned poses. planned: (F, nq) from the event on; velocity: (nv,), at the event."""
    mujoco, model = load_mujoco(), humanoid.model
    data, support = mujoco.MjData(model), Support(humanoid)
    data.qpos[:], data.qvel[:] = planned[0], velocity
    guide, weld = int(model.body("guide").mocapid[0]), model.equality("guide").id
    data.eq_active[weld] = 1
    poses, joints, margins = [], [], []
    landed, head_speed = None, 0.0
    head = model.body("head").id
    motion = np.zeros(6)
    for frame in range(len(planned) - 1):
        for tick in range(TICKS_PER_FRAME):
            share = tick / TICKS_PER_FRAME
            pose = planned[frame] + share * (planned[frame + 1] - planned[frame])
            data.mocap_pos[guide], data.mocap_quat[guide] = pose[:3], pose[3:7]
            data.ctrl[:] = pose[7:]
            mujoco.mj_step(model, data, STEPS_PER_FRAME // TICKS_PER_FRAME)
            mujoco.mj_objectVelocity(model, data, mujoco.mjtObj.mjOBJ_BODY, head, motion, 0)
            head_speed = max(head_speed, float(np.linalg.norm(motion[3:])))
        mujoco.mj_kinematics(model, data)
        if landed is None and support.trunk_on_floor(data):
            landed = frame
        poses.append(np.array(data.qpos))
        joints.append(humanoid.joints_m(data).copy())
        margins.append(support.margin_m(data))
    return Rollout(
        qpos=np.stack(poses), joints_m=np.stack(joints), margin_m=np.array(margins), landed_frame=landed,
        head_speed_m_s=head_speed, pelvis_speed_m_s=float(-np.diff(np.stack(poses)[:, 2]).min() * RATE_HZ),
        stable=not diverged(data),
    )  # fmt: skip


def why_not_recovered(rollout: Rollout, *, height_m: float) -> str | None:
    """Return why a stumble is no recovery, or None for one after which the person stands."""
    if not rollout.stable or not np.isfinite(rollout.joints_m).all():
        return "diverged"
    if rollout.landed_frame is not None or rollout.qpos[:, 2].min() < _UPRIGHT_SHARE * rollout.qpos[0, 2]:
        return "fell in a recovery"
    ankles = [NTU25.index(f"{side}_ankle") for side in ("left", "right")]
    if rollout.joints_m[-1, ankles, 2].max() > _FOOT_OFF_SHARE * height_m:
        return "a leg caught in a recovery"
    if rollout.joints_m[..., 2].min() < -0.05:
        return "below the floor"
    speed = np.linalg.norm(np.diff(rollout.joints_m, axis=0), axis=-1).max() * RATE_HZ
    return "too fast" if speed > 10.0 * max(height_m / 1.7, 1.0) else None
