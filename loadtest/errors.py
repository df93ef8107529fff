"""What a user of the load tester got wrong: where it stands, what was expected, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: a file and a line in it, or an option of the command line."""

    source: str
    line: int | None = None
    """Counted from one; None where the source has no lines."""

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


class InputError(Exception):
    """Something that was asked for cannot be done as it is written.

    `place` says where it is written (None where it is a matter of the machine: a missing right, a taken port),
    `message` says what is wrong and what was expected, `hint` what was probably meant or how to mend it.
    """

    def __init__(self, message: str, place: Place | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        text = self.message if self.place is None else f"{self.place}: {self.message}"
        return text if self.hint is None else f"{text} ({self.hint})"


def need_folder(file: Path | None, option: str) -> None:
    """Refuses a file that could not be written at the end of a run, before it. Raises `InputError`."""
    if file is not None and not file.parent.is_dir():
        raise InputError(f"{str(file)!r}: there is no folder {file.parent}", Place(option))


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is not known: the nearest one, or all of them."""
    words = sorted(known)
    near = get_close_matches(word, words, n=1)
    return f"did you mean {near[0]!r}?" if near else f"expected one of: {', '.join(words)}"
