# SPDX-License-Identifier: MIT
"""The `axi` host: cocotbext-axi's AxiLiteMaster for registers, AxiMemory for DMA, and the pump of the kernel.

One task pumps: it steps the kernel, performs its requests in order on the one register bus (a read waits for the
writes before it), and sleeps until the interrupt line moves, the kernel's deadline, or `wake`. Between those nothing
runs per clock.
"""

from __future__ import annotations

from typing import Any

import cocotb
from cocotb.task import Task
from cocotb.triggers import Event, First, ValueChange
from cocotbext.axi import AxiLiteBus, AxiLiteMaster

from driver.host import Event as HostEvent
from driver.host import IrqLevel, MmioRead, MmioWrite, Pumped, ReadDone, Request
from sim.config import HostConfig
from sim.host.axi_memory import AxiMemory
from sim.host.machine import IRQ, DmaTable, Machine
from sim.host.simtime import now_ns, until_ps

__all__ = ["AxiHost"]


class AxiHost(Machine):
    """`attach` connects it to the DUT (after reset), `start` pumps the kernel."""

    def __init__(self, config: HostConfig, seed: int) -> None:
        super().__init__(config, seed)
        self._wake = Event()
        self._pump: Task[None] | None = None

    # ------------------------------------------------------------------ the DUT's side
    def attach(self, dut: Any, clock: Any, table: DmaTable) -> None:
        """Take the card's register bus, DMA bus and interrupt line. Only after reset was released."""
        self._registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axil"), clock)
        self._intx = dut.intx_o

        def checked(iova: int, count: int, is_write: bool) -> int | None:
            return table.translate(iova, count, is_write) if self._may_use_bus else None

        self.dma = AxiMemory(dut, clock, self.ram, checked, self._config, self._seed, self.observer)
        cocotb.start_soon(self._watch_intx())

    async def _watch_intx(self) -> None:
        change = ValueChange(self._intx)
        while True:
            await change
            self.irq_edges += 1
            if self.observer is not None:
                self.observer.interrupt(now_ns(), bool(self._intx.value))
            self._wake.set()

    # ------------------------------------------------------------------ the pump
    def wake(self) -> None:
        """The kernel has work that it does not know the time of (a task was started from outside)."""
        self._wake.set()

    def _line_may_have_moved(self) -> None:
        self._wake.set()

    def start(self, kernel: Pumped) -> None:
        self._pump = cocotb.start_soon(self._run(kernel))

    def stop(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None

    def _changes(self) -> list[HostEvent]:
        """What the kernel has not been told: its interrupt line, errors that were reported."""
        self.function.set_intx(bool(self._intx.value))
        if self._level_changed():
            self._happened.append(IrqLevel(IRQ, self._reported_level))
        changes, self._happened = self._happened, []
        return changes

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
                    events += self._changes()
                    events.append(ReadDone(request.cpu, value))
            events += self._changes()
            if not events:
                await self._sleep(kernel.deadline_ns)
                events = self._changes()

    async def _sleep(self, deadline_ns: int | None) -> None:
        if self._wake.is_set():
            return
        if deadline_ns is None:
            await self._wake.wait()
        elif deadline_ns > now_ns():
            await First(self._wake.wait(), until_ps(deadline_ns * 1000))

    async def _perform(self, request: Request) -> int | None:
        """The value of a read; None for a write."""
        if isinstance(request, MmioWrite):
            self.mmio_writes += 1
            if self._answers(request):
                if self.observer is not None:
                    self.observer.mmio_write(now_ns(), request.offset, request.value)
                await self._registers.write(request.offset, request.value.to_bytes(request.size, "little"))
            return None
        if isinstance(request, MmioRead):
            self.mmio_reads += 1
            return await self._read(request) if self._answers(request) else self.all_ones(request)
        return self._configure(request)

    async def _read(self, request: MmioRead) -> int:
        begin_ns = now_ns()
        answer = await self._registers.read(request.offset, request.size)
        value = int.from_bytes(answer.data, "little")
        if self.observer is not None:
            self.observer.mmio_read(begin_ns, now_ns(), request.offset, value)
        return value
