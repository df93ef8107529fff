"""Who gets what on one line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.sfu.allocation import Allocator, Layer, Source, VideoState, ranks
from bridge.sfu.allocation.allocator import AUDIO_ONLY, HEADROOM, MAX_HOLD, OVERHEAD, WEAK_FOR

AUDIO = 45_000
SIMULCAST = (
    Layer(0, 0, 60_000, 320, 180, 7.5),
    Layer(0, 1, 100_000, 320, 180, 15.0),
    Layer(1, 0, 300_000, 640, 360, 15.0),
    Layer(1, 1, 450_000, 640, 360, 30.0),
    Layer(2, 1, 1_500_000, 1280, 720, 30.0),
)


def run(
    allocator: Allocator, sources: Sequence[Source], estimates: Sequence[int], *, start: float = 0.0, step: float = 0.25
) -> list[dict[int, VideoState]]:
    """The states after each of the estimates."""
    states = []
    for index, estimate in enumerate(estimates):
        allocation = allocator.allocate(start + index * step, estimate, AUDIO, sources)
        states.append({producer_id: choice.state for producer_id, choice in allocation.choices.items()})
    return states


def sources(count: int, layers: tuple[Layer, ...] = SIMULCAST) -> list[Source]:
    return [Source(producer_id, layers) for producer_id in range(count)]


def test_two_parties_on_a_thin_line_see_each_other_move() -> None:
    allocation = Allocator().allocate(0.0, 300_000, AUDIO, sources(1))
    assert allocation.choices[0].layer == SIMULCAST[1]
    assert allocation.choices[0].state is VideoState.REDUCED
    assert allocation.desired > 1_500_000


def test_everyone_gets_the_lowest_layer_before_anyone_a_second() -> None:
    allocation = Allocator().allocate(0.0, 420_000, AUDIO, sources(5))
    layers = [choice.layer for choice in allocation.choices.values()]
    assert layers.count(SIMULCAST[0]) + layers.count(SIMULCAST[1]) == 5


def test_six_on_a_thin_line_are_all_shown_and_the_speaker_moves() -> None:
    others = sources(5)
    others[3] = Source(3, SIMULCAST, rank=1)
    allocator = Allocator()
    for tick in range(12):
        allocation = allocator.allocate(tick * 0.25, 300_000, 2 * AUDIO, others)
    states = [allocation.choices[n].state for n in range(5)]
    assert states[3] is VideoState.REDUCED
    assert set(states) == {VideoState.REDUCED, VideoState.STILLS}


@pytest.mark.parametrize(
    ("estimate", "speaker", "others"),
    [
        (300_000, VideoState.REDUCED, {VideoState.REDUCED, VideoState.STILLS}),
        (150_000, VideoState.STILLS, {VideoState.STILLS}),
        (60_000, VideoState.PAUSED, {VideoState.PAUSED}),
    ],
)
def test_a_party_of_six_as_its_line_gets_thinner(estimate: int, speaker: VideoState, others: set[VideoState]) -> None:
    """Sound is kept throughout: what is given to pictures and to two voices never exceeds the line."""
    party = [Source(n, SIMULCAST, rank=ranks.ACTIVE if n == 2 else 0) for n in range(5)]
    allocator = Allocator()
    for tick in range(16):
        allocation = allocator.allocate(tick * 0.25, estimate, 2 * AUDIO, party)
    assert allocation.choices[2].state is speaker
    assert {allocation.choices[n].state for n in (0, 1, 3, 4)} <= others
    assert allocation.allocated <= max(estimate, 2 * AUDIO)


def test_whoever_ranks_higher_gets_the_larger_picture() -> None:
    order = (0, ranks.ACTIVE, ranks.SCREEN, ranks.INTERPRETER, ranks.PINNED)
    party = [Source(rank, SIMULCAST, rank=rank) for rank in order]
    allocation = Allocator().allocate(0.0, 1_500_000, AUDIO, party)
    layers = [allocation.choices[rank].layer for rank in order]
    heights = [0 if layer is None else layer.height for layer in layers]
    assert heights == sorted(heights)
    assert heights[0] < heights[-1]


def test_a_screen_gets_its_size_before_its_frames() -> None:
    layers = (
        Layer(0, 0, 60_000, 640, 360, 7.5),
        Layer(0, 1, 100_000, 640, 360, 15.0),
        Layer(1, 0, 250_000, 1280, 720, 7.5),
        Layer(1, 1, 500_000, 1280, 720, 15.0),
    )
    seen = [
        Allocator().allocate(0.0, estimate, AUDIO, [Source(1, layers, sharp=True)]).choices[1].layer
        for estimate in range(150_000, 900_000, 10_000)
    ]
    assert list(dict.fromkeys(seen)) == [layers[0], layers[2], layers[3]]


def test_more_than_fills_a_tile_is_not_sent() -> None:
    allocation = Allocator().allocate(0.0, 10_000_000, AUDIO, [Source(1, SIMULCAST, max_height=200)])
    assert allocation.choices[1].layer == SIMULCAST[1]
    assert allocation.choices[1].state is VideoState.VIDEO


def test_down_at_once_and_up_after_a_while() -> None:
    allocator = Allocator()
    allocator.allocate(0.0, 2_500_000, AUDIO, sources(1))
    assert allocator.allocate(0.2, 300_000, AUDIO, sources(1)).choices[0].layer == SIMULCAST[1]
    assert allocator.allocate(0.4, 2_500_000, AUDIO, sources(1)).choices[0].layer == SIMULCAST[1]
    assert allocator.allocate(2.0, 2_500_000, AUDIO, sources(1)).choices[0].layer == SIMULCAST[4]


def test_a_single_encoding_that_does_not_fit_becomes_stills_and_comes_back() -> None:
    only = [Source(1, (Layer(0, 0, 400_000, 640, 360, 30.0),))]
    allocator = Allocator()
    states = run(allocator, only, [600_000] * 2 + [300_000] * 12)
    assert states[2][1] is VideoState.VIDEO, "not for a moment's weakness"
    assert states[2 + round(WEAK_FOR / 0.25) + 1][1] is VideoState.STILLS
    assert run(allocator, only, [700_000] * 20, start=5.0)[-1][1] is VideoState.VIDEO


def test_on_the_weakest_lines_sound_is_all_there_is() -> None:
    states = run(Allocator(), sources(2), [200_000] * 2 + [AUDIO_ONLY - 1] * 8)
    assert set(states[-1].values()) == {VideoState.PAUSED}


def test_a_video_moves_at_once_when_the_line_is_back_and_its_size_comes_later() -> None:
    allocator = Allocator()
    run(allocator, sources(1), [900_000] * 20 + [30_000] * 40)
    back = allocator.allocate(15.0, 550_000, AUDIO, sources(1)).choices[0]
    assert (back.layer, back.state) == (SIMULCAST[0], VideoState.REDUCED)
    assert allocator.allocate(15.25, 550_000, AUDIO, sources(1)).choices[0].layer == SIMULCAST[0]
    assert allocator.allocate(16.5, 550_000, AUDIO, sources(1)).choices[0].layer == SIMULCAST[2]


@pytest.mark.parametrize(
    ("estimate", "least", "most"), [(70_000, 0.89, 0.91), (250_000, 0.9, 0.92), (2_000_000, 0.96, 0.98)]
)
def test_a_picture_that_fills_its_line_leaves_little_of_it(estimate: int, least: float, most: float) -> None:
    small = (Layer(0, 0, 9_000, 320, 180, 15.0),)
    allocator = Allocator()
    allocator.allocate(0.0, estimate, AUDIO, sources(1, small))
    choice = allocator.allocate(2.0, estimate, AUDIO, sources(1, small)).choices[0]
    wire = estimate * HEADROOM - AUDIO
    # A room of nothing would be no bound to the encoder.
    assert least * wire <= choice.room * OVERHEAD <= most * wire


def test_a_line_that_is_back_every_few_seconds_does_not_make_a_video_flicker() -> None:
    allocator = Allocator()
    states = run(allocator, sources(1), ([550_000] * 16 + [30_000] * 16) * 8)
    moving = [each[0] is VideoState.PAUSED for each in states]
    assert sum(before and not after for before, after in itertools.pairwise(moving)) <= 4


def test_the_first_picture_is_small_until_the_line_is_known() -> None:
    allocator = Allocator()
    assert allocator.allocate(0.0, 500_000, AUDIO, sources(1), proven=False).choices[0].layer == SIMULCAST[0]
    second = allocator.allocate(0.25, 500_000, AUDIO, sources(1)).choices[0]
    assert second.layer == SIMULCAST[0], "it just fits"
    assert SIMULCAST[1].bitrate <= second.room <= 120_000, "nor is its publisher asked for more, or for fewer frames"
    assert allocator.allocate(1.5, 500_000, AUDIO, sources(1)).choices[0].layer == SIMULCAST[2], "it has for a while"
    quick = Allocator()
    quick.allocate(0.0, 300_000, AUDIO, sources(1), proven=False)
    assert quick.allocate(0.5, 6_000_000, AUDIO, sources(1)).choices[0].layer == SIMULCAST[4], "a good line"


def test_an_encoder_that_follows_the_line_has_all_its_frames_sent() -> None:
    lead = [Source(0, SIMULCAST, bounded=True, leads=True)]
    allocator = Allocator()
    choice = allocator.allocate(0.0, 500_000, AUDIO, lead).choices[0]
    assert (choice.layer, choice.state) == (SIMULCAST[3], VideoState.REDUCED)
    assert allocator.allocate(2.0, 500_000, AUDIO, lead).choices[0].room > 300_000
    other = Allocator().allocate(0.0, 500_000, AUDIO, [Source(0, SIMULCAST, bounded=True)]).choices[0]
    assert other.layer == SIMULCAST[2], "somebody else's line decides what the encoder makes"


def test_frames_are_left_out_until_an_encoder_follows_a_line_that_has_become_thin() -> None:
    def taking(bitrate: int) -> list[Source]:
        small, large = Layer(0, 1, 60_000, 320, 180, 30.0), Layer(1, 0, 150_000, 640, 360, 15.0)
        return [Source(0, (small, large, Layer(1, 1, bitrate, 640, 360, 30.0)), bounded=True, leads=True)]

    allocator = Allocator()
    assert allocator.allocate(0.0, 900_000, AUDIO, taking(450_000)).choices[0].layer == taking(450_000)[0].layers[2]
    fallen = allocator.allocate(5.0, 300_000, AUDIO, taking(450_000)).choices[0]
    assert fallen.layer == taking(450_000)[0].layers[1], "half of its frames fit, all do not by far"
    assert fallen.room < 240_000, "which is no reason to ask for more"
    followed = allocator.allocate(5.5, 300_000, AUDIO, taking(230_000)).choices[0]
    assert followed.layer == taking(230_000)[0].layers[2]


def test_an_estimate_that_nothing_proves_takes_nobodys_video() -> None:
    only = [Source(1, (Layer(0, 0, 900_000, 640, 360, 30.0),))]
    allocator = Allocator()
    for tick in range(40):
        allocation = allocator.allocate(tick * 0.25, 300_000, AUDIO, only, proven=False)
        assert allocation.choices[1].layer is not None


def test_a_first_picture_that_is_too_much_for_a_line_is_asked_for_in_what_that_carries_once_its_limit_was_seen() -> (
    None
):
    only = [Source(1, (Layer(0, 0, 1_100_000, 640, 360, 25.0),))]
    allocator = Allocator()
    allocator.allocate(0.0, 300_000, AUDIO, only, proven=False)
    young = allocator.allocate(0.1, 300_000, AUDIO, only).choices[1]
    assert young.room > 1_000_000, "it may only be young"
    thin = allocator.allocate(0.2, 280_000, AUDIO, only, limit_seen=True).choices[1]
    assert thin.state is VideoState.VIDEO, "it was shown at once"
    assert 150_000 < thin.room < 280_000 * HEADROOM - AUDIO


def test_a_picture_moves_again_at_once_when_the_encoder_that_follows_this_line_has_followed() -> None:
    def taking(bitrate: int, *, leads: bool) -> list[Source]:
        return [Source(1, (Layer(0, 0, bitrate, 640, 360, 25.0),), bounded=True, leads=leads)]

    for leads, state in ((True, VideoState.VIDEO), (False, VideoState.STILLS)):
        allocator = Allocator()
        for tick in range(8):
            allocation = allocator.allocate(tick * 0.25, 280_000, AUDIO, taking(1_100_000, leads=leads))
        assert allocation.choices[1].state is VideoState.STILLS
        assert allocator.allocate(2.0, 280_000, AUDIO, taking(150_000, leads=leads)).choices[1].state is state


def test_a_producer_of_which_nothing_is_known_is_left_alone() -> None:
    choice = Allocator().allocate(0.0, 300_000, AUDIO, [Source(1, ())]).choices[1]
    assert (choice.layer, choice.state) == (None, VideoState.VIDEO)


@given(
    st.lists(st.integers(20_000, 3_000_000), min_size=1, max_size=60),
    st.integers(1, 6),
    st.lists(st.sampled_from(SIMULCAST), max_size=5, unique=True),
    st.integers(1, 3),
    st.booleans(),
)
def test_nobody_is_overlooked_and_little_is_overspent(
    estimates: list[int], count: int, layers: list[Layer], voices: int, limit_seen: bool
) -> None:
    allocator = Allocator()
    wanted = sources(count, tuple(layers))
    for tick, estimate in enumerate(estimates):
        for _ in range(8):
            now = tick * 4.0 + _ * 0.5
            allocation = allocator.allocate(now, estimate, voices * AUDIO, wanted, limit_seen=limit_seen)
        assert allocation.choices.keys() == set(range(count))
        assert allocation.allocated <= max(estimate, voices * AUDIO)
        assert allocation.desired >= allocation.allocated


@given(st.lists(st.integers(85, 115), min_size=240, max_size=240), st.integers(150_000, 1_500_000))
def test_an_unsteady_estimate_does_not_make_layers_flap(unsteady: list[int], mean: int) -> None:
    allocator = Allocator()
    layers = []
    for tick, percent in enumerate(unsteady):
        allocation = allocator.allocate(tick * 0.25, mean * percent // 100, AUDIO, sources(1))
        layers.append(allocation.choices[0].layer)
    ups = sum(
        1
        for before, after in itertools.pairwise(layers)
        if before is not None and after is not None and after.bitrate > before.bitrate
    )
    # A minute: each failed step doubles the wait for the next.
    assert ups <= 6, (ups, MAX_HOLD)
