"""Where recordings are kept: a folder each, with a key of its own that only the operator's key opens.

    <id>/recording.json   when it was made and when it expires, in clear, so that it is deleted in time without a key;
                          whose it is (the vendor) and of which room
    <id>/key.json         its key, wrapped; overwritten and removed first when it is deleted
    <id>/<name>.stream    its streams (see `chunks`): "composed", a participant's own, "timeline"

Only the owner's user reads them. Whoever makes a recording holds a lock on its folder, which ends with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from bridge.transcode.recording.chunks import ChunkReader, Extent, survey
from bridge.transcode.recording.errors import RecordingError
from bridge.transcode.recording.keys import KEY_BYTES, KeyFile, KeyRing, WrappedKey
from bridge.transcode.recording.model import RecordingInfo, State, StreamInfo
from bridge.transcode.recording.mp4 import RemuxLimits, as_mp4
from bridge.transcode.recording.seekable import seekable
from bridge.transcode.recording.session import Recording
from bridge.transcode.recording.silence import SilenceFilled

_log = logging.getLogger(__name__)
_ID = re.compile(r"[0-9a-f]{32}")
_RECORD, _KEY, _SUFFIX = "recording.json", "key.json", ".stream"
WEBM = "video/webm", "audio/webm"
"""Media types of streams that `WebmWriter` wrote."""
CONTAINERS = "webm", "mp4"
"""That they are exported in."""


class _Record(msgspec.Struct, frozen=True):
    created: float
    expires: float
    tenant: str = ""
    room: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """How recordings are kept."""

    directory: Path
    retention: float
    """Seconds after which a recording is deleted."""
    minimum_free: int = 0
    """Bytes that have to be left on the file system: a recording does not start, and ends, below."""
    remux: RemuxLimits = field(default_factory=RemuxLimits)
    """Of the process that makes an MP4."""


class RecordingStore:
    """The recordings of a bridge. Methods may block for as long as a disk does."""

    def __init__(self, settings: StoreSettings, keys: KeyRing | KeyFile | None) -> None:
        """Without keys recordings can be listed and deleted, and nothing else."""
        self.settings = settings
        self._keys = keys

    def create(self, now: float, *, tenant: str = "", room: str = "") -> Recording:
        """A new recording that this process makes; `now` in seconds since the epoch.

        `tenant` is the vendor whose it is, and `room` the name of its room; both stand in clear beside it.

        Raises `RecordingError` (`recording_no_key`, `recording_no_space`, `recording_unwritable`): then there is none.
        """
        keys = self._need_keys()
        try:
            self.settings.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RecordingError(
                "recording_unwritable",
                f"{self.settings.directory} cannot be used: {error.strerror}.",
                field="recordings.directory",
            ) from None
        usage = os.statvfs(self.settings.directory)
        if usage.f_bavail * usage.f_frsize < max(self.settings.minimum_free, 1):
            raise RecordingError(
                "recording_no_space",
                f"Less than {self.settings.minimum_free} bytes are free for recordings.",
                field="recordings.minimum_free",
                hint="delete recordings or give them more room",
            )
        identity = secrets.token_hex(16)
        folder = self.settings.directory / identity
        key = secrets.token_bytes(KEY_BYTES)
        try:
            folder.mkdir(mode=0o700)
            lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write(folder / _KEY, msgspec.json.encode(keys.wrap(key, identity)))
            _write(folder / _RECORD, msgspec.json.encode(_Record(now, now + self.settings.retention, tenant, room)))
            return Recording(identity, folder, key, lock, minimum_free=self.settings.minimum_free)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise RecordingError(
                "recording_unwritable",
                f"The recording cannot be written: {error.strerror}.",
                field="recordings.directory",
            ) from None

    def recordings(self) -> list[RecordingInfo]:
        """All recordings, oldest first."""
        return self._described(self._folders())

    def of_tenant(self, tenant: str) -> list[RecordingInfo]:
        """Those of one tenant, oldest first."""
        return self._described(path for path in self._folders() if self._is_of(path, tenant))

    def find(self, tenant: str, recording: str) -> RecordingInfo:
        """One of a tenant's. Raises `RecordingError` (`unknown_recording`), for one of another, too."""
        if not self._is_of(self._folder(recording), tenant):
            raise _unknown_recording()
        return self.info(recording)

    def info(self, recording: str) -> RecordingInfo:
        """What is known of a recording without opening it. Raises `RecordingError` (`unknown_recording`)."""
        folder = self._folder(recording)
        record, wrapped = _read_record(folder), _read_key(folder)
        streams = []
        states = set()
        for path in sorted(folder.glob(f"*{_SUFFIX}")):
            extent = _survey(path)
            if extent is None:
                states.add(State.DAMAGED)
                continue
            streams.append(StreamInfo(extent.header.name, extent.header.media_type, extent.bytes))
            states.add(self._state_of(path, extent, wrapped, recording))
        if wrapped is None:
            state = State.SHREDDED
        elif _is_locked(folder):
            state = State.RECORDING
        elif record is None or State.DAMAGED in states:
            state = State.DAMAGED
        else:
            state = State.TRUNCATED if State.TRUNCATED in states or not states else State.COMPLETE
        if record is None:
            # When it was made is not known; it is not kept for ever for that.
            changed = folder.stat().st_mtime
            record = _Record(changed, changed + self.settings.retention)
        key_id = wrapped.key_id if wrapped else None
        times = record.created, record.expires
        return RecordingInfo(recording, *times, state, key_id, tuple(streams), record.tenant, record.room)

    def read(self, recording: str, stream: str) -> Iterator[bytes]:
        """A stream as it was written, chunk by chunk, as far as it goes. Raises `RecordingError`.

        Damage is raised where it stands: what was given before it is as it was recorded.
        """
        folder = self._folder(recording)
        key = self._key_of(folder, recording)
        path = folder / f"{stream}{_SUFFIX}"
        if stream not in self._names(folder):
            raise RecordingError(
                "unknown_stream",
                f"The recording has no stream {stream!r}.",
                field="stream",
                hint=f"it has: {', '.join(self._names(folder)) or 'none'}",
            )
        with path.open("rb") as file:
            reader = ChunkReader(file, key)
            if (reader.header.recording, reader.header.name) != (recording, stream):
                raise RecordingError("recording_damaged", "A stream of another recording was put in this one's place.")
            yield from reader

    def export(self, recording: str, stream: str, container: str = "webm") -> Iterator[bytes]:
        """A stream as a file to be given away: WebM or MP4 with an index in front; the time line as it is.

        Raises `RecordingError`, at the first part for most of what can be wrong.
        """
        if container not in CONTAINERS:
            raise RecordingError(
                "unknown_container",
                f"{container!r}: expected {' or '.join(CONTAINERS)}.",
                field="format",
            )
        chunks = self.read(recording, stream)
        media_type = next((each.media_type for each in self.info(recording).streams if each.name == stream), "")
        if media_type not in WEBM:
            return chunks
        chunks.close()  # type: ignore[attr-defined]
        filled = SilenceFilled(lambda: self.read(recording, stream))
        if container == "mp4":
            return as_mp4(filled, self.settings.remux)
        return seekable(filled)

    def delete(self, recording: str) -> None:
        """Deletes a recording: its key first, so that what is left on a disk is noise.

        Raises `RecordingError` (`unknown_recording`, `recording_in_progress`).
        """
        self.need_ended(recording)
        self._shred(self._folder(recording))

    def need_ended(self, recording: str) -> None:
        """Raises as `delete`, and deletes nothing: for who writes down a deletion before it is done."""
        if _is_locked(self._folder(recording)):
            raise RecordingError("recording_in_progress", "The recording is still being made.", hint="stop it first")

    def overdue(self, now: float) -> list[RecordingInfo]:
        """What has outlived its time, and what somebody was deleting when they were stopped (`State.SHREDDED`)."""
        ended = (info for info in self.recordings() if info.state is not State.RECORDING)
        return [info for info in ended if info.state is State.SHREDDED or info.expires <= now]

    def rotate(self) -> Iterable[str]:
        """Wraps the keys of all recordings by the active key, so that older ones can be taken out. Gives the ids.

        Raises `RecordingError` at the first one whose key cannot be opened; those before it are done.
        """
        keys = self._need_keys()
        done = []
        for info in self.recordings():
            if info.key_id in (None, keys.active):
                continue
            folder = self.settings.directory / info.id
            _write(folder / _KEY, msgspec.json.encode(keys.wrap(self._key_of(folder, info.id), info.id)))
            done.append(info.id)
        return done

    def _need_keys(self) -> KeyRing:
        if self._keys is None:
            raise RecordingError(
                "recording_no_key",
                "There is no key for recordings.",
                field="recordings.key_file",
                hint="bridge recordings new-key prints a line for it",
            )
        return self._keys.ring()

    def _folder(self, recording: str) -> Path:
        folder = self.settings.directory / recording
        if not _ID.fullmatch(recording) or not folder.is_dir():
            raise _unknown_recording()
        return folder

    def _folders(self) -> list[Path]:
        if not self.settings.directory.is_dir():
            return []
        return [path for path in self.settings.directory.iterdir() if _ID.fullmatch(path.name)]

    def _described(self, folders: Iterable[Path]) -> list[RecordingInfo]:
        found = []
        for folder in folders:
            try:
                found.append(self.info(folder.name))
            except (RecordingError, FileNotFoundError):
                # It was deleted while it was looked at.
                continue
            except OSError as error:
                # Of another user's, say: the others are listed, and deleted in time, nonetheless.
                _log.error("A recording cannot be looked at", extra={"recording": folder.name, "error": str(error)})
        return sorted(found, key=lambda info: (info.created, info.id))

    @staticmethod
    def _is_of(folder: Path, tenant: str) -> bool:
        record = _read_record(folder)
        return record is not None and record.tenant == tenant

    def _names(self, folder: Path) -> list[str]:
        return sorted(path.name.removesuffix(_SUFFIX) for path in folder.glob(f"*{_SUFFIX}"))

    def _key_of(self, folder: Path, recording: str) -> bytes:
        wrapped = _read_key(folder)
        if wrapped is None:
            raise RecordingError("recording_no_key", "The recording was deleted: its key is gone.")
        return self._need_keys().unwrap(wrapped, recording)

    def _state_of(self, path: Path, extent: Extent, wrapped: WrappedKey | None, recording: str) -> State:
        """Complete if the last chunk is the final one, which only the key can tell; without one, if none is torn."""
        if extent.torn or extent.chunks == 0:
            return State.TRUNCATED
        try:
            keys = self._need_keys()
        except RecordingError:
            # A list tells what there is without them, too.
            return State.COMPLETE
        if wrapped is None or wrapped.key_id not in keys.keys:
            return State.COMPLETE
        try:
            key = keys.unwrap(wrapped, recording)
            with path.open("rb") as file:
                return State.COMPLETE if ChunkReader(file, key).ends_in_final(extent) else State.TRUNCATED
        except RecordingError:
            return State.DAMAGED

    def _shred(self, folder: Path) -> None:
        key = folder / _KEY
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(key, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.pwrite(descriptor, b"\x00" * os.fstat(descriptor).st_size, 0)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            key.unlink()
        shutil.rmtree(folder)


def _unknown_recording() -> RecordingError:
    hint = "`bridge recordings list` names them, and GET /v1/recordings to vendors"
    return RecordingError("unknown_recording", "There is no such recording.", hint=hint)


def _write(path: Path, data: bytes) -> None:
    """Writes a file complete or not at all."""
    draft = path.with_suffix(".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def _read_record(folder: Path) -> _Record | None:
    try:
        return msgspec.json.decode((folder / _RECORD).read_bytes(), type=_Record)
    except (OSError, msgspec.MsgspecError):
        return None


def _read_key(folder: Path) -> WrappedKey | None:
    """The wrapped key; None where it was overwritten or removed."""
    try:
        return msgspec.json.decode((folder / _KEY).read_bytes(), type=WrappedKey)
    except (OSError, msgspec.MsgspecError):
        return None


def _survey(path: Path) -> Extent | None:
    try:
        with path.open("rb") as file:
            return survey(file)
    except RecordingError:
        return None


def _is_locked(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
