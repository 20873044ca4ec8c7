"""Run one property test under atheris: `python coverage_guided.py FILE::TEST SECONDS CORPUS`; `fuzz.py` calls it.

Of the fixtures only tmp_path is provided; a test that needs another one is left out.
"""

import argparse
import functools
import importlib
import inspect
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Fuzz until the time is over; atheris ends the process."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("test_id", "seconds", "corpus"):
        parser.add_argument(name)
    given = parser.parse_args()
    test_id, seconds, corpus = given.test_id, given.seconds, given.corpus
    try:
        import atheris
    except ImportError:
        sys.exit("coverage_guided: atheris is not installed; pip install atheris, or leave out --coverage")
    file, _, name = test_id.partition("::")
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["pythonpath"]
    sys.path += [str((ROOT / file).parent), *(str(ROOT / folder) for folder in folders)]
    with atheris.instrument_imports(include=["hitrs_live"]):
        test = getattr(importlib.import_module(Path(file).stem), name)
    hook = test.hypothesis
    with tempfile.TemporaryDirectory() as folder:
        fixtures = set(inspect.signature(test).parameters)
        if "tmp_path" in fixtures:
            hook.inner_test = functools.partial(hook.inner_test, tmp_path=Path(folder))
        if others := fixtures - {"tmp_path"}:
            print(f"{name}: left out, it needs {', '.join(sorted(others))}")
            return
        Path(corpus).mkdir(parents=True, exist_ok=True)
        flags = [
            f"-max_total_time={round(float(seconds))}",
            f"-artifact_prefix={corpus}/failed-",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *flags, corpus], hook.fuzz_one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
