# SPDX-License-Identifier: MIT
"""The XGMII wire on cocotbext-eth: XgmiiWire(dut) is the partner's end of the card's link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cocotb
from cocotb.triggers import Event
from cocotbext.eth import XgmiiFrame
from cocotbext.eth.constants import EthPre, XgmiiCtrl

from sim.observe.observers import WireObserver
from sim.wire import Frame, Received, fcs_of
from sim.wire.xgmii import FastXgmiiSink, FastXgmiiSource

__all__ = ["XgmiiWire"]

_PREAMBLE = bytes([EthPre.PRE] * 7 + [EthPre.SFD])


def _to_xgmii(frame: Frame, sent: Callable[[Any], None]) -> Any:
    """Raises: ValueError when error_at is outside the frame."""
    raw = bytearray(_PREAMBLE + frame.wire_bytes)
    control = None
    if frame.error_at is not None:
        if not 0 <= frame.error_at < len(raw) - len(_PREAMBLE):
            raise ValueError(f"error_at {frame.error_at} is outside a frame of {len(raw) - len(_PREAMBLE)} bytes")
        at = len(_PREAMBLE) + frame.error_at
        raw[at] = XgmiiCtrl.ERROR
        control = [0] * len(raw)
        control[at] = 1
    if frame.truncated:
        control = [*(control or [0] * len(raw)), 1]  # see FastXgmiiSource
    return XgmiiFrame(raw, control, tx_complete=sent)


def _from_xgmii(frame: Any) -> Received:
    """A broken preamble makes a frame bad; its data is then all that came."""
    raw = bytes(frame.data)
    framed = raw.startswith(_PREAMBLE) and len(raw) >= len(_PREAMBLE) + 4
    body = raw[len(_PREAMBLE) :] if framed else raw
    data, fcs = body[:-4], body[-4:]
    good = framed and frame.ctrl is None and fcs == fcs_of(data)
    return Received(data, frame.sim_time_end // 1000, good)


class XgmiiWire:
    """Build it after reset. gap_bytes: least idle bytes between two frames of ours (average, deficit idle count).

    Counts: sent and received frames (any), bad frames received.
    """

    def __init__(self, dut: Any, *, rx_clock: Any, tx_clock: Any, gap_bytes: int = 12) -> None:
        self._source = FastXgmiiSource(dut.xgmii_rxd, dut.xgmii_rxc, rx_clock)
        self._source.ifg = gap_bytes
        self._sink = FastXgmiiSink(dut.xgmii_txd, dut.xgmii_txc, tx_clock)
        self._sent_listeners: list[Callable[[Frame, int], None]] = []
        self._received_listeners: list[Callable[[Received], None]] = []
        self.observer: WireObserver | None = None
        self._drained = Event()
        self._pending = 0
        self.sent = self.received = self.received_bad = 0
        cocotb.start_soon(self._listen())

    def send(self, frame: Frame) -> None:
        self._pending += 1
        self._drained.clear()
        self._source.send_nowait(_to_xgmii(frame, lambda on_wire: self._left(frame, on_wire)))

    def _left(self, frame: Frame, on_wire: Any) -> None:
        time_ns = on_wire.sim_time_end // 1000
        if self.observer is not None:
            self.observer.wire_in(frame.payload, on_wire.sim_time_start // 1000, time_ns, frame.good)
        self.sent += 1
        self._pending -= 1
        for listener in self._sent_listeners:
            listener(frame, time_ns)
        if not self._pending:
            self._drained.set()

    def on_sent(self, callback: Callable[[Frame, int], None]) -> None:
        self._sent_listeners.append(callback)

    def on_received(self, callback: Callable[[Received], None]) -> None:
        self._received_listeners.append(callback)

    @property
    def pending(self) -> int:
        return self._pending

    async def drained(self) -> None:
        while self._pending:
            await self._drained.wait()

    async def _listen(self) -> None:
        while True:
            on_wire = await self._sink.recv()
            frame = _from_xgmii(on_wire)
            if self.observer is not None:
                self.observer.wire_out(frame.data, on_wire.sim_time_start // 1000, frame.time_ns, frame.good)
            self.received += 1
            self.received_bad += not frame.good
            for listener in self._received_listeners:
                listener(frame)
