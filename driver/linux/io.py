# SPDX-License-Identifier: MIT
"""Registers. A read is awaited and keeps the CPU; a write is posted: it has not reached the card when it returns.

What a CPU writes and reads arrives in program order.
"""

from __future__ import annotations

from collections.abc import Generator
from types import coroutine
from typing import Any

from driver.host import MmioRead, MmioWrite
from driver.linux.bug import Where, fatal_violation, here
from driver.linux.current import ON

__all__ = ["IoMem", "readl", "readw", "writel", "writew"]


class IoMem:
    """A mapped window of registers: `size` bytes of BAR `bar`."""

    __slots__ = ("bar", "function", "limit", "name", "size", "where")

    def __init__(self, function: int, bar: int, size: int, name: str, where: Where | None = None) -> None:
        self.function = function
        self.bar = bar
        self.size = size
        self.limit = size  # 0 once unmapped: one comparison checks both
        self.name = name
        self.where = where or here()


def _bad(mem: IoMem, offset: int, size: int) -> Exception:
    where = mem.where
    if not mem.limit:
        return fatal_violation("io-unmapped", mem.name, f"offset {offset:#x} accessed after iounmap", where)
    return fatal_violation("io-range", mem.name, f"{size}-byte access at {offset:#x} of {mem.size:#x} bytes", where)


@coroutine
def readl(mem: IoMem, offset: int) -> Generator[MmioRead, Any, int]:
    """The 32-bit register at `offset` bytes. Rules: io-unmapped, io-range (inside the window and aligned)."""
    if offset & 3 or not 0 <= offset < mem.limit:
        raise _bad(mem, offset, 4)
    value: int = yield MmioRead(ON.cpu.index, mem.function, mem.bar, offset)
    return value


@coroutine
def readw(mem: IoMem, offset: int) -> Generator[MmioRead, Any, int]:
    if offset & 1 or not 0 <= offset < mem.limit:
        raise _bad(mem, offset, 2)
    value: int = yield MmioRead(ON.cpu.index, mem.function, mem.bar, offset, 2)
    return value


def writel(value: int, mem: IoMem, offset: int) -> None:
    """Rules: those of readl; io-value (32 bits)."""
    # The tuple is made as MmioWrite(..) makes it, but in half the time: one of these is every packet's doorbell.
    if offset & 3 or not 0 <= offset < mem.limit:
        raise _bad(mem, offset, 4)
    if value >> 32:
        raise fatal_violation("io-value", mem.name, f"{value:#x} written to the 32-bit register {offset:#x}", mem.where)
    cpu = ON.cpu
    cpu.kernel.requests.append(tuple.__new__(MmioWrite, (cpu.index, mem.function, mem.bar, offset, value, 4)))


def writew(value: int, mem: IoMem, offset: int) -> None:
    if offset & 1 or not 0 <= offset < mem.limit:
        raise _bad(mem, offset, 2)
    if value >> 16:
        raise fatal_violation("io-value", mem.name, f"{value:#x} written to the 16-bit register {offset:#x}", mem.where)
    cpu = ON.cpu
    cpu.kernel.requests.append(MmioWrite(cpu.index, mem.function, mem.bar, offset, value, 2))
