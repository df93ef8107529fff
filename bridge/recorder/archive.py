"""The recordings of one tenant, for `/v1/recordings`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridge.transcode.recording import RecordingInfo, RecordingStore


class TenantArchive:
    """A `RecordingArchive` of the REST API: a store in which each tenant sees its own."""

    def __init__(self, store: RecordingStore) -> None:
        self._store = store

    def of_tenant(self, tenant: str) -> Sequence[RecordingInfo]:
        """Oldest first."""
        return self._store.of_tenant(tenant)

    def find(self, tenant: str, recording: str) -> RecordingInfo:
        """One of them. Raises `RecordingError`."""
        return self._store.find(tenant, recording)

    def export(self, tenant: str, recording: str, stream: str, container: str) -> Iterator[bytes]:
        """A stream in clear. Raises `RecordingError`."""
        self._store.find(tenant, recording)
        return self._store.export(recording, stream, container)

    def need_ended(self, tenant: str, recording: str) -> None:
        """Raises as `delete`, and deletes nothing."""
        self._store.find(tenant, recording)
        self._store.need_ended(recording)

    def delete(self, tenant: str, recording: str) -> None:
        """Its key first. Raises `RecordingError`."""
        self._store.find(tenant, recording)
        self._store.delete(recording)
