"""The resources that POST makes and that PATCH and DELETE are about."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from bridge.errors import BridgeError
from bridge.sfu import ConnectionKind
from bridge.signaling.calls import Call
from bridge.signaling.whip.bearer import Owner

RESOURCE_ID_BYTES = 18
ETAG_BYTES = 9
ANY_SESSION = frozenset({"*", '"*"'})
"""Values of If-Match that restart ICE: as HTTP writes it (RFC 9110, 13.1.1), and in quotes, as examples of WHIP do."""


def new_etag() -> str:
    """A strong entity tag (RFC 9110 §8.8.3): one for each ICE session (RFC 9725 §4.3.1)."""
    return f'"{secrets.token_urlsafe(ETAG_BYTES)}"'


@dataclass(slots=True)
class Resource:
    """A WHIP or WHEP session."""

    call: Call
    owner: Owner
    connection: ConnectionKind
    id: str = field(default_factory=lambda: secrets.token_urlsafe(RESOURCE_ID_BYTES))
    etag: str = field(default_factory=new_etag)

    def demands_restart(self, if_match: Sequence[str]) -> bool:
        """Whether a PATCH demands an ICE restart, by If-Match (RFC 9725 §4.3.3), or is about the session there is.

        Raises `etag_missing` and `etag_mismatch` (§4.3.1).
        WHEP is a draft, and its most used library (whip-whep) trickles without If-Match: there, it may be missing.
        """
        if not if_match:
            if self.connection is ConnectionKind.SUBSCRIBE:
                return False
            raise BridgeError(
                "etag_missing",
                "A PATCH needs If-Match.",
                field="If-Match",
                hint='The ETag of the newest response to trickle, "*" to restart ICE.',
            )
        tags = [tag.strip() for tag in ",".join(if_match).split(",")]
        if self.etag in tags:
            return False
        if not ANY_SESSION.intersection(tags):
            raise BridgeError("etag_mismatch", "This is not the current ICE session.", field="If-Match")
        return True


class Resources:
    """All resources of one door, by id. As bounded as calls are: one for each, gone with it."""

    def __init__(self) -> None:
        self._by_id: dict[str, Resource] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, resource: Resource) -> None:
        """Notes a resource."""
        self._by_id[resource.id] = resource

    def get(self, resource_id: str) -> Resource:
        """Raises `BridgeError` (`session_not_found`)."""
        resource = self._by_id.get(resource_id)
        if resource is None:
            raise BridgeError("session_not_found", "There is no such session, or it has ended.")
        return resource

    def remove(self, resource_id: str) -> None:
        """Forgets a resource, if it is there."""
        self._by_id.pop(resource_id, None)
