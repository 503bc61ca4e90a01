# SPDX-License-Identifier: MIT
"""A wire whose partner obeys pause frames (IEEE 802.3 annex 31B): it ends the frame under way and holds the next."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import cocotb
from cocotb.triggers import Event, First

from sim.host.simtime import now_ps, until_ps
from sim.wire import Frame, Received, Wire

__all__ = ["ObedientWire"]

_PAUSE: Final = bytes.fromhex("88080001")  # MAC control, and its opcode
_QUANTUM_PS: Final = 51_200  # 512 bit times of the 10G wire


class ObedientWire:
    """Wraps `inner`. It hands over one frame at a time, so the gap is a few octets above `inner`'s.

    It hears a pause as soon as `inner` tells of it: SimConfig.batch_ns = 0 for one that is told at once.
    Counts: xoff, xon heard.
    """

    def __init__(self, inner: Wire) -> None:
        self._inner = inner
        self._queue: deque[Frame] = deque()
        self._filled, self._emptied, self._told = Event(), Event(), Event()
        self._until_ps = 0
        self.xoff = self.xon = 0
        inner.on_received(self._hear)
        cocotb.start_soon(self._release())

    def send(self, frame: Frame) -> None:
        self._queue.append(frame)
        self._emptied.clear()
        self._filled.set()

    def _hear(self, frame: Received) -> None:
        if not frame.good or frame.data[12:16] != _PAUSE:
            return
        quanta = int.from_bytes(frame.data[16:18], "big")
        self._until_ps = now_ps() + quanta * _QUANTUM_PS
        self.xoff += quanta != 0
        self.xon += quanta == 0
        self._told.set()

    async def _release(self) -> None:
        while True:
            self._filled.clear()
            if not self._queue:
                self._emptied.set()
                await self._filled.wait()
            while now_ps() < self._until_ps:
                self._told.clear()
                await First(until_ps(self._until_ps), self._told.wait())
            self._inner.send(self._queue.popleft())
            await self._inner.drained()

    def on_sent(self, callback: Callable[[Frame, int], None]) -> None:
        self._inner.on_sent(callback)

    def on_received(self, callback: Callable[[Received], None]) -> None:
        self._inner.on_received(callback)

    @property
    def pending(self) -> int:
        return len(self._queue) + self._inner.pending

    async def drained(self) -> None:
        while self.pending:
            if self._queue:
                await self._emptied.wait()
            await self._inner.drained()
