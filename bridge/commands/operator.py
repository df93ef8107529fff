"""The command `bridge operator`."""

from __future__ import annotations

import argparse

from bridge.audit import command as audit_log
from bridge.commands.options import add_settings, need_action, read_settings
from bridge.operating import command as operating


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser)
    operating.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Does what is asked with the keys."""
    need_action(options, "operator", {"id": ["revoke"], "label": ["create"], "right": ["create"]})
    settings = read_settings(options)
    for line in operating.manage(options, settings.data.directory, lambda entry: audit_log.note(settings, entry)):
        print(line)
    return 0
