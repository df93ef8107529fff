"""The names of layouts of a composed picture, for all who hand them on: doors, media plane and legs."""

from __future__ import annotations

from typing import Literal, TypeAlias

PictureLayout: TypeAlias = Literal["auto", "grid", "speaker", "interpreter", "screen"]
"""`bridge.transcode.compose.layouts` says what they are."""
PictureShape: TypeAlias = Literal["wide", "upright"]
"""`upright`: for a telephone as it is held."""
