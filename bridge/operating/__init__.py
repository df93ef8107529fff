"""Puts together what operators see and do: the rooms and legs there are, load, events, and draining."""

from bridge.operating.draining import Draining
from bridge.operating.head_count import HeadCount
from bridge.operating.overview import Node, Overview
from bridge.operating.rooms import RoomList, described_leg
from bridge.operating.trail import OperatorTrail
from bridge.operating.watch import Watch

__all__ = ["Draining", "HeadCount", "Node", "OperatorTrail", "Overview", "RoomList", "Watch", "described_leg"]
