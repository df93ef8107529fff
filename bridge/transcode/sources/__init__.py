"""Generators of pictures and sound to test and measure with: a time code for machines, a flash and a beep, a file."""

from bridge.transcode.sources.file_player import Due, FilePlayer, FilePlayerError
from bridge.transcode.sources.time_code import draw_time_code, read_time_code
from bridge.transcode.sources.tone_and_clock import ToneAndClock

__all__ = ["Due", "FilePlayer", "FilePlayerError", "ToneAndClock", "draw_time_code", "read_time_code"]
