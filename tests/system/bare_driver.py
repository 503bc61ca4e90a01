# SPDX-License-Identifier: MIT
"""A driver of the card that knows nothing: it maps registers and some memory, and lets a test do anything with them."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass
from typing import Any

from driver.e1000e.desc import DESC_BYTES
from driver.e1000e.main import E1000_PCI_TBL
from driver.e1000e.regs import ALL_ONES, CTRL, IMC, MDIC, RCTL, STATISTICS, TCTL, MdiOp, PhyRegister
from driver.linux.dma_mapping import dma_alloc_coherent, dma_free_coherent, dma_set_mask_and_coherent
from driver.linux.io import IoMem, readl, writel
from driver.linux.pci import (
    PciDev,
    PciDeviceId,
    PciDriver,
    pci_disable_device,
    pci_enable_device,
    pci_iomap,
    pci_iounmap,
    pci_register_driver,
    pci_release_regions,
    pci_request_regions,
    pci_set_master,
    pci_unregister_driver,
)
from sim.bench import Bench

ARENA_BYTES = 128 << 10
RESET_TRIES = 1000
_PHY_ADDRESS = 1
_OCTETS = ("GORC", "GOTC", "TOR", "TOT")


@dataclass(slots=True)
class RawRing:
    """One direction's ring registers, and where its descriptors are: `at` is an offset into the arena."""

    base_low: Any
    base_high: Any
    length: Any
    head: Any
    tail: Any
    at: int


class BareDriver:
    """`load` and `unload` it; in between read, write, and `arena`: memory that the card reaches at bus address `iova`.
    `arenas`: as many of it as were asked for, each with its address, that one first.

    What is a coroutine runs in the bench's kernel, by `bench.run`.
    """

    mem: IoMem
    arena: memoryview
    iova: int
    arenas: list[tuple[memoryview, int]]

    def __init__(self, bench: Bench, arenas: int = 1) -> None:
        self.bench = bench
        self._count = arenas
        self._driver = PciDriver("bare", E1000_PCI_TBL, self._probe, self._remove)

    async def load(self) -> None:
        await self.bench.run(pci_register_driver(self._driver))

    async def unload(self) -> None:
        await self.bench.run(pci_unregister_driver(self._driver))

    async def _probe(self, pdev: PciDev, entry: PciDeviceId) -> int:
        assert await pci_enable_device(pdev) == 0 and dma_set_mask_and_coherent(pdev, (1 << 64) - 1) == 0
        assert pci_request_regions(pdev, "bare") == 0
        pci_set_master(pdev)
        mem, got = pci_iomap(pdev, 0), [dma_alloc_coherent(pdev, ARENA_BYTES) for _ in range(self._count)]
        assert mem is not None
        self.mem, self.arenas = mem, [arena for arena in got if arena is not None]
        assert len(self.arenas) == self._count
        self.arena, self.iova = self.arenas[0]
        return 0

    async def _remove(self, pdev: PciDev) -> None:
        """The card was reset, or it would go on to use what is freed here."""
        for arena, iova in self.arenas:
            dma_free_coherent(pdev, ARENA_BYTES, arena, iova)
        pci_iounmap(pdev, self.mem)
        pci_release_regions(pdev)
        pci_disable_device(pdev)

    # ------------------------------------------------------------------ in the kernel
    def write(self, register: Any, value: int) -> None:
        writel(value & ALL_ONES, self.mem, register.offset)

    async def read(self, register: Any) -> int:
        return int(await readl(self.mem, register.offset))

    async def reset(self) -> None:
        """CTRL.RST, then CTRL.PHY_RST; the card is ready for a link. Raises: AssertionError when it does not end."""
        self.write(IMC, ALL_ONES)
        self.write(CTRL, CTRL.RST)
        for _ in range(RESET_TRIES):
            if not await self.read(CTRL) & CTRL.RST:
                break
        else:
            raise AssertionError("CTRL.RST does not end")
        self.write(CTRL, CTRL.PHY_RST)
        self.write(CTRL, CTRL.SLU | CTRL.FD)

    async def ring(self, ring: RawRing, nbytes: int, start: int = 0) -> None:
        """Tell the card of an empty ring, whose next descriptor is `start`."""
        base = self.iova + ring.at
        for register, value in (
            (ring.base_low, base), (ring.base_high, base >> 32), (ring.length, nbytes), (ring.head, start),
            (ring.tail, start),
        ):  # fmt: skip
            self.write(register, value)

    def descriptor(self, ring: RawRing, index: int, address: int, length: int = 0, command: int = 0) -> None:
        """A legacy descriptor; a receive descriptor has an address only."""
        struct.pack_into("<QHBBBBH", self.arena, ring.at + index * DESC_BYTES, address, length, 0, command, 0, 0, 0)

    def status(self, ring: RawRing, index: int) -> int:
        return self.arena[ring.at + index * DESC_BYTES + 12]

    async def phy_write(self, register: PhyRegister, value: int) -> None:
        """Raises: AssertionError when MDIC does not become ready."""
        self.write(MDIC, MDIC.DATA.put(value) | MDIC.REGADD.put(register.number) | MDIC.PHYADD.put(_PHY_ADDRESS)
                   | MDIC.OP.put(MdiOp.WRITE))  # fmt: skip
        for _ in range(RESET_TRIES):
            if (ready := await self.read(MDIC)) & MDIC.READY:
                break
        assert ready & MDIC.READY and not ready & MDIC.ERROR

    async def statistics(self) -> Counter[str]:
        """What the counters have come to since they were read last, by register name, those at 0 left out. 64 bits
        are one: GORC."""
        counts: Counter[str] = Counter()
        for register in STATISTICS:
            name, value = register.name, await self.read(register)
            if name[:-1] in _OCTETS:
                name, value = name[:-1], value << (32 if name.endswith("H") else 0)
            counts[name] += value
        return +counts

    async def enable(self, *, receive: bool = False, transmit: bool = False) -> None:
        if receive:
            self.write(RCTL, RCTL.EN | RCTL.UPE | RCTL.MPE | RCTL.BAM | RCTL.SECRC)
        if transmit:
            self.write(TCTL, TCTL.EN | TCTL.PSP)
