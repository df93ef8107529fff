"""The records that a consultation must not be without, as rooms need them."""

from __future__ import annotations

from typing import Protocol


class Ledger(Protocol):
    """Keeps them."""

    @property
    def writable(self) -> bool:
        """Whether what happens now is kept."""
