"""Run the live pipeline: `python run_live.py --camera 0`. The same as `hitrs-live live`."""

import sys

from hitrs_live.cli import main

if __name__ == "__main__":
    sys.exit(main(["live", *sys.argv[1:]]))
