"""What the REST API needs of others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response


class Caller(Protocol):
    """Who asks."""

    @property
    def tenant(self) -> str:
        """Whose rooms are seen."""

    @property
    def actor(self) -> str:
        """Who it is to the audit log."""

    @property
    def scopes(self) -> frozenset[str]:
        """What is opened besides rooms."""


Handler = Callable[[Request, Caller], Awaitable[Response]]
"""Answers a request of a caller who is known. Raises `BridgeError`."""


class Authenticator(Protocol):
    """Knows callers."""

    async def authenticate(self, token: str) -> Caller:
        """Who shows `token`. Raises `BridgeError`, with a code that begins with `token_`."""


class TokenMinter(Protocol):
    """Signs join tokens in the bridge's own name."""

    async def mint_join_token(
        self,
        tenant: str,
        room: str,
        *,
        identity: str,
        role: str,
        ttl: float,
        name: str | None,
        grants: Collection[str] | None,
        enters: str | None,
        level: str | None,
        video_consent: bool,
        consent_by: str | None,
    ) -> tuple[str, float]:
        """A token, and when it ends (seconds since the epoch). Raises `BridgeError` for one that would not let in."""


class Auditor(Protocol):
    """Takes down what callers do."""

    async def record(
        self, kind: str, *, tenant: str, room: str, actor: str, identity: str | None, details: Mapping[str, str]
    ) -> None:
        """Returns when it is on disk. Raises `BridgeError` (`audit_unavailable`)."""


class StoredStream(Protocol):
    """A stream of a recording."""

    @property
    def name(self) -> str:
        """Within the recording."""

    @property
    def media_type(self) -> str:
        """Of what is exported."""

    @property
    def bytes(self) -> int:
        """About how many."""


class StoredRecording(Protocol):
    """A recording, as far as it is known without opening it."""

    @property
    def id(self) -> str:
        """Within the bridge."""

    @property
    def room(self) -> str:
        """Its room's name within the tenant."""

    @property
    def created(self) -> float:
        """Seconds since the epoch."""

    @property
    def expires(self) -> float:
        """When it is deleted by itself."""

    @property
    def state_name(self) -> str:
        """One of: recording, complete, truncated, damaged, shredded."""

    @property
    def streams(self) -> Sequence[StoredStream]:
        """What it has."""


class RecordingArchive(Protocol):
    """The recordings of all tenants. Each method blocks, and is for a thread; another tenant's are not there."""

    def of_tenant(self, tenant: str) -> Sequence[StoredRecording]:
        """Oldest first."""

    def find(self, tenant: str, recording: str) -> StoredRecording:
        """Raises `BridgeError` (`unknown_recording`)."""

    def export(self, tenant: str, recording: str, stream: str, container: str) -> Iterator[bytes]:
        """A stream in clear, part by part; pictures and sounds as "webm" or "mp4".

        Raises `BridgeError`, at the first part for most of what can be wrong.
        """

    def need_ended(self, tenant: str, recording: str) -> None:
        """Raises as `delete`, and deletes nothing."""

    def delete(self, tenant: str, recording: str) -> None:
        """Its key first. Raises `BridgeError` (`unknown_recording`, `recording_in_progress`)."""


class KeptEvent(Protocol):
    """Something that happened in a vendor's room."""

    @property
    def id(self) -> str:
        """As `webhook-id` has it."""

    @property
    def type(self) -> str:
        """Such as `participant.joined`."""

    @property
    def timestamp(self) -> str:
        """RFC 3339, in UTC."""

    @property
    def data(self) -> Mapping[str, str | int | bool | float | None]:
        """As the webhook has it."""


class EventStore(Protocol):
    """The events of all vendors; each sees its own."""

    @property
    def types(self) -> Sequence[str]:
        """Those that there are."""

    async def read(
        self, tenant: str, after: str | None, limit: int, *, room: str | None, type_: str | None
    ) -> Sequence[KeptEvent]:
        """The next behind the event of the id `after`, or the oldest. Raises `BridgeError` (`cursor_expired`)."""

    async def replay(self, tenant: str, first: str, last: str | None, room: str | None) -> int:
        """Has the events from `first` to `last`, or the newest, told again; gives how many. Raises `BridgeError`."""


Record = Mapping[str, str | int | bool | float | None]
"""What a call or a session came to, with its `id`."""


class RecordArchive(Protocol):
    """The records of all vendors; each sees its own."""

    async def page(
        self,
        tenant: str,
        after: str | None,
        limit: int,
        *,
        room: str | None,
        kind: str | None,
        since: int | None,
        until: int | None,
    ) -> Sequence[Record]:
        """The next behind the record of the id `after`, or the oldest. Times in microseconds since the epoch.

        Raises `BridgeError` (`cursor_expired`, `records_unavailable`).
        """
