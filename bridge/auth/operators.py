"""Who among those who sign in at a provider runs this bridge, and what they may do: by claims of their ID token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bridge.auth.levels import Level
from bridge.auth.oidc import RelyingParty, SignedIn, SignInError


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at the operators' page."""

    id: str
    """For the audit log: the id of a key, or a provider's with the pseudonym that somebody has there."""
    label: str = field(repr=False)
    """What they are shown as, to themselves only."""
    rights: frozenset[str]
    """What they may do besides looking; of `operator_keys.RIGHTS`."""


@dataclass(frozen=True, slots=True)
class OperatorRule:
    """One of these values in that claim makes an operator, with these rights."""

    claim: str
    values: frozenset[str]
    rights: frozenset[str]


@dataclass(frozen=True, slots=True)
class OperatorProvider:
    """A provider that operators sign in at."""

    party: RelyingParty
    level: Level
    """The lowest that is let in."""
    rules: Sequence[OperatorRule]
    """Each that fits gives its rights; somebody whom none fits is no operator."""

    def operator(self, who: SignedIn) -> Operator:
        """Whoever has signed in. Raises `SignInError` (`operator_not_allowed`)."""
        fitting = [rule for rule in self.rules if any((rule.claim, value) in who.matched for value in rule.values)]
        if not fitting:
            raise SignInError(
                "operator_not_allowed",
                "Whoever has signed in is no operator of this bridge.",
                hint="admin.providers.operators of the settings say who is, by claims of the ID token.",
            )
        rights = frozenset[str]().union(*(rule.rights for rule in fitting))
        return Operator(f"{who.provider}:{who.subject}", who.name, rights)


def watched(rules: Sequence[OperatorRule]) -> dict[str, frozenset[str]]:
    """The claims that the rules ask for, with the values that count; nothing else of a token is kept."""
    found: dict[str, frozenset[str]] = {}
    for rule in rules:
        found[rule.claim] = found.get(rule.claim, frozenset()) | rule.values
    return found
