"""Read Human3.6M as motion prediction has it: `S1 ... S11/ACTION_1.txt`, 99 numbers a line at 50 Hz.

The numbers are the root's place, its rotation, and the rotations of 32 joints as exponential maps (the root's own
is the first of them), separated by commas. Every second frame is taken, the root's place and rotation are set to
zero, and forward kinematics on the usual mean skeleton gives the joints in millimetres.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.motion_set import HISTORY, MotionRecording, MotionSet, every_start
from hitrs_live.errors import DataError
from hitrs_live.files.text_file import read_text
from hitrs_live.skeleton import H36M32

ACTIONS = (
    "walking", "eating", "smoking", "discussion", "directions", "greeting", "phoning", "posing", "purchases",
    "sitting", "sittingdown", "takingphoto", "waiting", "walkingdog", "walkingtogether",
)  # fmt: skip
TRAINING_SUBJECTS = (1, 6, 7, 8, 9)
TEST_SUBJECT = 5
_FIXED = (0, 1, 6, 11)
_TWINS = {16: 13, 20: 19, 23: 22, 24: 13, 28: 27, 31: 30}
_OFFSETS_MM = np.array((
    (0, 0, 0),
    (-132.948591, 0, 0), (0, -442.894612, 0), (0, -454.206447, 0), (0, 0, 162.767078), (0, 0, 74.999437),
    (132.948826, 0, 0), (0, -442.894413, 0), (0, -454.206590, 0), (0, 0, 162.767426), (0, 0, 74.999948),
    (0, 0.1, 0), (0, 233.383263, 0), (0, 257.077681, 0), (0, 121.134938, 0), (0, 115.002227, 0),
    (0, 257.077681, 0), (0, 151.034226, 0), (0, 278.882773, 0), (0, 251.733451, 0), (0, 0, 0), (0, 0, 99.999627),
    (0, 100.000188, 0), (0, 0, 0),
    (0, 257.077681, 0), (0, 151.031437, 0), (0, 278.892924, 0), (0, 251.728680, 0), (0, 0, 0), (0, 0, 99.999888),
    (0, 137.499922, 0), (0, 0, 0),
))  # fmt: skip
"""(32, 3); from a joint's parent to the joint while nothing is turned: the skeleton of the data set's own files."""


def read_h36m(folder: Path, *, samples: int | None = 256, training: bool = False) -> MotionSet:
    """Read the test subject, with the windows that publications draw, and where asked for those learned from.

    samples: windows an action, drawn as publications do; None takes all. Raises DataError, naming the file,
    where one is missing or not in the format.
    """
    test = [recording for action in ACTIONS for recording in _tested(folder, action, samples)]
    train = [
        _recording(folder, subject, action, take)
        for subject in (TRAINING_SUBJECTS if training else ())
        for action in ACTIONS
        for take in (1, 2)
    ]
    return MotionSet(
        name="h36m",
        layout=H36M32,
        scored=tuple(j for j in range(len(H36M32)) if j not in _FIXED and j not in _TWINS),
        twins=tuple(_TWINS.get(j, j) for j in range(len(H36M32))),
        train=tuple(train),
        test=tuple(test),
    )


def joints_from_maps(maps: NDArray[np.float64]) -> NDArray[np.float32]:
    """Lay the skeleton out from exponential maps, its root at the origin and not turned.

    maps: (T, 32, 3), axis times angle in radians, by joint. Returns (T, 32, 3), millimetres. Positions are rows:
    a joint stands where its bone, multiplied by all rotations from its parent to the root, leads.
    """
    rotations = _rotations(maps)
    rotations[:, 0] = np.eye(3)
    joints = np.zeros((len(maps), len(H36M32), 3))
    for j in H36M32.outward:
        parent = H36M32.parents[j]
        joints[:, j] = joints[:, parent] + _OFFSETS_MM[j] @ rotations[:, parent]
        rotations[:, j] = rotations[:, j] @ rotations[:, parent]
    return joints.astype(np.float32)


def drawn_starts(frames: tuple[int, int], samples: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the windows of an action's two recordings as publications do: one generator, turn by turn.

    Every publication since 2015 draws from this seed, and 50 frames are seen before what is told, of which the
    last 10 are the history here. Raises ValueError where a recording is too short to draw from.
    """
    rng = np.random.RandomState(1234567890)
    places = [[int(rng.randint(16, count - 150)) for count in frames] for _ in range(samples // 2)]
    first, second = np.array(places).T + 50 - HISTORY
    return first, second


def _rotations(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn exponential maps (..., 3) into rotation matrices (..., 3, 3), by Rodrigues' formula."""
    angle = np.linalg.norm(maps, axis=-1)[..., None, None]
    x, y, z = np.moveaxis(maps, -1, 0)
    zero = np.zeros_like(x)
    cross = np.stack((zero, -z, y, z, zero, -x, -y, x, zero), axis=-1).reshape(*x.shape, 3, 3)
    # numpy's sinc is sin(pi x) / (pi x), and it knows its limit at 0.
    first, second = np.sinc(angle / np.pi), 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    rotations: NDArray[np.float64] = np.eye(3) + first * cross + second * (cross @ cross)
    return rotations


def _tested(folder: Path, action: str, samples: int | None) -> list[MotionRecording]:
    both = [_recording(folder, TEST_SUBJECT, action, take) for take in (1, 2)]
    if samples is None:
        return both
    lengths = (len(both[0].joints_mm), len(both[1].joints_mm))
    try:
        starts = drawn_starts(lengths, samples)
    except ValueError:
        raise DataError(
            f"{folder}: {action} of S{TEST_SUBJECT} has {lengths[0]} and {lengths[1]} frames at 25 Hz, "
            "expected more than 166 of each to draw windows from"
        ) from None
    return [
        MotionRecording(action=one.action, name=one.name, joints_mm=one.joints_mm, starts=drawn)
        for one, drawn in zip(both, starts, strict=True)
    ]


def _recording(folder: Path, subject: int, action: str, take: int) -> MotionRecording:
    path = folder / f"S{subject}" / f"{action}_{take}.txt"
    try:
        with warnings.catch_warnings():
            # An empty file is refused below, by name.
            warnings.simplefilter("ignore")
            numbers = np.loadtxt(read_text(path).splitlines(), delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}); expected lines of 99 numbers separated by commas") from None
    if numbers.shape[1:] != (99,) or not np.isfinite(numbers).all():
        raise DataError(f"{path}: {numbers.shape} numbers, expected (frames, 99), all of them finite")
    maps = numbers[::2, 3:].reshape(-1, len(H36M32), 3)
    joints = joints_from_maps(maps)
    starts = every_start(str(path), len(joints))
    return MotionRecording(action=action, name=f"S{subject}/{path.stem}", joints_mm=joints, starts=starts)
