"""The options that most commands have: where settings come from, and what takes their place."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from pathlib import Path

from bridge.errors import BridgeError
from bridge.settings import Settings, load_settings


def add_settings(parser: argparse.ArgumentParser, *, listening: bool = False) -> None:
    """Adds them; those that say where the bridge listens only if `listening`."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings (see configs/bridge.toml)")
    parser.add_argument("--data", metavar="DIR", help="data directory (default: .data)")
    if listening:
        parser.add_argument("--http", metavar="ADDR:PORT", help="where HTTP is served (default: 127.0.0.1:8080)")
        parser.add_argument("--media", metavar="ADDR:PORT", help="where media flows (default: 127.0.0.1:3478)")


def read_settings(options: argparse.Namespace) -> Settings:
    """The settings that the options ask for. Raises `SettingsError`."""
    named = {"data.directory": "data", "http.listen": "http", "media.listen": "media"}
    given = {
        key: (f"--{option}", text)
        for key, option in named.items()
        if (text := getattr(options, option, None)) is not None
    }
    return load_settings(options.config, options=given)


def need_action(options: argparse.Namespace, command: str, takers: Mapping[str, Collection[str]]) -> None:
    """Refuses what the action asked for would pass over: `takers` says which actions take an option.

    Whoever locks "one recording" anew, or exports a log "with this head", would believe that it was done. Raises
    `BridgeError` (`unused_option`).
    """
    for name, actions in takers.items():
        if getattr(options, name) and options.action not in actions:
            known = " or ".join(f"`bridge {command} {action}`" for action in actions)
            raise BridgeError(
                "unused_option",
                f"`bridge {command} {options.action}` takes none.",
                field="ID" if name == "recording" else f"--{name}",
                hint=f"It goes with {known}.",
            )
