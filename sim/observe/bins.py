# SPDX-License-Identifier: MIT
"""Functional coverage: under which circumstances a frame crossed between stack and wire.

Five questions about each frame, asked of what software can see when it leaves for the card: how long it is, how full
the ring that it meets, how interrupts are moderated, whether receive interrupts wait for more (RDTR), and what is
broken just now. A bin is one answer to each, per direction; files of many simulations add up (tests/coverage).
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from driver.e1000e.adapter import ITR_MODES, Adapter, Ring, e1000_desc_unused
from driver.linux.netdevice import netif_carrier_ok
from sim.wire import Frame

if TYPE_CHECKING:
    from sim.bench import Bench

__all__ = ["ANSWERS", "Bin", "Bins", "fault_of_frame", "moderation", "ring_state", "size_class"]

_FCS_BYTES = 4
_SIZES = (
    (63, "runt"), (64, "64"), (127, "65-127"), (255, "128-255"), (511, "256-511"), (1023, "512-1023"),
    (1522, "1024-1522"), (9234, "jumbo"), (1 << 30, "giant"),
)  # fmt: skip
_COUNTED = ("no memory", "no mapping", "DMA refused")
_LOW = 8  # one eighth of the ring, and less, is low

Bin = tuple[str, str, str, str, str, str]

# What each place of a bin can hold: direction, size, ring, ITR, RDTR, fault.
ANSWERS: dict[str, tuple[str, ...]] = {
    "direction": ("rx", "tx"),
    "size": tuple(name for _, name in _SIZES),
    "ring": ("empty", "low", "part", "wrapped", "full"),
    "itr": ("off", "fixed", "adaptive"),
    "rdtr": ("off", "on"),
    "fault": (
        "none", "bad FCS", "symbol error", "truncated", "no link", "reset", "interface down", "no memory", "no mapping",
        "DMA refused", "line high", "line cut", "interrupt missed", "unplugged",
    ),
}  # fmt: skip


def size_class(nbytes: int) -> str:
    """nbytes: with FCS."""
    return next(name for most, name in _SIZES if nbytes <= most)


def ring_state(count: int, held: int, first: int) -> str:
    """Of a ring of `count` descriptors, `held` of which are the card's, from index `first` on; one is always free."""
    if held <= 0:
        return "empty"
    if held >= count - 1 - count // _LOW:
        return "full"
    if held <= count // _LOW:
        return "low"
    return "wrapped" if first + held > count else "part"


def moderation(itr_setting: int) -> str:
    """By the module parameter InterruptThrottleRate."""
    return "off" if itr_setting == 0 else "adaptive" if itr_setting in ITR_MODES else "fixed"


def fault_of_frame(frame: Frame) -> str:
    """What is wrong with the frame itself, its length aside."""
    if frame.truncated:
        return "truncated"
    return "bad FCS" if frame.bad_fcs else "none" if frame.good else "symbol error"


class Bins:
    """Counts the frames of one bench; `write` leaves them in a folder."""

    def __init__(self, bench: Bench) -> None:
        self.counts: Counter[Bin] = Counter()
        self._bench = bench
        self._seen = (0, 0, 0)  # allocations and mappings that failed, DMA faults
        bench.wire.on_sent(self._to_card)

    def _to_card(self, frame: Frame, time_ns: int) -> None:
        adapter = self._adapter()
        if adapter is not None:
            ring = adapter.rx_ring
            held = self._held(ring) - self._bench.books.receive.outstanding
            own, around = fault_of_frame(frame), self._fault(adapter)
            nbytes = len(frame.payload) + _FCS_BYTES
            self._count("rx", nbytes, adapter, ring, held, around if own == "none" else own)

    def host_sent(self, frame: bytes) -> None:
        """The stack hands a frame to the driver: counted, then told to the books."""
        adapter = self._adapter()
        if adapter is not None:
            ring = adapter.tx_ring
            nbytes = max(len(frame) + _FCS_BYTES, 64)
            self._count("tx", nbytes, adapter, ring, self._held(ring), self._fault(adapter))
        self._bench.books.host_sent(frame)

    # ------------------------------------------------------------------ answers
    def _adapter(self) -> Adapter | None:
        device = self._bench.books.device
        return None if device is None else device.priv

    @staticmethod
    def _held(ring: Ring) -> int:
        return ring.count - 1 - e1000_desc_unused(ring)

    def _count(self, direction: str, nbytes: int, adapter: Adapter, ring: Ring, held: int, fault: str) -> None:
        state = ring_state(ring.count, held, ring.next_to_clean)
        delayed = "on" if adapter.params.RxIntDelay else "off"
        self.counts[direction, size_class(nbytes), state, moderation(adapter.itr_setting), delayed, fault] += 1

    def _fault(self, adapter: Adapter) -> str:
        host = self._bench.host
        unmapped = adapter.rx_dma_failed + adapter.tx_dma_failed
        before, self._seen = self._seen, (adapter.alloc_rx_buff_failed, unmapped, host.dma.faults)
        if host.trouble:
            return host.trouble
        if adapter.resetting:
            return "reset"
        if adapter.down:
            return "interface down"
        if not netif_carrier_ok(adapter.netdev):
            return "no link"
        grown = (now > then for now, then in zip(self._seen, before, strict=True))
        return next((name for name, more in zip(_COUNTED, grown, strict=True) if more), "none")

    # ------------------------------------------------------------------ the file
    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        lines = [[*place, count] for place, count in sorted(self.counts.items())]
        (folder / f"bins-{secrets.token_hex(4)}.json").write_text(json.dumps(lines))
