"""What a recording says: the figures of `loadtest.scenario.metrics`, and how things went over time."""

from loadtest.figures.measuring import Figures, measure

__all__ = ["Figures", "measure"]
