"""Frames out of packets, in whatever order the packets come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.transcode.assembly import GAP_SECONDS, Assembled, FrameAssembler
from bridge.transcode.rtp import RtpPacket


def packets(sizes: list[int], first: int = 65_530) -> list[RtpPacket]:
    """Frames of so many packets each."""
    made: list[RtpPacket] = []
    for number, size in enumerate(sizes):
        for index in range(size):
            sequence = (first + len(made)) & 0xFFFF
            payload = bytes([number, index])
            made.append(RtpPacket(100, sequence, number * 3000, 1, index == size - 1, payload))
    return made


def assembled(assembler: FrameAssembler, pushed: list[RtpPacket], now: float = 0.0) -> list[Assembled]:
    frames: list[Assembled] = []
    for packet in pushed:
        assembler.push(packet, now)
        frames += assembler.frames(now)
    return frames


@given(st.lists(st.integers(1, 5), min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_any_order_gives_the_same_frames(sizes: list[int], chance: object) -> None:
    sent = packets(sizes)
    rest = sent[1:] + sent[1:3]
    chance.shuffle(rest)  # type: ignore[attr-defined]
    frames = assembled(FrameAssembler(), [sent[0], *rest])
    assert [len(frame.payloads) for frame in frames] == sizes
    assert not any(frame.after_gap for frame in frames)


@given(st.lists(st.integers(1, 5), min_size=4, max_size=12), st.data())
def test_what_is_missing_is_asked_for_and_at_last_given_up_with_its_frame(
    sizes: list[int], data: st.DataObject
) -> None:
    sent = packets(sizes)
    lost = data.draw(st.integers(1, len(sent) - 1 - sizes[-1]))
    assembler = FrameAssembler()
    frames = assembled(assembler, sent[:lost] + sent[lost + 1 :])
    broken = sent[lost].payload[0]
    assert [frame.payloads[0][0] for frame in frames] == list(range(broken))
    assert assembler.missing(0.05) == [sent[lost].sequence]
    later = list(assembler.frames(2 * GAP_SECONDS))
    assert [frame.payloads[0][0] for frame in later if len(frame.payloads) == sizes[frame.payloads[0][0]]] == list(
        range(broken + 1, len(sizes))
    )
    assert [frame.after_gap for frame in later] == [True] + [False] * (len(later) - 1)


def test_a_retransmission_in_time_costs_nothing() -> None:
    sent = packets([2, 2, 2])
    assembler = FrameAssembler()
    frames = assembled(assembler, [sent[0], *sent[2:]])
    assert not frames
    frames = assembled(assembler, [sent[1]], now=0.1)
    assert [frame.after_gap for frame in frames] == [False] * 3
    assert not assembler.waits


def test_each_gap_is_waited_for_since_it_was_seen_and_not_one_after_the_other() -> None:
    assembler = FrameAssembler()
    lag = []
    # Ten seconds of a publisher that sends nothing again: 25 frames a second of two packets, every third is torn.
    for number, packet in enumerate(packets([2] * 250)):
        now = packet.timestamp / 75_000
        if number % 6 == 3:
            continue
        for frame in assembled(assembler, [packet], now):
            lag.append(now - frame.payloads[0][0] / 25)
    assert max(lag) < GAP_SECONDS + 2 / 25
    assert len(lag) > 250 / 2
