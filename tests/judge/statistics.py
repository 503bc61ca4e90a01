# SPDX-License-Identifier: MIT
"""What the card's statistics must come to since its last reset: the frames that were played, and no error."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

__all__ = ["COUNTERS_OF_FRAMES", "Statistics"]

_BROADCAST: Final = b"\xff" * 6
_LEAST_BYTES, _FCS_BYTES = 60, 4
_MOST: Final = (64, 127, 255, 511, 1023, 1522)  # bytes with FCS: one counter for each range of lengths
_INTERRUPTS: Final = range(0x4100, 0x4128, 4)  # the stand-in's timing made them


@dataclass(frozen=True, slots=True)
class Direction:
    """Offsets of the counters of frames: good ones, all of them, their octets (low halves), the shortest of six."""

    good: int
    broadcast: int
    multicast: int
    octets: int
    total: int
    total_octets: int
    lengths: int

    @property
    def offsets(self) -> frozenset[int]:
        halves = {self.octets, self.octets + 4, self.total_octets, self.total_octets + 4}
        lengths = {self.lengths + 4 * at for at in range(len(_MOST))}
        return frozenset({self.good, self.broadcast, self.multicast, self.total} | halves | lengths)


_IN = Direction(0x4074, 0x4078, 0x407C, 0x4088, 0x40D0, 0x40C0, 0x405C)
_OUT = Direction(0x4080, 0x40F4, 0x40F0, 0x4090, 0x40D4, 0x40C8, 0x40D8)
COUNTERS_OF_FRAMES = _IN.offsets | _OUT.offsets


class Statistics:
    """Counters clear when they are read: what they told is summed up. looped: there was loopback, which the card may
    count as it likes, so that counters of frames are not held to anything until the next reset."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The card was reset."""
        self._wanted: Counter[int] = Counter()
        self._told: Counter[int] = Counter()
        self.looped = False

    def came(self, frame: bytes) -> None:
        """The card received this, without FCS."""
        self._count(_IN, frame)

    def went(self, frame: bytes) -> None:
        """The card sent this, without padding and FCS."""
        self._count(_OUT, frame)

    def _count(self, direction: Direction, frame: bytes) -> None:
        length = max(len(frame), _LEAST_BYTES) + _FCS_BYTES
        if frame[0] & 1:
            self._wanted[direction.broadcast if frame[:6] == _BROADCAST else direction.multicast] += 1
        self._wanted[direction.good] += 1
        self._wanted[direction.total] += 1
        self._wanted[direction.octets] += length
        self._wanted[direction.total_octets] += length
        self._wanted[direction.lengths + 4 * next(at for at, most in enumerate(_MOST) if length <= most)] += 1

    def read(self, offset: int, value: int) -> tuple[int, int] | None:
        """The counter at `offset` read `value`: what it told since the reset, and should have; None: it is not held."""
        self._told[offset] += value
        if offset in _INTERRUPTS or (self.looped and offset in COUNTERS_OF_FRAMES):
            return None
        return self._told[offset], self._wanted[offset]
