"""Which bridge this is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The version of the bridge that is installed."""
    try:
        return metadata.version("bridge")
    except metadata.PackageNotFoundError:
        # A checkout that runs without having been installed.
        return "0.0.0+checkout"
