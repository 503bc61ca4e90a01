# SPDX-License-Identifier: MIT
"""A driver of the card that knows nothing: it maps registers and some memory, and lets a test do anything with them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from driver.e1000e.desc import DESC_BYTES
from driver.e1000e.main import E1000_PCI_TBL
from driver.e1000e.regs import ALL_ONES, CTRL, IMC, RCTL, TCTL
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

    What is a coroutine runs in the bench's kernel, by `bench.run`.
    """

    mem: IoMem
    arena: memoryview
    iova: int

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._driver = PciDriver("bare", E1000_PCI_TBL, self._probe, self._remove)

    async def load(self) -> None:
        await self.bench.run(pci_register_driver(self._driver))

    async def unload(self) -> None:
        await self.bench.run(pci_unregister_driver(self._driver))

    async def _probe(self, pdev: PciDev, entry: PciDeviceId) -> int:
        assert await pci_enable_device(pdev) == 0 and dma_set_mask_and_coherent(pdev, (1 << 64) - 1) == 0
        assert pci_request_regions(pdev, "bare") == 0
        pci_set_master(pdev)
        mem, got = pci_iomap(pdev, 0), dma_alloc_coherent(pdev, ARENA_BYTES)
        assert mem is not None and got is not None
        self.mem, (self.arena, self.iova) = mem, got
        return 0

    async def _remove(self, pdev: PciDev) -> None:
        """The card was reset, or it would go on to use what is freed here."""
        dma_free_coherent(pdev, ARENA_BYTES, self.arena, self.iova)
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

    async def ring(self, ring: RawRing, nbytes: int) -> None:
        """Tell the card of an empty ring."""
        base = self.iova + ring.at
        for register, value in (
            (ring.base_low, base), (ring.base_high, base >> 32), (ring.length, nbytes), (ring.head, 0), (ring.tail, 0),
        ):  # fmt: skip
            self.write(register, value)

    def descriptor(self, ring: RawRing, index: int, address: int, length: int = 0, command: int = 0) -> None:
        """A legacy descriptor; a receive descriptor has an address only."""
        struct.pack_into("<QHBBBBH", self.arena, ring.at + index * DESC_BYTES, address, length, 0, command, 0, 0, 0)

    def status(self, ring: RawRing, index: int) -> int:
        return self.arena[ring.at + index * DESC_BYTES + 12]

    async def enable(self, *, receive: bool = False, transmit: bool = False) -> None:
        if receive:
            self.write(RCTL, RCTL.EN | RCTL.UPE | RCTL.MPE | RCTL.BAM | RCTL.SECRC)
        if transmit:
            self.write(TCTL, TCTL.EN | TCTL.PSP)
