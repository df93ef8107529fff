"""Operator keys: what whoever runs the bridge shows to sign in at `/admin`. One for each person."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from pathlib import Path

from bridge.auth.key_file import HashedKey, KeyFile

FILE = "operator-keys.json"
DRAIN = "drain"
RIGHTS = (DRAIN,)
"""What a key may grant besides looking."""


class OperatorKey(HashedKey, frozen=True, kw_only=True):
    """What is kept of a key."""

    rights: tuple[str, ...] = ()
    """Of `RIGHTS`."""


class OperatorKeys(KeyFile[OperatorKey]):
    """The keys of a data directory."""

    def __init__(self, data: Path, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(
            data / FILE, OperatorKey, prefix="bro", what="operator key", command="bridge operator list", clock=clock
        )

    def create(self, label: str, *, key_id: str | None = None, rights: Collection[str] = ()) -> tuple[OperatorKey, str]:
        """A new key, and the text that its owner is told this once. Raises `BridgeError` or `OSError`."""
        return self._create(label, key_id, rights=tuple(sorted({*rights})))
