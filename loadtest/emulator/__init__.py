"""A link emulator in user space: rate, delay, loss, queue and the rest, seeded, without any module of the kernel.

`LinkModel` is the model of one direction, pure and in virtual time. Two programs carry packets through it: a relay of
UDP and TCP for any client (`relay`), and a network namespace for whole browsers (`namespace`).
"""

from loadtest.emulator.description import Direction, LinkDescription
from loadtest.emulator.link import Link
from loadtest.emulator.model import Delivery, LinkModel
from loadtest.emulator.statistics import Cause, Statistics

__all__ = ["Cause", "Delivery", "Direction", "Link", "LinkDescription", "LinkModel", "Statistics"]
