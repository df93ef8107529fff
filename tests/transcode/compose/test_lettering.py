"""Names as they are in Norway, and such as do harm: every letter is drawn, nothing runs out of its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.transcode.compose.lettering import clean, initials, sign_mask, text_mask


@pytest.mark.parametrize("letter", "ÆØÅæøåÁáČčĐđŊŋŠšŦŧŽžÄÖÜäöüßéèêëñçÐÞðþŁłŚśĞğİıŞşЖжΩω")
def test_every_letter_has_a_form_of_its_own(letter: str) -> None:
    missing = text_mask("\U0010fffd", 20, 100)
    drawn = text_mask(letter, 20, 100)
    assert drawn.max() > 200
    assert drawn.shape != missing.shape or (drawn != missing).any()


def test_a_ring_tells_two_letters_apart() -> None:
    assert text_mask("Å", 10, 50).sum() > text_mask("A", 10, 50).sum()


@settings(deadline=None)
@given(text=st.text(max_size=100), size=st.integers(6, 40), width=st.integers(1, 300))
def test_nothing_exceeds_its_width_or_raises(text: str, size: int, width: int) -> None:
    assert text_mask(clean(text), size, width).shape[1] <= width
    assert 1 <= len(initials(text)) <= 6


def test_a_long_name_ends_in_an_ellipsis() -> None:
    name = "Wilhelmina Aleksandersen Gjærevoll"
    short, whole = text_mask(name, 12, 80), text_mask(name, 12, 400)
    assert 60 < short.shape[1] <= 80 < whole.shape[1]


def test_names_are_one_line_without_control_characters() -> None:
    assert clean("  Åse\n\tBjørnstad\u202e\x00 ") == "Åse Bjørnstad"
    assert clean("A\u030ase") == "Åse"
    assert len(clean("x" * 10_000)) == 64


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Åse Bjørnstad", "ÅB"), ("åse", "Å"), ("Per Olav Ås", "PÅ"), ("", "?"), ("(tolk) Nina", "N"), ("🙂", "?")],
)
def test_initials(name: str, expected: str) -> None:
    assert initials(name) == expected


def test_signs_differ_and_cannot_be_written_to() -> None:
    muted, frozen = sign_mask("muted", 12), sign_mask("frozen", 12)
    assert (muted != frozen).any()
    with pytest.raises(ValueError, match="read-only"):
        np.copyto(muted, frozen)
