from bridge.errors import BridgeError


def test_a_full_error_shows_all_it_knows() -> None:
    error = BridgeError("room_full", "The room is full.", field="room", hint="Raise rooms.max_participants")
    assert str(error) == "room: The room is full. (Raise rooms.max_participants)"
    assert error.as_dict() == {
        "code": "room_full",
        "message": "The room is full.",
        "field": "room",
        "hint": "Raise rooms.max_participants",
    }


def test_what_is_not_known_is_left_out() -> None:
    error = BridgeError("internal", "Something broke.")
    assert str(error) == "Something broke."
    assert error.as_dict() == {"code": "internal", "message": "Something broke."}
