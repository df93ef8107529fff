"""Sound in its order, however much of it is lost."""

from __future__ import annotations

import random

from bridge.transcode.reorder import MAX_WAIT, Reorder
from bridge.transcode.rtp import RtpPacket


def test_each_gap_is_waited_for_since_it_was_seen_and_not_one_after_the_other() -> None:
    chance, reorder = random.Random(3), Reorder()
    came: dict[int, float] = {}
    lag, arrived = [], 0.0
    # Ten seconds, 20 ms a packet, of a line that varies and loses every third for good.
    for sequence in range(500):
        arrived = max(arrived, sequence * 0.02 + chance.choice([0.0, 0.08]))
        if sequence % 3:
            came[sequence] = arrived
            reorder.push(RtpPacket(111, sequence, sequence * 960, 1, False, b"x"), arrived)
        lag += [arrived - came[packet.sequence] for packet in reorder.packets(arrived)]
    # The time is looked at when a packet comes only.
    assert max(lag) < MAX_WAIT + 0.1
    assert len(lag) > 300
