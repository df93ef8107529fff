"""The command `bridge check`."""

from __future__ import annotations

import argparse

from bridge.commands.options import add_settings, read_settings
from bridge.data_directory import make_data_directory
from bridge.machine_check import Finding, Status, check_machine

UNFIT = 1
"""The exit code: this machine is not fit to run the bridge."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser, listening=True)
    parser.add_argument("--dev", action="store_true", help="for a development bridge")


def run(options: argparse.Namespace) -> int:
    """Says what was found and how to mend it."""
    settings = read_settings(options)
    if options.dev:
        make_data_directory(settings.data.directory)
    findings = []
    for finding in check_machine(settings, development=options.dev):
        findings.append(finding)
        print(_line(finding), flush=True)
    failed = sum(finding.status is Status.FAIL for finding in findings)
    warned = sum(finding.status is Status.WARN for finding in findings)
    verdict = "This machine cannot run the bridge yet" if failed else "This machine can run the bridge"
    print(f"\n{verdict}: {len(findings) - failed - warned} ok, {warned} to look at, {failed} to mend.")
    return UNFIT if failed else 0


def _line(finding: Finding) -> str:
    line = f"{finding.status.value:<6}{finding.name:<24}{finding.detail}"
    return f"{line}\n{'':<30}→ {finding.mend}" if finding.mend else line
