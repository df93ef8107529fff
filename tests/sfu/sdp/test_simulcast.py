"""Simulcast by RID and by SSRC."""

from __future__ import annotations

import pytest

from bridge.sfu.sdp import extensions, parser, publish_answer, writer
from bridge.sfu.sdp.description import MediaDescription
from bridge.sfu.sdp.publish_answer import PublishedMedia
from bridge.sfu.sdp.simulcast import Encoding
from tests.sfu.sdp.test_publish_answer import LOCAL
from tests.sfu.support import fixture

BY_RID = fixture("chrome_publish_simulcast")
BY_SSRC = fixture("chrome_publish_simulcast_ssrc")


def video(text: str) -> tuple[PublishedMedia, MediaDescription]:
    """What is taken of the offer's video, and its m-line in the answer as a client reads it."""
    plan = publish_answer.plan(parser.parse(text))
    made = publish_answer.answer(plan, LOCAL, session_id="1", version=1)
    return made.media[1], parser.parse(writer.write(made.description)).media[1]


def rids(*names: str) -> tuple[Encoding, ...]:
    return tuple(Encoding(rid=name) for name in names)


@pytest.mark.parametrize("name", ["chrome_publish_simulcast", "firefox_publish_simulcast"])
def test_all_rids_are_taken_in_the_order_of_the_offer(name: str) -> None:
    media, answered = video(fixture(name))
    assert media.encodings == rids("q", "h", "f")
    assert answered.simulcast == "recv q;h;f"
    assert [(rid.rid, rid.direction) for rid in answered.rids] == [("q", "recv"), ("h", "recv"), ("f", "recv")]
    uris = {each.uri for each in answered.extensions}
    assert {extensions.MID, extensions.RID, extensions.REPAIRED_RID, extensions.DEPENDENCY_DESCRIPTOR} <= uris


@pytest.mark.parametrize(
    ("simulcast", "taken"),
    [
        ("send f;h;q", "f;h;q"),
        ("send q;h;~f", "q;h;f"),
        ("send ~q;~h;~f", "q;h;f"),
        ("send q;f,h recv q", "q;f"),
        ("send q;x,h", "q;h"),
        ("send q;q;f", "q;f"),
        ("send q;h;x", "q;h"),
        ("send f", "f"),
    ],
)
def test_alternatives_paused_and_unknown_rids(simulcast: str, taken: str) -> None:
    media, answered = video(BY_RID.replace("a=simulcast:send q;h;f", f"a=simulcast:{simulcast}"))
    assert media.encodings == rids(*taken.split(";"))
    assert answered.simulcast == f"recv {taken}"


@pytest.mark.parametrize("simulcast", ["recv q;h;f", "send", "send ;;", "", "nonsense q"])
def test_what_is_no_simulcast_to_be_sent_is_answered_without(simulcast: str) -> None:
    media, answered = video(BY_RID.replace("a=simulcast:send q;h;f", f"a=simulcast:{simulcast}"))
    assert media.encodings == (Encoding(),)
    assert (answered.rids, answered.simulcast) == ([], None)


def test_a_fourth_encoding_is_left_out_of_the_answer() -> None:
    text = BY_RID.replace("a=simulcast:send q;h;f", "a=rid:x send\r\na=simulcast:send q;h;f;x")
    media, answered = video(text)
    assert media.encodings == rids("q", "h", "f")
    assert [rid.rid for rid in answered.rids] == ["q", "h", "f"]


def test_simulcast_is_answered_without_where_packets_would_not_tell_encodings_apart() -> None:
    media, answered = video(BY_RID.replace(extensions.RID, "urn:example:other"))
    assert media.encodings == (Encoding(),)
    assert answered.simulcast is None


def test_ssrcs_of_a_group_are_encodings_with_their_repairs() -> None:
    media, answered = video(BY_SSRC)
    assert media.encodings == (
        Encoding(2349338692, 907484494),
        Encoding(2349338693, 907484495),
        Encoding(2349338694, 907484496),
    )
    assert (answered.rids, answered.simulcast) == ([], None)


def test_ssrc_groups_without_repairs_and_with_too_many() -> None:
    group = "a=ssrc-group:SIM 2349338692 2349338693 2349338694"
    kept = [line for line in BY_SSRC.split("\r\n") if not line.startswith("a=ssrc-group:FID")]
    media, _ = video("\r\n".join(kept).replace(group, "a=ssrc-group:SIM 5 5 6 7 8"))
    assert media.encodings == (Encoding(5), Encoding(6), Encoding(7))


def test_an_empty_group_says_nothing() -> None:
    media, _ = video(BY_SSRC.replace("a=ssrc-group:SIM 2349338692 2349338693 2349338694", "a=ssrc-group:SIM"))
    assert media.encodings == (Encoding(2349338692, 907484494),)
