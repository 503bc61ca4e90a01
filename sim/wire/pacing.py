# SPDX-License-Identifier: MIT
"""A wire that sends each frame no sooner than it is told: at a least interval, or at given moments."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import cocotb
from cocotb.triggers import Event

from sim.host.simtime import now_ps, until_ps
from sim.wire import Frame, Received, Wire

__all__ = ["PacedWire"]


class PacedWire:
    """Wraps `inner`; frames towards the card start at least `interval_ns` apart, and not before `send_at` says."""

    def __init__(self, inner: Wire, interval_ns: int = 0) -> None:
        self._inner = inner
        self._interval_ps = interval_ns * 1000
        self._queue: deque[tuple[int, Frame]] = deque()
        self._filled = Event()
        self._emptied = Event()
        cocotb.start_soon(self._release())

    def send(self, frame: Frame) -> None:
        self.send_at(0, frame)

    def send_at(self, time_ns: int, frame: Frame) -> None:
        """Queue `frame` for `time_ns` of simulated time. Frames keep their order, so a late one delays the next."""
        self._queue.append((time_ns * 1000, frame))
        self._emptied.clear()
        self._filled.set()

    async def _release(self) -> None:
        free_ps = 0
        while True:
            self._filled.clear()
            if not self._queue:
                self._emptied.set()
                await self._filled.wait()
            moment = max(free_ps, self._queue[0][0])
            if moment > now_ps():
                await until_ps(moment)
            _, frame = self._queue.popleft()
            self._inner.send(frame)
            free_ps = now_ps() + self._interval_ps

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
