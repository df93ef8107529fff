"""Sound for a leg: voices are levelled, summed once, and each receiver gets the sum without its own.

All of it works on blocks: mono `float32` arrays of `BLOCK` samples at `SAMPLE_RATE`, full scale at ±1.0.
"""

from bridge.transcode.mix.blocks import BLOCK, SAMPLE_RATE, Block, BlockBuffer, decibels, from_int16, silence, to_int16
from bridge.transcode.mix.levelling import Leveller
from bridge.transcode.mix.limiter import CEILING, Limiter
from bridge.transcode.mix.mixer import MAX_SOURCES, Mixer, MixError
from bridge.transcode.mix.resampling import FromBlocks, ToBlocks

__all__ = [
    "BLOCK",
    "CEILING",
    "MAX_SOURCES",
    "SAMPLE_RATE",
    "Block",
    "BlockBuffer",
    "FromBlocks",
    "Leveller",
    "Limiter",
    "MixError",
    "Mixer",
    "ToBlocks",
    "decibels",
    "from_int16",
    "silence",
    "to_int16",
]
