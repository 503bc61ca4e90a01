# SPDX-License-Identifier: MIT
"""A machine for unit tests: memory, scripted PCI functions, and the ten-line loop that pumps a kernel on it."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from driver.host import ConfigRead, ConfigWrite, Event, IrqLevel, MmioRead, MmioWrite, ReadDone, Request
from driver.linux.sched import Kernel

FIRST_IRQ = 16
MADE: list[Kernel] = []  # what `machine` made; conftest.py closes them after each test


class FakeFunction:
    """A PCI function: config space with real BARs, registers that hold what is written unless a hook says otherwise."""

    def __init__(self, vendor: int = 0x8086, device: int = 0x10D3, bars: Sequence[int] = (0x20000,)) -> None:
        self.config = bytearray(256)
        self.config[0:4] = vendor.to_bytes(2, "little") + device.to_bytes(2, "little")
        self.config[0x08:0x0C] = bytes([0, 0, 0, 2])  # revision 0, class 02.00.00: Ethernet
        self.config[0x3D] = 1  # INTA
        self.bars = list(bars)
        self.registers: dict[tuple[int, int], int] = {}
        self.on_read: Callable[[int, int], int] | None = None
        self.on_write: Callable[[int, int, int], None] | None = None

    def config_read(self, offset: int, size: int) -> int:
        return int.from_bytes(self.config[offset : offset + size], "little")

    def config_write(self, offset: int, value: int, size: int) -> None:
        bar = (offset - 0x10) // 4
        if 0x10 <= offset < 0x28:
            room = self.bars[bar] if bar < len(self.bars) else 0
            value = value & -room & 0xFFFFFFF0 if room else 0
        elif offset < 4:
            return
        self.config[offset : offset + size] = value.to_bytes(size, "little")

    def read(self, bar: int, offset: int) -> int:
        return self.on_read(bar, offset) if self.on_read else self.registers.get((bar, offset), 0)

    def write(self, bar: int, offset: int, value: int) -> None:
        if self.on_write:
            self.on_write(bar, offset, value)
        else:
            self.registers[bar, offset] = value


class FakeHost:
    """driver.host.Host. read_ns: how long a register read takes; log: every request with its time."""

    def __init__(
        self,
        functions: Sequence[FakeFunction] = (),
        *,
        memory_bytes: int = 16 << 20,
        memory_base: int = 0x1_0000_0000,
        read_ns: int = 400,
    ) -> None:
        self.memory = memoryview(mmap.mmap(-1, memory_bytes))
        self.memory_base = memory_base
        self.devices = list(functions)
        self.functions = range(len(self.devices))
        self.read_ns = read_ns
        self.log: list[tuple[int, Request]] = []

    def irq_of(self, function: int) -> int:
        return FIRST_IRQ + function


class Pump:
    """Runs a kernel on a FakeHost. `at` schedules what the hardware does; `run` a process to its end."""

    def __init__(self, kernel: Kernel, host: FakeHost) -> None:
        self.kernel = kernel
        self.host = host
        self.now_ns = 0
        self._agenda: list[tuple[int, int, Callable[[], Event | None]]] = []
        self._serial = 0

    def at(self, when_ns: int, what: Callable[[], Event | None]) -> None:
        """Call `what` at that time, before the kernel runs; the event it returns is delivered."""
        self._serial += 1
        self._agenda.append((when_ns, self._serial, what))
        self._agenda.sort(key=lambda entry: entry[:2])

    def irq(self, irq: int, asserted: bool, after_ns: int = 0) -> None:
        self.at(self.now_ns + after_ns, lambda: IrqLevel(irq, asserted))

    def run(self, coro: Coroutine[Any, Any, Any], *, timeout_ns: int = 10_000_000_000, cpu: int = 0) -> Any:
        """Run a process to its end; its result."""
        task = self.kernel.run(coro, cpu=cpu)
        self.until(lambda: task.done, timeout_ns=timeout_ns, what=task.position)
        return task.result()

    def advance(self, duration_ns: int) -> None:
        """Let simulated time pass."""
        self._loop(self.now_ns + duration_ns, lambda: False)

    def until(
        self, condition: Callable[[], bool], *, timeout_ns: int = 10_000_000_000, what: Callable[[], str] = lambda: ""
    ) -> None:
        """Pump until condition(). Raises: TimeoutError, with what() in the message."""
        self._loop(self.now_ns + timeout_ns, condition)
        if not condition():
            raise TimeoutError(f"not within {timeout_ns} ns {what()}")

    def _loop(self, end_ns: int, condition: Callable[[], bool]) -> None:
        while True:
            events: list[Event] = []
            while self._agenda and self._agenda[0][0] <= self.now_ns:
                event = self._agenda.pop(0)[2]()
                if event is not None:
                    events.append(event)
            for request in self.kernel.step(self.now_ns, events):
                self._perform(request)
            if condition():
                return
            deadline_ns = self.kernel.deadline_ns
            times = [] if deadline_ns is None else [deadline_ns]
            times += [when_ns for when_ns, _, _ in self._agenda[:1]]
            if not times or min(times) > end_ns:
                self.now_ns = end_ns
                self.kernel.step(end_ns, [])
                return
            self.now_ns = max(self.now_ns, min(times))

    def _perform(self, request: Request) -> None:
        self.host.log.append((self.now_ns, request))
        function = self.host.devices[request.function]
        cpu = request.cpu
        if isinstance(request, MmioWrite):
            function.write(request.bar, request.offset, request.value)
        elif isinstance(request, ConfigWrite):
            function.config_write(request.offset, request.value, request.size)
        elif isinstance(request, MmioRead):
            bar, offset = request.bar, request.offset
            self.at(self.now_ns + self.host.read_ns, lambda: ReadDone(cpu, function.read(bar, offset)))
        elif isinstance(request, ConfigRead):
            where, size = request.offset, request.size
            self.at(self.now_ns + self.host.read_ns, lambda: ReadDone(cpu, function.config_read(where, size)))


def machine(
    *functions: FakeFunction,
    read_ns: int = 400,
    memory_bytes: int = 16 << 20,
    memory_base: int = 0x1_0000_0000,
    **options: Any,
) -> Pump:
    """A kernel on a host with these functions; options are Kernel's."""
    host = FakeHost(functions, read_ns=read_ns, memory_bytes=memory_bytes, memory_base=memory_base)
    kernel = Kernel(host, **options)
    MADE.append(kernel)
    return Pump(kernel, host)
