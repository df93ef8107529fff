"""The store of recordings that the settings describe, what operators do with it, and the task that deletes in time."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import itertools
import json
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bridge.audit import Entry
from bridge.background import Background
from bridge.leg_cpus import choose_cpus
from bridge.settings import Settings
from bridge.transcode.recording import (
    WEBM,
    KeyFile,
    RecordingError,
    RecordingInfo,
    RecordingStore,
    State,
    StoreSettings,
    StreamInfo,
    new_key_line,
)
from bridge.transcode.recording.mp4 import RemuxLimits

DEVELOPMENT_KEYS = "development-recording-keys"
"""The key file of a development bridge, in its data directory."""
EXPIRY_INTERVAL = 600.0
"""Seconds between two looks for recordings whose time has come."""

_log = logging.getLogger(__name__)


def open_store(settings: Settings) -> RecordingStore:
    """The store; without `recordings.key_file` it can list and delete, and nothing can be recorded.

    Raises `RecordingError` for a key file or folder that cannot be used.
    """
    recordings = settings.recordings
    keys = None
    if recordings.key_file is not None:
        # What is wrong with it stops the start. Later it is read anew: keys are exchanged while the bridge runs.
        keys = KeyFile(recordings.key_file)
        keys.ring()
    directory = recordings.directory or settings.data.directory / "recordings"
    remux = RemuxLimits(settings.legs.memory, choose_cpus(settings.legs.cpus, settings.media.workers))
    return RecordingStore(StoreSettings(directory, recordings.retention, recordings.minimum_free, remux), keys)


def with_development_key(settings: Settings, *, create: bool) -> Settings:
    """Where no key file is named: that of the data directory, which a development bridge has made there.

    Raises `OSError`.
    """
    if settings.recordings.key_file is not None:
        return settings
    path = settings.data.directory / DEVELOPMENT_KEYS
    if create and not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(new_key_line("development") + "\n")
    if not path.exists():
        return settings
    return dataclasses.replace(settings, recordings=dataclasses.replace(settings.recordings, key_file=path))


def can_record(settings: Settings) -> bool:
    """Whether rooms can be recorded: there is a key, and there may be a leg that does it."""
    return settings.recordings.key_file is not None and settings.legs.max > 0


def export_to(store: RecordingStore, recording: str, stream: str, output: Path, container: str = "webm") -> int:
    """Writes a stream to a file that only its owner may read, and gives its size. Raises `RecordingError`, `OSError`.

    Where nothing can be given out, no file is left.
    """
    written = 0
    parts = store.export(recording, stream, container)
    first = next(iter(parts), b"")
    with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        for part in itertools.chain([first], parts):
            written += file.write(part)
    return written


def choose_stream(info: RecordingInfo, name: str | None) -> StreamInfo:
    """The stream of that name, or without one the only one in which there is a picture or a sound.

    Raises `RecordingError` (`unknown_stream`, `several_streams`).
    """
    names = ", ".join(stream.name for stream in info.streams) or "none"
    if name is None:
        media = [stream for stream in info.streams if stream.media_type in WEBM]
        if len(media) != 1:
            message = f"The recording has {len(media)} streams of pictures and sound, and one is given out at a time."
            raise RecordingError("several_streams", message, field="--stream", hint=f"name one of: {names}")
        return media[0]
    found = [stream for stream in info.streams if stream.name == name]
    if not found:
        message = f"The recording has no stream {name!r}."
        raise RecordingError("unknown_stream", message, field="--stream", hint=f"it has: {names}")
    return found[0]


def default_output(info: RecordingInfo, stream: StreamInfo, container: str) -> Path:
    """Where a stream is written where nobody says: in this folder, by the name that it has by REST, too."""
    return Path(f"{info.id}-{stream.name}.{container if stream.media_type in WEBM else 'jsonl'}")


def recordings_as_table(infos: Sequence[RecordingInfo]) -> str:
    """A line for each recording, below one of headings."""
    lines = [f"{'recording':<34}{'made':<18}{'kept until':<18}{'state':<11}{'key':<14}{'bytes':>12}  streams"]
    for info in infos:
        size = sum(stream.bytes for stream in info.streams)
        names = ", ".join(stream.name for stream in info.streams)
        made, until = _minute(info.created), _minute(info.expires)
        lines.append(
            f"{info.id:<34}{made:<18}{until:<18}{info.state.value:<11}{info.key_id or '-':<14}{size:>12}  {names}"
        )
    return "\n".join(lines)


def recordings_as_json(infos: Sequence[RecordingInfo]) -> str:
    """The same for programs, times in seconds since the epoch."""
    return json.dumps([dataclasses.asdict(info) | {"state": info.state.value} for info in infos], indent=2)


def _minute(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%d %H:%MZ")


class Retention(Background):
    """Deletes recordings in time, in a thread of its own: looks at once, and then every ten minutes."""

    def __init__(
        self, store: RecordingStore, note: Callable[[Entry], None], *, clock: Callable[[], float] = time.time
    ) -> None:
        """`note` takes entries to the audit log."""
        super().__init__()
        self._store = store
        self._note = note
        self._clock = clock
        self._noted: set[str] = set()
        """Recordings that were noted as deleted, and are still there."""

    async def sweep(self) -> None:
        """Deletes what has outlived its time now. What cannot be deleted keeps none of the others."""
        try:
            overdue = await asyncio.to_thread(self._store.overdue, self._clock())
        except (OSError, RecordingError) as error:
            _log.error("Recordings could not be looked through", extra={"error": str(error)})
            return
        self._noted &= {info.id for info in overdue}
        for info in overdue:
            await self._delete(info)

    async def _delete(self, info: RecordingInfo) -> None:
        # Whoever was stopped while they deleted one had written it down.
        if info.state is not State.SHREDDED and info.id not in self._noted:
            self._noted.add(info.id)
            details = {"recording_id": info.id, "reason": "retention"}
            self._note(Entry("recording_deleted", info.tenant, info.room, details=details))
        try:
            await asyncio.to_thread(self._store.delete, info.id)
        except (OSError, RecordingError) as error:
            _log.error("A recording could not be deleted", extra={"recording": info.id, "error": str(error)})
            return
        _log.info("A recording was deleted: its time had come", extra={"recording": info.id})

    async def _run(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(EXPIRY_INTERVAL)
