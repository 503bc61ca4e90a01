# SPDX-License-Identifier: MIT
"""nic_desc_wb alone: what it gathers in a batch, and when the head moves."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from sim.runner import Design, nic_sources, simulate

BASE = 0x7_0000_0000


class Entry(NamedTuple):
    desc: int
    write: bool = True
    cause: int = 0  # of two kinds, one bit each


class WriteBackBench:
    """A write engine that answers `latency` cycles after the last beat of a command."""

    def __init__(self, dut: Any, count: int = 64, latency: int = 30) -> None:
        self.dut, self.count, self.latency = dut, count, latency
        self.rng = Random(cocotb.RANDOM_SEED)
        self.entries: deque[Entry] = deque()
        self.gap = 0  # cycles between entries
        self.cycle = self.entry_due = 0
        self.commands: list[tuple[int, int]] = []  # (index, descriptors)
        self.beats: list[int] = []
        self.owed = 0  # beats of the command that is under way
        self.answers: deque[tuple[int, bool]] = deque()
        self.fail_next = False
        self.done = 0  # commands answered well
        self.heads: list[int] = []  # every head shown
        self.events, self.retired = [0, 0], 0

    async def start(self) -> WriteBackBench:
        dut = self.dut
        names = ("stop_i", "hurry_i", "load_i", "load_value_i", "in_valid_i", "in_desc_i", "in_write_i", "in_cause_i")
        for name in (*names, "cmd_ready_i", "data_ready_i", "done_i", "done_err_i"):
            getattr(dut, name).value = 0
        dut.base_i.value, dut.count_i.value = BASE, self.count
        dut.rst_ni.value = 0
        Clock(dut.clk_i, 6.4, "ns").start()
        for _ in range(3):
            await RisingEdge(dut.clk_i)
        dut.rst_ni.value = 1
        await RisingEdge(dut.clk_i)
        return self

    async def step(self, cycles: int = 1) -> None:
        for _ in range(cycles):
            dut = self.dut
            await RisingEdge(dut.clk_i)
            self.cycle += 1
            self._outputs()
            if dut.in_valid_i.value and dut.in_ready_o.value:
                self.entries.popleft()
                self.entry_due = self.cycle + self.gap
            offer = bool(self.entries) and self.cycle >= self.entry_due
            dut.in_valid_i.value = offer
            if offer:
                entry = self.entries[0]
                dut.in_desc_i.value, dut.in_write_i.value, dut.in_cause_i.value = entry.desc, entry.write, entry.cause
            dut.cmd_ready_i.value = self.owed == 0 and self.rng.random() < 0.7
            dut.data_ready_i.value = self.rng.random() < 0.7
            due = bool(self.answers) and self.answers[0][0] <= self.cycle
            dut.done_i.value = due
            dut.done_err_i.value = due and self.answers[0][1]
            if due:
                self.done += not self.answers.popleft()[1]

    def _outputs(self) -> None:
        dut = self.dut
        if dut.cmd_valid_o.value and dut.cmd_ready_i.value:
            command = int(dut.cmd_o.value)
            self.commands.append(((command & (1 << 64) - 1) - BASE >> 4, command >> 68))
            self.owed = self.commands[-1][1]
            assert 1 <= self.owed <= 8 and sum(self.commands[-1]) <= self.count
        elif dut.data_valid_o.value and dut.data_ready_i.value:
            assert self.owed, "data of no command"
            self.beats.append(int(dut.data_o.value))
            self.owed -= 1
            if not self.owed:
                self.answers.append((self.cycle + self.latency, self.fail_next))
                self.fail_next = False
        self.retired += int(dut.retired_o.value)
        for kind in (0, 1):
            self.events[kind] += int(dut.event_o.value) >> kind & 1
        head = int(dut.head_o.value)
        if not self.heads or head != self.heads[-1]:
            self.heads.append(head)


def written(number: int) -> list[Entry]:
    return [Entry(1000 + i, True, 1) for i in range(number)]


@cocotb.test()
async def a_hurried_one_goes_alone(dut: Any) -> None:
    bench = await WriteBackBench(dut).start()
    dut.hurry_i.value = 1
    bench.entries.extend(written(1))
    await bench.step(12)
    assert bench.commands == [(0, 1)] and bench.heads == [0] and not dut.idle_o.value
    await bench.step(40)
    assert bench.heads == [0, 1] and bench.events == [1, 0] and dut.idle_o.value


@cocotb.test()
async def batches_of_eight_or_of_a_window(dut: Any) -> None:
    bench = await WriteBackBench(dut).start()
    bench.entries.extend(written(20))
    await bench.step(60)
    assert bench.commands == [(0, 8), (8, 8)], "the last four wait for more"
    await bench.step(80)
    assert bench.commands[2:] == [(16, 4)] and bench.heads == [0, 8, 16, 20]
    bench.gap = 10  # as at 64 bytes and line rate
    bench.entries.extend(written(40))
    await bench.step(600)
    assert sum(n for _, n in bench.commands) == 60 and len(bench.commands) <= 3 + 40 / 4
    assert bench.beats == [entry.desc for part in (20, 40) for entry in written(part)]


@cocotb.test()
async def not_over_the_end_of_the_ring(dut: Any) -> None:
    bench = await WriteBackBench(dut, count=20).start()
    bench.entries.extend(written(25))
    await bench.step(300)
    assert bench.commands == [(0, 8), (8, 8), (16, 4), (0, 5)] and bench.heads == [0, 8, 16, 0, 5]


@cocotb.test()
async def those_without_write_retire_in_order(dut: Any) -> None:
    """They go with the batch that follows; alone, when the window ends; never before what is in front."""
    bench = await WriteBackBench(dut).start()
    skip = Entry(7, False)
    bench.entries.extend([skip, skip, *written(2), skip, *written(1), skip, skip])
    await bench.step(30)
    assert bench.commands == [(2, 2), (5, 1)] and bench.heads == [0]
    await bench.step(150)
    assert bench.heads == [0, 4, 6, 8] and bench.events == [2, 0] and bench.beats == [1000, 1001, 1000]
    assert dut.idle_o.value


@cocotb.test()
async def nothing_behind_a_failed_write(dut: Any) -> None:
    bench = await WriteBackBench(dut).start()
    bench.entries.extend(written(8))
    await bench.step(30)
    bench.fail_next = True
    bench.entries.extend([*written(16), Entry(7, False)])
    await bench.step(300)
    assert len(bench.commands) == 3 and bench.done == 2
    assert bench.heads == [0, 8] and bench.events == [1, 0]
    dut.stop_i.value = 1
    await bench.step(2)
    assert dut.idle_o.value


@cocotb.test()
async def stopped_it_closes_no_batch(dut: Any) -> None:
    bench = await WriteBackBench(dut).start()
    dut.stop_i.value = 1
    bench.entries.extend(written(10))
    await bench.step(200)
    assert not bench.commands and dut.idle_o.value and not dut.empty_o.value
    dut.stop_i.value = 0
    await bench.step(250)
    assert bench.heads == [0, 8, 10] and dut.empty_o.value


@cocotb.test()
async def empty_only_without_anything_held(dut: Any) -> None:
    """A head set as soon as it says so, stopped in between or not: what comes next goes there, nothing else does."""
    bench = await WriteBackBench(dut).start()
    rng, want = bench.rng, []
    for _ in range(40):
        number, place = rng.randint(1, 12), rng.randrange(50)
        bench.entries.extend(written(number))
        start = want[-1] if want else 0
        await bench.step(number + 4)
        dut.stop_i.value = rng.random() < 0.5
        await bench.step(rng.randrange(90))
        dut.stop_i.value = 0
        while bench.entries or not dut.empty_o.value:
            await bench.step()
        assert bench.heads[-1] == start + number and sum(bench.commands[-1]) == start + number
        dut.load_i.value, dut.load_value_i.value = 1, place
        await bench.step()
        dut.load_i.value = 0
        await bench.step()
        want.append(place)
    assert not bench.owed and len(bench.commands) >= 40


@cocotb.test()
async def random_entries(dut: Any) -> None:
    """All that is to be written is, once, in its place; the head ends where it should."""
    bench = await WriteBackBench(dut, count=50, latency=40).start()
    rng, given = bench.rng, []
    for i in range(600):
        write = rng.random() < 0.6
        given.append(Entry(i, write, write * rng.choice((0, 0, 1, 2, 3))))
    bench.entries.extend(given)
    while bench.entries:
        bench.gap = rng.choice((0, 0, 3, 20, 70))
        dut.hurry_i.value = rng.random() < 0.1
        await bench.step(rng.randrange(60))
    dut.hurry_i.value = 1
    await bench.step(400)
    places = [index + i for index, number in bench.commands for i in range(number)]
    assert places == [i % 50 for i, entry in enumerate(given) if entry.write]
    assert bench.beats == [entry.desc for entry in given if entry.write]
    assert bench.heads[-1] == 600 % 50 and dut.idle_o.value
    causes = iter([entry.cause for entry in given if entry.write])
    batches = [[next(causes) for _ in range(number)] for _, number in bench.commands]
    for kind in (0, 1):
        assert bench.events[kind] == sum(any(cause >> kind & 1 for cause in batch) for batch in batches) > 20


def test_nic_desc_wb(tmp_path: Path) -> None:
    simulate(Design("nic_desc_wb", nic_sources("nic_desc_wb")), "tests.hdl.dma.test_desc_wb", folder=tmp_path)
