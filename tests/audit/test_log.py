"""The log of a running bridge: full disks, lost databases, and processes that are killed."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge.audit import (
    HEAD,
    PUBLIC_KEY,
    AuditError,
    AuditLog,
    AuditReader,
    AuditSettings,
    AuditStore,
    Entry,
    SealChecker,
    SealingKey,
    verify,
)
from bridge.audit.chain import Seal
from bridge.room import JoinRequest, RoomError, RoomLimits, Rooms
from bridge.storage import Database, Place, StorageError
from bridge.storage.choice import NODE_FILE
from tests.support.patience import PATIENCE
from tests.support.places import Places
from tests.support.postgres import Cluster

WRITER = """
import asyncio, sys
from pathlib import Path
from bridge.audit import AuditLog, AuditSettings, Entry, SealingKey
from tests.support.places import Places
from tests.support.patience import PATIENCE

async def main():
    data, places = Path(sys.argv[1]), Places.of(sys.argv[2:])
    log = AuditLog(data, places.node(data), SealingKey.load(data), AuditSettings(retention=86400.0))
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


def make(places: Places, data: Path, settings: AuditSettings, now: Callable[[], float] = time.time) -> AuditLog:
    return AuditLog(data, places.node(data), SealingKey.load(data), settings, clock=now)


def kinds(places: Places, data: Path) -> list[str]:
    reader = AuditReader(places.node(data))
    found = [row.kind for row in reader.rows()]
    reader.close()
    return found


def findings(places: Places, data: Path) -> tuple[str, ...]:
    reader = AuditReader(places.node(data), data / HEAD)
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
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in a thread
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the log does by the second, it does at once."""
    for name in ("bridge.audit.log.RETRY_SECONDS", "bridge.audit.log.PROBE_SECONDS"):
        monkeypatch.setattr(name, 0.05)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    log = make(Places(), tmp_path, AuditSettings(retention=86_400.0, capacity=5))
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
    found = kinds(Places(), tmp_path)
    assert [kind for kind in found if kind in ("before", "during", "after")] == ["before", "during", "after"]
    assert "entries_lost" in found
    assert "refused" not in found
    assert not findings(Places(), tmp_path)


async def test_a_database_that_is_gone_and_back_is_noticed_though_nobody_writes(log: AuditLog, tmp_path: Path) -> None:
    (tmp_path / NODE_FILE).rename(tmp_path / "kept")
    await until(lambda: not log.writable)
    (tmp_path / "kept").rename(tmp_path / NODE_FILE)
    await until(lambda: log.writable)
    assert kinds(Places(), tmp_path) == ["audit_resumed"]


def test_each_reason_why_it_cannot_be_written_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = make(Places(), tmp_path, AuditSettings(retention=86_400.0))
    # A server that is tried by the second, comes back, and lacks what was written.
    for reason in ("refused", "refused", "entries are missing", "entries are missing"):
        log._fail(StorageError(reason))
    assert [vars(record)["detail"] for record in caplog.records] == ["refused", "entries are missing"]


async def test_a_database_taken_away_stops_new_rooms(log: AuditLog, tmp_path: Path) -> None:
    await log.confirm(Entry("before"))
    kept = tmp_path / "kept"
    (tmp_path / NODE_FILE).rename(kept)
    with pytest.raises(AuditError):
        await log.confirm(Entry("refused"))
    assert not log.writable
    log.append(Entry("waits"))
    kept.rename(tmp_path / NODE_FILE)
    await until(lambda: log.writable)
    assert kinds(Places(), tmp_path) == ["before", "waits", "audit_resumed"]


async def test_a_commit_that_fails_after_its_caller_gave_up_is_no_end(
    log: AuditLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.audit.log.CONFIRM_SECONDS", 0.05)
    gave_up, append = threading.Event(), AuditStore.append

    def late(store: AuditStore, entries: Sequence[Entry]) -> Seal:
        if not gave_up.is_set():
            gave_up.wait(PATIENCE)
            raise StorageError("no answer")
        return append(store, entries)

    monkeypatch.setattr(AuditStore, "append", late)
    with pytest.raises(AuditError):
        await log.confirm(Entry("refused"))
    gave_up.set()
    log.append(Entry("waits"))
    await until(lambda: "audit_resumed" in kinds(Places(), tmp_path))
    await until(lambda: log.writable)
    assert kinds(Places(), tmp_path) in (["waits", "audit_resumed"], ["audit_resumed", "waits"])


async def test_a_head_that_cannot_be_noted_is_tried_again_alone(
    log: AuditLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, free, write_head = 0, False, AuditStore.write_head

    def full(store: AuditStore, seal: Seal) -> None:
        nonlocal tried
        tried += 1
        if not free:
            raise OSError("No space left on device")
        write_head(store, seal)

    monkeypatch.setattr(AuditStore, "write_head", full)
    log.append(Entry("first"))
    await until(lambda: tried > 4)
    assert not log.writable
    assert kinds(Places(), tmp_path) == ["first"]
    free = True
    await until(lambda: log.writable)
    assert kinds(Places(), tmp_path) == ["first", "audit_resumed"]
    assert not findings(Places(), tmp_path)


def test_what_waits_is_written_at_the_end(places: Places, tmp_path: Path) -> None:
    log = make(places, tmp_path, AuditSettings(retention=86_400.0))
    log.start()
    for _ in range(1200):
        log.append(Entry("tick"))
    log.close()
    log.close()
    assert kinds(places, tmp_path) == ["tick"] * 1200
    assert not log.writable
    assert not findings(places, tmp_path)


def test_retention_is_kept_and_noted(places: Places, tmp_path: Path) -> None:
    now = 1000.0
    log = make(places, tmp_path, AuditSettings(retention=100.0), lambda: now)
    log.start()
    log.append(Entry("old"))
    log.close()
    now = 2000.0
    log = make(places, tmp_path, AuditSettings(retention=100.0), lambda: now)
    log.start()
    log.append(Entry("new"))
    log.close()
    assert kinds(places, tmp_path) == ["new", "retention"]
    assert not findings(places, tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / NODE_FILE).mkdir()
    with pytest.raises(AuditError) as caught:
        make(Places(), tmp_path, AuditSettings(retention=100.0)).start()
    assert caught.value.code == "audit_unavailable"


def test_a_killed_process_loses_nothing_that_it_confirmed(places: Places, tmp_path: Path) -> None:
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), *places.arguments], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        confirmed = [int(process.stdout.readline()) for _ in range(100)]
        process.send_signal(signal.SIGKILL)
        confirmed += [int(line) for line in process.stdout.read().split("\n")[:-1]]
        process.wait()
        process.stdout.close()
        assert not findings(places, tmp_path)
        reader = AuditReader(places.node(tmp_path))
        numbers = [row.details for row in reader.rows()]
        reader.close()
        assert {f'{{"number":{number}}}' for number in confirmed} <= set(numbers)
    assert (tmp_path / HEAD).exists()


@pytest.fixture
def started_again(cluster: Cluster) -> Iterator[Cluster]:
    """A server that the test ends; the next one finds it running."""
    yield cluster
    if cluster.process is None:
        cluster.start()


@pytest.mark.parametrize("end", [Cluster.stop, Cluster.kill])
async def test_a_server_that_ends_stops_new_rooms_until_it_is_back(
    started_again: Cluster, on_postgres: Places, tmp_path: Path, end: Callable[[Cluster], None]
) -> None:
    log = make(on_postgres, tmp_path, AuditSettings(retention=86_400.0))
    log.start()
    rooms = Rooms(RoomLimits(), ledger=log)
    rooms.join(request("first"))
    numbers = iter(range(10_000))
    confirmed: list[int] = []

    async def confirm() -> None:
        while True:
            number = next(numbers)
            await log.confirm(Entry("tick", details={"number": number}))
            confirmed.append(number)

    async with asyncio.timeout(PATIENCE):
        ticking = [asyncio.ensure_future(confirm()) for _ in range(8)]
        await until(lambda: len(confirmed) > 30)
        # In the middle of commits.
        await asyncio.to_thread(end, started_again)
        refusals = await asyncio.gather(*ticking, return_exceptions=True)
    assert {getattr(refusal, "code", refusal) for refusal in refusals} == {"audit_unavailable"}
    await until(lambda: not log.writable)
    log.append(Entry("during"))
    with pytest.raises(RoomError) as refused:
        rooms.join(request("second"))
    assert refused.value.code == "records_unavailable"
    rooms.join(JoinRequest("clinic", "first", "ola", "Ola", "pasient", frozenset()))
    await asyncio.to_thread(started_again.start)
    await until(lambda: log.writable)
    rooms.join(request("second"))
    await log.confirm(Entry("after"))
    await asyncio.to_thread(log.close)
    assert not findings(on_postgres, tmp_path)
    reader = AuditReader(on_postgres.node(tmp_path))
    rows = [(row.kind, row.details) for row in reader.rows()]
    reader.close()
    assert [kind for kind, _ in rows if kind != "tick"] == ["during", "audit_resumed", "after"]
    written = [details for kind, details in rows if kind == "tick"]
    assert {f'{{"number":{number}}}' for number in confirmed} <= set(written)
    assert len(set(written)) == len(written)


def test_a_server_that_takes_no_writes_is_tried_until_one_does(
    cluster: Cluster, on_postgres: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.storage.postgresql.RETRY_SECONDS", 0.0)
    assert on_postgres.server is not None
    name = on_postgres.server.parameters["dbname"]
    store = AuditStore(tmp_path, on_postgres.node(tmp_path), SealingKey.load(tmp_path))
    store.append([Entry("before")])
    # As a standby is.
    cluster.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bridge'")
    with pytest.raises(StorageError, match="read-only"):
        store.append([Entry("refused")])
    cluster.sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    store.append([Entry("after")])
    # A connection that has gone unnoticed costs nothing but another.
    cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bridge'")
    store.append([Entry("at once")])
    store.close()
    reading = on_postgres.node(tmp_path).connect()
    for _ in range(2):
        assert reading.execute("SELECT count(*) FROM entries").rows == [(3,)]
        cluster.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bridge'")
    reading.close()
    assert kinds(on_postgres, tmp_path) == ["before", "after", "at once"]


class Answerless:
    """A place whose answer to a commit gets lost, while `loses` says so."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.name = place.name
        self.exists = place.exists
        self.snapshot = place.snapshot
        self.loses = False
        self.lost = 0

    def connect(self, *, durable: bool = True) -> Database:
        database = self.place.connect(durable=durable)
        transaction = database.transaction

        @contextmanager
        def answerless() -> Iterator[None]:
            with transaction():
                yield
            if self.loses:
                self.lost += 1
                raise StorageError("the connection was lost")

        database.transaction = answerless  # type: ignore[method-assign]
        return database


def test_a_commit_whose_answer_was_lost_is_not_made_twice(places: Places, tmp_path: Path) -> None:
    place = Answerless(places.node(tmp_path))
    store = AuditStore(tmp_path, place, SealingKey.load(tmp_path))
    one, two, three = Entry("one"), Entry("two"), Entry("three")
    place.loses = True
    for entries in ([one], [one, two], [one, two]):
        with pytest.raises(StorageError):
            store.append(entries)
    place.loses = False
    assert store.append([one, two, three]).seq == 3
    place.loses = True
    with pytest.raises(StorageError):
        store.append([Entry("refused, and there all the same")])
    place.loses = False
    assert store.append([Entry("five")]).seq == 5
    store.close()
    assert kinds(places, tmp_path) == ["one", "two", "three", "refused, and there all the same", "five"]
    assert not findings(places, tmp_path)


async def test_what_is_lost_is_told_once_though_the_answer_was_lost(places: Places, tmp_path: Path) -> None:
    place = Answerless(places.node(tmp_path))
    log = AuditLog(tmp_path, place, SealingKey.load(tmp_path), AuditSettings(retention=86_400.0, capacity=2))
    log.start()
    place.loses = True
    for _ in range(5):
        log.append(Entry("tick"))
    await until(lambda: not log.writable)
    for _ in range(5):
        log.append(Entry("tick"))
    lost = log.lost
    assert lost >= 3
    await until(lambda: place.lost > 3)
    place.loses = False
    await until(lambda: log.lost == 0 and log.writable)
    log.close()
    reader = AuditReader(places.node(tmp_path))
    rows = [(row.kind, json.loads(row.details)) for row in reader.rows()]
    reader.close()
    assert sum(details["entries"] for kind, details in rows if kind == "entries_lost") == lost
    assert [kind for kind, _ in rows].count("tick") == 10 - lost
    assert not findings(places, tmp_path)


async def test_a_commit_that_takes_too_long_counts_as_one_that_cannot_be_made(
    on_postgres: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.audit.log.STALLED_SECONDS", 0.0)
    log = make(on_postgres, tmp_path, AuditSettings(retention=86_400.0))
    log.start()
    other = on_postgres.node(tmp_path).connect()
    with other.transaction():
        log.append(Entry("waits for the other one"))
        await until(lambda: not log.writable)
    await until(lambda: log.writable)
    other.close()
    log.close()
    assert kinds(on_postgres, tmp_path) == ["waits for the other one"]
