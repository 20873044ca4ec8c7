"""Tables of what pre-training gives."""

from collections.abc import Sequence

from report_tables.markdown import Column, Spread, table
from report_tables.reports import Report, Reports

METHODS = {
    "fine-tuned": "Hi-TRS, pre-trained, fine-tuned",
    "scratch": "Hi-TRS, from scratch",
    "linear": "linear, pre-trained",
    "linear, untrained": "linear, untrained",
    "plain transformer": "plain transformer",
    "GRU": "GRU",
}
OBSERVED = ("10", "20", "40", "60", "80", "100")


def pretraining_nw_ucla(reports: Reports) -> str:
    """Lay out Northwestern-UCLA by share of labels; two seeds with all labels where they were run."""
    figures = _with(reports["pretraining"]["top1"]["nw_ucla"], reports["pretraining_nw_ucla"]["top1"]["nw_ucla"])
    return _pretraining("NW-UCLA, top-1 %, share of labels", figures, {share: share for share in figures})


def pretraining_utkinect(reports: Reports) -> str:
    """Lay out UTKinect, of which every share below all comes to one sequence a class."""
    figures = reports["pretraining"]["top1"]["utkinect"]
    return _pretraining("UTKinect, top-1 %, sequences a class", figures, {"1%": "1", "100%": "10"})


def pretraining_precog(reports: Reports) -> str:
    """Lay out PRECOG by share of labels; three seeds with all labels where they were run."""
    figures = _with(reports["pretraining"]["top1"]["precog"], reports["pretraining_precog"]["top1"]["precog"])
    return _pretraining("PRECOG, top-1 %, share of labels", figures, {share: share for share in figures})


def pretraining_variants(reports: Reports) -> str:
    """Lay out fine-tuning with all labels beside a slower encoder and mirror images."""
    variants = (
        ("NW-UCLA", "nw_ucla", "encoder at the full rate", "pretraining_nw_ucla"),
        ("NW-UCLA", "nw_ucla", "encoder at three tenths of the rate", "pretraining_nw_ucla_slower"),
        ("PRECOG", "precog", "encoder at the full rate", "pretraining_precog"),
        ("PRECOG", "precog", "encoder at three tenths of the rate", "pretraining_precog_slower"),
        ("PRECOG", "precog", "full rate, mirror images too", "pretraining_precog_mirror"),
    )

    def seeds(row: tuple[str, str, str, str]) -> Sequence[float]:
        values: Sequence[float] = reports[row[3]]["top1"][row[1]]["100%"]["fine-tuned"]["seeds"]
        return values

    columns = (
        Column("all labels of", lambda row: row[0]),
        Column("pre-trained, fine-tuned with", lambda row: row[2]),
        Column("seeds", lambda row: len(seeds(row))),
        Column("top-1 %", lambda row: _percent(seeds(row)), ".1f"),
    )
    return table(columns, variants)


def fusion(reports: Reports) -> str:
    """Lay out joint, bone and motion models alone and together."""
    report = reports["nw_ucla_fused"]
    rows = [*((each["modality"], each["top1"]) for each in report["checkpoints"]), ("together", report["top1"])]
    columns = (
        Column("NW-UCLA, model of", lambda row: row[0]),
        Column("top-1 %", lambda row: 100 * row[1], ".1f"),
    )
    return table(columns, rows)


def linear_probe(reports: Reports) -> str:
    """Lay out how early the linear probe knows, and the nearest neighbours of whole sequences."""
    linear, nearest = (reports["linear_probe"][protocol] for protocol in ("linear", "knn"))
    titles = {"nw_ucla": "NW-UCLA", "utkinect_streams": "UTKinect", "precog16": "PRECOG"}

    def at(percent: str) -> Column:
        return Column(f"{percent} %", lambda name: 100 * linear[name]["observed"][percent], ".0f")

    columns = (
        Column("top-1 %, linear, share of the sequence observed", lambda name: titles[name]),
        *map(at, OBSERVED),
        Column("five nearest, whole sequence", lambda name: 100 * nearest[name]["top1"], ".1f"),
    )
    return table(columns, linear)


def _pretraining(title: str, figures: Report, shares: dict[str, str]) -> str:
    def of(share: str) -> Column:
        head = shares[share].replace("%", " %")
        return Column(head, lambda method: _percent(figures[share][method]["seeds"]), ".1f")

    return table((Column(title, lambda method: METHODS[method]), *map(of, shares)), METHODS)


def _percent(seeds: Sequence[float]) -> Spread:
    return Spread([100 * value for value in seeds])


def _with(figures: Report, of_more_seeds: Report) -> Report:
    """Put what was run with more seeds in place of what was run with one."""
    return {share: methods | of_more_seeds.get(share, {}) for share, methods in figures.items()}
