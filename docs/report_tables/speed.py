"""Tables of what a run costs."""

from collections.abc import Iterator, Sequence

from report_tables.markdown import Column, table, transposed
from report_tables.reports import Report, Reports

LEVERS = {
    "clips of those alone who completed one, a stride": "only the clips that were completed are encoded",
    "clip level: its last layer for the token alone (torch)": "the clip encoder's last layer for its token alone",
    "video level: its last layer for the newest clip alone (torch)": "the video encoder's last layer for the newest "
    "clip alone",
    "frames of 16 people in one batch": "frames of 16 people in one batch",
}
PeerRow = tuple[str, dict[str, str], int, dict[int, list[float]]]
"""Network, engines in words, frames from output to output, and ms a frame in each engine by number of people."""
FULL_CLIP = 1.5
"""People seen on average from which on a clip counts as one in which two people are there."""


def stages(reports: Reports) -> str:
    """Lay out what each stage takes for a frame; a pose row is over all clips with as many people."""
    pose, others = reports["pose_cost"]["rows"], reports["pipeline_stages"]["stages"]

    def pose_row(words: str, rows: Sequence[Report]) -> tuple[str, list[float], list[float]]:
        p50_ms, p99_ms = ([row[key] for row in rows] for key in ("pose_p50_ms", "pose_p99_ms"))
        return words, [min(p50_ms), max(p50_ms)], [min(p99_ms), max(p99_ms)]

    def limited(most: int, least: float = 0) -> list[Report]:
        return [row for row in pose if row["max_people"] == most and row["people"] >= least]

    rows = [
        pose_row("pose, at most one person tracked", limited(1)),
        pose_row("pose, two at most, both there", limited(2, FULL_CLIP)),
        pose_row("pose, three at most, two there", limited(3, FULL_CLIP)),
    ]
    words = {
        "track": "tracking",
        "person_check": "person check",
        "lift": "temporal lifter",
        "level": "levelling",
        "model": "model, one thread, ONNX Runtime, a prediction every frame, mirror averaging",
        "publish": "decoding of predictions, publishing",
        "overhead": "everything but pose and model: tracking, resampling, decoding, recording, publishing",
        "frame_to_event": "frame received to events published, two people at most",
    }
    rows += [(text, [others[key]["p50_ms"]], [others[key]["p99_ms"]]) for key, text in words.items() if key in others]
    columns = (
        Column("stage, per frame", lambda row: row[0]),
        Column("p50 ms", lambda row: row[1], ".1f", separator="-"),
        Column("p99 ms", lambda row: row[2], ".1f", separator="-"),
    )
    return table(columns, rows)


def event_latency(reports: Reports) -> str:
    """Lay out the latency from a live camera's frame to its events at a subscriber, and the medians of its parts."""

    def part(words: str, *names: str) -> Column:
        def ms(row: Report) -> float | None:
            known = [row["parts"][name]["p50_ms"] for name in names if name in row["parts"]]
            return sum(known) if known else None

        return Column(words, ms, ".1f")

    columns = (
        Column("pose stage", lambda row: row["backend"]),
        Column("`pose.refine`", lambda row: "on" if row["refine"] else "off"),
        Column("camera, fps", lambda row: row["rate_hz"], ".0f"),
        Column("processed, fps", lambda row: row["fps"], ".1f"),
        Column("cores", lambda row: row["cores"], ".1f"),
        Column("frame to event: p50, p95, p99 ms", lambda row: [row[f"p{share}_ms"] for share in (50, 95, 99)], ".0f"),
        part("waiting, decoding", "wait"),
        part("pose", "pose"),
        part("tracking, person check", "track", "person_check"),
        part("lifter", "lift"),
        part("levelling", "level"),
        part("model", "model"),
        part("publishing", "publish"),
        part("to the subscriber", "transport"),
    )
    return table(columns, reports["event_latency"]["rows"])


def pose_cost(reports: Reports) -> str:
    """Lay out what the pose stage takes for a frame of each clip, by the most people that it tracks."""
    columns = (
        Column("clip", lambda row: row["clip"].removesuffix(".mp4")),
        Column("picture", lambda row: row["size"].replace("x", " x ")),
        Column("most people", lambda row: row["max_people"]),
        Column("people on average", lambda row: row["people"], ".2f"),
        Column("pose p50, p99", lambda row: [row["pose_p50_ms"], row["pose_p99_ms"]], ".0f", " ms"),
        Column("tracking p50", lambda row: row["track_p50_ms"], ".2f", " ms"),
        Column("pose process, memory", lambda row: row["memory_mb"], ".0f", " MB"),
    )
    return table(columns, reports["pose_cost"]["rows"])


def pose_backends(reports: Reports) -> str:
    """Lay out the CPU time of what runs the pose model, and the people that each found."""
    rows = reports["pose_backends"]["rows"]
    names = list(dict.fromkeys(row["backend"] for row in rows))
    groups = [
        {row["backend"]: row for row in rows if (row["pictures"], row["people"]) == key}
        for key in dict.fromkeys((row["pictures"], row["people"]) for row in rows)
    ]

    def times(name: str) -> Column:
        return Column(
            f"{name}: p50, p99 ms", lambda group: [group[name]["cpu_p50_ms"], group[name]["cpu_p99_ms"]], ".0f"
        )

    threads = ("blazepose", "blazepose, 2 threads")
    wall = [
        Column(
            "blazepose, time passed with 1 and 2 threads: p50 ms",
            lambda group: [group[name]["wall_p50_ms"] for name in threads], ".0f",
        )
    ] if set(threads) <= set(names) else []  # fmt: skip
    columns = (
        Column("pictures", lambda group: group["blazepose"]["pictures"].removesuffix(".mp4")),
        Column("size", lambda group: group["blazepose"]["size"].replace("x", " x ")),
        Column("people", lambda group: group["blazepose"]["people"]),
        *(times(name) for name in names),
        *wall,
        Column("fps of one core", lambda group: [1000 / group[name]["cpu_mean_ms"] for name in names], ".0f"),
        Column("found", lambda group: [group[name]["found"] for name in names], ".2f"),
        Column("extra ids", lambda group: [group[name]["extra_ids"] for name in names], ".0f"),
    )
    return table(columns, groups)


def streaming(reports: Reports) -> str:
    """Lay out streaming against recomputing the window."""
    columns = (
        Column("model, window", lambda item: item[0]),
        Column("streamed, ms a frame", lambda item: item[1]["streamed_ms_per_frame"], ".2f"),
        Column("window recomputed each frame", lambda item: item[1]["recomputed_every_frame_ms"], ".1f"),
        Column("ratio", lambda item: item[1]["speedup_over_every_frame"], ".0f", "x"),
        Column("recomputed each clip", lambda item: item[1]["recomputed_every_clip_ms_per_frame"], ".1f"),
        Column("ratio", lambda item: item[1]["speedup_over_every_clip"], ".1f", "x"),
        Column("largest difference of logits", lambda item: item[1]["max_abs_difference_of_logits"], ".0e"),
    )
    return table(columns, reports["streaming_cost"].items())


def levers(reports: Reports) -> str:
    """Lay out what each optimisation saves, for 1 and 16 people where both were timed."""

    def ratios(name: str) -> Column:
        rows = reports[name]["rows"]
        return Column(
            f"{reports[name]['checkpoint']}, 1 and 16 people",
            lambda lever: [
                row["ratio"] for row in sorted(rows, key=lambda row: row["people"]) if row["lever"] == lever
            ],
            ".1f",
            "x",
            "x, ",
        )

    columns = (Column("optimisation", lambda lever: LEVERS[lever]), ratios("levers"), ratios("levers_base"))
    return table(columns, LEVERS)


def several_cameras(reports: Reports) -> str:
    """Lay out several cameras in one process."""
    report = reports["several_cameras"]

    def live(gather_ms: float) -> tuple[Column, Column]:
        rows = {row["cameras"]: row for row in report["live"] if row["gather_ms"] == gather_ms}
        words = f"batch timeout {gather_ms:.0f} ms"
        return (
            Column(
                f"{words}: age p50, p99",
                lambda row: [rows[row["cameras"]][key] for key in ("p50_ms", "p99_ms")],
                ".1f",
                " ms",
            ),
            Column("cores", lambda row: rows[row["cameras"]]["cores"], ".2f"),
        )

    columns = (
        Column("cameras", lambda row: row["cameras"]),
        Column("one batch, ms a frame", lambda row: row["together_ms"], ".2f"),
        Column("a pipeline each", lambda row: row["apart_ms"], ".2f"),
        Column("ratio", lambda row: row["ratio"], ".1f", "x"),
        *live(5.0),
        *live(0.0),
    )
    return table(columns, report["full_speed"])


def bench(reports: Reports) -> str:
    """Lay out the main figures of `hitrs-live bench`, a line for each."""
    engines = ("torch fp32", "onnx fp32", "onnx int8")
    rows = [reports[name] for name in ("bench", "bench_base")]

    def over_stream(row: Report) -> list[float]:
        window_ms, stream_ms = row["recomputing"]["window_ms"]["model"], row["stream_ms_per_frame"]
        return [
            row["speedup_over_recompute"], row["recomputing"]["over_stream"]["onnx fp32"],
            window_ms / stream_ms["onnx fp32"],
        ]  # fmt: skip

    def history(row: Report) -> float:
        costs = [each["stream_ms_per_frame"] for each in row["history"]]
        return float(100 * (costs[-1] / costs[0] - 1))

    def crowd(words: str, key: str) -> Column:
        return Column(words, lambda row: [row[key][engine]["persons"] for engine in engines])

    columns = (
        Column(
            "a frame of the stream, 1 person: torch, ONNX Runtime, int8",
            lambda row: [row["stream_ms_per_frame"][engine] for engine in engines], ".2f", " ms",
        ),
        Column(
            "the window recomputed at every frame, torch",
            lambda row: row["recomputing"]["window_ms"]["model"], ".0f", " ms",
        ),
        Column(
            "recomputed over streamed: both torch; both ONNX Runtime; torch over ONNX Runtime",
            over_stream, ".0f", "x", "x, ",
        ),
        Column(
            "ONNX Runtime over torch, the calls of one person's step",
            lambda row: row["onnx_over_torch_batch1"], ".1f", "x",
        ),
        crowd("people at 30 fps on one core, p99 of a frame under 33 ms: torch, ONNX Runtime, int8", "crowds"),
        crowd("the same if all their clips end in one frame", "crowds_at_once"),
        Column(
            "FLOP/s with 16 people over those of a large product, ONNX Runtime",
            lambda row: 100 * row["matmul_share_batch16"], ".0f", " %",
        ),
        Column("what a frame of the stream costs more with 40 clips of history than with 5", history, ".0f", " %"),
    )  # fmt: skip
    heads = ("", *(f"{row['checkpoint']}, {row['window_clips']} clips" for row in rows))
    return transposed(columns, rows, heads)


def peers(reports: Reports) -> str:
    """Lay out a frame's cost for each person, beside the continual ST-GCN's."""
    figures = reports["peers"]["figures"]
    ours = {"torch fp32": "torch", "onnx fp32": "ONNX Runtime", "onnx int8": "int8"}
    theirs = {"torch, eager": "the package in torch", "ONNX Runtime": "ONNX Runtime"}
    products = {
        "matrix products, ONNX Runtime": "as matrix products, float32",
        "matrix products, ONNX Runtime, int8": "int8",
    }

    def row(network: str, engines: dict[str, str], every: int) -> PeerRow:
        each_person = {
            people: [
                figure["ms_per_frame"] / people
                for engine in engines
                for figure in figures
                if (figure["network"], figure["engine"], figure["answers_every"], figure["rows"])
                == (network, engine, every, people)
            ]
            for people in (1, 16)
        }
        return network, engines, every, each_person

    def rows() -> Iterator[PeerRow]:
        yield row("hitrs_tiny", ours, 7)
        yield row("hitrs_tiny", ours, 1)
        yield row("hitrs_base, random", {key: ours[key] for key in ("torch fp32", "onnx fp32")}, 7)
        for engines in (theirs, products):
            yield row("CoST-GCN", engines, 4)
            yield row("CoST-GCN*", engines, 1)

    columns = (
        Column("network", lambda row: row[0].replace(", random", " (random weights)")),
        Column("back ends", lambda row: " / ".join(row[1].values())),
        Column("prediction", lambda row: "every frame" if row[2] == 1 else f"every {row[2]} frames"),
        Column("1 person, CPU ms a frame", lambda row: row[3][1], ".2f", separator=" / "),
        Column("each of 16", lambda row: row[3][16], ".2f", separator=" / "),
    )
    return table(columns, rows())


def soak(reports: Reports) -> str:
    """Lay out the resident memory over a run."""
    columns = (
        Column("after", lambda row: row[0], unit=" s"),
        Column("resident memory", lambda row: row[1], ".1f", " MB"),
    )
    return table(columns, reports["soak"]["memory_mb"])


def training_throughput(reports: Reports) -> str:
    """Lay out how fast training runs, a line for each figure."""
    columns = (
        Column("sequences a second", lambda row: row["sequences_per_s"], ".1f"),
        Column("clips a second", lambda row: row["clips_per_s"], ".1f"),
        Column("waiting for batches", lambda row: 100 * row["waiting_share"], ".2f", " %"),
        Column(
            "corrupting the input, of the forward pass's time",
            lambda row: 100 * row["spoiling_share_of_forward"], ".2f", " %",
        ),
        Column("time of sequences padded over packed", lambda row: row["padded_over_packed"], ".2f", "x"),
        Column(
            "time of normalising frame by frame over all at once",
            lambda row: row["normalising_frame_by_frame_over_whole"], ".1f", "x",
        ),
    )  # fmt: skip
    report = reports["training_throughput"]
    return transposed(columns, [report], (f"hitrs_{report['size']}, batches of {report['batch']}", report["device"]))
