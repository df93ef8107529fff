"""`loadtest trace`: a made-up trace of a mobile line, for scenarios and for `emulate`."""

from __future__ import annotations

import argparse
import sys

from loadtest.emulator.synthetic import KINDS, as_csv
from loadtest.errors import InputError, Place
from loadtest.quantities import parse_duration


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to those of `loadtest`."""
    parser = commands.add_parser("trace", help="print a made-up trace of a mobile line (CSV)")
    parser.add_argument("kind", choices=sorted(KINDS), help="; ".join(f"{k}: {v.about}" for k, v in KINDS.items()))
    parser.add_argument("--length", default="120s", metavar="TIME", help="(default: %(default)s)")
    parser.add_argument("--seed", default="1", help="(default: %(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints it. Raises `InputError`."""
    try:
        length = parse_duration(options.length)
    except ValueError as error:
        raise InputError(f"{options.length!r}: expected {error}", Place("--length")) from None
    sys.stdout.write(as_csv(options.kind, length, options.seed))
    return 0
