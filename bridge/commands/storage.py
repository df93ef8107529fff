"""The command `bridge storage`."""

from __future__ import annotations

import argparse

from bridge.commands.options import add_settings, read_settings
from bridge.moving import MOVED, move


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser)
    parser.add_argument("action", choices=["move"])


def run(options: argparse.Namespace) -> int:
    """Moves it, and prints what was moved."""
    for table, rows in move(read_settings(options)).items():
        print(f"{table:<14}{rows:>10}")
    print(f"moved; the files are set aside as *{MOVED}")
    return 0
