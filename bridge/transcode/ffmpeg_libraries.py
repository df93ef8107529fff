"""The C libraries that PyAV's FFmpeg is linked to, for what FFmpeg hands to none of them."""

from __future__ import annotations

import ctypes
from functools import lru_cache

import av._core


@lru_cache(1)
def ffmpeg_libraries() -> ctypes.CDLL:
    """Finds functions in whatever PyAV has loaded with it, without knowing files and their names.

    The linker looks for a function in a module and in all that it was linked to (`dlsym`, POSIX): in the libraries that
    PyAV's wheel brings under names of its own, and in the system's where PyAV is a package of the system. What is not
    there raises `AttributeError`.
    """
    return ctypes.CDLL(av._core.__file__)
