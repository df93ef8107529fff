"""The command `bridge audit`, and what other commands need of the log: where a node keeps it, and an entry in it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bridge.audit.chain import Entry
from bridge.audit.errors import AuditError
from bridge.audit.keys import PUBLIC_KEY, SealChecker, SealingKey
from bridge.audit.store import HEAD, AuditReader, AuditStore
from bridge.audit.verify import export, verify
from bridge.settings import Settings
from bridge.storage import Place, Storage, StorageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What it takes besides settings."""
    parser.add_argument("action", choices=["verify", "export"])
    parser.add_argument(
        "--head", action="append", default=[], metavar="SEQ:HASH", help="with verify: a head that was noted earlier"
    )
    parser.add_argument(
        "--key", type=Path, metavar="FILE", help="a copy of audit.pub kept elsewhere, or another node's"
    )


def run(options: argparse.Namespace, settings: Settings, tell: Callable[[str], None]) -> bool:
    """Tells the log line by line, or what is wrong with it. Gives whether nothing is.

    Raises `AuditError`, `SettingsError`, `StorageError` or `OSError`.
    """
    data = settings.data.directory
    place = node_place(settings, options.key)
    # What is noted here is how far the own chain reaches.
    own = not (data / PUBLIC_KEY).exists() or place.name == node_place(settings).name
    reader = AuditReader(place, data / HEAD if own else None)
    try:
        if options.action == "export":
            with closing(export(reader)) as lines:
                for line in lines:
                    tell(line)
            return True
        verdict = verify(reader, SealChecker.from_pem(options.key or data / PUBLIC_KEY), heads=tuple(options.head))
    finally:
        reader.close()
    for finding in verdict.findings:
        tell(finding)
    tell(f"{verdict.entries} entries, {len(verdict.findings)} findings, head {verdict.head}")
    return not verdict.findings


def node_place(settings: Settings, key: Path | None = None) -> Place:
    """Where a node keeps its log and its records: that of a public key, or of this data directory for None.

    Raises `AuditError`, `SettingsError` or `OSError`.
    """
    storage = Storage(settings)
    if storage.server is None:
        return storage.node("")
    return storage.node(SealChecker.from_pem(key or settings.data.directory / PUBLIC_KEY).node)


def note(settings: Settings, entry: Entry) -> None:
    """Takes down what an administrator does; a bridge that runs may write at the same time.

    Raises `AuditError`, `SettingsError` or `OSError`.
    """
    data = settings.data.directory
    try:
        key = SealingKey.load(data)
        store = AuditStore(data, Storage(settings).node(key.checker.node), key)
        try:
            store.write_head(store.append([entry]))
        finally:
            store.close()
    except StorageError as error:
        raise AuditError(
            "audit_unavailable",
            f"The audit log cannot be written: {error}.",
            hint="Nothing was done: what would leave no trace is refused.",
        ) from None
