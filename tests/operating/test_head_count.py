"""Who is counted as somebody in a call."""

from bridge.operating import HeadCount
from tests.room.hall import ROOM, Consultation


def test_a_recorder_is_nobody() -> None:
    hall = Consultation()
    hall.call()
    hall.join("recorder", "opptak", service=True)
    count = HeadCount(hall.rooms, list)
    assert len(hall.inside()) == 3
    assert count.people() == 2
    people, test_legs = count.in_room(ROOM)
    assert ([each.identity for each in people], test_legs) == (["doctor", "kari"], [])
