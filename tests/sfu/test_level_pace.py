"""How often receivers are told who is heard."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.sfu import AudioLevel
from bridge.sfu.level_pace import THIN, LevelPace
from tests.support.bridge import eventually


def voice(producer_id: int, level: int = 20) -> AudioLevel:
    return AudioLevel(producer_id, level, voice=True)


async def test_over_a_good_line_and_an_unknown_one_all_is_told_as_it_comes() -> None:
    told: list[Sequence[AudioLevel]] = []
    pace = LevelPace(told.append)
    for level, bitrate in ((20, None), (21, THIN), (22, 5_000_000)):
        pace.update([voice(1, level)], bitrate)
    assert [levels[0].level for levels in told] == [20, 21, 22]


async def test_over_a_thin_line_the_newest_is_told_after_a_while_and_a_new_voice_at_once() -> None:
    told: list[Sequence[AudioLevel]] = []
    pace = LevelPace(told.append)
    for level in (20, 21, 22):
        pace.update([voice(1, level)], THIN - 1)
    assert told == [[voice(1, 20)]]
    pace.update([voice(1), voice(2)], THIN - 1)
    assert told[1:] == [[voice(1), voice(2)]]
    pace.update([], THIN - 1)
    assert len(told) == 2
    await eventually(lambda: told[2:] == [[]])


async def test_nothing_is_told_after_the_end() -> None:
    told: list[Sequence[AudioLevel]] = []
    pace = LevelPace(told.append)
    pace.update([voice(1, 20)], THIN - 1)
    pace.update([voice(1, 30)], THIN - 1)
    pace.close()
    pace.close()
    assert len(told) == 1
