# SPDX-License-Identifier: MIT
"""nic_fifo_async: every word once and in order for any clock ratio and phase, full rate, reset from either side."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ReadOnly, RisingEdge, Timer

from sim.runner import Design, nic_sources, simulate

MODULE = "tests.hdl.common.test_nic_fifo_async"
DEPTH, WIDTH = 16, 24
# Periods of input and output clock, ps.
RATIOS = [(6400, 6400), (6400, 6402), (6402, 6400), (2000, 9998), (9998, 2000), (6400, 4266), (3000, 1000)]


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = Random(cocotb.RANDOM_SEED)
        self.held: deque[int] = deque()  # taken by the FIFO, not yet out
        self.taken = self.most = 0
        self.push = self.pop = 0.0
        self.resetting = False

    async def start(self, in_ps: int, out_ps: int) -> None:
        dut = self.dut
        dut.in_valid_i.value = dut.out_ready_i.value = 0
        dut.in_rst_ni.value = dut.out_rst_ni.value = 0
        Clock(dut.in_clk_i, in_ps, unit="ps").start()
        await Timer(self.rng.randint(1, out_ps), "ps")
        Clock(dut.out_clk_i, out_ps, unit="ps").start()
        await Timer(10 * max(in_ps, out_ps), "ps")
        await RisingEdge(dut.in_clk_i)
        dut.in_rst_ni.value = 1
        await RisingEdge(dut.out_clk_i)
        dut.out_rst_ni.value = 1
        cocotb.start_soon(self._feed())
        cocotb.start_soon(self._drink())

    async def _feed(self) -> None:
        dut, offered = self.dut, None
        while True:
            if offered is None and self.rng.random() < self.push:
                offered = self.rng.getrandbits(WIDTH)
            dut.in_valid_i.value = int(offered is not None)
            dut.in_data_i.value = offered or 0
            await ReadOnly()
            if not self.resetting:
                assert int(dut.in_level_o.value) >= len(self.held), "the input side believes in room that is not there"
            if offered is not None and dut.in_ready_o.value:
                self.held.append(offered)
                offered = None
            self.most = max(self.most, len(self.held))
            await RisingEdge(dut.in_clk_i)

    async def _drink(self) -> None:
        dut = self.dut
        while True:
            ready = self.rng.random() < self.pop
            dut.out_ready_i.value = int(ready)
            await ReadOnly()
            if dut.out_valid_o.value and ready:
                word = int(dut.out_data_o.value)
                await RisingEdge(dut.out_clk_i)
                assert word == self.held.popleft()
                self.taken += 1
            else:
                await RisingEdge(dut.out_clk_i)

    async def settle(self) -> None:
        self.push, self.pop = 0, 1
        await Timer(100 * DEPTH, "ns")
        assert not self.held and not self.dut.out_valid_o.value and int(self.dut.in_level_o.value) == 0


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(ratio=RATIOS)
async def every_word_once_and_in_order(dut: Any, ratio: tuple[int, int]) -> None:
    bench = Bench(dut)
    await bench.start(*ratio)
    for bench.push, bench.pop in [(0.5, 0.5), (1, 0.2), (0.2, 1), (1, 1)]:
        await Timer(200 * max(ratio), "ps")
    await bench.settle()
    assert bench.taken > 200


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def holds_its_depth(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start(6400, 5000)
    bench.push = 1
    await Timer(500, "ns")
    assert bench.most == len(bench.held) == DEPTH == int(dut.in_level_o.value)
    await bench.settle()
    assert bench.taken >= DEPTH


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(ratio=[(6400, 6400), (6400, 6402), (6402, 6400)])
async def a_word_per_cycle_of_the_slower_clock(dut: Any, ratio: tuple[int, int]) -> None:
    bench = Bench(dut)
    await bench.start(*ratio)
    bench.push = bench.pop = 1
    await Timer(200, "ns")
    before = bench.taken
    await Timer(200 * max(ratio), "ps")
    assert 199 <= bench.taken - before <= 201
    await bench.settle()


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(side=["in", "out"], ratio=[(6400, 6400), (2000, 9998), (9998, 2000)])
async def a_reset_of_either_side_empties_both(dut: Any, side: str, ratio: tuple[int, int]) -> None:
    bench = Bench(dut)
    await bench.start(*ratio)
    for _ in range(3):
        bench.push, bench.pop = 1, 0
        await Timer(40 * max(ratio), "ps")
        assert len(bench.held) == DEPTH
        bench.push = 0
        reset, clock = (dut.in_rst_ni, dut.in_clk_i) if side == "in" else (dut.out_rst_ni, dut.out_clk_i)
        await RisingEdge(clock)
        bench.resetting = True
        reset.value = 0
        waiting = int(dut.in_valid_i.value)  # stays offered, and goes in first afterwards
        await Timer(8 * max(ratio), "ps")
        bench.held.clear()
        await ReadOnly()
        assert not dut.in_ready_o.value and not dut.out_valid_o.value
        await RisingEdge(clock)
        reset.value = 1
        bench.resetting = False
        await Timer(20 * max(ratio), "ps")
        assert len(bench.held) == waiting == int(dut.in_level_o.value)
        bench.push = bench.pop = 0.7
        before = bench.taken
        await Timer(100 * max(ratio), "ps")
        assert bench.taken - before > 20
    await bench.settle()


def test_nic_fifo_async(tmp_path):
    design = Design("nic_fifo_async", nic_sources("nic_fifo_async"), {"Width": WIDTH, "Depth": DEPTH})
    assert simulate(design, MODULE, folder=tmp_path).passed == len(RATIOS) + 1 + 3 + 6
