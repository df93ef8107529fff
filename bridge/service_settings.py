"""What services that have settings of their own are set up with, from those of the bridge."""

from __future__ import annotations

from bridge.leg_cpus import choose_cpus
from bridge.room import RoomLimits, RoomPolicy, WithoutHost
from bridge.settings import HttpSettings, LegsSection, MediaSection, RoomSettings
from bridge.sfu import MediaSettings, MediaTimeouts
from bridge.signaling.server import ServerSettings
from bridge.transcode.supervisor import LegSettings
from bridge.transcode.test_legs.runner import TestLegSettings


def room_limits(rooms: RoomSettings) -> RoomLimits:
    """The bounds of rooms."""
    return RoomLimits(
        max_participants=rooms.max_participants,
        max_rooms=rooms.max_rooms,
        max_rooms_per_tenant=rooms.max_rooms_per_tenant,
        max_sources=rooms.max_sources,
        grace=rooms.grace,
        linger=rooms.linger,
        max_waiting=rooms.max_waiting,
    )


def room_policy(rooms: RoomSettings) -> RoomPolicy:
    """How rooms let people in."""
    return RoomPolicy(
        without_host=WithoutHost(rooms.without_host),
        host_absence=rooms.host_absence,
        reentry=rooms.reentry,
        consultation=rooms.consultation,
        opens_before=rooms.opens_before,
        closes_after=rooms.closes_after,
        max_length=rooms.max_length,
        video_consent=rooms.video_consent,
    )


def media_settings(media: MediaSection, *, development: bool) -> MediaSettings:
    """What the data plane listens on, and how it works."""
    return MediaSettings(
        listen=tuple(str(address) for address in media.listen),
        # A development bridge adds addresses that it finds; those of containers and tunnels may be gone by now.
        skip_absent=development,
        announced=media.announced,
        workers=media.workers,
        tcp=media.tcp,
        gather_us=round(media.gather * 1e6),
        speakers=media.speakers,
        receive_buffer_bytes=media.receive_buffer,
        send_buffer_bytes=media.send_buffer,
        timeouts=MediaTimeouts(consent=media.consent_timeout, stall=media.stall_timeout),
    )


def server_settings(http: HttpSettings) -> ServerSettings:
    """What HTTP is served on."""
    return ServerSettings(
        host=http.listen.host,
        port=http.listen.port,
        certificate=http.tls_certificate,
        key=http.tls_key,
        trusted_proxies=http.trusted_proxies,
    )


def leg_settings(legs: LegsSection, workers: int) -> LegSettings:
    """The budget of legs, and where they run."""
    return LegSettings(legs.max, legs.memory, legs.language, choose_cpus(legs.cpus, workers))


def test_leg_settings(legs: LegsSection, cpus: frozenset[int] | None) -> TestLegSettings:
    """The budget of test legs, which run where legs do."""
    return TestLegSettings(legs.tests, legs.test_lifetime, legs.test_clips, legs.memory, cpus)
