"""What is seen: each source in its place as itself, names and signs, and no picture that stands still unmarked."""

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bridge.transcode.compose import Compositor, LayoutError, LayoutSettings, Rect, Source
from bridge.transcode.compose.painting import RED, SPEAKING, Scaler, crop_after_scaling
from tests.transcode.pictures import animal, luma, ssim, talking_head, upright

NAMES = ("Åse Bjørnstad", "Øyvind Sæther", "Đorđe Kovačević", "Zoë Núñez", "Áile Ŋávdna", "Kari Nordmann")


def sources(count: int, now: float = 0.0) -> list[Source]:
    head, beast = talking_head(), animal()
    frames = [head[0], beast[0], upright(head[20]), beast[19], head[40], upright(beast[10])]
    made = []
    for index in range(count):
        source = Source(str(index), NAMES[index % 6])
        source.arrive(frames[index % 6], now)
        made.append(source)
    return made


def part(frame: av.VideoFrame, rect: Rect) -> NDArray[np.uint8]:
    return luma(frame)[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]


def colour_of(frame: av.VideoFrame, rect: Rect) -> list[tuple[int, int]]:
    """The pairs of U and V that occur in a part."""
    planes = [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:, : plane.width]
        for plane in frame.planes[1:]
    ]
    rows, columns = slice(rect.y // 2, (rect.y + rect.height) // 2), slice(rect.x // 2, (rect.x + rect.width) // 2)
    return list(zip(*(plane[rows, columns].reshape(-1).tolist() for plane in planes), strict=True))


@pytest.mark.parametrize("layout", ["grid", "speaker"])
@pytest.mark.parametrize("size", [(640, 360), (320, 180), (360, 640)])
@pytest.mark.parametrize("count", [1, 2, 3, 6, 9])
def test_each_tile_shows_its_own_source(layout: str, size: tuple[int, int], count: int) -> None:
    """SSIM against the source scaled alike, by a better filter than the compositor's."""
    compositor = Compositor(LayoutSettings(layout, *size))  # type: ignore[arg-type]
    room = sources(count)
    frame = compositor.compose(0.0, room)
    assert (frame.width, frame.height, frame.format.name) == (*size, "yuv420p")
    assert compositor.arrangement is not None
    by_id = {source.id: source for source in room}
    for tile in compositor.arrangement.tiles:
        picture = tile.picture
        shown = part(frame, picture)
        alike = {name: ssim(shown, reference(source.frame, picture)) for name, source in list(by_id.items())[:6]}
        own = str(int(tile.id) % 6)
        assert alike[own] >= 0.85
        assert all(value < alike[own] for name, value in alike.items() if name != own)


def reference(frame: av.VideoFrame | None, picture: Rect) -> NDArray[np.uint8]:
    """The source, scaled by Lanczos and cropped as the compositor crops."""
    assert frame is not None
    image = Image.fromarray(frame.to_ndarray(format="rgb24"))
    width, height, crop = crop_after_scaling(image.size, (picture.width, picture.height))
    scaled = image.resize((width, height), Image.Resampling.LANCZOS)
    scaled = scaled.crop((crop.x, crop.y, crop.x + crop.width, crop.y + crop.height))
    return luma(av.VideoFrame.from_ndarray(np.asarray(scaled), format="rgb24").reformat(format="yuv420p"))


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_turned_camera_is_turned_back(rotation: int) -> None:
    upside = Image.fromarray(talking_head()[0].to_ndarray(format="rgb24")).rotate(rotation, expand=True)
    source = Source("0", "x", rotation=rotation)  # type: ignore[arg-type]
    source.arrive(av.VideoFrame.from_ndarray(np.asarray(upside), format="rgb24"), 0.0)
    compositor = Compositor(LayoutSettings("grid", 320, 240))
    frame = compositor.compose(0.0, [source])
    assert compositor.arrangement is not None
    picture = compositor.arrangement.tiles[0].picture
    assert ssim(part(frame, picture), reference(talking_head()[0], picture)) > 0.85


@pytest.mark.parametrize("pixels", ["yuvj420p", "rgb24", "nv12", "yuv444p", "gray"])
def test_sources_of_any_format_keep_their_brightness(pixels: str) -> None:
    original = talking_head()[0].reformat(format="rgb24").reformat(format=pixels)
    source = Source("0", "x")
    source.arrive(original, 0.0)
    compositor = Compositor(LayoutSettings("grid", 320, 240))
    frame = compositor.compose(0.0, [source])
    assert compositor.arrangement is not None
    picture = compositor.arrangement.tiles[0].picture
    expected = reference(talking_head()[0], picture)
    assert abs(float(part(frame, picture).mean()) - float(expected.mean())) < 3


@pytest.mark.parametrize("source", [(1280, 720), (720, 1280), (352, 288), (17, 9)])
@pytest.mark.parametrize("place", [(106, 60), (320, 180), (60, 106)])
def test_scaling_keeps_proportions_to_two_pixels(source: tuple[int, int], place: tuple[int, int]) -> None:
    width, height, crop = crop_after_scaling(source, place)
    factor = max(place[0] / source[0], place[1] / source[1])
    assert abs(width - source[0] * factor) <= 2
    assert abs(height - source[1] * factor) <= 2
    assert crop.x + place[0] <= width
    assert crop.y + place[1] <= height


def test_names_stand_under_the_pictures_and_differ() -> None:
    compositor = Compositor(LayoutSettings("grid", 640, 360))
    frame = compositor.compose(0.0, sources(6))
    assert compositor.arrangement is not None
    labels = [part(frame, tile.label) for tile in compositor.arrangement.tiles]
    assert all(label.max() > 200 for label in labels)
    assert all((first != second).any() for index, first in enumerate(labels) for second in labels[:index])


def test_who_is_muted_and_who_speaks_is_marked_and_unmarked() -> None:
    compositor = Compositor(LayoutSettings("grid", 640, 360))
    room = sources(2)

    def marks(now: float) -> tuple[bool, bool]:
        frame = compositor.compose(now, room)
        assert compositor.arrangement is not None
        tile = compositor.arrangement.tiles[0]
        line = Rect(tile.picture.x, tile.picture.y - 2, tile.picture.width, 2)
        return RED[1:] in colour_of(frame, tile.label), SPEAKING[1:] in colour_of(frame, line)

    assert marks(0.0) == (False, False)
    room[0].muted = room[0].speaking = True
    assert marks(0.1) == (True, True)
    room[0].muted = room[0].speaking = False
    assert marks(0.2) == (False, False)


def test_no_picture_stands_still_without_saying_so() -> None:
    settings = LayoutSettings("grid", 640, 360, frozen_after=1.0, lost_after=10.0, fade=0.0)
    compositor = Compositor(settings)
    [source] = sources(1)

    def shown(now: float) -> NDArray[np.uint8]:
        frame = compositor.compose(now, [source])
        assert compositor.arrangement is not None
        return part(frame, compositor.arrangement.tiles[0].picture).copy()

    moving = shown(0.9)
    frozen = shown(1.1)
    assert frozen.mean() < 0.75 * moving.mean()
    # The sign in the middle is white, whatever the picture.
    height, width = frozen.shape
    assert frozen[height * 2 // 5 : height * 3 // 5, width * 2 // 5 : width * 3 // 5].max() == 235
    np.testing.assert_array_equal(shown(2.0), frozen)
    source.arrive(talking_head()[5], 3.0)
    assert shown(3.0).mean() > 0.9 * moving.mean()
    compositor.compose(13.5, [source])
    lost = shown(14.0)
    assert lost.std() < moving.std()
    np.testing.assert_array_equal(shown(100.0), lost)


def test_a_camera_that_is_off_shows_initials_at_once_and_comes_back() -> None:
    compositor = Compositor(LayoutSettings("grid", 640, 360, fade=0.0))
    [source] = sources(1)
    on = luma(compositor.compose(0.0, [source])).copy()
    source.camera_off = True
    off = luma(compositor.compose(0.1, [source])).copy()
    assert np.abs(off.astype(int) - on.astype(int)).mean() > 20
    source.camera_off = False
    np.testing.assert_array_equal(luma(compositor.compose(0.2, [source])), on)


def test_one_arrangement_becomes_another_gradually() -> None:
    compositor = Compositor(LayoutSettings("grid", 640, 360, fade=0.3))
    room = sources(2)
    before = luma(compositor.compose(0.0, room[:1])).astype(int)
    steps = [luma(compositor.compose(1.0 + at, room)).astype(int) for at in (0.0, 0.1, 0.2, 0.3)]
    np.testing.assert_array_equal(steps[0], before)
    away = [float(np.abs(step - before).mean()) for step in steps]
    assert away[0] < away[1] < away[2] < away[3]


class CountingScaler(Scaler):
    """A scaler that counts."""

    calls = 0

    def scale(self, *arguments: object) -> object:  # type: ignore[override]
        type(self).calls += 1
        return super().scale(*arguments)  # type: ignore[arg-type]


def test_only_what_changed_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.transcode.compose.compositor.Scaler", CountingScaler)
    compositor = Compositor(LayoutSettings("grid", 640, 360))
    room = sources(6)
    first = luma(compositor.compose(0.0, room)).copy()
    assert CountingScaler.calls == 6
    np.testing.assert_array_equal(luma(compositor.compose(0.1, room)), first)
    assert CountingScaler.calls == 6
    room[3].arrive(talking_head()[5], 0.2)
    compositor.compose(0.2, room)
    assert CountingScaler.calls == 7


def test_it_goes_on_in_another_size() -> None:
    compositor = Compositor(LayoutSettings("grid", 640, 360))
    room = sources(3)
    compositor.compose(0.0, room)
    compositor.resize(320, 180)
    frame = compositor.compose(0.1, room)
    assert (frame.width, frame.height) == (320, 180)
    assert frame.time == pytest.approx(0.1)
    with pytest.raises(LayoutError):
        compositor.resize(10, 10)


@pytest.mark.parametrize("size", [(2, 2), (1, 1000), (1000, 1), (4000, 16)])
def test_absurd_sources_do_no_harm(size: tuple[int, int]) -> None:
    source = Source("0", "x")
    source.arrive(av.VideoFrame(*size, "yuv420p"), 0.0)
    room = [source, *sources(3)[1:]]
    for layout in ("grid", "speaker", "interpreter", "screen"):
        frame = Compositor(LayoutSettings(layout, 320, 180)).compose(0.0, room)
        assert frame.width == 320


@pytest.mark.parametrize(
    ("field", "values"), [("layout", {"layout": "mosaic"}), ("width", {"width": 639}), ("language", {"language": "de"})]
)
def test_wrong_settings_are_refused(field: str, values: dict[str, object]) -> None:
    with pytest.raises(LayoutError) as refused:
        LayoutSettings(**values)  # type: ignore[arg-type]
    assert refused.value.field == field
