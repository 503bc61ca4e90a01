# SPDX-License-Identifier: MIT
"""nic_fifo: order, capacity, level and rate for several shapes; the promise it asserts of its neighbours bites."""

from __future__ import annotations

import os
from collections import deque
from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.triggers import ReadOnly, RisingEdge

from sim.runner import Design, SimulationFailed, nic_sources, simulate
from tests.hdl.sim_helpers import start_clock_and_reset

MODULE = "tests.hdl.common.test_nic_fifo"


class Bench:
    """Drives both sides, each with its own eagerness 0..1, and checks every word and the level in every cycle."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = Random(cocotb.RANDOM_SEED)
        self.depth = int(os.environ["DEPTH"])
        self.width = len(dut.in_data_i)
        self.offered: int | None = None
        self.held: deque[int] = deque()
        self.taken = self.most = 0

    async def start(self) -> None:
        self.dut.in_valid_i.value = self.dut.out_ready_i.value = 0
        await start_clock_and_reset(self.dut)
        self.held.clear()

    async def cycle(self, push: float, pop: float) -> None:
        dut = self.dut
        if self.offered is None and self.rng.random() < push:
            self.offered = self.rng.getrandbits(self.width)
        ready = self.rng.random() < pop
        dut.in_valid_i.value = int(self.offered is not None)
        dut.in_data_i.value = self.offered or 0
        dut.out_ready_i.value = int(ready)
        await ReadOnly()
        assert int(dut.level_o.value) == len(self.held)
        assert bool(dut.in_ready_o.value) == (len(self.held) < self.depth)
        if dut.out_valid_o.value:
            assert int(dut.out_data_o.value) == self.held[0]
            if ready:
                self.held.popleft()
                self.taken += 1
        if self.offered is not None and dut.in_ready_o.value:
            self.held.append(self.offered)
            self.offered = None
        self.most = max(self.most, len(self.held))
        await RisingEdge(dut.clk_i)

    async def run(self, cycles: int, *, push: float, pop: float) -> int:
        """Returns the words that came out."""
        before = self.taken
        for _ in range(cycles):
            await self.cycle(push, pop)
        return self.taken - before

    async def drain(self) -> None:
        for _ in range(4 * self.depth + 8):
            await self.cycle(0, 1)
        assert not self.held and self.offered is None and not self.dut.out_valid_o.value


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def order_and_level_under_random_pressure(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    for push, pop in [(0.5, 0.5), (1, 0.3), (0.3, 1), (0.9, 0.9), (1, 1)]:
        await bench.run(300, push=push, pop=pop)
        await bench.drain()
    assert bench.taken > 300


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def holds_exactly_its_depth(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    await bench.run(bench.depth + 8, push=1, pop=0)
    assert bench.most == bench.depth == int(dut.level_o.value)
    await bench.drain()
    assert bench.taken == bench.depth + 1  # and the one that waited outside


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_word_per_cycle(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    await bench.run(8, push=1, pop=1)
    assert await bench.run(100, push=1, pop=1) == (50 if bench.depth == 1 else 100)
    await bench.drain()


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def reset_empties_it(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    await bench.run(20, push=0.9, pop=0)
    assert bench.held
    await bench.start()
    await bench.cycle(0, 1)
    assert bench.taken == 0


# Width, depth, output registers; None: as many as the module takes for this depth by itself.
SHAPES = {
    "1x1": (1, 1, None), "9x2": (9, 2, None), "152x5": (152, 5, None), "8x16": (8, 16, None), "74x65": (74, 65, None),
    "20x128": (20, 128, None), "8x3 + 1": (8, 3, 1), "8x4 + 2": (8, 4, 2), "16x40 + 0": (16, 40, 0),
}  # fmt: skip


def design(width: int, depth: int, registers: int | None) -> Design:
    own = {} if registers is None else {"OutRegisters": registers}
    return Design("nic_fifo", nic_sources("nic_fifo"), {"Width": width, "Depth": depth, **own})


@pytest.mark.parametrize("shape", SHAPES)
def test_nic_fifo(shape, tmp_path):
    depth = SHAPES[shape][1]
    result = simulate(
        design(*SHAPES[shape]), MODULE, folder=tmp_path, environment={"DEPTH": str(depth)}, test_filter=r"^(?!.*broken)"
    )
    assert result.passed == 4


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def broken_a_word_that_changes_while_it_waits(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    dut.in_valid_i.value = 1
    for word in range(bench.depth + 8):
        dut.in_data_i.value = word & 0xFF
        await RisingEdge(dut.clk_i)


def test_a_changing_word_is_caught(tmp_path):
    with pytest.raises(SimulationFailed, match="a waiting input changed"):
        simulate(design(8, 16, None), MODULE, folder=tmp_path, environment={"DEPTH": "16"}, test_filter="broken")
