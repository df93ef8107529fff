"""Films and recordings that are made once for all who play them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from loadtest import clips


def test_several_at_once_make_the_same_film_and_none_sees_half_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "of-nobody-yet"
    with ThreadPoolExecutor(4) as pool:
        films = list(pool.map(lambda _: clips.film("talking-head", folder), range(4)))
    assert set(films) == {folder / "carphone_pristine.y4m"}
    assert [each.name for each in folder.iterdir()] == ["carphone_pristine.y4m"]
    spoken = clips.recording("speech", folder / "more")
    assert spoken is not None
    assert spoken.read_bytes().startswith(b"RIFF")
