"""How the bandwidth of one receiver's line is spent on the videos that it receives.

Pure: the clock is an argument. `receiver` alone talks to the core.
"""

from bridge.sfu.allocation.allocator import Allocator
from bridge.sfu.allocation.model import Allocation, Choice, Layer, Source, VideoState

__all__ = ["Allocation", "Allocator", "Choice", "Layer", "Source", "VideoState"]
