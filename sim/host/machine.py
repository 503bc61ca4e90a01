# SPDX-License-Identifier: MIT
"""Machine: what every host is that has one card in it, however it reaches the card. Satisfies driver.host.Host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from driver.host import ConfigRead, ConfigWrite, Event, MmioRead, MmioWrite, PciError
from sim.config import HostConfig
from sim.host.memory import HostMemory
from sim.host.pci_function import PciFunction
from sim.observe.observers import BusObserver

__all__ = ["IRQ", "DmaTable", "Machine"]

IRQ = 0
_FUNCTION = 0


class DmaTable(Protocol):
    """The kernel's IOMMU, as a host needs it (driver/linux/dma_mapping.py: Iommu)."""

    iova_base: int
    address: int
    slots: int
    beat_bytes: int

    def translate(self, iova: int, nbytes: int, is_write: bool) -> int | None:
        """Physical address, or None: a fault, recorded."""

    def fault(self, iova: int, nbytes: int, is_write: bool) -> None:
        """Record an access that the table forbids."""


class Machine:
    """Memory, and one card as PCI function 0 on interrupt line 0.

    observer: hears what crosses the bus; set it before `attach`.
    Counts: mmio_reads, mmio_writes, irq_edges (the card's line moved), steps (of the kernel).
    For tests that make it fail: unplug and plug, hold_line, miss_interrupt; and fail_next and hold of `dma`.
    """

    def __init__(self, config: HostConfig, seed: int) -> None:
        self._config = config
        self._seed = seed
        self.ram = HostMemory(config.memory_bytes, config.memory_base)
        self.function = PciFunction()
        self._reported_level = False
        self._plugged = True
        self._held_level: bool | None = None
        self._to_miss = False  # the next assertion of the line is not heard
        self._missing = False  # the present one is not
        self.observer: BusObserver | None = None
        self._happened: list[Event] = []  # and the kernel does not know it yet
        self.mmio_reads = self.mmio_writes = self.irq_edges = self.steps = 0

    @property
    def memory(self) -> memoryview:
        return self.ram.view

    @property
    def memory_base(self) -> int:
        return self.ram.base

    @property
    def functions(self) -> Sequence[int]:
        return (_FUNCTION,)

    def irq_of(self, function: int) -> int:
        return IRQ

    # ------------------------------------------------------------------ what both hosts do alike
    def _line(self) -> bool:
        """The level of the interrupt line as the interrupt controller hears it."""
        level = self._plugged and self.function.intx_asserted
        if not level:
            self._missing = False
        elif self._to_miss and not self._reported_level:
            self._to_miss, self._missing = False, True
        if self._held_level is not None:
            return self._held_level
        return level and not self._missing

    def _level_changed(self) -> bool:
        """Whether what the kernel was told of its interrupt line is no longer so; it counts as told now."""
        level = self._line()
        changed = level != self._reported_level
        self._reported_level = level
        return changed

    def _answers(self, request: MmioRead | MmioWrite) -> bool:
        """Does the card's register window answer?"""
        return request.function == _FUNCTION and request.bar == 0 and self.function.memory_enabled and self._plugged

    @property
    def _may_use_bus(self) -> bool:
        """May the card read and write memory?"""
        return self._plugged and self.function.bus_master

    @staticmethod
    def all_ones(request: ConfigRead | MmioRead) -> int:
        """What a read finds where nobody answers."""
        return (1 << 8 * request.size) - 1

    def _configure(self, request: ConfigRead | ConfigWrite) -> int | None:
        """Perform a configuration access; the value of a read."""
        absent = request.function != _FUNCTION or not self._plugged
        if isinstance(request, ConfigRead):
            return self.all_ones(request) if absent else self.function.config_read(request.offset, request.size)
        if not absent:
            self.function.config_write(request.offset, request.value, request.size)
        return None

    def wake(self) -> None:
        """The kernel has work that it does not know the time of (a task was started from outside)."""
        raise NotImplementedError

    def report_error(self, *, fatal: bool = False) -> None:
        """The card reports an uncorrectable error; one that is unplugged reaches nobody."""
        if self._plugged:
            self._happened.append(PciError(_FUNCTION, fatal))
            self.wake()

    # ------------------------------------------------------------------ faults
    @property
    def trouble(self) -> str:
        """What a test has broken between card and host, for the bins of observe/bins.py; empty: nothing."""
        if not self._plugged:
            return "unplugged"
        if self._held_level is not None:
            return "line high" if self._held_level else "line cut"
        return "interrupt missed" if self._to_miss or self._missing else ""

    def _line_may_have_moved(self) -> None:
        """Tell the kernel, if so."""
        raise NotImplementedError

    def unplug(self) -> None:
        """Surprise removal: reads find all ones, writes nobody, the line is low, and what the card asks of memory is
        refused."""
        self._plugged = False
        self._line_may_have_moved()

    def plug(self) -> None:
        """The card answers again, in the state that it is in."""
        self._plugged = True
        self._line_may_have_moved()

    def hold_line(self, level: bool | None) -> None:
        """Somebody else pulls the interrupt line (True), or it is cut (False); None: it is the card's again."""
        self._held_level = level
        self._line_may_have_moved()

    def miss_interrupt(self) -> None:
        """The next time that the card asserts its line nobody hears it, until the line has fallen again."""
        self._to_miss = True
