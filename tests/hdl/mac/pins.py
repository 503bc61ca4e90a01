# SPDX-License-Identifier: MIT
"""XGMII seen as what it is, bytes with a control flag: a checker for every transmitted character, a driver for any.

Written from IEEE 802.3 clauses 4 and 46, without a look at the RTL or at cocotbext-eth.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from cocotb.triggers import RisingEdge

IDLE, START, TERMINATE, ERROR, SEQUENCE = 0x07, 0xFB, 0xFD, 0xFE, 0x9C
PREAMBLE = bytes([0x55] * 6 + [0xD5])  # behind the start character
GAP_BYTES = 12  # terminate included
DEFICIT_MAX = 3
Character = tuple[int, int]  # value, control flag
IDLE_CHARACTER = (IDLE, 1)


def with_fcs(data: bytes) -> bytes:
    return data + zlib.crc32(data).to_bytes(4, "little")


def characters(data: bytes) -> list[Character]:
    """A whole frame (FCS included) as it goes over the wire, start to terminate."""
    return [(START, 1), *((byte, 0) for byte in PREAMBLE + data), (TERMINATE, 1)]


@dataclass
class WireFrame:
    start: int  # position of the start character in bytes since the checker began
    data: bytearray = field(default_factory=bytearray)
    errors: int = 0  # error characters inside
    end: int = -1  # position of the terminate


class XgmiiChecker:
    """Samples the transmit pins at every clock; raises on anything that clause 46 or the gap rule forbids."""

    def __init__(self, clock: Any, data: Any, ctrl: Any, gap_bytes: int = GAP_BYTES) -> None:
        self.clock, self.data, self.ctrl = clock, data, ctrl
        self.gap_bytes = gap_bytes
        self.frames: list[WireFrame] = []  # finished ones
        self.gaps: list[int] = []
        self.position = 0
        self.quiet = True  # nothing but idle in the last sample
        self._frame: WireFrame | None = None
        self._deficit = 0

    async def run(self) -> None:
        while True:
            await RisingEdge(self.clock)
            word, ctrl = int(self.data.value), int(self.ctrl.value)
            self.quiet = word == 0x0707070707070707 and ctrl == 0xFF
            for lane in range(8):
                self._character(word >> 8 * lane & 0xFF, ctrl >> lane & 1)
                self.position += 1

    def _character(self, value: int, control: int) -> None:
        if self._frame is None:
            if (value, control) == (START, 1):
                self._start()
            else:
                assert (value, control) == IDLE_CHARACTER, f"{value:02x}/{control} between frames at {self.position}"
            return
        offset = self.position - self._frame.start
        if offset <= len(PREAMBLE):
            assert (value, control) == (PREAMBLE[offset - 1], 0), f"{value:02x}/{control} in the preamble"
        elif control and value == TERMINATE:
            self._frame.end = self.position
            self.frames.append(self._frame)
            self._frame = None
        elif control:
            assert value == ERROR, f"control character {value:02x} inside a frame"
            self._frame.errors += 1
        else:
            self._frame.data.append(value)

    def _start(self) -> None:
        assert self.position % 4 == 0, f"start in lane {self.position % 8}"
        if self.frames:
            gap = self.position - self.frames[-1].end
            self.gaps.append(gap)
            self._deficit = max(0, self._deficit + self.gap_bytes - gap)
            assert self._deficit <= DEFICIT_MAX, f"gaps too short: {self.gaps[-8:]}"
        self._frame = WireFrame(self.position)


class PinDriver:
    """Puts any characters on the receive pins; idle in between. A gap is from terminate to start."""

    def __init__(self, clock: Any, data: Any, ctrl: Any) -> None:
        self.clock, self.data, self.ctrl = clock, data, ctrl
        self._queue: deque[Character] = deque()
        self._last_end = -1000  # position of the last terminate that was queued
        self._position = 0  # of the next character to be queued
        self.data.value, self.ctrl.value = 0x0707070707070707, 0xFF

    def put(self, frame: Iterable[Character], *, gap: int = GAP_BYTES, lane: int | None = None) -> None:
        """Queue one frame at the first legal start (`lane` 0 or 4 at will) at least `gap` bytes after the last end."""
        while (
            self._position - self._last_end < gap
            or self._position % 4
            or (lane is not None and self._position % 8 != lane)
        ):
            self.put_raw([IDLE_CHARACTER])
        frame = list(frame)
        self.put_raw(frame)
        self._last_end = self._position - 1

    def put_raw(self, stream: Iterable[Character]) -> None:
        for character in stream:
            self._queue.append(character)
            self._position += 1

    async def run(self) -> None:
        while True:
            await RisingEdge(self.clock)
            if not self._queue:
                self._position = 0
                self._last_end -= 1 << 20
            word = [self._queue.popleft() if self._queue else IDLE_CHARACTER for _ in range(8)]
            self.data.value = int.from_bytes(bytes(value for value, _ in word), "little")
            self.ctrl.value = sum(control << lane for lane, (_, control) in enumerate(word))

    async def drained(self, cycles_more: int = 0) -> None:
        while self._queue:
            await RisingEdge(self.clock)
        for _ in range(cycles_more):
            await RisingEdge(self.clock)


def replace(frame: list[Character], at: int, new: Character) -> list[Character]:
    return [*frame[:at], new, *frame[at + 1 :]]


Fault = Callable[[list[Character]], list[Character]]
