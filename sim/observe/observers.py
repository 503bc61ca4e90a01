# SPDX-License-Identifier: MIT
"""What hosts and wires tell an observer of theirs. Each has an attribute `observer`, None unless somebody looks.

Times are integers, ns of simulated time. An observer must be told in time: a register write before what the card does
because of it, a frame on the wire before the kernel steps that receives it; else in the order in which things end, as
near as a model can. Compiled models may tell in batches, at the end of each.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["BusObserver", "WireObserver"]


class BusObserver(Protocol):
    """Hears what crosses the bus between a host and its card."""

    def mmio_write(self, now_ns: int, offset: int, value: int) -> None:
        """A register write, between its request and its answer. offset: bytes in BAR0."""

    def mmio_read(self, begin_ns: int, end_ns: int, offset: int, value: int) -> None:
        """A register read, from its request to its answer."""

    def dma(self, write: bool, iova: int, nbytes: int, begin_ns: int, end_ns: int) -> None:
        """A burst of the card, from its address handshake to its last response.

        iova, nbytes: whole beats, from the address on; of a write better the bytes whose strobes are set.
        """

    def interrupt(self, now_ns: int, asserted: bool) -> None:
        """INTA has a new level."""


class WireObserver(Protocol):
    """Hears frames. data: without FCS; from the first byte of the preamble to the last of the FCS; good: FCS right, no
    error character."""

    def wire_in(self, data: bytes, begin_ns: int, end_ns: int, good: bool) -> None:
        """A frame to the card, when its last byte has left."""

    def wire_out(self, data: bytes, begin_ns: int, end_ns: int, good: bool) -> None:
        """A frame from the card."""
