# SPDX-License-Identifier: MIT
"""nic_flow: pause frames that keep the queue back, and those that the level of the receive buffer sends."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from sim.runner import Design, nic_sources, simulate
from tests.hdl.mac.bench import BEAT, beats
from tests.hdl.sim_helpers import start_clock_and_reset, struct

MODULE = "tests.hdl.mac.test_nic_flow"
FLOW = struct("flow_cfg_t")
ADDRESS, SOURCE = bytes.fromhex("0180c2000001"), bytes.fromhex("021122334455")
QUANTUM_CYCLES = 8  # 512 bit times at 10 Gbit/s, 156.25 MHz
INPUTS = ("stop_i", "now_i", "pause_valid_i", "pause_quanta_i", "level_i", "in_valid_i", "in_beat_i", "in_fcs_i",
          "out_ready_i", "expired_i")  # fmt: skip


def pause_frame(quanta: int) -> bytes:
    return (ADDRESS + SOURCE + bytes.fromhex("88080001") + quanta.to_bytes(2, "big")).ljust(60, b"\0")


class FlowBench:
    def __init__(self, dut: Any, ready: float = 1.0) -> None:
        self.dut, self.ready = dut, ready
        self.rng = Random(cocotb.RANDOM_SEED)
        self.queue: deque[bytes] = deque()  # frames to come
        self.beats: deque[int] = deque()  # of the frame that is offered
        self.sent: list[tuple[int, bytes]] = []  # cycle of its first beat, frame
        self.part = b""
        self.begun = self.now = self.leap = 0
        self.counts: Counter[str] = Counter()

    async def start(self, **config: int) -> FlowBench:
        for name in INPUTS:
            getattr(self.dut, name).value = 0
        self.dut.en_i.value = 1
        self.dut.source_i.value = int.from_bytes(SOURCE, "little")
        self.configure(**config)
        await start_clock_and_reset(self.dut)
        return self

    def configure(self, **config: int) -> None:
        defaults = {"rx_en": 1, "tx_en": 1, "quanta": 100, "ethertype": 0x8808, "high": 16000, "low": 8000, "xon": 1}
        self.dut.cfg_i.value = FLOW.pack(**{**defaults, **config}, addr=int.from_bytes(ADDRESS, "little"))

    async def step(self, cycles: int = 1) -> None:
        for _ in range(cycles):
            dut = self.dut
            await RisingEdge(dut.clk_i)
            self._outputs()
            self.now += 1 + self.leap
            self.leap = 0
            dut.now_i.value = self.now
            dut.expired_i.value = bool(dut.deadline_valid_o.value) and self.now >= int(dut.deadline_o.value)
            if not self.beats and self.queue:
                self.beats.extend(beats(self.queue.popleft()))
            dut.in_valid_i.value = bool(self.beats)
            if self.beats:
                dut.in_beat_i.value = self.beats[0]
            dut.out_ready_i.value = self.rng.random() < self.ready

    def _outputs(self) -> None:
        dut = self.dut
        if dut.in_valid_i.value and dut.in_ready_o.value:
            self.beats.popleft()
        assert dut.out_valid_o.value or not self.part, "a gap inside a frame"
        if dut.out_valid_o.value and dut.out_ready_i.value:
            beat = BEAT.unpack(int(dut.out_beat_o.value))
            self.begun = self.begun if self.part else self.now
            self.part += beat.data.to_bytes(16, "little")[: beat.bytes]
            if beat.last:
                assert dut.out_fcs_o.value == (self.part[:6] == ADDRESS)
                self.sent.append((self.begun, self.part))
                self.part = b""
        self.counts["xon"] += int(dut.xon_o.value)
        self.counts["xoff"] += int(dut.xoff_o.value)
        if dut.idle_o.value:
            assert self.part[:6] != ADDRESS and not dut.xon_o.value and not dut.xoff_o.value

    async def pause(self, quanta: int) -> int:
        """A pause frame has come; returns when."""
        now = self.now
        self.dut.pause_valid_i.value, self.dut.pause_quanta_i.value = 1, quanta
        await self.step()
        self.dut.pause_valid_i.value = 0
        return now

    @property
    def frames(self) -> list[bytes]:
        return [frame for _, frame in self.sent]


@cocotb.test()
@cocotb.parametrize(quanta=[1, 2, 30, 0x1234])
async def a_pause_keeps_the_next_frame_back(dut: Any, quanta: int) -> None:
    """For its time to the cycle; the frame under way is finished."""
    bench = await FlowBench(dut).start()
    bench.queue.extend(bench.rng.randbytes(200) for _ in range(2))
    await bench.step(5)
    begin = await bench.pause(quanta)
    assert len(bench.part) > 0
    await bench.step(20)
    if quanta > 1000:
        bench.leap = QUANTUM_CYCLES * quanta - 1000
    await bench.step(1200)
    assert len(bench.sent) == 2 and bench.sent[1][0] == max(begin + QUANTUM_CYCLES * quanta, bench.sent[0][0] + 13)
    assert dut.paused_o.value == 0


@cocotb.test()
async def a_new_pause_counts_and_xon_releases(dut: Any) -> None:
    bench = await FlowBench(dut).start()
    await bench.pause(100)
    await bench.step(1)
    bench.queue.append(b"\x02" * 60)
    await bench.step(700)
    begin = await bench.pause(50)
    await bench.step(600)
    assert bench.sent[0][0] == begin + 400
    await bench.pause(0xFFFF)
    bench.queue.append(b"\x02" * 60)
    await bench.step(50)
    assert dut.paused_o.value and len(bench.sent) == 1
    begin = await bench.pause(0)
    await bench.step(10)
    assert bench.sent[1][0] == begin + 1 and not dut.paused_o.value


@cocotb.test()
async def without_rfce_or_link_nothing_pauses(dut: Any) -> None:
    bench = await FlowBench(dut).start(rx_en=0)
    await bench.pause(1000)
    bench.queue.append(b"\x02" * 60)
    await bench.step(10)
    assert len(bench.sent) == 1
    bench.configure()
    await bench.pause(1000)
    dut.en_i.value = 0
    bench.queue.append(b"\x02" * 60)
    await bench.step(10)
    dut.en_i.value = 1
    await bench.step(10)
    assert len(bench.sent) == 2 and not dut.paused_o.value


@cocotb.test()
@cocotb.parametrize(xon=[0, 1])
async def the_level_sends_xoff_again_and_again_then_xon(dut: Any, xon: int) -> None:
    bench = await FlowBench(dut).start(xon=xon)
    dut.level_i.value = 15999
    await bench.step(50)
    assert not bench.sent and dut.idle_o.value
    dut.level_i.value = 16000
    await bench.step(1500)
    times = [when for when, _ in bench.sent]
    assert [b - a for a, b in itertools.pairwise(times)] == [401, 401, 401], "half of the quanta"
    assert bench.frames == [pause_frame(100)] * 4
    dut.level_i.value = 8001
    await bench.step(500)
    assert bench.frames == [pause_frame(100)] * 5, "not low yet"
    dut.level_i.value = 8000
    await bench.step(1000)
    assert bench.frames[5:] == [pause_frame(0)] * xon
    assert bench.counts == {"xoff": 5, "xon": xon} and dut.idle_o.value and not dut.deadline_valid_o.value


@cocotb.test()
@cocotb.parametrize(off=["tx_en", "high", "en", "stop"])
async def what_is_off_sends_nothing(dut: Any, off: str) -> None:
    bench = await FlowBench(dut).start(**{off: 0} if off in ("tx_en", "high") else {})
    dut.en_i.value, dut.stop_i.value = off != "en", off == "stop"
    dut.level_i.value = 40000
    await bench.step(1000)
    assert not bench.sent and dut.idle_o.value
    bench.configure()
    dut.en_i.value, dut.stop_i.value = 1, 0
    await bench.step(20)
    assert bench.frames == [pause_frame(100)]
    bench.configure(tx_en=0)
    dut.level_i.value = 0
    await bench.step(20)
    bench.configure()
    await bench.step(1000)
    assert bench.frames == [pause_frame(100)], "what was begun is forgotten, XON too"


@cocotb.test()
async def quanta_of_zero_are_not_repeated(dut: Any) -> None:
    bench = await FlowBench(dut).start(quanta=0)
    dut.level_i.value = 20000
    await bench.step(1000)
    assert bench.frames == [pause_frame(0)]


@cocotb.test()
async def they_go_before_the_queue_even_when_it_is_paused(dut: Any) -> None:
    bench = await FlowBench(dut).start()
    await bench.pause(1000)
    bench.queue.extend(b"\x02" * 60 for _ in range(3))
    await bench.step(20)
    dut.level_i.value = 16000
    await bench.step(20)
    assert bench.frames == [pause_frame(100)]
    await bench.pause(0)
    dut.level_i.value = 0
    await bench.step(40)
    assert bench.frames[1] == pause_frame(0) or bench.frames[2] == pause_frame(0)
    assert len(bench.frames) == 5


@cocotb.test()
async def random_levels_and_frames(dut: Any) -> None:
    """Every frame of the queue goes out whole and in order; the partner was told last what the level asks for."""
    bench = await FlowBench(dut, ready=0.6).start(quanta=20)
    rng, given, level = bench.rng, [], 0
    over = False
    for _ in range(400):
        level = min(40960, max(0, level + rng.randint(-6000, 6000)))
        dut.level_i.value = level
        over = level >= 16000 or (over and level > 8000)
        if rng.random() < 0.5:
            given.append(b"\x02" + rng.randbytes(rng.randint(1, 300)))
            bench.queue.append(given[-1])
        if rng.random() < 0.1:
            await bench.pause(rng.randrange(10))
        await bench.step(rng.choice((1, 2, 10, 200)))
    dut.level_i.value = level
    await bench.step(20_000)
    assert [frame for frame in bench.frames if frame[:6] != ADDRESS] == given
    told = [frame for frame in bench.frames if frame[:6] == ADDRESS]
    assert set(told) == {pause_frame(20), pause_frame(0)} and told[-1] == pause_frame(20 if over else 0)
    assert bench.counts == {"xoff": told.count(pause_frame(20)), "xon": told.count(pause_frame(0))}


def test_nic_flow(tmp_path):
    result = simulate(Design("nic_flow", nic_sources("nic_flow")), MODULE, folder=tmp_path)
    assert result.passed == 4 + 1 + 1 + 2 + 4 + 1 + 1 + 1
