"""How speech is probably liked: the E-model of the bridge, with what was heard in place of what its line suggests."""

from __future__ import annotations

from bridge.sfu.quality import DELAY_KNEE, LOSS_ROBUSTNESS, R_MAX, opinion_score


def sound_mos(made_up: float, delay: float) -> float:
    """From 1 (bad) to 4.5: `made_up` is the share of speech concealed, `delay` from mouth to ear in seconds."""
    per_cent = made_up * 100
    impairment = 24 * delay + 110 * max(0.0, delay - DELAY_KNEE) + 95 * per_cent / (per_cent + LOSS_ROBUSTNESS)
    return opinion_score(max(0.0, R_MAX - impairment))
