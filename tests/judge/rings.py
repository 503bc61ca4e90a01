# SPDX-License-Identifier: MIT
"""Memory for the rings of a recording: its addresses were the stand-in's, and what lay there was not recorded.

A base address that is written gets memory of ours, always the same for the same recorded address. A tail that moves on
gets descriptors: on receive each with a buffer, on transmit each with the next frame that was recorded to leave.
"""

from __future__ import annotations

import struct

from driver.linux.dma_mapping import dma_alloc_coherent, dma_free_coherent
from driver.linux.pci import PciDev

__all__ = ["DESCRIPTOR_BYTES", "ReceiveRing", "Ring", "TransmitRing"]

DESCRIPTOR_BYTES, _BUFFER_BYTES = 16, 2048
_RING_BYTES = _DATA_BYTES = 64 << 10
_SLOTS = _DATA_BYTES // _BUFFER_BYTES
_DONE = 1
_EOP, _IFCS, _RS, _IDE = 1 << 24, 1 << 25, 1 << 27, 1 << 31


class Ring:
    """One ring and a few buffers that its descriptors share in turn. tail: as last written."""

    def __init__(self, device: PciDev) -> None:
        self._device = device
        self._rings: dict[int, tuple[memoryview, int]] = {}
        self._view, self._data = memoryview(b""), self._allocate(_DATA_BYTES)
        self.tail, self.entries = 0, 0

    def _allocate(self, nbytes: int) -> tuple[memoryview, int]:
        memory = dma_alloc_coherent(self._device, nbytes)
        assert memory is not None, "out of memory"
        return memory

    def free(self) -> None:
        """Give all of it back; the card must not use it any more."""
        for memory, iova in (self._data, *self._rings.values()):
            dma_free_coherent(self._device, _RING_BYTES, memory, iova)

    def base(self, recorded: int) -> int:
        """Our address for the recorded one, with fresh memory behind it."""
        if recorded not in self._rings:
            self._rings[recorded] = self._allocate(_RING_BYTES)
        self._view, iova = self._rings[recorded]
        self._view[:] = bytes(_RING_BYTES)
        self.tail = 0
        return iova

    def _advance(self, tail: int) -> list[int]:
        """The descriptors that moving the tail gives to the card."""
        count = (tail - self.tail) % self.entries if self.entries else 0
        indices = [(self.tail + step) % self.entries for step in range(count)]
        self.tail = tail
        return indices

    def _put(self, index: int, length: int, flags: int) -> int:
        """Write a descriptor; its slot of the data."""
        slot = index % _SLOTS
        struct.pack_into(
            "<QII", self._view, index * DESCRIPTOR_BYTES, self._data[1] + slot * _BUFFER_BYTES, length | flags, 0
        )
        return slot

    def _slot(self, index: int) -> memoryview:
        at = index % _SLOTS * _BUFFER_BYTES
        return self._data[0][at : at + _BUFFER_BYTES]

    def _status(self, index: int) -> int:
        return self._view[index * DESCRIPTOR_BYTES + 12]


class TransmitRing(Ring):
    def advance(self, tail: int, frames: list[bytes]) -> None:
        """Give the card `frames`, one in each descriptor before `tail`.

        Raises: AssertionError when the recording sent another number of frames.
        """
        indices = self._advance(tail)
        assert len(indices) == len(frames), f"{len(indices)} descriptors, {len(frames)} frames recorded"
        for index, frame in zip(indices, frames, strict=True):
            self._put(index, len(frame), _EOP | _IFCS | _RS | _IDE)
            self._slot(index)[: len(frame)] = frame


class ReceiveRing(Ring):
    """next: the descriptor in which the next frame must arrive."""

    def base(self, recorded: int) -> int:
        self.next = 0
        return super().base(recorded)

    def advance(self, tail: int) -> None:
        for index in self._advance(tail):
            self._put(index, 0, 0)

    def arrived(self) -> bytes | None:
        """The next frame, with its FCS if the card left it on; None: not there yet."""
        if not self._status(self.next) & _DONE:
            return None
        length = int.from_bytes(self._view[self.next * DESCRIPTOR_BYTES + 8 :][:2], "little")
        frame = bytes(self._slot(self.next)[:length])
        self.next = (self.next + 1) % self.entries
        return frame
