# SPDX-License-Identifier: MIT
"""nic_desc_fetch alone: which bursts it asks for, and what it hands out."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from random import Random
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from sim.runner import Design, nic_sources, simulate
from tests.hdl.dma.layout import ring_int

BASE = 0x7_0000_0000


class FetchBench:
    """A read engine that answers `latency` cycles after a command; descriptor = its count of commands and index."""

    def __init__(self, dut: Any, count: int, latency: int = 20) -> None:
        self.dut, self.count, self.latency = dut, count, latency
        self.rng = Random(cocotb.RANDOM_SEED)
        self.enabled, self.tail, self.cycle = True, 0, 0
        self.commands: list[tuple[int, int]] = []  # (first index, descriptors)
        self.answers: deque[tuple[int, int, bool, bool]] = deque()  # (due, descriptor, last, error)
        self.got: list[int] = []
        self.take = 1.0  # chance per cycle that a descriptor is taken
        self.fail_next = self.erred = False
        self.ready = 0

    async def start(self) -> FetchBench:
        dut = self.dut
        names = ("ring_i", "stop_i", "load_i", "load_value_i", "cmd_ready_i", "beat_valid_i", "beat_i")
        for name in (*names, "desc_ready_i"):
            getattr(dut, name).value = 0
        dut.rst_ni.value = 0
        Clock(dut.clk_i, 6.4, "ns").start()
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        return self

    async def step(self, cycles: int = 1) -> None:
        for _ in range(cycles):
            dut = self.dut
            await RisingEdge(dut.clk_i)
            self.cycle += 1
            self.erred |= bool(dut.err_o.value)
            if dut.cmd_valid_o.value and dut.cmd_ready_i.value:
                self._command(int(dut.cmd_o.value))
            if dut.desc_valid_o.value and dut.desc_ready_i.value:
                self.got.append(int(dut.desc_o.value))
            dut.ring_i.value = ring_int(self.enabled, BASE, self.count, self.tail)
            dut.cmd_ready_i.value = self.rng.random() < 0.7
            dut.desc_ready_i.value = self.rng.random() < self.take
            beat = self.answers.popleft() if self.answers and self.answers[0][0] <= self.cycle else None
            dut.beat_valid_i.value = beat is not None
            if beat:
                _, desc, last, error = beat
                dut.beat_i.value = error << 145 | last << 144 | 0xFFFF << 128 | desc

    def _command(self, command: int) -> None:
        address, size, lane = command & (1 << 64) - 1, command >> 64 & 0xFFFF, command >> 80
        first, number = (address - BASE) // 16, size // 16
        assert address % 16 == size % 16 == lane == 0 and 1 <= number <= 16
        assert first + number <= self.count
        self.commands.append((first, number))
        for index in range(first, first + number):
            last = index == first + number - 1
            self.answers.append((self.cycle + self.latency, index, last, last and self.fail_next))
        self.fail_next = False


@cocotb.test()
async def bursts_end_at_tail_and_ring_end(dut: Any) -> None:
    bench = await FetchBench(dut, 40).start()
    bench.tail = 5
    await bench.step(80)
    assert bench.commands == [(0, 5)] and bench.got == [0, 1, 2, 3, 4] and dut.none_free_o.value and dut.idle_o.value
    bench.tail = 3  # wrapped: 38 more
    await bench.step(200)
    assert bench.commands[1:] == [(5, 16), (21, 16), (37, 3), (0, 3)]
    assert bench.got[5:] == [*range(5, 40), 0, 1, 2] and dut.none_free_o.value


@cocotb.test()
async def holds_64_and_asks_again_for_16(dut: Any) -> None:
    """Without takers 64 are held; then a burst is asked for only when all of it has room."""
    bench = await FetchBench(dut, 256).start()
    bench.take, bench.tail = 0.0, 200
    await bench.step(300)
    assert bench.commands == [(0, 16), (16, 16), (32, 16), (48, 16)] and dut.idle_o.value
    bench.take = 1.0
    while len(bench.got) < 14:
        await bench.step()
    assert len(bench.commands) == 4
    await bench.step(400)
    assert all(number == 16 for _, number in bench.commands[:12]) and bench.got == list(range(200))


@cocotb.test()
async def short_bursts_wait_while_enough_is_held(dut: Any) -> None:
    bench = await FetchBench(dut, 256).start()
    bench.take, bench.tail = 0.0, 32
    await bench.step(100)
    for tail in (33, 34, 40):
        bench.tail = tail
        await bench.step(60)
    assert bench.commands == [(0, 16), (16, 16)] and dut.idle_o.value
    bench.tail = 48
    await bench.step(60)
    assert bench.commands[2:] == [(32, 16)]
    bench.tail = 50
    await bench.step(60)
    assert len(bench.commands) == 3
    bench.take = 1.0
    await bench.step(200)
    assert bench.commands[3:] == [(48, 2)] and bench.got == list(range(50))


@cocotb.test()
async def random_ring(dut: Any) -> None:
    """Everything is handed out once, in order, however tail and taker move; disabled now and then."""
    bench = await FetchBench(dut, 23, latency=9).start()
    rng, posted = bench.rng, 0
    for _ in range(1500):
        posted += rng.randint(0, 22 - (posted - len(bench.got)))
        bench.tail = posted % 23
        bench.take = rng.choice((0.0, 0.3, 1.0))
        await bench.step(rng.randrange(12))
        if rng.random() < 0.05:
            bench.enabled = False
            await bench.step(rng.randint(1, 4))
            bench.enabled = True
    bench.take = 1.0
    await bench.step(200)
    assert bench.got == [i % 23 for i in range(posted)] and posted > 500


@cocotb.test()
async def nothing_of_a_failed_burst(dut: Any) -> None:
    """Its descriptors came before the error was known; none is handed out."""
    bench = await FetchBench(dut, 64).start()
    bench.tail = 16
    await bench.step(60)
    bench.fail_next, bench.tail = True, 32
    await bench.step(80)
    assert bench.erred and len(bench.commands) == 2 and bench.got == list(range(16))


@cocotb.test()
async def stopped_and_sent_elsewhere(dut: Any) -> None:
    bench = await FetchBench(dut, 64).start()
    dut.stop_i.value = 1
    bench.tail = 10
    await bench.step(50)
    assert not bench.commands and dut.idle_o.value
    bench.enabled = False
    dut.load_i.value, dut.load_value_i.value = 1, 60
    await bench.step()
    dut.load_i.value = 0
    bench.enabled = True
    await bench.step()
    dut.stop_i.value = 0
    await bench.step(100)
    assert bench.commands == [(60, 4), (0, 10)] and bench.got == [60, 61, 62, 63, *range(10)]


def test_nic_desc_fetch(tmp_path: Path) -> None:
    simulate(
        Design("nic_desc_fetch", nic_sources("nic_desc_fetch")), "tests.hdl.dma.test_desc_fetch", folder=tmp_path
    )
