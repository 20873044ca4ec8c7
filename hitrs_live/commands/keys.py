"""`hitrs-live keys`: make and show the keys of encrypted publishing."""

import argparse
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the verb's actions and their flags."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = actions.add_parser(
        "new",
        help="make a key pair: NAME.key to give to the other side, and NAME.key_secret to keep",
        description="Make a key pair: NAME.key to give to the other side, and NAME.key_secret to keep.",
    )
    new.add_argument("name", metavar="NAME", help="name of the files, such as that of the machine")
    new.add_argument("--out", type=Path, metavar="FOLDER", required=True, help="folder of the files; made if missing")
    new.set_defaults(run=_run_new)
    show = actions.add_parser(
        "show",
        help="print the public key of a file, or those of a folder of allowed clients",
        description="Print the public key of a file, or those of a folder of allowed clients. No secret key is shown.",
    )
    show.add_argument("path", type=Path, metavar="PATH", help="file of either kind, or folder")
    show.set_defaults(run=_run_show)


def _run_new(options: argparse.Namespace) -> int:
    from hitrs_live.wire.key_files import write_key_pair

    public_file, secret_file = write_key_pair(options.out, options.name)
    print(f"{public_file}  public key: give it to the other side")
    print(f"{secret_file}  secret key: keep it on this machine")
    return 0


def _run_show(options: argparse.Namespace) -> int:
    from hitrs_live.wire.key_files import load_public_key, load_public_keys

    if options.path.is_dir():
        keys = load_public_keys(options.path)
    else:
        keys = {load_public_key(options.path): options.path.stem}
    for key, name in keys.items():
        print(f"{key.decode()}  {name}")
    return 0
