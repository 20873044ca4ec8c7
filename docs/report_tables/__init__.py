"""Tables of figures by name: each is made of reports, and stands in the documents between two markers."""

from collections.abc import Callable
from typing import Final

from report_tables import accuracy, motion, research, speed
from report_tables.reports import Reports

TABLES: Final[dict[str, Callable[[Reports], str]]] = {
    "held_out": accuracy.held_out,
    "held_out_seeds": accuracy.held_out_seeds,
    "trade": accuracy.trade,
    "detection_baselines": accuracy.detection_baselines,
    "hindsight": accuracy.hindsight,
    "turned": accuracy.turned,
    "false_alarms": accuracy.everyday,
    "degraded": accuracy.degraded,
    "pose_accuracy": accuracy.pose_accuracy,
    "motion": motion.motion,
    "motion_degraded": motion.motion_degraded,
    "motion_seeds": motion.motion_seeds,
    "motion_calibration": motion.motion_calibration,
    "latency_compensation": motion.latency_compensation,
    "motion_cmu_protocol": motion.motion_cmu_protocol,
    "motion_cost": motion.motion_cost,
    "stages": speed.stages,
    "streaming_cost": speed.streaming_cost,
    "levers": speed.levers,
    "several_cameras": speed.several_cameras,
    "bench": speed.bench,
    "peers": speed.peers,
    "soak": speed.soak,
    "training_throughput": speed.training_throughput,
    "pretraining_nw_ucla": research.pretraining_nw_ucla,
    "pretraining_utkinect": research.pretraining_utkinect,
    "pretraining_precog": research.pretraining_precog,
    "linear_probe": research.linear_probe,
}
"""To add a table: a function from reports to Markdown, and a line here."""
