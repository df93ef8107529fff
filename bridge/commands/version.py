"""The command `bridge version`."""

from __future__ import annotations

import argparse

from bridge.version import version


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """It takes nothing."""


def run(_options: argparse.Namespace) -> int:
    """Prints it."""
    print(f"bridge {version()}")
    return 0
