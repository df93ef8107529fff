"""The command `bridge records`."""

from __future__ import annotations

import argparse

from bridge.audit import command as audit_log
from bridge.commands.options import add_settings, read_settings
from bridge.records.command import add_arguments as add_records_arguments
from bridge.records.command import export


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser)
    add_records_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the records."""
    for line in export(options, audit_log.node_place(read_settings(options))):
        print(line)
    return 0
