# SPDX-License-Identifier: MIT
"""Register access: driver/linux/io.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from driver.host import MmioRead, MmioWrite
from driver.linux.bug import ContractViolation
from driver.linux.io import IoMem, readl, readw, writel, writew
from tests.unit.pump import FakeFunction, machine


def window() -> IoMem:
    return IoMem(0, 1, 0x100, "window")


def test_accesses_carry_function_bar_offset_and_size() -> None:
    pump = machine(FakeFunction())

    async def task() -> tuple[int, int]:
        writel(0xFFFFFFFF, window(), 0xFC)
        writew(0xFFFF, window(), 0xFE)
        return await readl(window(), 0xFC), await readw(window(), 0xFE)

    assert pump.run(task()) == (0xFFFFFFFF, 0xFFFF)
    assert [request for _, request in pump.host.log] == [
        MmioWrite(0, 0, 1, 0xFC, 0xFFFFFFFF, 4),
        MmioWrite(0, 0, 1, 0xFE, 0xFFFF, 2),
        MmioRead(0, 0, 1, 0xFC, 4),
        MmioRead(0, 0, 1, 0xFE, 2),
    ]


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (lambda mem: readl(mem, 0x100), "io-range"),
        (lambda mem: readl(mem, -4), "io-range"),
        (lambda mem: readl(mem, 2), "io-range"),
        (lambda mem: readw(mem, 1), "io-range"),
        (lambda mem: writel(0, mem, 0x100), "io-range"),
        (lambda mem: writel(0, mem, 1), "io-range"),
        (lambda mem: writew(0, mem, 0x101), "io-range"),
        (lambda mem: writel(1 << 32, mem, 0), "io-value"),
        (lambda mem: writel(-1, mem, 0), "io-value"),
        (lambda mem: writew(1 << 16, mem, 0), "io-value"),
    ],
)
def test_rules(broken: Callable[[IoMem], Any], rule: str) -> None:
    async def task() -> None:
        result = broken(window())
        if result is not None:
            await result

    with pytest.raises(ContractViolation, match=rf"{rule}: window, made at linux/test_io\.py:\d+ \(window\)"):
        machine(FakeFunction()).run(task())
