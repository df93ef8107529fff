"""What publishers are asked for in all that are told by nothing but REMB."""

from __future__ import annotations

import pytest

from bridge.sfu.allocation import incoming
from bridge.sfu.allocation.ceiling import SMALLEST
from bridge.sfu.types import WantedEncodings


def wanted(ceiling: int | None, *active: bool) -> WantedEncodings:
    return WantedEncodings(active, (False,) * len(active), ceiling)


@pytest.mark.parametrize(
    ("videos", "sounds", "bound"),
    [
        ([wanted(200_000, True)], 0, 212_000),
        ([wanted(200_000, True)], 1, 272_000),
        ([wanted(200_000, True), wanted(100_000, True)], 1, 378_000),
        ([wanted(200_000, True), wanted(None, True)], 1, None),
        ([wanted(None, True)], 1, None),
        ([], 1, None),
    ],
    ids=["picture", "with-sound", "two-pictures", "one-of-two", "unbounded", "sound-alone"],
)
def test_the_ceilings_of_all_videos_and_their_sound(
    videos: list[WantedEncodings], sounds: int, bound: int | None
) -> None:
    assert incoming.bound(videos, sounds) == bound


def test_each_encoding_that_anybody_receives_has_the_ceiling_to_itself() -> None:
    assert incoming.bound([wanted(200_000, True, True, False)], 0) == 424_000


def test_a_video_that_nobody_receives_still_gets_its_ceiling() -> None:
    assert incoming.bound([wanted(200_000, False, False)], 0) == 212_000


def test_the_lowest_ceiling_leaves_sound_all_that_it_takes() -> None:
    least = incoming.bound([wanted(SMALLEST, True)], 1)
    assert least is not None
    assert least - incoming.SOUND > SMALLEST
