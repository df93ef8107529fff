"""The size follows the bitrate: down at once, up with headroom, so that a wavering estimate changes nothing."""

from bridge.transcode.compose import RUNGS, choose_rung


def test_a_thin_line_has_a_small_picture() -> None:
    rung = choose_rung(150_000)
    assert (rung.width, rung.height) == (320, 180)
    assert 10 <= rung.frame_rate <= 15
    # Fewer pictures before fewer faces: six are in no smaller one.
    assert [(each.width, each.frame_rate) for each in map(choose_rung, (30_000, 60_000))] == [(256, 5), (256, 8)]
    assert choose_rung(0) == RUNGS[0]
    assert choose_rung(1e9) == RUNGS[-1]


def test_the_ladder_rises_and_every_size_can_be_encoded() -> None:
    assert [rung.bitrate for rung in RUNGS] == sorted({rung.bitrate for rung in RUNGS})
    rates = [rung.width * rung.height * rung.frame_rate for rung in RUNGS]
    assert rates == sorted(rates)
    assert all(rung.width % 2 == rung.height % 2 == 0 for rung in RUNGS)
    upright = RUNGS[3].upright()
    assert (upright.width, upright.height) == (RUNGS[3].height, RUNGS[3].width)


def test_it_falls_at_once_and_rises_only_with_headroom() -> None:
    middle = choose_rung(330_000)
    assert choose_rung(460_000, middle) == middle
    higher = choose_rung(550_000, middle)
    assert higher.bitrate == 450_000
    assert choose_rung(449_000, higher) == middle


def test_a_wavering_estimate_changes_nothing() -> None:
    rung = choose_rung(450_000)
    for estimate in (455_000, 500_000, 460_000, 515_000) * 3:
        rung = choose_rung(estimate, rung)
        assert rung == choose_rung(450_000)
