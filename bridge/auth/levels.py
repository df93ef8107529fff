"""How surely someone is known: the eIDAS levels, which ID-porten's `acr` and HelseID's security level come down to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Level(IntEnum):
    """Levels of assurance (EU 2015/1502), the lowest first. Its word is what stands in the claim `level`."""

    NONE = 0
    """Nobody vouches for them: a guest with a link."""
    LOW = 1
    SUBSTANTIAL = 3
    """MinID; HelseID's security level 3."""
    HIGH = 4
    """BankID, Buypass, Commfides; HelseID's security level 4."""

    @property
    def word(self) -> str:
        """The level as written in settings, tokens and messages."""
        return self.name.lower()


WORDS: Mapping[str, Level] = {level.word: level for level in Level}

ACR_OF_ID_PORTEN: Mapping[str, Level] = {
    "idporten-loa-low": Level.LOW,
    "idporten-loa-substantial": Level.SUBSTANTIAL,
    "idporten-loa-high": Level.HIGH,
}
SECURITY_LEVELS_OF_HELSEID: Mapping[str, Level] = {"3": Level.SUBSTANTIAL, "4": Level.HIGH}
ASSURANCE_LEVELS: Mapping[str, Level] = {
    "low": Level.LOW,
    "substantial": Level.SUBSTANTIAL,
    "high": Level.HIGH,
}
