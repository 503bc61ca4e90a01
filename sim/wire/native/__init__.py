# SPDX-License-Identifier: MIT
"""The XGMII wire on the compiled models: NativeWire is the partner's end of the card's link, a Wire as XgmiiWire is."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable

from cocotb.triggers import Event

from sim.native.library import Kind, library
from sim.observe.observers import WireObserver
from sim.wire import Frame, Received

__all__ = ["NativeWire"]

_PAD, _BAD_FCS, _TRUNCATED = 1, 2, 4
_NO_ERROR = -1


class NativeWire:
    """gap_bytes: least idle bytes between two frames of ours (average, deficit idle count).

    Counts: sent and received frames (any), bad frames received.
    """

    def __init__(self, gap_bytes: int = 12) -> None:
        models = library()
        self._bytes = models.bytes
        self._send = models.lib.nicosim_wire_send
        self._send.argtypes = (ctypes.c_char_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_int)
        models.lib.nicosim_wire_gap(gap_bytes)
        models.on(Kind.SENT, self._left)
        models.on(Kind.RECEIVED, self._came)
        self._sent_listeners: list[Callable[[Frame, int], None]] = []
        self._received_listeners: list[Callable[[Received], None]] = []
        self.observer: WireObserver | None = None
        self._queue: deque[Frame] = deque()
        self._drained = Event()
        self.sent = self.received = self.received_bad = 0

    def send(self, frame: Frame) -> None:
        """Raises: ValueError when error_at is outside the frame."""
        error_at = frame.error_at
        if error_at is not None and not 0 <= error_at < len(frame.wire_bytes):
            raise ValueError(f"error_at {error_at} is outside a frame of {len(frame.wire_bytes)} bytes")
        self._queue.append(frame)
        self._drained.clear()
        flags = _PAD * frame.pad | _BAD_FCS * frame.bad_fcs | _TRUNCATED * frame.truncated
        self._send(frame.data, len(frame.data), flags, _NO_ERROR if error_at is None else error_at)

    def _left(self, flag: int, begin_ps: int, second: int, third: int, time_ps: int) -> None:
        frame = self._queue.popleft()
        self.sent += 1
        time_ns = time_ps // 1000
        if self.observer is not None:
            self.observer.wire_in(frame.payload, begin_ps // 1000, time_ns, frame.good)
        for listener in self._sent_listeners:
            listener(frame, time_ns)
        if not self._queue:
            self._drained.set()

    def _came(self, good: int, length: int, begin_ps: int, offset: int, time_ps: int) -> None:
        frame = Received(self._bytes[offset : offset + length].tobytes(), time_ps // 1000, bool(good))
        if self.observer is not None:
            self.observer.wire_out(frame.data, begin_ps // 1000, frame.time_ns, frame.good)
        self.received += 1
        self.received_bad += not good
        for listener in self._received_listeners:
            listener(frame)

    def on_sent(self, callback: Callable[[Frame, int], None]) -> None:
        self._sent_listeners.append(callback)

    def on_received(self, callback: Callable[[Received], None]) -> None:
        self._received_listeners.append(callback)

    @property
    def pending(self) -> int:
        return len(self._queue)

    async def drained(self) -> None:
        while self._queue:
            await self._drained.wait()
