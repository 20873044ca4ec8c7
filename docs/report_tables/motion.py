"""Tables of how well motion is predicted, and of what it costs."""

from collections.abc import Iterator, Sequence

from report_tables.markdown import Column, table
from report_tables.models import model_of
from report_tables.reports import Report, Reports

SETS = {"motion_precog16": "PRECOG p9-p12", "motion_ui_prmd": "UI-PRMD s08-s10", "motion_cmu": "CMU 08, 09, 14"}
BASELINES = {
    "held": "zero velocity",
    "constant_velocity": "constant velocity",
    "damped_velocity": "damped velocity",
    "kalman": "Kalman filter",
}
IN_ROOM, ALIGNED = "mpjpe_mm", "root_aligned_mpjpe_mm"


def motion(reports: Reports) -> str:
    """Lay out the mean joint error by horizon, beside every baseline."""

    def rows() -> Iterator[tuple[str, str, Report]]:
        for name, title in SETS.items():
            report = reports[name]
            yield title, "predicted", report[IN_ROOM]
            for baseline, words in BASELINES.items():
                yield "", words, report["baselines"][baseline][IN_ROOM]
            yield "", "predicted, root-aligned", report[ALIGNED]
            yield "", "zero velocity, root-aligned", report["baselines"]["held"][ALIGNED]

    def at(horizon_ms: str) -> Column:
        return Column(f"{horizon_ms} ms", lambda row: row[2][horizon_ms], ".0f")

    horizons_ms = reports[next(iter(SETS))][IN_ROOM]
    model = model_of(reports[next(iter(SETS))])
    columns = (Column(f"people, {model}", lambda row: row[0]), Column("mean joint error, mm", lambda row: row[1]))
    return table((*columns, *map(at, horizons_ms)), rows())


def motion_degraded(reports: Reports) -> str:
    """Lay out the error with joints as a webcam gives them."""

    def best(report: Report) -> tuple[float, str]:
        return min((report["baselines"][name][IN_ROOM]["400"], words) for name, words in BASELINES.items())

    columns = (
        Column(f"people, worse joints, {model_of(reports[f'{next(iter(SETS))}_degraded'])}", lambda item: item[0]),
        Column("predicted, mm at 400 ms", lambda item: item[1][IN_ROOM]["400"], ".0f"),
        Column("best baseline, mm", lambda item: best(item[1])[0], ".0f"),
        Column("which", lambda item: best(item[1])[1]),
    )
    return table(columns, [(title, reports[f"{name}_degraded"]) for name, title in SETS.items()])


def motion_seeds(reports: Reports) -> str:
    """Lay out the error of each seed of the motion head's training."""
    figures = reports["motion_seeds"][IN_ROOM]

    def of(seed: int) -> Column:
        return Column(f"seed {seed}", lambda name: figures[name]["400"][seed], ".1f")

    seeds = range(len(next(iter(figures.values()))["400"]))
    return table((Column("mm at 400 ms", lambda name: SETS[f"motion_{name.split()[0]}"]), *map(of, seeds)), figures)


def motion_calibration(reports: Reports) -> str:
    """Lay out how often the true joints lie within the predicted ranges, and the jump at the first frame."""

    def within(share: str) -> Column:
        return Column(
            f"joints within the {share} % range", lambda item: 100 * item[1]["calibration"][share], ".0f", " %"
        )

    columns = (
        Column("people", lambda item: item[0]),
        within("50"),
        within("90"),
        Column("jump at the first predicted frame", lambda item: item[1]["velocity_jump_mm"], ".0f", " mm"),
    )
    return table(columns, [(title, reports[name]) for name, title in SETS.items()])


def latency_compensation(reports: Reports) -> str:
    """Lay out how far off late poses are, as measured and moved on."""
    sources = reports["latency_compensation"]["sources"]
    titles = {"precog16": SETS["motion_precog16"], "ui_prmd_kinect": SETS["motion_ui_prmd"]}

    def rows() -> Iterator[tuple[str, str, Report]]:
        for name, figures in sources.items():
            for at, (late_ms, row) in enumerate(figures.items()):
                yield "" if at else titles[name], late_ms, row

    columns = (
        Column("people", lambda row: row[0]),
        Column("late by, ms", lambda row: row[1]),
        Column("as measured, mm", lambda row: row[2]["late"], ".1f"),
        Column("moved on by the prediction (`--now`), mm", lambda row: row[2]["by_now"], ".1f"),
        Column("constant velocity, mm", lambda row: row[2]["straight_on"], ".1f"),
    )
    return table(columns, rows())


def motion_protocol(reports: Reports) -> str:
    """Lay out the published CMU protocol's figures beside the best published model of each action."""
    report = reports["motion_cmu_protocol"]
    ours, published = report[report["published_are_over"]], report["published"]

    def best_published(action: str) -> Sequence[float]:
        mm: Sequence[float] = published[action]["mm"]
        return mm

    at = " / ".join(map(str, report["columns_ms"]))
    columns = (
        Column(f"action, mm at {at} ms", lambda action: action),
        Column("this model", lambda action: ours[action]["mean"], ".1f", separator=" / "),
        Column("best published", lambda action: published[action]["model"]),
        Column("its errors", best_published, ".1f", separator=" / "),
        Column("zero velocity", lambda action: ours[action]["zero_velocity"], ".1f", separator=" / "),
    )
    # By how much better than the best published at the first horizon.
    return table(columns, sorted(ours, key=lambda action: ours[action]["mean"][0] / best_published(action)[0]))


def motion_cost(reports: Reports) -> str:
    """Lay out what the motion head costs of a stream's step."""
    engines = {"torch fp32": "torch", "onnx fp32": "ONNX Runtime"}
    columns = (
        Column("back end", lambda row: engines[row["engine"]]),
        Column("people", lambda row: row["people"]),
        Column("prediction", lambda row: row["answers"]),
        Column("with the head, ms a frame", lambda row: row["with_ms_per_frame"], ".2f"),
        Column("without", lambda row: row["without_ms_per_frame"], ".2f"),
        Column("its share", lambda row: 100 * row["share"], ".0f", " %"),
    )
    return table(columns, reports["motion_cost"]["steps"])
