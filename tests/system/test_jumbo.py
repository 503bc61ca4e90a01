# SPDX-License-Identifier: MIT
"""Frames up to 9234 bytes both ways: buffers of a page chained, the packet memory shared out for them, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb

from driver.e1000e.ethtool import e1000_set_pauseparam, e1000_set_ringparam
from driver.e1000e.hw import er32
from driver.e1000e.regs import FCRTH, PBA, RCTL
from driver.linux.ethtool import EthtoolPauseParam, EthtoolRingParam, dev_ethtool
from driver.linux.netdevice import dev_set_mtu
from sim.bench import Bench
from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from sim.launch import launch
from sim.traffic import frames_to, transmit_all
from sim.wire import Frame
from tests.system.helpers import bench_up, on_any_cpus, on_both

PACKET_MEMORY_KB = 40
HEADER = 14
FRAMES = 30


async def both_ways(bench: Bench, lengths: tuple[int, int], count: int = FRAMES) -> None:
    """`count` each way at once; lengths without FCS. Every one arrives."""
    device, partner, books = bench.device, bench.partner.config.mac, bench.books
    before = books.host_frames, books.card_frames
    for data in frames_to(device.dev_addr, partner, bench.random, count, lengths):
        bench.wire.send(Frame(data))
    outgoing = frames_to(partner, device.dev_addr, bench.random, count, lengths)
    assert await bench.run(transmit_all(device, outgoing)) == 0
    await bench.settle()
    assert (books.host_frames - before[0], books.card_frames - before[1]) == (count, count)


async def change_mtu(bench: Bench, mtu: int) -> None:
    with bench.books.receiver_may_be_off():
        assert await bench.run(dev_set_mtu(bench.device, mtu)) == 0
        await bench.linked()


async def shares(bench: Bench) -> tuple[int, int]:
    """KB of packet memory to receive with, and to send with."""
    value = await bench.run(er32(bench.adapter.hw, PBA))
    return PBA.RXA.get(value), PBA.TXA.get(value)


@cocotb.test()
async def the_mtu_changes_and_every_size_goes_both_ways(dut: Any) -> None:
    bench = await bench_up(dut)
    assert await shares(bench) == (32, 8)
    for mtu in (9000, 9212, 1501, 4078, 1500):
        await change_mtu(bench, mtu)
        rx, tx = await shares(bench)
        assert rx + tx == PACKET_MEMORY_KB, "the split survives the reset"
        assert tx * 1024 >= 2 * (mtu + 18) and rx * 1024 >= mtu + 22
        assert await bench.run(er32(bench.adapter.hw, FCRTH)) <= rx * 1024 - (mtu + 22)
        assert bool(await bench.run(er32(bench.adapter.hw, RCTL)) & RCTL.LPE) == (mtu > 1500)
        await both_ways(bench, (60, mtu + HEADER))
        await both_ways(bench, (mtu + HEADER - 3, mtu + HEADER))
    assert await shares(bench) == (32, 8)
    await bench.down()


@cocotb.test()
async def frames_end_around_the_end_of_a_buffer(dut: Any) -> None:
    """A page of 4096 bytes holds it, or one byte goes to the next, or two pages are full."""
    bench = await bench_up(dut)
    await change_mtu(bench, 9212)
    for at in (4096, 8192, 9230):
        await both_ways(bench, (at - 2, min(at + 2, 9230)))
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.delivered == totals.receive.sent


@cocotb.test()
async def small_rings_and_jumbo_frames(dut: Any) -> None:
    """64 descriptors, three of them for a frame: bursts of what they hold; without pause frames, too."""
    bench = await bench_up(dut)
    with bench.books.receiver_may_be_off():
        assert await bench.run(dev_ethtool(bench.device, e1000_set_ringparam, EthtoolRingParam(64, 64))) == 0
        await bench.linked()
    pause = EthtoolPauseParam(autoneg=False, rx_pause=False, tx_pause=False)
    assert await bench.run(dev_ethtool(bench.device, e1000_set_pauseparam, pause)) == 0
    assert await bench.run(er32(bench.adapter.hw, FCRTH)) == 0
    await change_mtu(bench, 9000)
    for _ in range(6):
        await both_ways(bench, (8200, 9014), 15)
    await bench.down()


@on_both
def test_jumbo(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    host = HostConfig(memory_base=1 << 33, latency_ns=100, latency_spread_ns=900, reorder=True)
    driver = on_any_cpus(DriverConfig(time_scale=1000), bench_seed, "jumbo")
    config = BenchConfig(host=host, driver=driver, sim=sim).seeded(bench_seed)
    assert launch(config, "tests.system.test_jumbo", tmp_path).passed == 3
