"""Every layout, from one party to as many as a room holds, in both orientations: nobody is covered, nobody lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.picture_layouts import PictureLayout
from bridge.transcode.compose import LAYOUTS, Arrangement, LayoutError, Party, Rect, Tile, arrange
from bridge.transcode.compose.layouts import check_layout

SIZES = [(256, 144), (320, 180), (640, 360), (1280, 720), (180, 320), (360, 640), (320, 240)]
HD = 1280, 720


def people(count: int, **changes: int) -> list[Party]:
    """Numbered parties; `changes` names which of them speaks, is pinned or is a screen."""
    return [Party(str(index), **{key: index == which for key, which in changes.items()}) for index in range(count)]


def tile_of(arrangement: Arrangement, identity: str) -> Tile:
    return next(tile for tile in arrangement.tiles if tile.id == identity)


def overlap(first: Rect, second: Rect) -> bool:
    across = first.x < second.x + second.width and second.x < first.x + first.width
    return across and first.y < second.y + second.height and second.y < first.y + first.height


@st.composite
def rooms(draw: st.DrawFn) -> list[Party]:
    count = draw(st.integers(1, 25))
    speaker = draw(st.integers(-1, count - 1))
    aspects = draw(st.lists(st.sampled_from([16 / 9, 4 / 3, 1.0, 9 / 16, 0.2, 5.0]), min_size=count, max_size=count))
    pinned = draw(st.integers(-1, count - 1))
    screens = draw(st.sets(st.integers(0, count - 1), max_size=2))
    return [
        Party(str(index), aspects[index], index in screens, index == pinned, index == speaker) for index in range(count)
    ]


@settings(deadline=None)
@given(layout=st.sampled_from(LAYOUTS), size=st.sampled_from(SIZES), parties=rooms())
def test_tiles_are_even_within_the_picture_and_apart_and_everyone_is_shown_or_counted(
    layout: PictureLayout, size: tuple[int, int], parties: list[Party]
) -> None:
    made = arrange(layout, *size, parties)
    taken = []
    for tile in made.tiles:
        for rect in (tile.picture, tile.label):
            assert all(length % 2 == 0 for length in (rect.x, rect.y, rect.width, rect.height))
            assert rect.width >= 2
            assert rect.height >= 2
            assert 0 <= rect.x <= rect.x + rect.width <= size[0]
            assert 0 <= rect.y <= rect.y + rect.height <= size[1]
            taken.append(rect)
    if made.more is not None:
        taken.append(made.more)
    assert not any(overlap(first, second) for index, first in enumerate(taken) for second in taken[:index])
    assert len(made.tiles) + made.hidden == len(parties)
    assert len({tile.id for tile in made.tiles}) == len(made.tiles)
    for party in parties:
        if party.pinned and not party.screen:
            assert tile_of(made, party.id)


@settings(deadline=None)
@given(size=st.sampled_from(SIZES), parties=rooms())
def test_a_picture_keeps_its_proportions(size: tuple[int, int], parties: list[Party]) -> None:
    """What is shown of a source is at most `MAX_CROP` smaller than all of it, and of a screen nothing is missing."""
    for tile in arrange("grid", *size, parties).tiles:
        party = next(party for party in parties if party.id == tile.id)
        # Even lengths: a pixel or two in small tiles.
        slack = 4 / min(tile.picture.width, tile.picture.height)
        shown = tile.picture.width / tile.picture.height
        kept = min(shown / party.aspect, party.aspect / shown)
        assert kept >= (0.98 if party.screen else 0.7) - slack - 0.02


@pytest.mark.parametrize("count", range(1, 7))
@pytest.mark.parametrize("size", [(320, 180), (480, 270), (640, 360), (360, 640)])
def test_up_to_six_are_all_seen(count: int, size: tuple[int, int]) -> None:
    made = arrange("auto", *size, people(count))
    assert len(made.tiles) == count
    assert made.hidden == 0


def test_in_a_grid_all_are_alike_and_in_order() -> None:
    made = arrange("grid", *HD, people(9, speaking=5))
    assert [tile.id for tile in made.tiles] == [str(index) for index in range(9)]
    assert len({(tile.picture.width, tile.picture.height) for tile in made.tiles}) == 1


def test_who_speaks_is_large() -> None:
    made = arrange("speaker", *HD, people(9, speaking=5))
    largest = max(made.tiles, key=lambda tile: tile.picture.area)
    assert largest.id == "5"
    assert all(largest.picture.area > 8 * tile.picture.area for tile in made.tiles if tile is not largest)


@pytest.mark.parametrize("size", [HD, (320, 180), (360, 640)])
@pytest.mark.parametrize("count", [3, 6, 12, 25])
def test_the_interpreter_stands_beside_the_doctor_in_the_same_size(size: tuple[int, int], count: int) -> None:
    made = arrange("interpreter", *size, people(count, speaking=0, pinned=2))
    doctor, interpreter = tile_of(made, "0"), tile_of(made, "2")
    assert abs(doctor.picture.area - interpreter.picture.area) <= 0.05 * doctor.picture.area
    others = [tile for tile in made.tiles if tile.id not in ("0", "2")]
    assert all(tile.picture.area < doctor.picture.area for tile in others)


def test_the_interpreter_stays_while_speaking() -> None:
    made = arrange("interpreter", *HD, people(4, speaking=2, pinned=2))
    assert [tile.id for tile in made.tiles][:2] == ["0", "2"]


def test_a_shared_screen_is_whole_and_large_with_faces_beside_it() -> None:
    parties = [Party("screen", 16 / 10, screen=True), *people(5, speaking=1)]
    made = arrange("auto", *HD, parties)
    screen = tile_of(made, "screen").picture
    assert screen.width / screen.height == pytest.approx(1.6, rel=0.02)
    assert screen.area > 0.4 * HD[0] * HD[1]
    assert len(made.tiles) == 6


def test_who_does_not_fit_is_counted_and_the_speaker_is_never_among_them() -> None:
    made = arrange("grid", 320, 180, people(25, speaking=24))
    assert made.hidden > 0
    assert made.more is not None
    assert tile_of(made, "24")


def test_upright_the_strip_is_below() -> None:
    made = arrange("speaker", 360, 640, people(4, speaking=0))
    large = tile_of(made, "0").picture
    assert all(tile.picture.y > large.y + large.height for tile in made.tiles if tile.id != "0")


@pytest.mark.parametrize(
    ("code", "call"),
    [
        ("unknown_layout", lambda: check_layout("mosaic")),
        ("bad_size", lambda: arrange("grid", 641, 360, [])),
        ("bad_size", lambda: arrange("grid", 640, 20, [])),
        ("too_many_parties", lambda: arrange("grid", 640, 360, people(200))),
    ],
)
def test_what_cannot_be_is_refused(code: str, call: object) -> None:
    assert callable(call)
    with pytest.raises(LayoutError) as refused:
        call()
    assert refused.value.code == code


def test_nobody_is_an_empty_picture() -> None:
    assert arrange("auto", 640, 360, []).tiles == ()
