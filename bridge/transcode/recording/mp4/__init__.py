"""Recordings as MP4: the same coded pictures and sounds in another container, moved by a process of its own."""

from bridge.transcode.recording.mp4.remuxing import RemuxLimits, as_mp4

__all__ = ["RemuxLimits", "as_mp4"]
