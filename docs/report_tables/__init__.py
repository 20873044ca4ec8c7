"""Tables of figures by name: each is made of reports, and stands in the documents between two markers."""

from collections.abc import Callable
from typing import Final

from report_tables import accuracy, motion, pose_search, reality, repetitions, research, speed
from report_tables.reports import Reports

TABLES: Final[dict[str, Callable[[Reports], str]]] = {
    "reality_models": reality.reality_models,
    "rendered": reality.rendered,
    "reality_sets": reality.reality_sets,
    "reality_classes": reality.reality_classes,
    "reality": reality.reality,
    "reality_views": reality.reality_views,
    "repetitions": repetitions.repetitions,
    "detection": accuracy.detection,
    "detector_seeds": accuracy.detector_seeds,
    "degraded": accuracy.degraded,
    "trade": accuracy.trade,
    "baselines": accuracy.baselines,
    "hindsight": accuracy.hindsight,
    "turned": accuracy.turned,
    "false_alarms_everyday": accuracy.false_alarms_everyday,
    "false_alarms_video": accuracy.false_alarms_video,
    "pose_accuracy": accuracy.pose_accuracy,
    "true_joints": accuracy.true_joints,
    "true_joints_causes": accuracy.true_joints_causes,
    "true_joints_cost": accuracy.true_joints_cost,
    "true_joints_real": accuracy.true_joints_real,
    "true_joints_still": accuracy.true_joints_still,
    "motion": motion.motion,
    "motion_degraded": motion.motion_degraded,
    "motion_calibration": motion.motion_calibration,
    "latency_compensation": motion.latency_compensation,
    "motion_seeds": motion.motion_seeds,
    "motion_cost": motion.motion_cost,
    "motion_protocol": motion.motion_protocol,
    "stages": speed.stages,
    "event_latency": speed.event_latency,
    "pose_cost": speed.pose_cost,
    "pose_backends": speed.pose_backends,
    "pose_search": pose_search.pose_search,
    "small_people": pose_search.small_people,
    "streaming": speed.streaming,
    "levers": speed.levers,
    "bench": speed.bench,
    "peers": speed.peers,
    "several_cameras": speed.several_cameras,
    "soak": speed.soak,
    "training_throughput": speed.training_throughput,
    "pretraining_nw_ucla": research.pretraining_nw_ucla,
    "pretraining_utkinect": research.pretraining_utkinect,
    "pretraining_precog": research.pretraining_precog,
    "pretraining_variants": research.pretraining_variants,
    "fusion": research.fusion,
    "linear_probe": research.linear_probe,
}
"""To add a table: a function from reports to Markdown, and a line here."""
