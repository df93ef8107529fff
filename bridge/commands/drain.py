"""The command `bridge drain`."""

from __future__ import annotations

import argparse

from bridge.commands.options import add_settings, read_settings
from bridge.operating import command as operating


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser)
    parser.add_argument("--undo", action="store_true", help="take new calls again")


def run(options: argparse.Namespace) -> int:
    """Has the bridge drain, and says so."""
    print(operating.drain(read_settings(options).data.directory, undo=options.undo))
    return 0
