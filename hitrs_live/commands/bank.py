"""`hitrs-live bank`: hours of everything else, encoded once and kept as tokens."""

import argparse
from pathlib import Path

from hitrs_live.commands.flags import add_threads, count, count_or_none, positive, seed


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's actions and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = actions.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}."
        )
        return added

    _add_build(add("build", "draw motion of every source, give it live errors, encode it; goes on where it ended"))
    _add_streams(add("streams", "draw motion of every source, give it live errors, write the joints to train on"))
    _add_add(add("add", "encode recordings made with live --record and append them to a bank"))
    _add_show(add("show", "list the sources of a bank, and a detector's false alarms on them"))


def _add_build(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FOLDER", required=True, help="bank to write")
    _add_encoder(parser)
    parser.add_argument(
        "--streams", type=Path, nargs="+", metavar="FOLDER",
        help="encode the streams that `bank streams` wrote to these folders, instead of drawing motion: what draws "
        "motion is then of no effect",
    )  # fmt: skip
    _add_drawing(parser)
    parser.add_argument(
        "--update", choices=("clip", "frame"), default="clip",
        help="keep a clip at the end of every clip or at every frame, which is 7 times larger (default: clip)",
    )  # fmt: skip
    parser.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=True,
        help="keep the tokens of mirror images as well (default: yes)",
    )  # fmt: skip
    parser.set_defaults(run=_run_build)


def _add_streams(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, metavar="FOLDER", required=True, help="folder to write files to")
    _add_drawing(parser)
    parser.set_defaults(run=_run_streams)


def _add_drawing(parser: argparse.ArgumentParser) -> None:
    """Add what decides which motion is drawn, and by how many processes."""
    parser.add_argument(
        "--hours", type=positive, default=30.0, metavar="H", help="length of all streams together (default: 30)"
    )
    parser.add_argument("--seed", type=seed, default=0, metavar="N", help="seed of all random numbers (default: 0)")
    parser.add_argument(
        "--sources", type=_listed, default=(), metavar="A,B", help="sources of motion (default: all of them)"
    )
    parser.add_argument(
        "--live-errors", choices=("modelled", "augmented"), default="modelled",
        help="give joints the errors of the live pose stage by the model fitted to rendered people, or those of "
        "detector training (default: modelled)",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="data folder (default: $HITRS_DATA, else ../shared/data)"
    )
    parser.add_argument("--workers", type=count, metavar="N", help="processes (default: one per CPU)")


def _add_add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bank", type=Path, metavar="BANK", help="bank to append to")
    parser.add_argument("recording", type=Path, nargs="+", metavar="RECORDING", help=".mcap file")
    parser.add_argument(
        "--label", default="background", metavar="NAME", help="class of all their frames (default: background)"
    )
    _add_encoder(parser)
    parser.set_defaults(run=_run_add)


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bank", type=Path, metavar="BANK", help="bank to list")
    parser.add_argument("--alarms", action="store_true", help="count the false alarms of a detector by source")
    parser.add_argument(
        "--hardest", type=count_or_none, default=0, metavar="N",
        help="list the N instants with the highest scores of a wrong class (default: 0)",
    )  # fmt: skip
    parser.add_argument("--checkpoint", metavar="FILE", help="detector to count with (default: the one shipped)")
    parser.add_argument(
        "--thresholds", default="", metavar="FILE",
        help="file from `tune-thresholds`, or none (default: as for `evaluate detection`)",
    )  # fmt: skip
    add_threads(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a JSON file")
    parser.set_defaults(run=_run_show)


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--encoder", type=Path, metavar="FILE", help="checkpoint whose encoder is used (default: the one shipped)"
    )


def _listed(text: str) -> tuple[str, ...]:
    """Read names separated by commas, in their order, each once."""
    given = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not given:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected names separated by commas")
    return given


def _run_build(options: argparse.Namespace) -> int:
    from hitrs_live.negative_bank.run_bank import run_build

    return run_build(options)


def _run_streams(options: argparse.Namespace) -> int:
    from hitrs_live.negative_bank.run_bank import run_streams

    return run_streams(options)


def _run_add(options: argparse.Namespace) -> int:
    from hitrs_live.negative_bank.run_bank import run_add

    return run_add(options)


def _run_show(options: argparse.Namespace) -> int:
    from hitrs_live.evaluation.run_bank_show import run_show

    return run_show(options)
