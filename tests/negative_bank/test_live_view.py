"""Joints as live: from whatever sensor the motion came."""

import numpy as np

from hitrs_live.data.body_proportions import KINECT_1, LANDMARKS, MOTION_CAPTURE, measure_geometry, retarget
from hitrs_live.negative_bank.live_view import in_some_geometry
from hitrs_live.synthesis.stream import MotionSynthesiser, StreamSettings


def test_the_geometry_of_a_view_does_not_say_which_sensor_a_motion_came_from() -> None:
    motion = MotionSynthesiser(seed=4, settings=StreamSettings(seconds=6.0)).stream(0).joints_m
    own = measure_geometry([motion])
    for seed in range(6):
        seen = [
            measure_geometry([in_some_geometry(retarget(motion, own, sensor), np.random.default_rng(seed))])
            for sensor in (LANDMARKS, KINECT_1, MOTION_CAPTURE[0])
        ]
        for other in seen[1:]:
            np.testing.assert_allclose(other.trunk, seen[0].trunk, atol=0.05)
            np.testing.assert_allclose(other.limbs, seen[0].limbs, atol=0.05)


def test_views_differ_in_geometry() -> None:
    motion = MotionSynthesiser(seed=4, settings=StreamSettings(seconds=6.0)).stream(0).joints_m
    thighs = [measure_geometry([in_some_geometry(motion, np.random.default_rng(seed))]).limbs[0] for seed in range(20)]
    assert np.std(thighs) > 0.05
