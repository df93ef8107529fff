"""Whether this machine can run the bridge with these settings: what `bridge check` looks at, and how to mend it.

Each check looks and touches nothing that outlives it. A check that finds no answer (no such file in this kernel, no
permission to ask) says so as a warning and never as a success.
"""

from __future__ import annotations

import ctypes
import datetime
import os
import platform
import resource
import shutil
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from bridge import ports
from bridge.audit import SealingKey
from bridge.auth.printed_keys import refuse_printed_keys
from bridge.configuration import Address
from bridge.data_directory import DataDirectory
from bridge.errors import BridgeError
from bridge.issuers import make_verifier
from bridge.leg_cpus import ALL, choose_cpus, format_cpus
from bridge.page_mark import read_mark
from bridge.settings import Settings, check_for_production
from bridge.sfu.ice import host_addresses
from bridge.storage import Storage, StorageError
from bridge.system_limits import FILES_WANTED
from bridge.tls import read_certificate
from bridge.transcode import libopus, libvpx, openh264
from bridge.transcode.errors import CodecUnavailableError

SOL_UDP = 17
UDP_SEGMENT = 103
UDP_GRO = 104
"""From linux/udp.h; Python has no names for them."""
DISK_WANTED = 2**30
"""Bytes that are free on the disk of the data directory: fewer leave little time to see that it fills."""
CERTIFICATE_WARNING = datetime.timedelta(days=21)
_TIME_ERROR = 5
"""What adjtimex(2) returns while no one keeps the clock."""
_SYSCTL = Path("/proc/sys/net/core")


class Status(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and how to mend it if it is not well."""

    name: str
    status: Status
    detail: str
    mend: str = ""


def check_machine(settings: Settings, *, development: bool) -> Iterator[Finding]:
    """All checks, one after the other. Raises nothing: a check that fails unexpectedly is a finding too."""
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("Python", _python),
        ("data plane", _extension),
        ("settings", lambda: _settings(settings, development)),
        ("data directory", lambda: _data_directory(settings)),
        ("disk", lambda: _disk(settings)),
        ("database", lambda: _database(settings)),
        ("audit key", lambda: _audit_key(settings)),
        ("certificate", lambda: _certificate(settings)),
        ("page", lambda: _page(settings)),
        ("HTTP port", lambda: _http_port(settings.http.listen)),
        ("media ports", lambda: _media_ports(settings)),
        ("media addresses", lambda: _media_addresses(settings, development=development)),
        ("UDP segmentation (GSO)", lambda: _udp_option(UDP_SEGMENT, 1200, "sends in batches")),
        ("UDP coalescing (GRO)", lambda: _udp_option(UDP_GRO, 1, "receives in batches")),
        ("receive buffers", lambda: _buffer("rmem_max", settings.media.receive_buffer)),
        ("send buffers", lambda: _buffer("wmem_max", settings.media.send_buffer)),
        ("H.264 of legs", lambda: _h264(settings.legs.max)),
        ("Opus of legs", lambda: _opus(settings.legs.max)),
        ("VP8 and VP9 of legs", lambda: _vpx(settings.legs.max)),
        ("open files", _open_files),
        ("CPU cores", lambda: _cores(settings.media.workers)),
        ("CPUs of legs", lambda: _leg_cpus(settings)),
        ("clock", _clock),
    ]
    for name, check in checks:
        try:
            yield replace(check(), name=name)
        except BridgeError as error:
            detail = error.message if error.field is None else f"{error.field}: {error.message}"
            yield Finding(name, Status.FAIL, detail, error.hint or "")
        except Exception as error:
            yield Finding(name, Status.FAIL, f"could not be checked: {type(error).__name__}: {error}")


def _ok(detail: str) -> Finding:
    return Finding("", Status.OK, detail)


def _warn(detail: str, mend: str) -> Finding:
    return Finding("", Status.WARN, detail, mend)


def _fail(detail: str, mend: str) -> Finding:
    return Finding("", Status.FAIL, detail, mend)


def _python() -> Finding:
    if sys.platform != "linux":
        return _fail(platform.system(), "Run the bridge on Linux: its data plane uses epoll, eventfd and recvmmsg.")
    return _ok(f"{platform.python_version()}, {ssl.OPENSSL_VERSION}")


def _extension() -> Finding:
    try:
        from bridge import _core
    except ImportError as error:
        return _fail(f"bridge._core cannot be loaded: {error}", "Build it with: make build")
    return _ok(f"bridge._core {_core.version()}")


def _encoder(legs: int, load: Callable[[], object], detail: str, without: str) -> Finding:
    if legs == 0:
        return _ok("not needed: legs.max is 0")
    try:
        load()
    except CodecUnavailableError as error:
        return _warn(error.message, without)
    return _ok(detail)


def _h264(legs: int) -> Finding:
    without = "Without it nobody who takes nothing but H.264 sees those who send something else."
    return _encoder(legs, openh264.library, "OpenH264 2.x", without)


def _opus(legs: int) -> Finding:
    without = "Without it legs send silence on thin lines, too: 50 packets a second for each voice."
    return _encoder(legs, libopus.library, "libopus, with DTX on thin lines", without)


def _vpx(legs: int) -> Finding:
    without = "Without it each change of the bitrate of a picture that a leg makes costs a keyframe."
    return _encoder(legs, libvpx.library, "libvpx, at a bitrate that follows the line", without)


def _settings(settings: Settings, development: bool) -> Finding:
    if not development:
        check_for_production(settings)
        refuse_printed_keys(settings.data.directory)
    # The development key is not made here: the settings of the vendors are what is looked at.
    make_verifier(settings, development=False)
    count = len(settings.tokens.issuers)
    return _ok(f"{count} issuer{'' if count == 1 else 's'}{', and the development key' if development else ''}")


def _data_directory(settings: Settings) -> Finding:
    DataDirectory(settings.data.directory).release()
    return _ok(str(settings.data.directory))


def _disk(settings: Settings) -> Finding:
    folders = [(settings.data.directory, DISK_WANTED, "Without space, no room opens.")]
    if settings.recordings.key_file is not None:
        recordings = settings.recordings.directory or settings.data.directory
        least = settings.recordings.minimum_free
        folders.append((recordings, least, f"Below recordings.minimum_free = {least} bytes no recording starts."))
    for folder, least, why in folders:
        # It may have to be made yet.
        there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
        free = shutil.disk_usage(there).free
        if free < least:
            return _warn(f"{folder} has {free // 2**20} MiB left", f"Make room there. {why}")
    return _ok(f"{shutil.disk_usage(there).free // 2**20} MiB left for {'recordings' if len(folders) > 1 else 'data'}")


def _database(settings: Settings) -> Finding:
    storage = Storage(settings)
    if storage.server is None:
        return _ok("files of SQLite in the data directory")
    mend = "See storage.url and docs/operators/postgresql.md."
    try:
        found = storage.server.examine()
    except StorageError as error:
        return _fail(f"{storage.server.name}: {error}", mend)
    detail = f"PostgreSQL {found.version}, {found.line}"
    if found.problem:
        return _fail(f"{detail}: {found.problem}", mend)
    if not found.keeps:
        return _warn(f"{detail}: fsync is off", "Set fsync = on: what was acknowledged is lost with the power else.")
    return _ok(detail)


def _audit_key(settings: Settings) -> Finding:
    key = SealingKey.kept_in(settings.data.directory)
    return _ok("made at the first start" if key is None else "there, and the one of its public half")


def _certificate(settings: Settings) -> Finding:
    certificate = read_certificate(settings.http)
    if certificate is None:
        return _ok("none: HTTP in cleartext on loopback or behind a proxy, or the development certificate")
    left = certificate.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    until = f"valid until {certificate.not_valid_after_utc:%Y-%m-%d}"
    if left <= datetime.timedelta():
        return _fail(f"expired: {until}", "Renew it.")
    return _warn(until, "Renew it soon.") if left < CERTIFICATE_WARNING else _ok(until)


def _page(settings: Settings) -> Finding:
    mark = read_mark(settings.page)
    logo = "" if mark.logo is None else f", a logo of {len(mark.logo.content)} bytes"
    if mark.name:
        return _ok(f"{mark.name}{logo}{'' if mark.support else ', and nobody to turn to (page.support)'}")
    return _ok("has no name of the service (page.name)")


def _http_port(address: Address) -> Finding:
    problem = ports.why_not(address, socket.SOCK_STREAM)
    return (
        _fail(f"{address}: {problem}", "Choose another with --http or http.listen.") if problem else _ok(f"{address}")
    )


def _media_ports(settings: Settings) -> Finding:
    media = settings.media
    for first in media.listen:
        for address, kind in ports.media_addresses(media, first):
            problem = ports.why_not(address, kind)
            if problem:
                return _fail(
                    f"{ports.NAMES[kind]} {address}: {problem}", "Choose another with --media or media.listen."
                )
    shown = ", ".join(str(address) for address in media.listen)
    protocols = "UDP and TCP" if media.tcp else "UDP"
    return _ok(f"{shown} ({protocols}, {media.workers} worker{'s' if media.workers > 1 else ''})")


def _media_addresses(settings: Settings, *, development: bool) -> Finding:
    media = settings.media
    told = [address for address, _ in host_addresses([str(address) for address in media.listen], media.announced)]
    mend = "Clients elsewhere reach none of them: list in media.announced what they reach."
    shown = f"clients are told {', '.join(map(str, told)) or 'none'}"
    if not told or (not development and all(address.is_loopback for address in told)):
        return _warn(shown, mend)
    if not media.announced and all(address.is_private for address in told) and not development:
        return _ok(f"{shown}; behind NAT, media.announced has to list the outer ones")
    return _ok(shown)


def _udp_option(option: int, value: int, use: str) -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.setsockopt(SOL_UDP, option, value)
        except OSError as error:
            return _warn(
                f"not in this kernel ({error.strerror}): each packet costs a call of its own",
                "Use Linux 5.0 or newer; the bridge works without, at a lower capacity.",
            )
    return _ok(f"the kernel {use}")


def _buffer(name: str, wanted: int) -> Finding:
    try:
        granted = int((_SYSCTL / name).read_text())
    except (OSError, ValueError):
        return _warn(f"net.core.{name} cannot be read", f"See to it that the host's net.core.{name} is {wanted}.")
    if granted < wanted:
        return _warn(
            f"net.core.{name} is {granted}, {wanted} are wanted: bursts may be dropped",
            f"sysctl -w net.core.{name}={wanted}",
        )
    return _ok(f"net.core.{name} is {granted}")


def _open_files() -> Finding:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The bridge raises its soft limit to the hard one by itself.
    if hard != resource.RLIM_INFINITY and hard < FILES_WANTED:
        return _warn(f"at most {hard}", f"Raise the limit to {FILES_WANTED}: LimitNOFILE= in systemd, ulimit -n else.")
    return _ok("no limit" if hard == resource.RLIM_INFINITY else f"at most {hard}")


def _cores(workers: int) -> Finding:
    cores = len(os.sched_getaffinity(0))
    if workers > cores:
        return _warn(f"{cores} for {workers} workers", f"Set media.workers to {cores} or fewer.")
    return _ok(f"{cores}")


def _leg_cpus(settings: Settings) -> Finding:
    if settings.legs.max == 0:
        return _ok("there are no legs")
    allowed, workers = os.sched_getaffinity(0), settings.media.workers
    cpus = choose_cpus(settings.legs.cpus, workers)
    left = allowed - cpus
    if len(left) >= workers:
        return _ok(f"{format_cpus(cpus)}, none on {format_cpus(left)}")
    if settings.legs.cpus == ALL:
        return _ok(f"{format_cpus(cpus)}, as legs.cpus says")
    return _warn(
        f"{format_cpus(cpus)}; without legs: {format_cpus(left) or 'none'}, for {workers} worker{'s'[: workers - 1]}",
        "Legs may hold up everyone who is forwarded: give the bridge more CPUs than media.workers and legs.cpus take,"
        ' or say legs.cpus = "all" if they may.',
    )


def _clock() -> Finding:
    # `struct timex` has 208 bytes on 64-bit Linux. All zero, it asks and sets nothing (adjtimex(2)).
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(512))
    mend = "Run chrony or systemd-timesyncd: tokens are refused when the clock is wrong."
    if state < 0:
        return _warn(f"the kernel does not say ({os.strerror(ctypes.get_errno())})", mend)
    return _warn("not synchronised", mend) if state == _TIME_ERROR else _ok("synchronised")
