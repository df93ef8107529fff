"""The command `bridge apikey`."""

from __future__ import annotations

import argparse

from bridge.audit import command as audit_log
from bridge.auth.development import KEY_FILE
from bridge.commands.options import add_settings, need_action, read_settings
from bridge.operating import api_key_command as api_keys
from bridge.signin import tenants


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes."""
    add_settings(parser)
    api_keys.add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Does what is asked with the keys."""
    need_action(options, "apikey", {"id": ["revoke"], "tenant": ["create"], "label": ["create"], "scope": ["create"]})
    settings = read_settings(options)
    lines = api_keys.manage(
        options,
        settings.data.directory,
        lambda entry: audit_log.note(settings, entry),
        # Of a bridge with vendors and no development key, the development tenant would be one that nobody serves.
        tenants(settings, development=not settings.tokens.issuers or (settings.data.directory / KEY_FILE).exists()),
    )
    for line in lines:
        print(line)
    return 0
