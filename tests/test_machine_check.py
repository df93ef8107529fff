import contextlib
import ctypes
import datetime
import os
import resource
import shutil
import socket
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from bridge import machine_check
from bridge.audit import SealingKey
from bridge.development_certificate import development_certificate
from bridge.machine_check import Finding, Status, check_machine
from bridge.settings import Settings, load_settings
from bridge.transcode import libopus, libvpx, openh264
from bridge.transcode.errors import CodecUnavailableError
from loadtest.ports import free_port


def settings(data: Path, **options: str) -> Settings:
    given = {"http.listen": "127.0.0.1:0", "media.listen": "127.0.0.1:0", "data.directory": str(data), **options}
    return load_settings(environment={}, options={key: ("test", text) for key, text in given.items()})


def finding(name: str, data: Path, **options: str) -> Finding:
    return found_of(name, settings(data, **options), development=True)


def found_of(name: str, made: Settings, *, development: bool) -> Finding:
    [found] = [each for each in check_machine(made, development=development) if each.name == name]
    return found


def test_every_finding_that_is_not_well_says_how_to_mend_it(tmp_path: Path) -> None:
    for found in check_machine(settings(tmp_path), development=False):
        assert found.name
        assert found.detail
        assert (found.status is Status.OK) or found.mend


def test_small_buffers_and_few_files_are_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sysctl = tmp_path / "sysctl"
    sysctl.mkdir()
    (sysctl / "rmem_max").write_text("212992\n")
    monkeypatch.setattr(machine_check, "_SYSCTL", sysctl)
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (1024, 4096))
    received = finding("receive buffers", tmp_path)
    assert (received.status, received.mend) == (Status.WARN, "sysctl -w net.core.rmem_max=4194304")
    # A kernel (or container) that does not say is not taken for one that is well.
    assert finding("send buffers", tmp_path).status is Status.WARN
    assert finding("open files", tmp_path).status is Status.WARN


def test_a_lost_audit_key_is_found_before_the_start_and_none_is_made(tmp_path: Path) -> None:
    assert finding("audit key", tmp_path).status is Status.OK
    assert not list(tmp_path.glob("audit*"))
    SealingKey.load(tmp_path)
    assert finding("audit key", tmp_path).status is Status.OK
    (tmp_path / "audit.key").unlink()
    found = finding("audit key", tmp_path)
    assert (found.status, str(tmp_path / "audit.key") in found.detail) == (Status.FAIL, True)
    assert "Restore" in found.mend


def test_more_workers_than_cores_are_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    assert finding("CPU cores", tmp_path, **{"media.workers": "2"}).status is Status.WARN
    assert finding("CPU cores", tmp_path).status is Status.OK


@pytest.mark.parametrize(
    ("check", "library"), [("H.264 of legs", openh264), ("Opus of legs", libopus), ("VP8 and VP9 of legs", libvpx)]
)
def test_a_missing_library_of_legs_is_warned_of_where_legs_may_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, check: str, library: ModuleType
) -> None:
    def missing() -> ctypes.CDLL:
        raise CodecUnavailableError("a codec", "it is not installed")

    assert finding(check, tmp_path).status is Status.OK
    monkeypatch.setattr(library, "library", missing)
    found = finding(check, tmp_path)
    assert (found.status, "not installed" in found.detail) == (Status.WARN, True)
    assert finding(check, tmp_path, **{"legs.max": "0"}).status is Status.OK


@pytest.mark.parametrize(
    ("allowed", "options", "status", "detail"),
    [
        ({0, 1, 2, 3}, {}, Status.OK, "1-3, none on 0"),
        ({0, 1, 2, 3}, {"media.workers": "3"}, Status.OK, "3, none on 0-2"),
        ({0, 1}, {"media.workers": "2"}, Status.WARN, "0-1; without legs: none, for 2 workers"),
        ({5}, {}, Status.WARN, "5; without legs: none, for 1 worker"),
        ({0, 1, 2}, {"legs.cpus": "1-2", "media.workers": "2"}, Status.WARN, "1-2; without legs: 0, for 2 workers"),
        ({0, 1}, {"legs.cpus": "all"}, Status.OK, "0-1, as legs.cpus says"),
        ({5}, {"legs.max": "0"}, Status.OK, "there are no legs"),
    ],
)
def test_workers_that_share_their_cpus_with_legs_are_warned_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allowed: set[int],
    options: dict[str, str],
    status: Status,
    detail: str,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: allowed)
    found = finding("CPUs of legs", tmp_path, **options)
    assert (found.status, found.detail) == (status, detail)


def test_cpus_that_the_bridge_may_not_run_on_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    found = finding("CPUs of legs", tmp_path, **{"legs.cpus": "1-3"})
    assert (found.status, found.mend) == (Status.FAIL, "it may run on 0-1")
    assert "the bridge may not run on 2-3" in found.detail


@pytest.mark.parametrize(("state", "status"), [(0, Status.OK), (5, Status.WARN), (-1, Status.WARN)])
def test_a_clock_that_nobody_keeps_is_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: int, status: Status
) -> None:
    class Library:
        def adjtimex(self, _buffer: object) -> int:
            return state

    monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_kwargs: Library())
    assert finding("clock", tmp_path).status is status


def test_a_kernel_without_segmentation_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_check, "UDP_SEGMENT", 9999)
    found = finding("UDP segmentation (GSO)", tmp_path)
    assert found.status is Status.WARN


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (datetime.timedelta(0), Status.OK),
        (datetime.timedelta(days=80), Status.WARN),
        (datetime.timedelta(days=100), Status.FAIL),
    ],
)
def test_a_certificate_that_ends_is_noticed_in_time(tmp_path: Path, age: datetime.timedelta, status: Status) -> None:
    certificate, key = development_certificate(tmp_path, [], datetime.datetime.now(datetime.UTC) - age)
    paths = {"http.tls_certificate": str(certificate), "http.tls_key": str(key)}
    assert finding("certificate", tmp_path, **paths).status is status


def test_the_port_of_every_worker_is_looked_at(tmp_path: Path) -> None:
    first = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
        # Taken by us now, or by someone else already.
        with contextlib.suppress(OSError):
            second.bind(("127.0.0.1", first + 1))
        found = finding("media ports", tmp_path, **{"media.listen": f"127.0.0.1:{first}", "media.workers": "2"})
    assert (found.status, found.detail) == (Status.FAIL, f"UDP 127.0.0.1:{first + 1}: in use")


@pytest.mark.parametrize(
    ("listen", "announced", "status", "detail"),
    [
        ("127.0.0.1:0", "", Status.WARN, "clients are told 127.0.0.1"),
        ("127.0.0.1:0", "198.51.100.7,10.0.0.1", Status.OK, "clients are told 198.51.100.7, 10.0.0.1"),
        (
            "10.1.2.3:0",
            "",
            Status.OK,
            "clients are told 10.1.2.3; behind NAT, media.announced has to list the outer ones",
        ),
        # Addresses of a family that is not listened on are told to nobody.
        ("127.0.0.1:0", "2001:db8::1", Status.WARN, "clients are told none"),
    ],
)
def test_which_addresses_clients_are_told_is_shown(
    tmp_path: Path, listen: str, announced: str, status: Status, detail: str
) -> None:
    named = {"media.listen": listen, "media.announced": announced}
    found = found_of("media addresses", settings(tmp_path, **named), development=False)
    assert (found.status, found.detail) == (status, detail)


def test_a_disk_that_is_nearly_full_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keyed = {"recordings.key_file": str(tmp_path / "keys"), "recordings.directory": str(tmp_path / "not" / "there")}
    assert finding("disk", tmp_path, **{"recordings.minimum_free": "0"}).status is Status.OK
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=2 * 2**30))
    found = finding("disk", tmp_path, **keyed, **{"recordings.minimum_free": str(3 * 2**30)})
    assert (found.status, found.detail) == (Status.WARN, f"{tmp_path / 'not' / 'there'} has 2048 MiB left")
    assert "recordings.minimum_free" in found.mend
    assert finding("disk", tmp_path, **keyed).status is Status.OK
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=2**20))
    assert finding("disk", tmp_path).detail == f"{tmp_path} has 1 MiB left"


def test_a_setting_at_fault_is_named(tmp_path: Path) -> None:
    found = finding("database", tmp_path, **{"storage.url": "postgresql://bridge:secret@127.0.0.1/bridge"})
    assert found.status is Status.FAIL
    assert found.detail.startswith("storage.url: ")


def test_a_page_without_its_logo_is_found(tmp_path: Path) -> None:
    assert finding("page", tmp_path).status is Status.OK
    named = {"page.name": "Legekontoret", "page.logo": str(tmp_path / "logo.svg")}
    lacking = finding("page", tmp_path, **named)
    assert (lacking.status, lacking.mend) == (Status.FAIL, "docs/operators/page.md")
    (tmp_path / "logo.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    found = finding("page", tmp_path, **named)
    assert (found.status, found.detail) == (
        Status.OK,
        "Legekontoret, a logo of 41 bytes, and nobody to turn to (page.support)",
    )


def test_a_check_that_breaks_is_a_finding_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        raise RuntimeError("of all things")

    monkeypatch.setattr(machine_check, "_clock", broken)
    found = finding("clock", tmp_path)
    assert found.status is Status.FAIL
    assert "RuntimeError" in found.detail
