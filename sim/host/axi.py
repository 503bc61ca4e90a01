# SPDX-License-Identifier: MIT
"""The `axi` host: cocotbext-axi's AxiLiteMaster for registers, AxiMemory for DMA, and the pump of the kernel.

One task pumps: it steps the kernel, performs its requests in order on the one register bus (a read waits for the
writes before it), and sleeps until the interrupt line moves, the kernel's deadline, or `wake`. Between those nothing
runs per clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cocotb
from cocotb.task import Task
from cocotb.triggers import Event, First, ValueChange
from cocotbext.axi import AxiLiteBus, AxiLiteMaster

from driver.host import (
    ConfigRead,
    ConfigWrite,
    IrqLevel,
    MmioRead,
    MmioWrite,
    Pumped,
    ReadDone,
    Request,
)
from driver.host import Event as HostEvent
from sim.config import HostConfig
from sim.host.axi_memory import AxiMemory, Translate
from sim.host.memory import HostMemory
from sim.host.pci_function import PciFunction
from sim.host.simtime import now_ns, until_ps

__all__ = ["AxiHost"]

_WORD = 4
_IRQ = 0
_FUNCTION = 0


class AxiHost:
    """A machine with one card, PCI function 0 on interrupt line 0. Satisfies driver.host.Host.

    `attach` connects it to the DUT (after reset), `pump` starts the kernel.
    """

    def __init__(self, config: HostConfig, seed: int) -> None:
        self._config = config
        self._seed = seed
        self.ram = HostMemory(config.memory_bytes, config.memory_base)
        self.function = PciFunction()
        self._wake = Event()
        self._reported_level = False
        self._pump: Task[None] | None = None
        self.mmio_reads = self.mmio_writes = self.irq_edges = self.steps = 0

    # ------------------------------------------------------------------ driver.host.Host
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
        return _IRQ

    # ------------------------------------------------------------------ the DUT's side
    def attach(self, dut: Any, clock: Any, translate: Translate) -> None:
        """Take the card's register bus, DMA bus and interrupt line. Only after reset was released."""
        self._registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), clock)
        self._intx = dut.intx_o

        def checked(iova: int, count: int, is_write: bool) -> int | None:
            return translate(iova, count, is_write) if self.function.bus_master else None

        self.dma = AxiMemory(dut, clock, self.ram, checked, self._config, self._seed)
        cocotb.start_soon(self._watch_intx())

    async def _watch_intx(self) -> None:
        change = ValueChange(self._intx)
        while True:
            await change
            self.irq_edges += 1
            self._wake.set()

    # ------------------------------------------------------------------ the pump
    def wake(self) -> None:
        """The kernel has work that it does not know the time of (a task was started from outside)."""
        self._wake.set()

    def start(self, kernel: Pumped) -> None:
        self._pump = cocotb.start_soon(self._run(kernel))

    def stop(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None

    def _irq_changes(self) -> list[HostEvent]:
        self.function.set_intx(bool(self._intx.value))
        level = self.function.intx_asserted
        if level == self._reported_level:
            return []
        self._reported_level = level
        return [IrqLevel(_IRQ, level)]

    async def _run(self, kernel: Pumped) -> None:
        events: list[HostEvent] = []
        while True:
            self._wake.clear()
            self.steps += 1
            requests = kernel.step(now_ns(), events)
            events = []
            for request in requests:
                value = await self._perform(request)
                if value is not None:
                    # Levels that changed before the read completed go first (driver/host.py).
                    events += self._irq_changes()
                    events.append(ReadDone(request.cpu, value))
            events += self._irq_changes()
            if not events:
                await self._sleep(kernel.deadline_ns)
                events = self._irq_changes()

    async def _sleep(self, deadline_ns: int | None) -> None:
        if self._wake.is_set():
            return
        if deadline_ns is None:
            await self._wake.wait()
        elif deadline_ns > now_ns():
            await First(self._wake.wait(), until_ps(deadline_ns * 1000))

    async def _perform(self, request: Request) -> int | None:
        """The value of a read; None for a write."""
        match request:
            case MmioWrite(_, function, bar, offset, value, size):
                self.mmio_writes += 1
                if self._answers(function, bar):
                    await self._registers.write(offset, value.to_bytes(size, "little"))
                return None
            case MmioRead(_, function, bar, offset, size):
                self.mmio_reads += 1
                if not self._answers(function, bar):
                    return (1 << 8 * size) - 1
                return await self._read(offset, size)
            case ConfigWrite(_, function, offset, value, size):
                if function == _FUNCTION:
                    self.function.config_write(offset, value, size)
                return None
            case ConfigRead(_, function, offset, size):
                absent = (1 << 8 * size) - 1
                return self.function.config_read(offset, size) if function == _FUNCTION else absent

    def _answers(self, function: int, bar: int) -> bool:
        return function == _FUNCTION and bar == 0 and self.function.memory_enabled

    async def _read(self, offset: int, size: int) -> int:
        answer = await self._registers.read(offset, size)
        return int.from_bytes(answer.data, "little")
