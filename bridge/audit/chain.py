"""The hash chain: what an entry is, what its hash covers, and what seals and checkpoints sign.

Each entry's hash covers the one before it, so an entry that was changed, taken out or moved breaks the chain from there
on. A seal signs the hash of the newest entry of a commit, so whoever can write to the database but has not the
key cannot compute a new chain. A checkpoint signs where the chain begins after retention has taken its oldest part.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

GENESIS = hashlib.sha256(b"bridge audit 1").digest()
"""What the first entry of a chain follows."""

Detail = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, not yet in the chain."""

    kind: str
    """What, in snake_case, such as `participant_joined`; docs/operators.md lists them."""
    tenant: str = ""
    room: str = ""
    """The room's name within its tenant."""
    actor: str = ""
    """Who did it: a pseudonym, `api:` and the id of an API key, `operator`, or nothing for the bridge itself."""
    subject: str = ""
    """To whom: a pseudonym."""
    details: Mapping[str, Detail] = field(default_factory=dict)
    """Ids, codes and numbers; never a name, a text or an address."""
    identity: str = field(default="", repr=False)
    """Of the subject, for the vendor's webhooks; it is no part of the chain."""
    attachment: Mapping[str, Detail] = field(default_factory=dict)
    """More of it for webhooks and records, which are kept for a shorter time; it is no part of the chain."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in the chain."""

    seq: int
    """From 1, without gaps."""
    at: int
    """When it was taken down: microseconds since the epoch, by the node's clock, which may be set back."""
    kind: str
    tenant: str
    room: str
    actor: str
    subject: str
    details: str
    """A JSON object."""
    hash: bytes
    """SHA-256, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A signature over the chain as far as `seq`."""

    seq: int
    hash: bytes
    previous: int
    """The `seq` of the seal, or the checkpoint, before it; 0 for the first."""
    at: int
    signature: bytes
    """Ed25519, 64 bytes."""


def link(previous: bytes, seq: int, at: int, entry: Entry) -> Row:
    """The row of `entry` that follows the one whose hash is `previous`."""
    details = json.dumps(dict(entry.details), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    kind, tenant, room, actor, subject, details = texts = tuple(
        map(_storable, (entry.kind, entry.tenant, entry.room, entry.actor, entry.subject, details))
    )
    return Row(seq, at, kind, tenant, room, actor, subject, details, _digest(previous, seq, at, texts))


def hash_of(previous: bytes, row: Row) -> bytes:
    """What the hash of `row` has to be."""
    return _digest(previous, row.seq, row.at, (row.kind, row.tenant, row.room, row.actor, row.subject, row.details))


def head_text(seq: int, digest: bytes) -> str:
    """How far a chain reaches, for people to note: `SEQ:HASH`, the hash in URL-safe Base64.

    Not in hexadecimal, of which so many digits may come together that logs would take them for an identity number.
    """
    return f"{seq}:{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def sealed_bytes(seal: Seal) -> bytes:
    """What the signature of a seal is over."""
    return b"bridge audit seal 1\n" + _numbers(seal.seq, seal.previous, seal.at) + seal.hash


def checkpoint_bytes(seal: Seal) -> bytes:
    """What the signature of a checkpoint is over: the entries up to it were taken out by retention."""
    return b"bridge audit checkpoint 1\n" + _numbers(seal.seq, seal.previous, seal.at) + seal.hash


def _storable(text: str) -> str:
    """Databases differ in whether a text may hold U+0000; a chain reads the same in each."""
    return text.replace("\0", "\ufffd")


def _digest(previous: bytes, seq: int, at: int, texts: tuple[str, ...]) -> bytes:
    digest = hashlib.sha256(previous + _numbers(seq, at))
    for text in texts:
        data = text.encode()
        # The length in front of each, so that no text can pass for the end of one and the beginning of another.
        digest.update(_numbers(len(data)))
        digest.update(data)
    return digest.digest()


def _numbers(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(8, "big", signed=True) for number in numbers)
