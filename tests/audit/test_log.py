"""The log of a running bridge: full disks, lost databases, and processes that are killed."""

from __future__ import annotations

import asyncio
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.audit import PUBLIC_KEY, AuditError, AuditLog, AuditReader, AuditSettings, Entry, SealChecker, verify
from bridge.audit.store import DATABASE, HEAD
from bridge.room import JoinRequest, RoomError, RoomLimits, Rooms

WRITER = """
import asyncio, sys
from pathlib import Path
from bridge.audit import AuditLog, AuditSettings, Entry

async def main():
    log = AuditLog(Path(sys.argv[1]), AuditSettings(retention=86400.0))
    log.start()
    number = 0
    async def one(worker):
        nonlocal number
        while True:
            number += 1
            mine = number
            await log.confirm(Entry("tick", details={"number": mine}))
            print(mine, flush=True)
    await asyncio.gather(*(one(worker) for worker in range(8)))

asyncio.run(main())
"""


def kinds(data: Path) -> list[str]:
    reader = AuditReader(data)
    found = [row.kind for row in reader.rows()]
    reader.close()
    return found


def findings(data: Path) -> tuple[str, ...]:
    reader = AuditReader(data)
    found = verify(reader, SealChecker.from_pem(data / PUBLIC_KEY)).findings
    reader.close()
    return found


@contextmanager
def no_space() -> Iterator[None]:
    """No file of this process may grow: what a full disk is to SQLite."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in a thread
            await asyncio.sleep(0.01)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    log = AuditLog(tmp_path, AuditSettings(retention=86_400.0, capacity=5))
    log.start()
    yield log
    log.close()


def request(room: str) -> JoinRequest:
    return JoinRequest("clinic", room, "kari", "Kari", "fastlege", frozenset())


async def test_a_full_disk_stops_new_rooms_and_nothing_else(log: AuditLog, tmp_path: Path) -> None:
    rooms = Rooms(RoomLimits(), ledger=log)
    session = rooms.join(request("first"))
    await log.confirm(Entry("before"))
    with no_space():
        log.append(Entry("during"))
        await until(lambda: not log.writable)
        with pytest.raises(RoomError) as refused:
            rooms.join(request("second"))
        assert refused.value.code == "records_unavailable"
        with pytest.raises(AuditError) as unavailable:
            await log.confirm(Entry("refused"))
        assert unavailable.value.code == "audit_unavailable"
        # The call that runs goes on, and others may come.
        rooms.join(JoinRequest("clinic", "first", "ola", "Ola", "pasient", frozenset()))
        rooms.leave(session.id)
        for _ in range(20):
            log.append(Entry("more"))
        assert log.lost > 0
    await until(lambda: log.writable)
    await until(lambda: log.lost == 0)
    rooms.join(request("second"))
    await log.confirm(Entry("after"))
    found = kinds(tmp_path)
    assert [kind for kind in found if kind in ("before", "during", "after")] == ["before", "during", "after"]
    assert "entries_lost" in found
    assert "refused" not in found
    assert not findings(tmp_path)


async def test_a_database_taken_away_stops_new_rooms(log: AuditLog, tmp_path: Path) -> None:
    await log.confirm(Entry("before"))
    kept = tmp_path / "kept"
    (tmp_path / DATABASE).rename(kept)
    with pytest.raises(AuditError):
        await log.confirm(Entry("refused"))
    assert not log.writable
    log.append(Entry("waits"))
    kept.rename(tmp_path / DATABASE)
    await until(lambda: log.writable)
    assert kinds(tmp_path) == ["before", "waits"]


def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, AuditSettings(retention=86_400.0))
    log.start()
    for _ in range(1200):
        log.append(Entry("tick"))
    log.close()
    log.close()
    assert kinds(tmp_path) == ["tick"] * 1200
    assert not log.writable
    assert not findings(tmp_path)


def test_retention_is_kept_and_noted(tmp_path: Path) -> None:
    now = 1000.0
    log = AuditLog(tmp_path, AuditSettings(retention=100.0), clock=lambda: now)
    log.start()
    log.append(Entry("old"))
    log.close()
    now = 2000.0
    log = AuditLog(tmp_path, AuditSettings(retention=100.0), clock=lambda: now)
    log.start()
    log.append(Entry("new"))
    log.close()
    assert kinds(tmp_path) == ["new", "retention"]
    assert not findings(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / DATABASE).mkdir()
    with pytest.raises(AuditError) as caught:
        AuditLog(tmp_path, AuditSettings(retention=100.0)).start()
    assert caught.value.code == "audit_unavailable"


def test_a_killed_process_loses_nothing_that_it_confirmed(tmp_path: Path) -> None:
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        confirmed = [int(process.stdout.readline()) for _ in range(100)]
        process.send_signal(signal.SIGKILL)
        confirmed += [int(line) for line in process.stdout.read().split("\n")[:-1]]
        process.wait()
        process.stdout.close()
        assert not findings(tmp_path)
        reader = AuditReader(tmp_path)
        numbers = [row.details for row in reader.rows()]
        reader.close()
        assert {f'{{"number":{number}}}' for number in confirmed} <= set(numbers)
    assert (tmp_path / HEAD).exists()
