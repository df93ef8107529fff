"""The message catalogue and its description say the same, whatever is thrown at them."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.signaling.websocket.decoding import BadMessageError, decode
from bridge.signaling.websocket.messages import schema
from tests.signaling.signal_client import PROTOCOL, validator

TYPES = [
    definition["properties"]["type"]["enum"][0]
    for definition in schema.schema("client-message.schema.json")["$defs"].values()
    if "type" in definition["properties"]
]
FIELDS = {
    "id": st.integers(-1, 2**53),
    "token": st.text(max_size=20),
    "subscribe": st.sampled_from(["all", "none", "some", None]),
    "session_id": st.text(max_size=3),
    "secret": st.text(max_size=3),
    "offer": st.text(max_size=5),
    "answer": st.text(max_size=5),
    "sources": st.lists(
        st.fixed_dictionaries(
            {"mid": st.sampled_from(["0", "", "a b", "ø"]), "source": st.sampled_from(["camera", "screen_audio", "x"])},
            optional={"muted": st.sampled_from([True, False, None, 1]), "extra": st.none()},
        ),
        max_size=3,
    ),
    "source_ids": st.lists(st.sampled_from(["1", "", "x" * 65]), max_size=3),
    "source_id": st.sampled_from(["1", "", "x" * 65]),
    "muted": st.sampled_from([True, False, None, 0]),
    "source": st.sampled_from(["camera", "x", None]),
    "interrupted": st.sampled_from([True, False, None, "yes"]),
    "upload": st.sampled_from(["full", "stills", "tiny", None]),
    "paused": st.sampled_from([True, False, "true"]),
    "negotiation": st.sampled_from([0, 1, -1, 1.5, "1"]),
    "connection": st.sampled_from(["publish", "subscribe"]),
    "participant_id": st.sampled_from(["p", "", "x" * 65]),
    "participant_ids": st.lists(st.sampled_from(["p", "", "x" * 65]), max_size=3),
    "notice": st.sampled_from(["delayed", "soon", "cancelled", "text", "late"]),
    "text": st.sampled_from(["", "Snart", "x" * 501, None]),
    "minutes": st.sampled_from([0, 1, 600, 601, 1.5, None]),
    "role": st.sampled_from(["parorende", "", "x" * 129]),
    "name": st.sampled_from(["Per", "", "x" * 201]),
    "raised": st.sampled_from([True, False, None]),
    "names": st.lists(st.sampled_from(["Per", "", "x" * 201]), max_size=5),
    "text_version": st.sampled_from(["2026-1", "", "x" * 65]),
    "consent_id": st.sampled_from(["c", "", "x" * 65]),
    "consents": st.sampled_from([True, False, "yes"]),
    "still_id": st.sampled_from(["s", "", "x" * 65]),
    "lane": st.sampled_from(["message", "caption", "whisper"]),
    "to": st.sampled_from(["p", "", "x" * 65, None]),
    "proposal_id": st.sampled_from(["1", "", "x" * 65]),
    "invitation_id": st.sampled_from(["i", "", "x" * 65]),
    "queue_id": st.sampled_from(["dropin", "", "x" * 129]),
    "locked": st.sampled_from([True, False, 1]),
    "tiles": st.lists(
        st.fixed_dictionaries(
            {"source_id": st.sampled_from(["1", "2", ""]), "height": st.sampled_from([0, 720, -1, 16385, 1.5])},
            optional={"extra": st.none()},
        ),
        max_size=3,
    ),
    "pinned": st.lists(st.sampled_from(["p", "", "x" * 65]), max_size=6),
    "view": st.sampled_from(["separate", "composed", "auto", "both", None]),
    "composed": st.fixed_dictionaries(
        {},
        optional={
            "layout": st.sampled_from(["grid", "speaker", "mosaic"]),
            "shape": st.sampled_from(["wide", "upright", "round"]),
            "hidden": st.sampled_from([True, False, None]),
            "extra": st.none(),
        },
    ),
    "save_data": st.sampled_from([True, False, None]),
    "extra": st.none(),
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
near_messages = st.builds(
    lambda type_, fields: {"type": type_, **fields},
    st.sampled_from([*TYPES, "dance"]),
    st.fixed_dictionaries({}, optional=FIELDS),
)


@st.composite
def likely_messages(draw: st.DrawFn) -> dict[str, Any]:
    """Messages with just the fields of their type, so that many of them are good."""
    type_ = draw(st.sampled_from(TYPES))
    definitions = schema.schema("client-message.schema.json")["$defs"].values()
    definition = next(each for each in definitions if each["properties"].get("type", {}).get("enum") == [type_])
    names = set(definition["properties"]) - {"type"}
    required = names & set(definition["required"])
    fields = draw(
        st.fixed_dictionaries(
            {name: FIELDS[name] for name in sorted(required)},
            optional={name: FIELDS[name] for name in sorted(names - required)},
        )
    )
    return {"type": type_, **fields}


def is_valid(message: object) -> bool:
    try:
        validator("client").validate(message)
    except jsonschema.ValidationError:
        return False
    return True


def refusal(text: str) -> BadMessageError | None:
    """How a text is refused; None if it is understood. Anything but these two is a fault of the door."""
    try:
        decode(text)
    except BadMessageError as error:
        return error
    return None


def assert_fit_to_send(error: BadMessageError | None) -> None:
    if error is not None:
        assert error.code in ("bad_json", "bad_message")
        assert len(str(error)) < 600


@pytest.mark.parametrize("file_name", list(schema.DOCUMENTS))
def test_the_documents_are_what_the_types_say(file_name: str) -> None:
    assert PROTOCOL.joinpath(file_name).read_text() == schema.text(file_name)


@given(near_messages | likely_messages())
@settings(max_examples=400, deadline=None)
def test_the_door_accepts_what_the_schema_does_and_nothing_else(message: dict[str, Any]) -> None:
    error = refusal(json.dumps(message))
    assert_fit_to_send(error)
    assert (error is None) == is_valid(message)


@given(json_values)
@settings(deadline=None)
def test_any_json_is_refused_or_understood(value: object) -> None:
    assert_fit_to_send(refusal(json.dumps(value)))


@given(st.text())
@settings(deadline=None)
def test_any_text_is_refused_or_understood(text: str) -> None:
    assert_fit_to_send(refusal(text))


@pytest.mark.parametrize("text", ['{"type":"join","id":1,"token":"\\ud800"}', '"\ud800"', "[" * 200_000, "1e999", ""])
def test_what_breaks_json_parsers_is_refused(text: str) -> None:
    with pytest.raises(BadMessageError):
        decode(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('{"type": "subscibe", "id": 1}', "Did you mean subscribe?"),
        ('{"type": "admit", "id": 1, "participant_id": "p"}', "Did you mean participant_ids?"),
        ('{"type": "leave", "id": 1, "reason": "x"}', "Known here: type, id."),
    ],
)
def test_a_type_and_a_field_that_there_are_not_are_answered_with_the_nearest(text: str, hint: str) -> None:
    error = refusal(text)
    assert error is not None
    assert error.hint == f"{hint} docs/protocol describes every message."


def test_the_examples_of_the_protocol_are_messages_of_it() -> None:
    text = (PROTOCOL / "README.md").read_text()
    decoder, examples = json.JSONDecoder(), []
    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        end = 0
        while (begin := block.find("{", end)) >= 0:
            example, end = decoder.raw_decode(block, begin)
            examples.append(example)
    assert {"join", "joined", "published", "layout", "resume"} <= {example["type"] for example in examples}
    for example in examples:
        validator("client" if "id" in example else "server").validate(example)
