"""What the compositor itself says in a picture, in the languages of the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Texts:
    """The words of one language."""

    frozen: str
    """Over a picture that has not moved for a while."""
    lost: str
    """In place of a picture that does not come any more."""


TEXTS = {
    "nb": Texts("Bildet står stille", "Ikke noe bilde"),
    "nn": Texts("Biletet står stille", "Ikkje noko bilete"),
    "en": Texts("Picture frozen", "No picture"),
}
