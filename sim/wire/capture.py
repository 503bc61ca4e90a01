# SPDX-License-Identifier: MIT
"""Capture what really crossed a wire into a pcapng file, with nanosecond stamps and what was wrong with a frame."""

from __future__ import annotations

from sim.observe.pcap import PcapngWriter
from sim.wire import Frame, Received, Wire

__all__ = ["capture"]


def capture(wire: Wire, writer: PcapngWriter, interface: int = 0) -> None:
    """Write every frame of `wire` to `writer`. Outbound: sent by the card."""

    def sent(frame: Frame, time_ns: int) -> None:
        comment = "" if frame.good else _faults(frame)
        writer.write(interface, time_ns, frame.payload, comment, outbound=False)

    def received(frame: Received) -> None:
        comment = "" if frame.good else "bad FCS or error"
        writer.write(interface, frame.time_ns, frame.data, comment, outbound=True)

    wire.on_sent(sent)
    wire.on_received(received)


def _faults(frame: Frame) -> str:
    faults = (("bad FCS", frame.bad_fcs), ("error", frame.error_at is not None), ("truncated", frame.truncated))
    return ", ".join(name for name, is_so in faults if is_so)
