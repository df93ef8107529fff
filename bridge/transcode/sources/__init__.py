"""Generators of pictures and sound to test and measure with: a time code that machines read, a flash and a beep."""

from bridge.transcode.sources.time_code import draw_time_code, read_time_code
from bridge.transcode.sources.tone_and_clock import ToneAndClock

__all__ = ["ToneAndClock", "draw_time_code", "read_time_code"]
