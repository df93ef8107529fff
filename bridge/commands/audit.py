"""The command `bridge audit`."""

from __future__ import annotations

import argparse

from bridge.audit import command as audit_log
from bridge.commands.options import add_settings, need_action, read_settings

UNSOUND = 1
"""The exit code: the audit log is not whole."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser)
    audit_log.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Prints what was found, or the log."""
    need_action(options, "audit", {"head": ["verify"]})
    return 0 if audit_log.run(options, read_settings(options), print) else UNSOUND
