"""When publishers of sound are asked for less, and when for all again."""

from __future__ import annotations

from bridge.sfu.allocation.sound import (
    AMPLE,
    AMPLE_SECONDS,
    LESS,
    NOT_THIN,
    REPEATED,
    SHORT_SECONDS,
    THIN,
    SoundRoom,
)

SOUND = 45_000


def test_a_line_has_to_carry_too_little_for_a_while() -> None:
    room = SoundRoom()
    assert not room.update(0.0, 40_000, SOUND)
    assert not room.update(1.0, 50_000, SOUND), "it was a moment's"
    assert not room.update(2.0, 40_000, SOUND)
    assert room.update(2.0 + SHORT_SECONDS, 40_000, SOUND)
    assert room.scarce


def test_it_has_to_carry_a_good_deal_more_for_longer() -> None:
    room = SoundRoom()
    room.update(0.0, 40_000, SOUND)
    room.update(SHORT_SECONDS, 40_000, SOUND)
    ample = round(SOUND * AMPLE)
    assert not room.update(10.0, ample - 1, SOUND)
    assert not room.update(30.0, ample, SOUND)
    assert not room.update(31.0, ample - 1, SOUND)
    assert not room.update(32.0, ample, SOUND)
    assert room.update(32.0 + AMPLE_SECONDS, ample, SOUND)
    assert not room.scarce


def test_sound_that_is_repeated_is_made_smaller_on_a_thin_line_alone() -> None:
    room = SoundRoom()
    lines = [(THIN - 1, True), (NOT_THIN - 1, True), (NOT_THIN, True), (NOT_THIN - 1, True), (THIN - 1, True)]
    lines.append((THIN - 1, False))
    seen = [
        (room.update(float(now), line, SOUND, repeated=repeated), room.bitrate)
        for now, (line, repeated) in enumerate(lines)
    ]
    assert seen == [(True, REPEATED), (False, REPEATED), (True, None), (False, None), (True, REPEATED), (True, None)]


def test_what_a_line_does_not_carry_is_made_smaller_still() -> None:
    room = SoundRoom()
    room.update(0.0, 40_000, SOUND, repeated=True)
    assert room.bitrate == REPEATED
    assert room.update(SHORT_SECONDS, 40_000, SOUND, repeated=True)
    assert room.bitrate == LESS


def test_nothing_is_scarce_where_nothing_is_known_or_nothing_is_heard() -> None:
    room = SoundRoom()
    for now in range(10):
        assert not room.update(now, None, SOUND)
        assert not room.update(now, 10_000, 0)
