"""How speech is probably liked: ITU-T G.107's E-model, an estimate from loss and delay and no measurement of sound."""

from __future__ import annotations

_BASE = 93.2
_OPUS_IMPAIRMENT = 0.0
"""Ie of Opus at the rates of WebRTC; wideband speech is counted here on the narrowband scale of the model."""
_OPUS_ROBUSTNESS = 15.0
"""Bpl: how well concealment covers single losses (per cent that halve what is left)."""


def sound_mos(lost: float, delay: float, burst_ratio: float = 1.0) -> float:
    """From 1 (bad) to 4.5: `lost` is the share of speech that was made up, `delay` from mouth to ear in seconds."""
    milliseconds = delay * 1000
    delay_impairment = 0.024 * milliseconds + 0.11 * max(0.0, milliseconds - 177.3)
    per_cent = lost * 100
    loss_impairment = _OPUS_IMPAIRMENT + (95 - _OPUS_IMPAIRMENT) * per_cent / (
        per_cent / burst_ratio + _OPUS_ROBUSTNESS
    )
    r = max(0.0, min(100.0, _BASE - delay_impairment - loss_impairment))
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
