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
    assert room.update(0.0, THIN - 1, SOUND, repeated=True)
    assert room.bitrate == REPEATED
    assert not room.update(1.0, NOT_THIN - 1, SOUND, repeated=True)
    assert room.update(2.0, NOT_THIN, SOUND, repeated=True)
    assert room.bitrate is None
    assert not room.update(3.0, NOT_THIN - 1, SOUND, repeated=True), "no back and forth"
    assert room.update(4.0, THIN - 1, SOUND, repeated=True)
    assert room.update(5.0, THIN - 1, SOUND), "it is not repeated any more"
    assert room.bitrate is None


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
