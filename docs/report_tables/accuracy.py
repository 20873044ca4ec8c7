"""Tables of how well actions are recognised, and of how exact the poses are that this rests on."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from report_tables.markdown import Column, Spread, grid, table
from report_tables.models import model_of
from report_tables.reports import Report, Reports

TITLES = {
    "precog16": "PRECOG p9-p12, real continuous streams (Kinect v1)",
    "ui_prmd_kinect": "UI-PRMD s08-s10, repetitions joined (Kinect v2)",
    "cmu_bvh_01_14": "CMU 08, 09, 14 (motion capture)",
    "cmu_mocap6": "mocap6 14, real continuous streams (motion capture)",
}
SHORT_TITLES = {"precog16": "PRECOG", "ui_prmd_kinect": "UI-PRMD", "cmu_bvh_01_14": "CMU", "cmu_mocap6": "mocap6"}
FAULTS = {
    "noise": "noise and drift",
    "15fps": "uneven 15 fps",
    "no-feet": "no feet",
    "no-hands": "no hands",
    "landmarks": "in the live path's joint geometry",
    "yaw": "turned by {}°",
}
"""By effect of `--degrade`: what is wrong with the joints, in words."""


def detection(reports: Reports) -> str:
    """Lay out a model's figures on people whom training never saw, predicting every frame and every clip."""
    every_frame, every_clip = reports["held_out"], reports["held_out_every_clip"]

    def rows() -> Iterator[tuple[str, str, Report]]:
        for name, figures in every_frame["sources"].items():
            yield TITLES[name], "every frame", figures
            if model_of(every_clip) == model_of(every_frame):
                yield "", "every clip", every_clip["sources"][name]

    columns = (
        Column(f"people never seen in training, {model_of(every_frame)}", lambda row: row[0]),
        Column("streams", lambda row: row[2]["streams"] if row[0] else ""),
        Column("prediction", lambda row: row[1]),
        Column("frame mAP", lambda row: row[2]["frame_map"], ".2f"),
        Column("at 0.2 s lookahead", lambda row: row[2]["frame_map_later"], ".2f"),
        Column("start F1 within 0.3 s, 0.5 s", lambda row: [row[2]["start_f1"][key] for key in ("0.3", "0.5")], ".2f"),
        Column("latency p50, p95", lambda row: [row[2]["delay_p50_s"], row[2]["delay_p95_s"]], ".2f", " s"),
        Column("false alarms in background", lambda row: false_alarms_of(row[2])),
        Column("reports of classes not labelled there", lambda row: others_of(row[2])),
        Column("experimental classes, left out", lambda row: ", ".join(row[2].get("not_reported", ())) or "-"),
    )
    return table(columns, rows())


def detector_seeds(reports: Reports) -> str:
    """Lay out two seeds of the detector's training."""
    columns = (
        Column("people never seen in training", lambda item: TITLES[item[0]]),
        Column("frame mAP, seed 0, seed 1", lambda item: item[1]["frame_map"], ".2f"),
        Column("at 0.2 s lookahead", lambda item: item[1]["frame_map_later"], ".2f"),
        Column("start F1 within 0.5 s", lambda item: item[1]["start_f1_0.5"], ".2f"),
        Column("latency p50", lambda item: item[1]["delay_p50_s"], ".2f", " s"),
    )
    return table(columns, reports["detector_seeds"]["sources"].items())


def degraded(reports: Reports) -> str:
    """Lay out what worse joints cost each data set."""

    def frame_map(source: str) -> Column:
        return Column(f"{SHORT_TITLES[source]}, frame mAP", lambda row: row["sources"][source]["frame_map"], ".2f")

    rows = reports["degraded"]["rows"]
    model = model_of(reports["degraded"])
    columns = (Column(f"joints, {model}", lambda row: faults_of(row["degraded"])), *map(frame_map, rows[0]["sources"]))
    return table(columns, rows)


def trade(reports: Reports) -> str:
    """Lay out what a prediction costs and how good it is, by how often it is made and by the window's length."""
    columns = (
        Column(f"prediction, {model_of(reports['trade'])}", lambda row: f"every {row['update'].split(',')[0]}"),
        Column("mirror averaging", lambda row: "no" if row["update"].endswith("one side") else "yes"),
        Column("window, clips", lambda row: row["window_clips"]),
        Column("ms a frame", lambda row: row["ms_per_frame"], ".1f"),
        Column("frame mAP", lambda row: row["frame_map"], ".2f"),
        Column("at 0.2 s lookahead", lambda row: row["frame_map_later"], ".2f"),
        Column("start F1 within 0.3 s", lambda row: row["start_f1_0.3"], ".2f"),
        Column("latency p50, p95", lambda row: [row["delay_p50_s"], row["delay_p95_s"]], ".2f", " s"),
    )
    return table(columns, reports["trade"]["rows"])


def baselines(reports: Reports) -> str:
    """Lay out Hi-TRS beside plainer models, trained alike."""

    def rows() -> Iterator[tuple[str, str, list[Report]]]:
        for people, name in (("PRECOG p9-p12", "detection"), ("UTKinect s06-s10", "detection_utkinect")):
            for at, (method, runs) in enumerate(reports[name]["figures"].items()):
                yield "" if at else people, method.replace("clip level", "its clip level"), runs

    def over_seeds(row: tuple[str, str, list[Report]], key: str) -> Spread:
        return Spread([run[key] for run in row[2]])

    def start_f1(row: tuple[str, str, list[Report]]) -> list[Spread]:
        return [Spread([run["start_f1"][tolerance] for run in row[2]]) for tolerance in ("0.3", "0.5")]

    columns = (
        Column("people never seen in training", lambda row: row[0]),
        Column("model", lambda row: row[1]),
        Column("frame mAP", lambda row: over_seeds(row, "frame_map"), ".3f"),
        Column("at 0.2 s lookahead", lambda row: over_seeds(row, "frame_map_later"), ".3f"),
        Column("start F1 within 0.3 s, 0.5 s", start_f1, ".2f"),
        Column("latency p50", lambda row: over_seeds(row, "delay_p50_s"), ".2f", " s"),
    )
    return table(columns, rows())


def hindsight(reports: Reports) -> str:
    """Lay out what a GRU gains by reading the future too."""
    figures = reports["hindsight"]["frame_map"]
    columns = (
        Column("GRU on the", lambda axes: axes),
        Column("past alone", lambda axes: Spread(figures[f"{axes}, past alone"]), ".3f"),
        Column("past and future", lambda axes: Spread(figures[f"{axes}, past and future"]), ".3f"),
    )
    return table(columns, dict.fromkeys(name.rpartition(", ")[0] for name in figures))


def turned(reports: Reports) -> str:
    """Lay out the frame mAP on people turned away from how the camera saw them."""
    figures = reports["turned"]["frame_map"]

    def at(degrees: str) -> Column:
        return Column(f"{degrees}°", lambda model: Spread(figures[degrees][model]), ".2f")

    return table(
        (Column("frame mAP, people turned by", lambda model: model.replace("GRU, ", "GRU on the ")), *map(at, figures)),
        figures["0"],
    )


def false_alarms_everyday(reports: Reports) -> str:
    """Lay out the false alarms among everyday actions by the class that was reported."""
    return everyday_table(reports["false_alarms"]["everyday"])


def false_alarms_video(reports: Reports) -> str:
    """Lay out what was reported in each clip of real video."""
    return video_table(reports["false_alarms"]["video"])


def pose_accuracy(reports: Reports) -> str:
    """Lay out how far one camera's joints are from those triangulated from four, by backend of the pose stage."""
    # The row left out has no frames with left and right exchanged, of which there is none in the poses shown.
    left_out = ("all, not swapped", "joints_mm")
    rows = [
        (backend, camera, figures)
        for backend, cameras in reports["pose_accuracy"]["backends"].items()
        for camera, figures in cameras.items()
        if camera not in left_out
    ]

    def pair(key: str) -> Callable[[tuple[str, str, Report]], list[float]]:
        return lambda row: [row[2][key], row[2][f"refined_{key}"]]

    columns = (
        Column("pose stage", lambda row: row[0]),
        Column("camera", lambda row: row[1].removeprefix("cam0")),
        Column("frames", lambda row: row[2]["frames"]),
        Column("distance, m", lambda row: row[2]["depth_m"], ".1f"),
        Column("root error, mm", pair("root_error_mm"), ".0f", separator=" -> "),
        Column("root-aligned joint error, mm", pair("root_aligned_mm"), ".0f", separator=" -> "),
        Column("lean's error, degrees", pair("lean_deg"), ".0f", separator=" -> "),
    )
    return table(columns, rows)


def true_joints(reports: Reports) -> str:
    """Lay out joints of rendered people left out of the fit, before and after the temporal lifter."""
    parts = reports["true_joints"]["rendered"]
    before, after = (parts[name]["views"] for name in ("before", "after"))

    def pair(key: str) -> Callable[[str], list[float]]:
        return lambda view: [before[view][key], after[view][key]]

    columns = (
        Column("view", lambda view: view),
        Column("views", lambda view: before[view]["views"]),
        Column("joints about the root, mm", pair("error_mm"), ".0f", separator=" -> "),
        Column("of visible joints", pair("error_visible_mm"), ".0f", separator=" -> "),
        Column("of hidden joints", pair("error_hidden_mm"), ".0f", separator=" -> "),
        Column("lean's error, degrees", pair("lean_size_deg"), ".1f", separator=" -> "),
        Column("change from frame to frame, mm", pair("jitter_mm"), ".0f", separator=" -> "),
    )
    return table(columns, list(before))


def true_joints_causes(reports: Reports) -> str:
    """Lay out what the errors of joints are made of, before and after the temporal lifter, with the true lens."""
    parts = reports["true_joints"]["rendered"]
    names = {
        "error_mm": "joints about the root, mm",
        "scaled_mm": "the same in the best size",
        "turned_mm": "the same turned in the best way",
        "fitted_mm": "the same in the best size and turned",
        "depth_mm": "along the line of sight, mm",
        "beside_mm": "across it, mm",
        "root_median_mm": "the root's place, median, mm",
        "root_mm": "the root's place, mean, mm",
        "size_percent": "too large by, %",
        "size_spread_percent": "standard deviation of views",
        "distance_percent": "too far away by, %",
        "distance_spread_percent": "standard deviation of views",
    }
    columns = (
        Column("error", lambda key: names[key]),
        Column("lifted", lambda key: parts["before"]["causes"][key], ".1f"),
        Column("refined", lambda key: parts["after"]["causes"][key], ".1f"),
    )
    return table(columns, list(names))


def true_joints_cost(reports: Reports) -> str:
    """Lay out the CPU time that the temporal lifter takes for a frame."""
    cost = reports["true_joints"]["cost_ms"]
    columns = (
        Column("people", lambda people: people),
        Column("ms a frame", lambda people: cost[people], ".2f"),
        Column("ms a person", lambda people: cost[people] / int(people), ".2f"),
    )
    return table(columns, list(cost))


def true_joints_real(reports: Reports) -> str:
    """Lay out how far people who stand and are seen from the front lean, before and after the temporal lifter."""
    clips = reports["true_joints"]["standing"]["clips"]
    columns = (
        Column("clip", lambda name: name),
        Column("frames", lambda name: clips[name]["frames"]),
        Column(
            "lean towards the camera, degrees",
            lambda name: [clips[name]["before_lean_deg"], clips[name]["after_lean_deg"]], ".0f", separator=" -> ",
        ),
    )  # fmt: skip
    return table(columns, list(clips))


def true_joints_still(reports: Reports) -> str:
    """Lay out how much the joints of people who are still change from frame to frame, before and after the lifter."""
    still = reports["true_joints"]["still"]
    medians = {"frames": None, **{key: still[f"median_{key}"] for key in ("before_change_mm", "after_change_mm")}}
    columns = (
        Column("clip", lambda item: item[0]),
        Column("still frames", lambda item: item[1]["frames"]),
        Column(
            "change from frame to frame, mm",
            lambda item: [item[1]["before_change_mm"], item[1]["after_change_mm"]], ".1f", separator=" -> ",
        ),
    )  # fmt: skip
    return table(columns, [*still["clips"].items(), ("**median**", medians)])


def everyday_table(figures: Report) -> str:
    """Lay out false alarms by what was reported, the most frequent first."""
    doing: dict[str, list[tuple[str, int]]] = {}
    for row in figures["told"]:
        doing.setdefault(row["told"], []).append((row["doing"], row["times"]))
    ordered = sorted(doing.items(), key=lambda item: -sum(times for _, times in item[1]))
    rows = [
        [label, str(sum(times for _, times in acts)), ", ".join(f"{act} {times}" for act, times in acts)]
        for label, acts in ordered
    ]
    return grid(("reported", "times", "while the person did"), rows)


def video_table(figures: Report) -> str:
    """Lay out what was reported in each clip, true and false, and the sums."""

    def counted(clip: Report) -> str:
        return ", ".join(f"{label} {count}" for label, count in clip["told"].items()) or "nothing"

    columns = (
        Column("clip", lambda item: item[0]),
        Column("minutes", lambda item: item[1]["minutes"], ".2f"),
        Column("person-minutes", lambda item: item[1]["person_minutes"], ".2f"),
        Column("true in it", lambda item: ", ".join(item[1]["true"]) or "nothing" if "true" in item[1] else ""),
        Column("reported, times", lambda item: counted(item[1]) if "told" in item[1] else ""),
        Column("of that false", lambda item: item[1]["false"]),
    )
    return table(columns, [*figures["clips"].items(), ("**all**", figures["all"])])


def false_alarms_of(figures: Report) -> str:
    """Write the false alarms of a source and how much background they are counted in."""
    seconds = f"{figures['background_s']:.0f}"
    return "-" if seconds == "0" else f"{figures['false_alarms']} in {seconds} s"


def others_of(figures: Report) -> str:
    """Write how often a source's streams gave classes that it does not label, and how often in background."""
    others = figures.get("other_classes")
    return "-" if others is None else f"{others['detected']}, {others['in_background']} in background"


def faults_of(effects: Sequence[Any]) -> str:
    """Say in words what is wrong with the joints; effects: as `--degrade` takes them."""
    words = [FAULTS.get(word, word).format(value) for word, _, value in (name.partition("=") for name in effects)]
    return ", ".join(words) or "as recorded"
