"""How large a picture is sent, and how often, at a bitrate."""

from __future__ import annotations

from bridge.transcode.picture_size import PictureSizer


def test_on_the_thinnest_lines_pictures_come_seldom_before_they_are_too_small_to_know_a_face() -> None:
    sizer = PictureSizer(30_000)
    assert (sizer.size(1280, 720), sizer.rate.frame_rate) == ((320, 180), 8)
    sizer.follow(100_000)
    assert (sizer.size(640, 360), sizer.rate.frame_rate) == ((320, 180), 15)
