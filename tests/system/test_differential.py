# SPDX-License-Identifier: MIT
"""The compiled models against those on cocotbext: two implementations of one machine, and the card must not notice.

Times differ by nanoseconds, random latencies by more; what the card is asked to do, and what software sees of it, not.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import cocotb
import pytest
from cocotb.triggers import Timer

from driver.e1000e.adapter import Ring
from driver.e1000e.desc import RXD, RXD_STAT_DD, TXD, TXD_STAT_DD
from driver.e1000e.hw import ew32
from driver.e1000e.irq import e1000_irq_enable
from driver.e1000e.regs import ALL_ONES, IMC
from sim.bench import Bench
from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from sim.launch import configured, launch
from sim.observe.pcap import read_capture
from sim.traffic import frames_to, transmit_all
from sim.wire import Frame
from tests.system.helpers import AXI, MIXED, NATIVE, bench_up

HOSTS = {
    "calm": HostConfig(),
    "hostile": HostConfig(latency_ns=100, latency_spread_ns=1500, reorder=True, backpressure=0.3),
}
# Frames apart so far that the receive delay (33 us) of one is over before the next comes.
SPACING_NS = 60_000
SPACED_FRAMES, FAST_FRAMES = 40, 150
HELD_FRAMES = 10  # in each direction, at the end of both
SLOT_BITS = 17
FACTS = "differential.json"


def descriptors(ring: Ring, layout: Any, iova_base: int) -> list[list[int]]:
    """[slot of the address, length, and all that follows it] for each."""
    found = [list(words) for words in layout.iter_unpack(bytes(ring.desc))]
    return [[words[0] and (words[0] - iova_base) >> SLOT_BITS, *words[1:]] for words in found]


class Watch:
    """What the partner sent and heard, in order, from now on."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.sent: list[str] = []
        self.heard: list[str] = []
        self._irqs, self._before = bench.kernel.irq_count(bench.host.irq_of(0)), dict(bench.adapter.stats.counts)
        bench.wire.on_sent(lambda frame, time_ns: self.sent.append(frame.data.hex()))
        bench.wire.on_received(lambda frame: self.heard.append(frame.data.hex()))

    async def uncleaned(self) -> dict[str, Any]:
        """Both rings after some more frames, as the card left them: nobody hears its interrupts."""
        bench, adapter, random = self.bench, self.bench.adapter, self.bench.random
        device, partner, base = bench.device, bench.partner.config.mac, bench.kernel.dma_table.iova_base

        async def masked() -> None:
            ew32(adapter.hw, IMC, ALL_ONES)
            assert await transmit_all(device, frames_to(partner, device.dev_addr, random, HELD_FRAMES, (14, 1514))) == 0

        async def unmasked() -> None:
            e1000_irq_enable(adapter)

        for data in frames_to(device.dev_addr, partner, random, HELD_FRAMES, (14, 1514)):
            bench.wire.send(Frame(data))
        await bench.run(masked())
        await Timer(5 * SPACING_NS, "ns")
        rx, tx = adapter.rx_ring, adapter.tx_ring
        found = {
            "rings": [[ring.next_to_use, ring.next_to_clean] for ring in (rx, tx)],
            "receive descriptors": descriptors(rx, RXD, base),
            "transmit descriptors": descriptors(tx, TXD, base),
        }
        await bench.run(unmasked())
        return found

    async def leave(self, folder: Path) -> None:
        """Come to rest, write everything down, take the bench down."""
        bench = self.bench
        await bench.settle()
        facts: dict[str, Any] = {"irqs": bench.kernel.irq_count(bench.host.irq_of(0)) - self._irqs}
        facts |= await self.uncleaned()
        facts["sent"], facts["heard"] = self.sent, self.heard
        totals = await bench.down()
        packets = [packet.data for packet in read_capture(folder / "host.pcapng")]
        partner = bench.partner.config.mac
        facts["host received"] = [data.hex() for data in packets if data[:6] != partner]
        facts["host sent"] = [data.hex() for data in packets if data[:6] == partner]
        facts["hardware"], facts["link"] = totals.hardware, asdict(totals.link)
        (folder / FACTS).write_text(json.dumps(facts))


@cocotb.test()
async def frames_far_apart(dut: Any) -> None:
    bench = await bench_up(dut)
    device, partner, random = bench.device, bench.partner.config.mac, bench.random
    await bench.settle()
    watch = Watch(bench)
    for _ in range(SPACED_FRAMES):
        if random.random() < 0.5:
            bench.wire.send(Frame(frames_to(device.dev_addr, partner, random, 1, (14, 1514))[0]))
        else:
            outgoing = frames_to(partner, device.dev_addr, random, 1, (14, 1514))
            assert await bench.run(transmit_all(device, outgoing)) == 0
        await Timer(SPACING_NS, "ns")
    await watch.leave(configured()[1])


@cocotb.test()
async def frames_at_line_speed(dut: Any) -> None:
    bench = await bench_up(dut)
    device, partner, random = bench.device, bench.partner.config.mac, bench.random
    await bench.settle()
    watch = Watch(bench)
    for data in frames_to(device.dev_addr, partner, random, FAST_FRAMES, (14, 300)):
        bench.wire.send(Frame(data))
    outgoing = frames_to(partner, device.dev_addr, random, FAST_FRAMES, (14, 300))
    assert await bench.run(transmit_all(device, outgoing)) == 0
    await watch.leave(configured()[1])


def facts_of(case: str, config: BenchConfig, sim: SimConfig, folder: Path) -> dict[str, Any]:
    launch(replace(config, sim=sim), "tests.system.test_differential", folder, test_filter=case)
    found: dict[str, Any] = json.loads((folder / FACTS).read_text())
    return found


def config_of(memory: str, seed: int) -> BenchConfig:
    # The watchdog's own interrupts, every 20 ms, are not in the way.
    driver = DriverConfig(time_scale=100, rx_ring=64, tx_ring=64, interrupt_throttle=0)
    return BenchConfig(seed, host=HOSTS[memory], driver=driver)


def assert_held_back(facts: dict[str, Any]) -> None:
    """The card said of each descriptor behind next_to_clean that it is done; the driver has seen none of it."""
    status = (("receive descriptors", 3, RXD_STAT_DD), ("transmit descriptors", 4, TXD_STAT_DD))
    for (name, at, bit), (_, next_to_clean) in zip(status, facts["rings"], strict=True):
        ring = facts[name]
        assert all(ring[(next_to_clean + index) % len(ring)][at] & bit for index in range(HELD_FRAMES)), name


@pytest.mark.parametrize("other", [NATIVE, *MIXED.values()], ids=["native", *MIXED])
@pytest.mark.parametrize("memory", HOSTS)
def test_frames_apart_are_the_same_to_software(memory: str, other: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    """Frames, counters, both rings with slots and status, and one interrupt for each frame."""
    config = config_of(memory, bench_seed)
    reference = facts_of("frames_far_apart", config, AXI, tmp_path / "axi")
    found = facts_of("frames_far_apart", config, other, tmp_path / "other")
    for name in reference:
        assert found[name] == reference[name], f"{name}, seed {bench_seed}"
    moved = len(reference["sent"]) + len(reference["heard"])
    assert reference["irqs"] == SPACED_FRAMES == moved - 2 * HELD_FRAMES
    assert_held_back(reference)


@pytest.mark.parametrize("memory", HOSTS)
def test_frames_at_line_speed_are_the_same_but_for_interrupts(memory: str, tmp_path: Path, bench_seed: int) -> None:
    config = replace(config_of(memory, bench_seed), driver=DriverConfig(time_scale=100, interrupt_throttle=0))
    reference = facts_of("frames_at_line_speed", config, AXI, tmp_path / "axi")
    found = facts_of("frames_at_line_speed", config, NATIVE, tmp_path / "native")
    for name in reference:
        if name != "irqs":
            assert found[name] == reference[name], f"{name}, seed {bench_seed}"
    assert len(reference["sent"]) == len(reference["heard"]) == FAST_FRAMES + HELD_FRAMES
    assert reference["hardware"]["gprc"] == reference["hardware"]["gptc"] == FAST_FRAMES + HELD_FRAMES
    assert_held_back(reference)
