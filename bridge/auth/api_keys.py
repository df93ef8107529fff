"""API keys: what a vendor's server shows to use the REST API."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from bridge.auth.key_file import HashedKey, KeyFile

FILE = "api-keys.json"
SCOPES = ("recordings", "test-legs")
"""What a key may open besides rooms."""


class ApiKey(HashedKey, frozen=True, kw_only=True):
    """What is kept of a key."""

    tenant: str
    scopes: tuple[str, ...] = ()
    """What it opens besides rooms; of `SCOPES`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who uses the REST API."""

    tenant: str
    actor: str
    """For the audit log: `api:` and the key's id, or `vendor` for one that signs its own tokens."""
    scopes: frozenset[str] = frozenset()
    """What is opened besides rooms."""


class ApiKeys(KeyFile[ApiKey]):
    """The keys of a data directory."""

    def __init__(self, data: Path, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(data / FILE, ApiKey, prefix="brk", what="API key", command="bridge apikey list", clock=clock)

    def create(
        self, tenant: str, label: str, *, key_id: str | None = None, scopes: Collection[str] = ()
    ) -> tuple[ApiKey, str]:
        """A new key, and the text that its owner is told this once. Raises `BridgeError` or `OSError`."""
        return self._create(label, key_id, tenant=tenant, scopes=tuple(sorted({*scopes})))
