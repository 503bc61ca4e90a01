# SPDX-License-Identifier: MIT
"""The `native` host: compiled bus models over the same memory, and the pump of the kernel. Python runs per event.

The pump is woken for an answered read, a change of the interrupt line, what the wire has for it, and the kernel's
deadline; register writes are posted into the models' queue and cost a call.
"""

from __future__ import annotations

import ctypes
from collections import deque
from typing import Any

import cocotb
from cocotb.task import Task
from cocotb.triggers import ValueChange

from driver.host import ConfigRead, ConfigWrite, IrqLevel, MmioRead, MmioWrite, Pumped, ReadDone, Request
from sim.config import HostConfig
from sim.host.machine import IRQ, DmaTable, Machine
from sim.host.native.memory import NativeMemory
from sim.native.library import Kind, library

__all__ = ["NativeHost"]

_WORD = 4


class NativeHost(Machine):
    """`attach` connects it to the compiled models (after reset), `start` pumps the kernel."""

    def __init__(self, config: HostConfig, seed: int) -> None:
        super().__init__(config, seed)
        self._library = library()
        lib = self._library.lib
        self._write, self._read, self._fence = lib.nicosim_write, lib.nicosim_read, lib.nicosim_fence
        self._write.argtypes = (ctypes.c_uint32,) * 3
        self._read.argtypes = (ctypes.c_uint32,)
        self._pump: Task[None] | None = None
        self._waiting: deque[Request] = deque()  # for what is before them in the models' queue
        self._fenced = False
        self._reading: MmioRead | None = None
        self._asked_ns = 0

    # ------------------------------------------------------------------ the DUT's side
    def attach(self, dut: Any, clock: Any, table: DmaTable) -> None:
        """Take the card's register bus, DMA bus and interrupt line. Only after reset was released."""
        self._wakes = ValueChange(dut.wake_i)
        self.dma = NativeMemory(self._library, self.ram, table, self._config, self._seed)
        self._library.on(Kind.READ_DONE, self._read_done)
        self._library.on(Kind.IRQ, self._irq)
        self._library.on(Kind.FENCE, self._fence_reached)
        if self.observer is not None:
            self._library.observe(True)
            self._library.on(Kind.WRITTEN, self._written)
            self._library.on(Kind.BURST, self._burst)

    def _written(self, flag: int, offset: int, value: int, third: int, time_ps: int) -> None:
        assert self.observer is not None
        self.observer.mmio_write(time_ps // 1000, offset, value)

    def _burst(self, write: int, nbytes: int, iova: int, begin_ps: int, time_ps: int) -> None:
        assert self.observer is not None
        self.observer.dma(bool(write), iova, nbytes, begin_ps // 1000, time_ps // 1000)

    def _irq(self, level: int, first: int, second: int, third: int, time_ps: int) -> None:
        self.irq_edges += 1
        if self.observer is not None:
            self.observer.interrupt(time_ps // 1000, bool(level))
        self.function.set_intx(bool(level))
        self._tell_level()

    def _tell_level(self) -> None:
        if self._level_changed():
            self._happened.append(IrqLevel(IRQ, self._reported_level))

    def _read_done(self, flag: int, word: int, second: int, third: int, time_ps: int) -> None:
        request, self._reading = self._reading, None
        assert request is not None, "an answer to no read"
        value = word >> 8 * (request.offset % _WORD) & self.all_ones(request)
        if self.observer is not None:
            self.observer.mmio_read(self._asked_ns, time_ps // 1000, request.offset, value)
        self._happened.append(ReadDone(request.cpu, value))
        self._submit()

    # ------------------------------------------------------------------ requests
    def _submit(self) -> None:
        """Hand on what waits, up to a read of registers or a configuration access that has to wait for its turn."""
        waiting = self._waiting
        while waiting and self._reading is None and not self._fenced:
            request = waiting[0]
            if request.__class__ is MmioWrite:
                self._post(waiting.popleft())  # type: ignore[arg-type]
            elif request.__class__ is MmioRead:
                self._ask(waiting.popleft())  # type: ignore[arg-type]
            else:  # behind every register access before it
                self._fenced = True
                self._fence()

    def _post(self, request: MmioWrite) -> None:
        self.mmio_writes += 1
        if self._answers(request):
            lane, strobes = request.offset % _WORD, (1 << request.size) - 1
            self._write(request.offset - lane, request.value << 8 * lane, strobes << lane)

    def _ask(self, request: MmioRead) -> None:
        self.mmio_reads += 1
        if self._answers(request):
            self._reading, self._asked_ns = request, self._library.now_ps // 1000
            self._read(request.offset - request.offset % _WORD)
        else:
            self._happened.append(ReadDone(request.cpu, self.all_ones(request)))

    def _fence_reached(self, *_: int) -> None:
        self._fenced = False
        request = self._waiting.popleft()
        assert isinstance(request, ConfigRead | ConfigWrite)
        value = self._configure(request)
        self.dma.bus_master(self._may_use_bus)
        self._tell_level()
        if value is not None:
            self._happened.append(ReadDone(request.cpu, value))
        self._submit()

    # ------------------------------------------------------------------ the pump
    def wake(self) -> None:
        """The kernel has work that it does not know the time of (a task was started from outside)."""
        self._library.wake_now()

    def _line_may_have_moved(self) -> None:
        self.dma.bus_master(self._may_use_bus)
        self._tell_level()
        self._library.wake_now()

    def start(self, kernel: Pumped) -> None:
        self._pump = cocotb.start_soon(self._run(kernel))

    def stop(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
            self._pump = None
            self._library.wake_at(None)

    async def _run(self, kernel: Pumped) -> None:
        models, waiting = self._library, self._waiting
        while True:
            models.take()
            while True:
                now_ns = models.now_ps // 1000
                happened, self._happened = self._happened, []
                self.steps += 1
                waiting.extend(kernel.step(now_ns, happened))
                self._submit()
                deadline_ns = kernel.deadline_ns
                if not self._happened and (deadline_ns is None or deadline_ns > now_ns):
                    break
            models.wake_at(None if deadline_ns is None else deadline_ns * 1000)
            await self._wakes
