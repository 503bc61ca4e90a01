# SPDX-License-Identifier: MIT
"""The wire: what crosses it (Frame, Received) and what carries it (Wire).

A Wire is the partner's end of the link: `send` goes towards the card, `on_received` hears the card. Wrappers
(sim/wire/pacing.py, fault.py) are Wires over a Wire; listeners (capture.py, partner.py) subscribe to one.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

__all__ = ["MIN_BYTES", "Frame", "Received", "Wire", "fcs_of"]

MIN_BYTES = 60  # shortest legal frame, without FCS


def fcs_of(data: bytes) -> bytes:
    """The four FCS bytes in wire order."""
    return zlib.crc32(data).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame to send. data: from destination address to end of payload, without FCS.

    pad: fill up to the legal minimum. bad_fcs: send a wrong one. error_at: an XGMII error character instead of that
    byte of data. truncated: the wire falls idle behind data, without padding, FCS and terminate character.
    payload: data as it goes out, with padding, without FCS.
    """

    data: bytes
    pad: bool = True
    bad_fcs: bool = False
    error_at: int | None = None
    truncated: bool = False
    payload: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        payload = self.data.ljust(MIN_BYTES, b"\0") if self.pad and not self.truncated else self.data
        object.__setattr__(self, "payload", payload)

    @property
    def wire_bytes(self) -> bytes:
        """data, padding and FCS (unless truncated); FCS is computed at each call: for whoever puts it on the wire."""
        payload = self.payload
        if self.truncated:
            return payload
        fcs = fcs_of(payload)
        return payload + (bytes(byte ^ 0xFF for byte in fcs) if self.bad_fcs else fcs)

    @property
    def good(self) -> bool:
        """Nothing is wrong with it but possibly its length."""
        return not (self.bad_fcs or self.truncated) and self.error_at is None


class Received(NamedTuple):
    """A frame that the card sent. data: without FCS; time_ns: of its last byte; good: FCS right, no error character."""

    data: bytes
    time_ns: int
    good: bool


class Wire(Protocol):
    """The partner's end of a link."""

    def send(self, frame: Frame) -> None:
        """Queue `frame` towards the card; never waits."""

    def on_sent(self, callback: Callable[[Frame, int], None]) -> None:
        """`callback(frame, time_ns)` when the last byte of a frame has left."""

    def on_received(self, callback: Callable[[Received], None]) -> None: ...

    @property
    def pending(self) -> int:
        """Frames queued or under way towards the card."""

    async def drained(self) -> None:
        """Until pending is 0."""
