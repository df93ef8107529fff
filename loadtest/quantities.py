"""Quantities as people write them: "300k" or "2Mbit/s", "40ms", "64kB", "3%".

Readers return plain numbers in bit/s, seconds, bytes and shares of one. They raise `ValueError` with what was expected.
"""

from __future__ import annotations

import re

_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_RATE = re.compile(_NUMBER + r"\s*([kMG]?)(?:bit/s|bps|bit)?")
_DURATION = re.compile(_NUMBER + r"\s*(us|ms|s|m|h)")
_SIZE = re.compile(_NUMBER + r"\s*(k|M|Ki|Mi)?B")
_SHARE = re.compile(_NUMBER + r"\s*%")

_DECIMAL = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {None: 1, "k": 1000, "M": 1_000_000, "Ki": 1024, "Mi": 1024 * 1024}

RATE = 'a rate such as "300k" or "2Mbit/s"'
DURATION = 'a duration such as "40ms", "1.5s" or "2m"'
SIZE = 'a size such as "64kB" or "1500B"'
SHARE = 'a share such as "3%"'


def parse_rate(text: str) -> float:
    """Bit/s of a rate; a bare number is bit/s."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ValueError(RATE)
    return float(match[1]) * _DECIMAL[match[2]]


def parse_duration(text: str) -> float:
    """Seconds of a duration. Only zero may stand without a unit."""
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(DURATION)
    return float(match[1]) * _SECONDS[match[2]]


def parse_size(text: str) -> int:
    """Bytes of a size: "k" and "M" are decimal, "Ki" and "Mi" binary."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(SIZE)
    return round(float(match[1]) * _BYTES[match[2]])


def parse_share(text: str) -> float:
    """A share of one. The per cent sign is needed, as nobody could tell what a bare 1 means; zero may stand alone."""
    if text == "0":
        return 0.0
    match = _SHARE.fullmatch(text)
    if match is None or float(match[1]) > 100:
        raise ValueError(SHARE)
    return float(match[1]) / 100


def rate_text(rate: float) -> str:
    """A rate for people: "300 kbit/s"."""
    for factor, unit in ((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if rate >= factor:
            return f"{rate / factor:.4g} {unit}"
    return f"{rate:.4g} bit/s"
