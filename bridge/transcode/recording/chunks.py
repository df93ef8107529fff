"""A stream that is encrypted at rest: a header, and chunks that cannot be cut, moved or exchanged unnoticed.

    "BRIDGER1" | u16 length of the header | header (JSON) | chunk | chunk | … | final chunk
    chunk: u32 length of the rest | ciphertext | 16 bytes of tag

Integers are big-endian. Chunks are sealed by AES-256-GCM after the STREAM construction (Hoang, Reyhanitabar, Rogaway,
Vizár 2015): the nonce is three zero bytes, a byte that is 1 for the final chunk only, and the chunk's index. The key is
that of the stream alone, derived by HKDF-SHA256 from the recording's key, a random salt and the whole header; so a
chunk opens only at its place of its own stream, and a header that was changed opens nothing. The final chunk holds the
number of bytes. Where it is missing, the writer did not come to its end: all chunks that are whole can still be read.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bridge.transcode.recording.errors import RecordingError

MAGIC = b"BRIDGER1"
MAX_HEADER = 4096
MAX_CHUNK = 1 << 20
"""Bytes of plaintext in a chunk; more is written as several."""
TAG_BYTES = 16
_LENGTH = struct.Struct(">I")
_HEADER_LENGTH = struct.Struct(">H")
_TOTAL = struct.Struct(">Q")
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StreamHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in clear before a stream. It says nothing of who is in it."""

    recording: str
    name: str
    media_type: str
    salt: bytes
    """16 random bytes, in Base64 in the file: no two streams have the same key."""

    @classmethod
    def new(cls, recording: str, name: str, media_type: str) -> StreamHeader:
        """The header of a stream that is to be written."""
        return cls(recording, name, media_type, secrets.token_bytes(16))


class ChunkWriter:
    """Writes a stream. Each `write` is a chunk that can be read from then on."""

    def __init__(
        self, descriptor: int, key: bytes, header: StreamHeader, *, minimum_free: int = 0, sync: bool = True
    ) -> None:
        """Begins at the start of an empty file, which it owns from then on. Raises `RecordingError`.

        `minimum_free` is how many bytes the file system has to have left, `sync` whether a chunk is on the disk, and
        not only with the system, before `write` returns.
        """
        self._descriptor = descriptor
        self._minimum_free = minimum_free
        self._sync = sync
        self._index = 0
        self._bytes = 0
        self._end = 0
        self._closed = False
        encoded = msgspec.json.encode(header)
        self._cipher = _cipher(key, header, encoded)
        try:
            self._put(MAGIC + _HEADER_LENGTH.pack(len(encoded)) + encoded)
        except RecordingError:
            os.close(descriptor)
            raise

    @property
    def bytes_written(self) -> int:
        """Bytes of plaintext so far."""
        return self._bytes

    def write(self, data: bytes) -> None:
        """Adds a chunk. Raises `RecordingError`: then the stream has ended, and what was written is readable."""
        if self._closed:
            raise RecordingError("recording_ended", "The recording has ended.")
        for start in range(0, len(data), MAX_CHUNK):
            part = data[start : start + MAX_CHUNK]
            try:
                self._check_space(len(part))
                self._put(self._seal(part, final=False))
            except RecordingError:
                self.close()
                raise
            self._index += 1
            self._bytes += len(part)

    def close(self) -> None:
        """Marks the stream as complete. What was written stays readable even if there is no room for the mark."""
        if self._closed:
            return
        self._closed = True
        try:
            self._put(self._seal(_TOTAL.pack(self._bytes), final=True))
        except RecordingError:
            # A stream without the mark reads as one that was cut, which is what it is.
            return
        finally:
            os.close(self._descriptor)

    def abandon(self) -> None:
        """Closes the file without the mark, as a crash would."""
        if not self._closed:
            self._closed = True
            os.close(self._descriptor)

    def _seal(self, data: bytes, *, final: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._index, final=final), data, None)
        return _LENGTH.pack(len(sealed)) + sealed

    def _check_space(self, needed: int) -> None:
        if self._minimum_free:
            system = os.fstatvfs(self._descriptor)
            if system.f_bavail * system.f_frsize < self._minimum_free + needed:
                raise RecordingError("recording_no_space", "There is no room left for the recording.")

    def _put(self, data: bytes) -> None:
        """Writes all of it or nothing."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            if self._sync:
                os.fdatasync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._end)
            os.lseek(self._descriptor, self._end, os.SEEK_SET)
            if error.errno in _NO_SPACE:
                raise RecordingError("recording_no_space", "There is no room left for the recording.") from None
            raise RecordingError(
                "recording_unwritable", f"The recording cannot be written: {error.strerror}."
            ) from None
        self._end += len(data)


@dataclass(frozen=True, slots=True)
class Extent:
    """What a stream's file holds, as far as that is seen without its key."""

    header: StreamHeader
    chunks: int
    """That are whole, a final one included."""
    bytes: int
    """Of plaintext in them at most."""
    last: int
    """Where in the file the last whole chunk begins."""
    torn: bool
    """Whether the file ends within a chunk."""


class ChunkReader:
    """Reads a stream, also while it is written."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        """Begins at the start of the file. Raises `RecordingError`."""
        self._file = file
        self.header, encoded = read_header(file)
        self._cipher = _cipher(key, self.header, encoded)
        self._index = 0
        self._bytes = 0
        self.complete = False
        """Whether the final chunk was read: nothing is missing."""

    def next(self) -> bytes | None:
        """The next chunk, or None where the file ends at present. Raises `RecordingError` (`recording_damaged`).

        That is the end if `complete`; else it is where the file was cut, or where its writer is.
        """
        if self.complete:
            return None
        position = self._file.tell()
        length = _chunk_length(self._file.read(_LENGTH.size))
        sealed = self._file.read(length) if length is not None else b""
        if length is None or len(sealed) < length:
            self._file.seek(position)
            return None
        data = self._open(sealed, final=False)
        if data is not None:
            self._index += 1
            self._bytes += len(data)
            return data
        total = self._open(sealed, final=True)
        if total is None or total != _TOTAL.pack(self._bytes) or self._file.read(1):
            raise RecordingError("recording_damaged", f"Chunk {self._index} is not as it was written.")
        self.complete = True
        return None

    def __iter__(self) -> Iterator[bytes]:
        """All chunks that are there."""
        while (data := self.next()) is not None:
            yield data

    def ends_in_final(self, extent: Extent) -> bool:
        """Whether the last whole chunk is the final one at its place. Raises `RecordingError` if it is no chunk."""
        self._file.seek(extent.last)
        length = _chunk_length(self._file.read(_LENGTH.size))
        sealed = self._file.read(length or 0)
        self._index = extent.chunks - 1
        if self._open(sealed, final=True) is not None:
            return True
        if self._open(sealed, final=False) is None:
            raise RecordingError("recording_damaged", "The last chunk is not as it was written.")
        return False

    def _open(self, sealed: bytes, *, final: bool) -> bytes | None:
        try:
            return self._cipher.decrypt(_nonce(self._index, final=final), sealed, None)
        except InvalidTag:
            return None


def read_header(file: BinaryIO) -> tuple[StreamHeader, bytes]:
    """The header of a stream and its bytes as they stand in the file. Raises `RecordingError`."""
    start = file.read(len(MAGIC) + _HEADER_LENGTH.size)
    if len(start) == len(MAGIC) + _HEADER_LENGTH.size and start.startswith(MAGIC):
        [length] = _HEADER_LENGTH.unpack(start[len(MAGIC) :])
        encoded = file.read(length) if length <= MAX_HEADER else b""
        try:
            return msgspec.json.decode(encoded, type=StreamHeader), encoded
        except (msgspec.MsgspecError, ValueError):
            pass
    raise RecordingError("recording_damaged", "A stream of the recording has no header.")


def survey(file: BinaryIO) -> Extent:
    """Looks through a stream's chunks without opening them. Raises `RecordingError`."""
    header, _ = read_header(file)
    chunks = size = last = 0
    position = file.tell()
    end = file.seek(0, io.SEEK_END)
    while position < end:
        file.seek(position)
        length = _chunk_length(file.read(_LENGTH.size))
        if length is None or position + _LENGTH.size + length > end:
            return Extent(header, chunks, size, last, torn=True)
        chunks, last = chunks + 1, position
        size += length - TAG_BYTES
        position += _LENGTH.size + length
    return Extent(header, chunks, size, last, torn=False)


def _chunk_length(encoded: bytes) -> int | None:
    """The length that stands before a chunk; None where the file ends within it."""
    if len(encoded) < _LENGTH.size:
        return None
    length = int(_LENGTH.unpack(encoded)[0])
    if not TAG_BYTES <= length <= MAX_CHUNK + TAG_BYTES:
        raise RecordingError("recording_damaged", "A chunk of the recording has a length that none can have.")
    return length


def _cipher(key: bytes, header: StreamHeader, encoded: bytes) -> AESGCM:
    derivation = HKDF(SHA256(), 32, salt=header.salt, info=b"bridge recording stream v1\n" + encoded)
    return AESGCM(derivation.derive(key))


def _nonce(index: int, *, final: bool) -> bytes:
    return struct.pack(">3xBQ", final, index)
