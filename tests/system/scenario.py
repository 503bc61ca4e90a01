# SPDX-License-Identifier: MIT
"""Random traffic that fills a run, and everything observable that it came to: for tests that compare two runs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge, Timer

from driver.linux.delay import usleep_range
from driver.linux.inet import ping
from sim.bench import HOST_IP, PERIOD_PS, Bench
from sim.config import BenchConfig
from sim.host.simtime import now_ps
from sim.launch import configured, launch
from sim.native.library import library
from sim.traffic import frames_to, transmit, transmit_all
from sim.wire import Frame
from tests.system.helpers import bench_up

# An InterruptThrottleRate, and the interval of the card's that it is.
THROTTLED_HZ, THROTTLE_PS = 20_000, 195 * 256_000
_VARIABLE, _FACTS = "NICOSIM_SCENARIO", "facts.json"


@dataclass(frozen=True, slots=True)
class Scenario:
    """rounds: of traffic, each followed by a random silence of up to longest_gap_ns; flap: the cable is pulled between
    the first half of them and the second."""

    rounds: int = 12
    longest_gap_ns: int = 200_000
    flap: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """facts: numbers by name; captures and log: whole files."""

    facts: Mapping[str, Any]
    leapt: int
    wire: bytes
    host: bytes
    kernel_log: tuple[str, ...]


def outcome_of(
    scenario: Scenario, config: BenchConfig, folder: Path, case: str = "bursts_and_silence", *,
    waves: bool | None = None,
) -> Outcome:  # fmt: skip
    """Run it; what it came to."""
    environment = {_VARIABLE: json.dumps(asdict(scenario))}
    launch(config, "tests.system.scenario", folder, environment=environment, test_filter=case, waves=waves)
    told = json.loads((folder / _FACTS).read_text())
    wire, host = ((folder / f"{name}.pcapng").read_bytes() for name in ("wire", "host"))
    return Outcome(told["facts"], told["leapt"], wire, host, tuple(told["kernel_log"]))


def leave_facts(bench: Bench, folder: Path) -> None:
    """To be called after `down`."""
    totals, host, books = bench.totals, bench.host, bench.books
    assert totals.receive is not None and totals.transmit is not None
    facts = {
        "end_ps": now_ps(),
        "cycles": int(bench.dut.time_now_o.value),  # the card's own count of its clock
        "irqs": totals.irqs,
        "irq_edges": host.irq_edges,
        "polls": totals.polls,
        "mmio": [host.mmio_reads, host.mmio_writes],
        "bursts": [host.dma.reads, host.dma.writes, host.dma.read_bytes, host.dma.write_bytes],
        "hardware": totals.hardware,
        "link": asdict(totals.link),
        "frames": [books.sent, books.host_frames, books.card_frames],
        "accounts": [str(totals.receive), str(totals.transmit)],
    }
    if bench.config.sim.main == "nicosim":
        assert abs(library().cycles - now_ps() // PERIOD_PS) <= 1  # leapt ones included
    told = {"facts": facts, "leapt": bench.cycles_leapt, "kernel_log": bench.kernel_log()}
    (folder / _FACTS).write_text(json.dumps(told))


class Talk:
    """One bench and the random rounds it goes through."""

    def __init__(self, bench: Bench, scenario: Scenario) -> None:
        self.bench, self.scenario = bench, scenario
        self.partner = bench.partner.config.mac

    def frames(self, to_card: bool, most: int) -> list[bytes]:
        bench, random = self.bench, self.bench.random
        ends = (bench.device.dev_addr, self.partner) if to_card else (self.partner, bench.device.dev_addr)
        return frames_to(*ends, random, random.randint(1, most), (14, random.choice([60, 200, 1514])))

    async def to_the_card(self) -> None:
        for data in self.frames(True, 12):
            self.bench.wire.send(Frame(data))

    async def from_the_card(self) -> None:
        assert await self.bench.run(transmit_all(self.bench.device, self.frames(False, 12))) == 0

    async def both_at_once(self) -> None:
        await self.to_the_card()
        await self.from_the_card()

    async def a_process_that_sleeps_between_frames(self) -> None:
        bench, random = self.bench, self.bench.random
        naps_us = [random.randint(1, 20) * bench.kernel.time_scale for _ in range(3)]

        async def process() -> None:
            for nap_us, data in zip(naps_us, self.frames(False, 3), strict=False):
                assert transmit(bench.device, data) == 0
                await usleep_range(nap_us, nap_us)

        await bench.run(process())

    async def the_partner_asks(self) -> None:
        size = self.bench.random.randint(0, 1472)
        await self.bench.answered(self.bench.partner.ping(HOST_IP, size))
        await self.bench.answered(self.bench.partner.udp_echo(HOST_IP, 7, size))

    async def the_host_asks(self) -> None:
        bench = self.bench
        assert await bench.run(ping(bench.partner.config.ip, bench.random.randint(0, 1472))) is not None

    async def silence(self) -> None:
        """From a fraction of a nanosecond on; half of them are shorter than the square root of the longest."""
        random = self.bench.random
        exponent = random.random()
        await Timer(1 + int((self.scenario.longest_gap_ns * 1000) ** exponent), "step")

    async def flap(self) -> None:
        bench = self.bench
        await bench.settle()
        bench.dut.phy_link_i.value = 0
        await bench.until(lambda: bench.device.carrier_off, "the loss of the link", timeout_ns=50_000_000)
        await self.silence()
        bench.dut.phy_link_i.value = 1
        await bench.linked()

    async def run(self) -> None:
        kinds = [
            self.to_the_card, self.from_the_card, self.both_at_once, self.a_process_that_sleeps_between_frames,
            self.the_partner_asks, self.the_host_asks,
        ]  # fmt: skip
        rounds = self.scenario.rounds
        # Each kind once in every six rounds, in an order of the seed's.
        plan = [kind for _ in range(0, rounds, len(kinds)) for kind in self.bench.random.sample(kinds, len(kinds))]
        await self.bench.answered(self.bench.partner.ask_mac(HOST_IP))
        for number, kind in enumerate(plan[:rounds]):
            if self.scenario.flap and number == rounds // 2:
                await self.flap()
            await kind()
            await self.silence()


@cocotb.test()
async def deadlines_close_to_each_other(dut: Any) -> None:
    """A frame's receive delay ends some cycles before, with, and after the interval that throttles the interrupt."""
    bench = await bench_up(dut)
    await bench.settle()
    rounds = Scenario(**json.loads(os.environ[_VARIABLE])).rounds

    async def interrupted_after(delay_ps: int) -> int:
        """Send a frame then; how long after it the interrupt came, ps."""
        await Timer(delay_ps, "step")
        destination, source = bench.device.dev_addr, bench.partner.config.mac
        bench.wire.send(Frame(frames_to(destination, source, bench.random, 1, (60, 60))[0]))
        begin = now_ps()
        await RisingEdge(dut.intx_o)
        return now_ps() - begin

    for cycles in range(-rounds // 2, rounds // 2):
        delayed_ps = await interrupted_after(100_000_000)  # long after the last interrupt: by the delay alone
        await interrupted_after(THROTTLE_PS - delayed_ps + cycles * PERIOD_PS)
    await bench.down()
    _, folder = configured()
    leave_facts(bench, folder)


@cocotb.test()
async def bursts_and_silence(dut: Any) -> None:
    bench = await bench_up(dut)
    await Talk(bench, Scenario(**json.loads(os.environ[_VARIABLE]))).run()
    await bench.down()
    _, folder = configured()
    leave_facts(bench, folder)
