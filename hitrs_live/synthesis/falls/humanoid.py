"""Write a humanoid of capsules for MuJoCo from a body's lengths, and hold its compiled model.

Masses are those of de Leva (1996), table 4; torques and ranges are those of an adult, scaled by height and mass.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.falls.body_shape import BodyShape, Floats
from hitrs_live.synthesis.falls.physics import load_mujoco

STEPS_PER_FRAME: Final = 20
TIMESTEP_S: Final = 1 / (RATE_HZ * STEPS_PER_FRAME)

_MASS_SHARES: Final = {
    "pelvis": 0.112, "abdomen": 0.163, "chest": 0.16, "head": 0.069, "upper_arm": 0.027, "forearm": 0.016,
    "hand": 0.006, "thigh": 0.142, "shank": 0.043, "foot": 0.014,
}  # fmt: skip
_RADII: Final = {
    "pelvis": 0.058, "abdomen": 0.062, "chest": 0.062, "head": 0.055, "upper_arm": 0.026, "forearm": 0.022,
    "hand": 0.016, "thigh": 0.042, "shank": 0.029, "foot": 0.012,
}  # fmt: skip
"""As shares of the height."""
_SOLE_RADIUS, _HEEL_BACK, _SOLE_HALF_WIDTH, _ANKLE_HEIGHT = 0.012, 0.035, 0.016, 0.045

# name: axis, lower and upper limit in degrees, torque at 70 kg and 1.72 m, stiffness of posture (Nm by radian).
_Hinge = tuple[str, tuple[int, int, int], float, float, float, float]
_SPINE: Final[tuple[_Hinge, ...]] = (
    ("bend", (0, 1, 0), -25, 60, 220, 700), ("lean", (1, 0, 0), -30, 30, 200, 700),
    ("turn", (0, 0, 1), -35, 35, 120, 500),
)  # fmt: skip
_HEAD: Final[tuple[_Hinge, ...]] = (
    ("bend", (0, 1, 0), -50, 50, 30, 60), ("lean", (1, 0, 0), -35, 35, 25, 60), ("turn", (0, 0, 1), -70, 70, 15, 40),
)  # fmt: skip
_SHOULDER: Final[tuple[_Hinge, ...]] = (
    ("flex", (0, -1, 0), -65, 180, 70, 90), ("raise", (1, 0, 0), -40, 170, 70, 90),
    ("turn", (0, 0, 1), -90, 90, 30, 40),
)  # fmt: skip
_ELBOW: Final[tuple[_Hinge, ...]] = (("flex", (0, -1, 0), 0, 150, 60, 60),)
_WRIST: Final[tuple[_Hinge, ...]] = (("flex", (1, 0, 0), -60, 60, 8, 8), ("raise", (0, -1, 0), -60, 60, 8, 8))
_HIP: Final[tuple[_Hinge, ...]] = (
    ("flex", (0, -1, 0), -30, 130, 220, 500), ("raise", (1, 0, 0), -25, 55, 160, 500),
    ("turn", (0, 0, 1), -45, 45, 60, 150),
)  # fmt: skip
_KNEE: Final[tuple[_Hinge, ...]] = (("flex", (0, 1, 0), 0, 150, 220, 450),)
_ANKLE: Final[tuple[_Hinge, ...]] = (("flex", (0, -1, 0), -55, 35, 130, 350), ("raise", (1, 0, 0), -30, 30, 40, 120))
_DAMPING_SHARE: Final = 0.09
"""Seconds: active damping by active stiffness."""
_PASSIVE_SHARE: Final = 0.012
"""Damping of tissue, by active stiffness; it stays when a person goes limp."""


def humanoid_xml(shape: BodyShape) -> str:
    """Write the MJCF text of a body that stands at the origin, with a floor, a movable box and a guide."""
    return _Writer(shape).text()


class _Writer:
    """Build the tree of bodies part by part."""

    def __init__(self, shape: BodyShape) -> None:
        self._shape = shape
        self._strength = shape.mass_kg * shape.height_m / (70 * 1.72)
        self._root = ET.Element("mujoco", model="humanoid")
        self._muscles: dict[str, tuple[float, float]] = {}
        """Stiffness and largest torque of each hinge."""

    def text(self) -> str:
        ET.SubElement(self._root, "compiler", angle="degree", autolimits="true")
        option = ET.SubElement(self._root, "option", timestep=f"{TIMESTEP_S:.9f}", integrator="implicitfast")
        option.set("iterations", "30")
        world = ET.SubElement(self._root, "worldbody")
        ET.SubElement(
            world, "geom", name="floor", type="plane", size="0 0 1", contype="1", conaffinity="2",
            friction="0.9 0.01 0.002", condim="6",
        )  # fmt: skip
        for name, contype in (("box", "1"), ("guide", "0")):
            body = ET.SubElement(world, "body", name=name, mocap="true", pos="0 0 -50")
            affinity = "2" if name == "box" else "0"
            ET.SubElement(
                body, "geom", name=name, type="box", size="0.2 0.2 0.2", contype=contype, conaffinity=affinity,
                friction="0.7 0.01 0.002", mass="1",
            )  # fmt: skip
        self._trunk(world)
        self._actuators(world)
        self._contacts()
        return ET.tostring(self._root, encoding="unicode")

    def _trunk(self, world: ET.Element) -> None:
        shape, h = self._shape, self._shape.height_m
        pelvis = ET.SubElement(world, "body", name="pelvis", pos="0 0 1")
        ET.SubElement(pelvis, "freejoint", name="root")
        hip = np.array(shape.hip_m)
        self._geom(pelvis, "pelvis", (hip[0], -hip[1] * 0.7, 0), (hip[0], hip[1] * 0.7, 0))
        self._site(pelvis, "spine_base", (0, 0, 0))
        lower, upper = shape.lengths_m["spine_lower"], shape.lengths_m["spine_upper"]
        abdomen = self._body(pelvis, "abdomen", (0, 0, 0), _SPINE, 1)
        side = 0.03 * h
        self._geom(abdomen, "abdomen", (0, -side, lower * 0.6), (0, side, lower * 0.6))
        chest = self._body(abdomen, "chest", (0, 0, lower), _SPINE, 1)
        self._site(abdomen, "spine_middle", (0, 0, lower))
        side = max(abs(shape.shoulder_m[1]) - _RADII["chest"] * h, 0.02)
        for name, height in (("chest", 0.35), ("chest_top", 0.8)):
            self._geom(chest, name, (0, -side, upper * height), (0, side, upper * height), part="chest", share=0.5)
        self._site(chest, "spine_shoulder", (0, 0, upper))
        neck = np.array(shape.neck_m) + np.array([0, 0, upper])
        self._site(chest, "neck", tuple(neck))
        head = self._body(chest, "head", tuple(neck), _HEAD, 1)
        self._geom(
            head, "head", (0, 0, shape.lengths_m["head"] - 0.012 * h), (0, 0, shape.lengths_m["head"] + 0.012 * h)
        )
        self._site(head, "head", (0, 0, shape.lengths_m["head"]))
        for name, sign in (("left", 1), ("right", -1)):
            self._leg(pelvis, name, sign)
            self._arm(chest, name, sign, upper)

    def _leg(self, pelvis: ET.Element, side: str, sign: int) -> None:
        shape, h = self._shape, self._shape.height_m
        thigh_m, shank_m, foot_m = (shape.lengths_m[name] for name in ("thigh", "shank", "foot"))
        x, y, z = shape.hip_m
        thigh = self._body(pelvis, f"{side}_thigh", (x, sign * y, z), _HIP, sign)
        self._site(thigh, f"{side}_hip", (0, 0, 0))
        self._geom(thigh, f"{side}_thigh", (0, 0, -0.02 * h), (0, 0, -thigh_m + 0.02 * h), part="thigh")
        shank = self._body(thigh, f"{side}_shank", (0, 0, -thigh_m), _KNEE, sign)
        self._site(shank, f"{side}_knee", (0, 0, 0))
        self._geom(shank, f"{side}_shank", (0, 0, 0), (0, 0, -shank_m + 0.02 * h), part="shank")
        foot = self._body(shank, f"{side}_foot", (0, 0, -shank_m), _ANKLE, sign)
        self._site(foot, f"{side}_ankle", (0, 0, 0))
        drop = min(0.7 * foot_m, (_ANKLE_HEIGHT - _SOLE_RADIUS) * h)
        ahead = float(np.sqrt(foot_m**2 - drop**2))
        self._site(foot, f"{side}_foot", (ahead, 0, -drop))
        heel, toe, sole = -_HEEL_BACK * h, max(ahead, 0.1 * h), -(_ANKLE_HEIGHT - _SOLE_RADIUS) * h
        for edge in (-1, 1):
            y = edge * _SOLE_HALF_WIDTH * h
            self._geom(
                foot,
                f"{side}_foot_{'out' if edge == sign else 'in'}",
                (heel, y, sole),
                (toe, y, sole),
                part="foot",
                share=0.5,
            )

    def _arm(self, chest: ET.Element, side: str, sign: int, upper_m: float) -> None:
        shape, h = self._shape, self._shape.height_m
        arm_m, fore_m, hand_m = (shape.lengths_m[name] for name in ("upper_arm", "forearm", "hand"))
        x, y, z = shape.shoulder_m
        arm = self._body(chest, f"{side}_upper_arm", (x, sign * y, upper_m + z), _SHOULDER, sign)
        self._site(arm, f"{side}_shoulder", (0, 0, 0))
        self._geom(arm, f"{side}_upper_arm", (0, 0, 0), (0, 0, -arm_m), part="upper_arm")
        forearm = self._body(arm, f"{side}_forearm", (0, 0, -arm_m), _ELBOW, sign)
        self._site(forearm, f"{side}_elbow", (0, 0, 0))
        self._geom(forearm, f"{side}_forearm", (0, 0, 0), (0, 0, -fore_m), part="forearm")
        hand = self._body(forearm, f"{side}_hand", (0, 0, -fore_m), _WRIST, sign)
        self._site(hand, f"{side}_wrist", (0, 0, 0))
        self._site(hand, f"{side}_hand", (0, 0, -hand_m))
        self._site(hand, f"{side}_hand_tip", (0, 0, -hand_m - shape.lengths_m["hand_tip"]))
        thumb = shape.lengths_m["thumb"]
        self._site(hand, f"{side}_thumb", (0.94 * thumb, 0, -hand_m - 0.34 * thumb))
        self._geom(hand, f"{side}_hand", (0, 0, -0.02 * h), (0, 0, -max(hand_m + 0.02 * h, 0.04 * h)), part="hand")

    def _body(
        self, parent: ET.Element, name: str, at: tuple[Any, ...], hinges: tuple[_Hinge, ...], sign: int
    ) -> ET.Element:
        body = ET.SubElement(parent, "body", name=name, pos=_numbers(at))
        for kind, (x, y, z), low, high, torque, stiffness in hinges:
            # Mirrored, so that the same angle means the same on both sides.
            axis, joint = (sign * x, y, sign * z), f"{name}_{kind}"
            ET.SubElement(
                body, "joint", name=joint, type="hinge", axis=_numbers(axis), range=f"{low} {high}",
                damping=f"{stiffness * _PASSIVE_SHARE * self._strength:.4f}", armature=f"{0.00008 * stiffness:.5f}",
                solreflimit="0.02 1", solimplimit="0.9 0.97 0.02",
            )  # fmt: skip
            self._muscles[joint] = (stiffness * self._strength, torque * self._strength)
        return body

    def _actuators(self, world: ET.Element) -> None:
        """Give each hinge a muscle, in the order of the hinges in the tree, so that ctrl is in the order of qpos."""
        actuators = ET.SubElement(self._root, "actuator")
        for hinge in world.iter("joint"):
            name = hinge.attrib["name"]
            gain, most = self._muscles[name]
            ET.SubElement(
                actuators, "position", name=name, joint=name, kp=f"{gain:.3f}", kv=f"{gain * _DAMPING_SHARE:.4f}",
                forcerange=f"{-most:.3f} {most:.3f}",
            )  # fmt: skip

    def _geom(
        self, body: ET.Element, name: str, start: Any, end: Any, *, part: str | None = None, share: float = 1.0
    ) -> None:
        part = part or name
        radius = _RADII[part] * self._shape.height_m
        if part in ("pelvis", "abdomen", "chest", "thigh", "shank", "upper_arm"):
            # Limbs and trunk grow thicker with weight, at a given height.
            radius *= float(np.sqrt(self._shape.mass_kg / self._shape.height_m**2 / 23.5))
        foot = part == "foot"
        ET.SubElement(
            body, "geom", name=name, type="capsule", fromto=_numbers((*start, *end)), size=f"{radius:.5f}",
            mass=f"{_MASS_SHARES[part] * share * self._shape.mass_kg:.5f}", contype="2", conaffinity="1",
            friction="0.9 0.01 0.002", condim="3" if foot else "6", priority="1" if foot else "0",
            solref="0.012 1", solimp="0.9 0.97 0.005",
        )  # fmt: skip

    def _site(self, body: ET.Element, joint: str, at: tuple[Any, ...]) -> None:
        ET.SubElement(body, "site", name=joint, pos=_numbers(at))

    def _contacts(self) -> None:
        """Let limbs that often meet collide; ties a foot to the world, and the pelvis to a guide, where they are on."""
        contact = ET.SubElement(self._root, "contact")
        pairs = [("left_thigh", "right_thigh"), ("left_shank", "right_shank"), ("left_foot_in", "right_foot_in")]
        pairs += [("left_shank", "right_thigh"), ("right_shank", "left_thigh"), ("left_foot_in", "right_shank")]
        pairs += [("right_foot_in", "left_shank")]
        for side in ("left", "right"):
            pairs += [(f"{side}_{arm}", part) for arm in ("forearm", "hand") for part in ("chest", "abdomen", "pelvis")]
            pairs += [(f"{side}_hand", f"{other}_thigh") for other in ("left", "right")] + [(f"{side}_hand", "head")]
        for one, other in pairs:
            ET.SubElement(
                contact,
                "pair",
                geom1=one,
                geom2=other,
                condim="3",
                friction="0.3 0.3 0.01 0.001 0.001",
                solref="0.03 1",
            )
        equality = ET.SubElement(self._root, "equality")
        for side in ("left", "right"):
            ET.SubElement(
                equality,
                "connect",
                name=f"{side}_catch",
                body1=f"{side}_foot",
                anchor="0 0 0",
                active="false",
                solref="0.04 1",
            )
        ET.SubElement(
            equality,
            "weld",
            name="guide",
            body1="guide",
            body2="pelvis",
            relpose="0 0 0 1 0 0 0",
            active="false",
            solref="0.06 1",
            solimp="0.98 0.99 0.01",
            torquescale="1",
        )


def _numbers(values: tuple[Any, ...]) -> str:
    return " ".join(f"{float(value):.6f}" for value in values)


@dataclass(frozen=True, kw_only=True)
class Humanoid:
    """A compiled body. `model` is MuJoCo's; it is changed in a simulation and restored after it."""

    shape: BodyShape
    model: Any

    @classmethod
    def build(cls, shape: BodyShape) -> "Humanoid":
        """Compile the body of a shape. Raises ConfigError where MuJoCo is missing."""
        return cls(shape=shape, model=load_mujoco().MjModel.from_xml_string(humanoid_xml(shape)))

    @cached_property
    def sites(self) -> NDArray[np.int64]:
        """(25,): the site of each joint of NTU25."""
        return np.array([self.model.site(name).id for name in NTU25.joints])

    @cached_property
    def hinges(self) -> dict[str, int]:
        """The place of each hinge's angle in qpos, by name; its place in qvel is one less, in ctrl seven less."""
        names = [self.model.joint(number).name for number in range(1, self.model.njnt)]
        return {name: 7 + number for number, name in enumerate(names)}

    @cached_property
    def limits_rad(self) -> Floats:
        """(hinges, 2): lower and upper limit of each angle."""
        return np.asarray(self.model.jnt_range[1:], np.float64).copy()

    @cached_property
    def body_geoms(self) -> NDArray[np.int64]:
        """The geometries of the person, without floor, box and guide."""
        return np.flatnonzero(self.model.geom_contype == 2)

    def joints_m(self, data: Any) -> Floats:
        """Return (25, 3), z up, from simulated data."""
        return np.asarray(data.site_xpos[self.sites], np.float64)

    def lowest_m(self, data: Any) -> float:
        """Return the height of the lowest point of the person's capsules."""
        geoms = self.body_geoms
        along = np.abs(data.geom_xmat[geoms].reshape(-1, 3, 3)[:, 2, 2]) * self.model.geom_size[geoms, 1]
        return float((data.geom_xpos[geoms, 2] - along - self.model.geom_size[geoms, 0]).min())
