"""Looks through an audit log for any row that was changed, taken out, added or moved, and writes it out."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass

from bridge.audit.chain import GENESIS, Row, Seal, checkpoint_bytes, hash_of, head_text, sealed_bytes
from bridge.audit.keys import SealChecker
from bridge.audit.store import AuditReader
from bridge.storage import StorageError

MAX_FINDINGS = 20
HEAD_DIGEST_CHARACTERS = 43


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    entries: int
    head: str
    """How far the chain reaches, as `SEQ:HASH`, for keeping where nobody can change it."""
    findings: tuple[str, ...]
    """What is wrong, in sentences, `MAX_FINDINGS` at most; none for a log that is whole."""


class _EnoughError(Exception):
    """There is no need to look further."""


class _Findings(list[str]):
    def add(self, text: str) -> None:
        self.append(text)
        if len(self) >= MAX_FINDINGS:
            raise _EnoughError


def verify(reader: AuditReader, checker: SealChecker, *, heads: tuple[str, ...] = ()) -> Verdict:
    """Checks every hash and every signature. `heads` are `SEQ:HASH` that were noted earlier and have to be in it."""
    findings = _Findings()
    count, head = 0, head_text(0, GENESIS)
    try:
        known = _known_heads(reader, heads, findings)
        begin = _beginning(reader, checker, findings)
        seals = iter(reader.seals())
        seal = next(seals, None)
        seq, previous, sealed = begin.seq, begin.hash, begin.seq
        for row in reader.rows():
            count += 1
            if row.seq != seq + 1:
                findings.add(f"Entry {seq + 1} is missing; {row.seq} comes next.")
            if hash_of(previous, row) != row.hash:
                findings.add(f"Entry {row.seq} was changed, or what stood before it was.")
            seq, previous = row.seq, row.hash
            head = head_text(seq, previous)
            while seal is not None and seal.seq <= seq:
                _check_seal(seal, row, sealed, checker, findings)
                sealed = seal.seq
                seal = next(seals, None)
            if known.pop(seq, head) != head:
                findings.add(f"Entry {seq} is not the one that was noted as the head of the log.")
        if seal is not None:
            findings.add(f"Entries are missing at the end: {seal.seq} was sealed, {seq} is the last.")
        if sealed != seq:
            findings.add(f"The entries after {sealed} have no seal.")
        for missing in sorted(number for number in known if number > seq):
            findings.add(f"Entries are missing at the end: {missing} was noted as the head, {seq} is the last.")
    except _EnoughError:
        pass
    except (StorageError, TypeError, AttributeError, OverflowError) as error:
        findings.append(f"The database is damaged: {type(error).__name__}.")
    return Verdict(count, head, tuple(findings))


def export(reader: AuditReader) -> Generator[str, None, None]:
    """The log as JSON lines: entries with `seq`, `at` (microseconds since the epoch) and `hash`, then the seals."""
    for checkpoint in reader.checkpoints():
        yield json.dumps({"type": "checkpoint", **_as_json(checkpoint)})
    for row in reader.rows():
        body = {name: getattr(row, name) for name in ("seq", "at", "kind", "tenant", "room", "actor", "subject")}
        yield json.dumps(
            {"type": "entry", **body, "details": json.loads(row.details), "hash": row.hash.hex()}, ensure_ascii=False
        )
    for seal in reader.seals():
        yield json.dumps({"type": "seal", **_as_json(seal)})


def _known_heads(reader: AuditReader, heads: tuple[str, ...], findings: _Findings) -> dict[int, str]:
    """Heads that were noted, by the number of their entry."""
    known: dict[int, str] = {}
    beside = reader.head()
    for text in (*heads, *([] if beside is None else [beside])):
        number, _, digest = text.partition(":")
        if not number.isdecimal() or len(digest) != HEAD_DIGEST_CHARACTERS:
            findings.add(f"{text[:80]!r} is no head: SEQ:HASH was expected.")
        elif known.setdefault(int(number), text) != text:
            findings.add(f"Two heads were noted for entry {int(number)}.")
    return known


def _beginning(reader: AuditReader, checker: SealChecker, findings: _Findings) -> Seal:
    """Where the chain begins: at a checkpoint, or at nothing."""
    checkpoints = reader.checkpoints()
    if not checkpoints:
        return Seal(0, GENESIS, 0, 0, b"")
    if len(checkpoints) > 1:
        findings.add("There is more than one checkpoint.")
    if not checker.holds(checkpoints[-1].signature, checkpoint_bytes(checkpoints[-1])):
        findings.add("The checkpoint is not signed with this key.")
    return checkpoints[-1]


def _check_seal(seal: Seal, row: Row, sealed: int, checker: SealChecker, findings: _Findings) -> None:
    if seal.previous != sealed:
        findings.add(f"A seal is missing between entries {sealed} and {seal.seq}.")
    if seal.seq != row.seq or seal.hash != row.hash:
        findings.add(f"The seal of entry {seal.seq} does not fit the entry.")
    if not checker.holds(seal.signature, sealed_bytes(seal)):
        findings.add(f"The seal of entry {seal.seq} is not signed with this key.")


def _as_json(seal: Seal) -> dict[str, object]:
    return {
        "seq": seal.seq,
        "hash": seal.hash.hex(),
        "previous": seal.previous,
        "at": seal.at,
        "signature": seal.signature.hex(),
    }
