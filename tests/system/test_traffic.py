# SPDX-License-Identifier: MIT
"""Random traffic through driver, card and wire, both ways at once. Each byte is compared by the bench's books."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cocotb
import pytest

from driver.linux.inet import ping
from driver.linux.netdevice import dev_close, dev_mc_add, dev_open, dev_set_promiscuity, netif_queue_stopped
from sim.bench import HOST_IP
from sim.check.filter import multicast_hash
from sim.config import BenchConfig, ClockConfig, DriverConfig, HostConfig, SimConfig, WireConfig
from sim.launch import launch
from sim.traffic import frames_to, transmit, transmit_all
from sim.wire import Frame
from sim.wire.fault import FaultConfig, FaultyWire
from tests.system.helpers import bench_up, on_any_cpus, on_both

ABOVE_4G = 0x2_4000_0000
HOSTILE = HostConfig(memory_base=ABOVE_4G, latency_ns=100, latency_spread_ns=1500, reorder=True, backpressure=0.2)


@cocotb.test()
async def frames_of_all_sizes_both_ways(dut: Any) -> None:
    bench = await bench_up(dut)
    device, partner, random = bench.device, bench.partner.config.mac, bench.random
    largest = device.mtu + 14
    for data in frames_to(device.dev_addr, partner, random, 60, (14, largest)):
        bench.wire.send(Frame(data))
    outgoing = frames_to(partner, device.dev_addr, random, 60, (14, largest))
    assert await bench.run(transmit_all(device, outgoing)) == 0
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.delivered == totals.receive.sent == 60
    assert totals.transmit is not None and totals.transmit.delivered == 60
    assert totals.link.rx_packets == totals.link.tx_packets == 60
    assert 0 < totals.irqs < 120 and totals.polls > 0


@cocotb.test()
async def rings_wrap_and_the_queue_stops_and_wakes(dut: Any) -> None:
    """Three times round rings of 64 descriptors; more frames at once than the transmit ring has room for."""
    bench = await bench_up(dut)
    device, random = bench.device, bench.random
    for data in frames_to(device.dev_addr, bench.partner.config.mac, random, 200, (60, 100)):
        bench.wire.send(Frame(data))
    outgoing = frames_to(bench.partner.config.mac, device.dev_addr, random, 200, (60, 100))
    stopped = []
    with bench.kernel.entered():
        for frame in outgoing:
            assert transmit(device, frame) == 0
            stopped.append(netif_queue_stopped(device))
    bench.host.wake()
    await bench.settle()
    assert True in stopped and bench.adapter.restart_queue > 0
    totals = await bench.down()
    assert totals.transmit is not None and totals.transmit.delivered == 200
    assert totals.receive is not None and totals.receive.sent == 200 and totals.receive.closed


@cocotb.test()
async def broken_frames_are_counted_each_where_it_belongs(dut: Any) -> None:
    bench = await bench_up(dut)
    device, random, books = bench.device, bench.random, bench.books
    good = frames_to(device.dev_addr, bench.partner.config.mac, random, 120, (60, 300))
    wire = FaultyWire(bench.wire, FaultConfig(corrupt=0.3, drop=0.1, duplicate=0.1), bench.config.seed)
    for data in good:
        wire.send(Frame(data))
    short, giant = good[0][:40], good[0] + bytes(9300)
    for bad_fcs in (False, True):
        bench.wire.send(Frame(short, pad=False, bad_fcs=bad_fcs))
        bench.wire.send(Frame(giant, bad_fcs=bad_fcs))
    totals = await bench.down()
    account = totals.receive
    assert account is not None and account.delivered == 120 - wire.dropped - wire.corrupted + wire.duplicated
    assert account.drops.pop("undersize") == account.drops.pop("fragment") == 1
    assert account.drops.pop("oversize") == account.drops.pop("jabber") == 1
    # An error within the destination address makes it somebody else's frame.
    assert set(account.drops) == {"bad FCS", "symbol error"}
    assert sum(account.drops.values()) + account.filtered == wire.corrupted > 10
    assert books.receive.lost == 0


@cocotb.test()
async def the_filter_passes_what_the_stack_asked_for(dut: Any) -> None:
    """Own address, broadcast, joined groups and their hash twins; then promiscuous. The books know the rule."""
    bench = await bench_up(dut)
    device, random, partner = bench.device, bench.random, bench.partner.config.mac
    joined = [bytes.fromhex("01005e") + random.randbytes(3) for _ in range(5)]
    for group in joined:
        assert await bench.run(dev_mc_add(device, group)) == 0
    wanted_bits = {multicast_hash(group, 0) for group in joined}
    twins = [group[:1] + random.randbytes(3) + group[4:] for group in joined]
    assert {multicast_hash(twin, 0) for twin in twins} == wanted_bits
    stranger = bytes.fromhex("0200000000aa")
    others = [bytes.fromhex("3333") + random.randbytes(4) for _ in range(20)]
    destinations = [device.dev_addr, b"\xff" * 6, *joined, *twins, stranger, *others]
    for destination in destinations:
        bench.wire.send(Frame(frames_to(destination, partner, random, 1, (60, 60))[0]))
    await bench.settle()
    expected = 12 + sum(multicast_hash(other, 0) in wanted_bits for other in others)
    assert bench.books.host_frames == expected and bench.books.filtered == len(destinations) - expected > 10
    assert await bench.run(dev_set_promiscuity(device, 1)) is not None
    for destination in destinations:
        bench.wire.send(Frame(frames_to(destination, partner, random, 1, (60, 60))[0]))
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.delivered == expected + len(destinations)


@cocotb.test()
async def down_and_up_under_traffic(dut: Any) -> None:
    """ifdown and ifup three times, with frames coming all the time; it works afterwards, and nothing leaked."""
    bench = await bench_up(dut)
    device, random, partner = bench.device, bench.random, bench.partner.config.mac
    sending = True

    async def keep_sending() -> None:
        while sending:
            for data in frames_to(device.dev_addr, partner, random, 4, (60, 200)):
                bench.wire.send(Frame(data))
            await bench.wire.drained()

    traffic = cocotb.start_soon(keep_sending())
    for _ in range(3):
        with bench.books.receiver_may_be_off():
            await bench.run(dev_close(device))
            assert await bench.run(dev_open(device)) == 0
            await bench.linked()
    sending = False
    await traffic
    await bench.settle()
    before = bench.books.host_frames
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    await bench.answered(bench.partner.ping(HOST_IP, 100))
    assert bench.books.host_frames == before + 2
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.drops.get("sent while the receiver was off", 0) > 0


@cocotb.test()
async def a_failed_dma_ends_in_a_reset_and_goes_on(dut: Any) -> None:
    """A read error stops the transmit queue; the watchdog notices, resets the card, and traffic goes on."""
    bench = await bench_up(dut)
    device, random, partner = bench.device, bench.random, bench.partner.config.mac
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    frame = frames_to(partner, device.dev_addr, random, 1, (1000, 1000))[0]
    bench.host.dma.fail_next(write=False, match=lambda burst: burst.last - burst.first > 256)
    with bench.kernel.entered():
        for _ in range(5):
            assert transmit(device, frame) == 0
    bench.host.wake()
    with bench.books.receiver_may_be_off():
        await bench.until(lambda: device.carrier_off, "the reset", timeout_ns=50_000_000)
        await bench.linked()
    await bench.answered(bench.partner.ping(HOST_IP, 100))
    assert await bench.run(ping(bench.partner.config.ip, 700)) is not None
    bench.books.card_was_reset()
    totals = await bench.down()
    assert any("Reset adapter" in line or "Hang" in line for line in bench.kernel_log())
    assert totals.transmit is not None and totals.transmit.drops["dropped by the driver"] > 0


@cocotb.test()
async def the_cable_is_pulled_with_frames_on_the_way(dut: Any) -> None:
    """What the card still holds is stuck behind the dead link: the driver resets it, and all is well afterwards."""
    bench = await bench_up(dut)
    device, random, partner = bench.device, bench.random, bench.partner.config.mac
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    for _ in range(3):
        enough = bench.books.card_frames + 3
        with bench.kernel.entered():
            for frame in frames_to(partner, device.dev_addr, random, 40, (1000, 1500)):
                assert transmit(device, frame) == 0
        bench.host.wake()
        with bench.books.receiver_may_be_off():
            await bench.until(lambda end=enough: bench.books.card_frames >= end, "the first frames", poll_ns=100)
            dut.phy_link_i.value = 0
            await bench.until(lambda: device.carrier_off, "the loss of the link", timeout_ns=50_000_000)
            dut.phy_link_i.value = 1
            await bench.linked()
        bench.books.card_was_reset()
    assert sum("Link is Down" in line for line in bench.kernel_log()) == 3
    await bench.answered(bench.partner.ping(HOST_IP, 100))
    assert await bench.run(ping(bench.partner.config.ip, 700)) is not None
    totals = await bench.down()
    assert totals.transmit is not None and set(totals.transmit.drops) == {
        "dropped by the driver",
        "in the card when it was reset",
    }


CONFIGS = {
    "calm": BenchConfig(driver=DriverConfig(time_scale=1000, rx_ring=64, tx_ring=64)),
    "hostile": BenchConfig(host=HOSTILE, driver=DriverConfig(time_scale=1000, rx_ring=64, tx_ring=64)),
    "jumbo": BenchConfig(host=HOSTILE, driver=DriverConfig(time_scale=1000, mtu=9000), wire=WireConfig(gap_bytes=40)),
}


@on_both
@pytest.mark.parametrize("name", CONFIGS)
def test_all_sizes(name: str, sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    config = replace(CONFIGS[name], sim=sim).seeded(bench_seed)
    launch(config, "tests.system.test_traffic", tmp_path, test_filter="frames_of_all_sizes")


@on_both
def test_clocks_apart(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    """XGMII clocks of their own, off by more than the standard allows, in any phase."""
    clock = ClockConfig(shared=False, tx_ppm=160, rx_ppm=-160, tx_phase_ps=1234, rx_phase_ps=4321)
    config = BenchConfig(clock=clock, driver=DriverConfig(time_scale=1000), sim=sim).seeded(bench_seed)
    launch(config, "tests.system.test_traffic", tmp_path, test_filter="frames_of_all_sizes")


@on_both
def test_hard_times(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    """Everything else, under hostile memory."""
    others = "rings_wrap|broken_frames|the_filter|down_and_up|a_failed_dma|the_cable"
    driver = on_any_cpus(DriverConfig(time_scale=4000, rx_ring=64, tx_ring=64), bench_seed, "traffic")
    config = BenchConfig(host=HOSTILE, driver=driver, sim=sim).seeded(bench_seed)
    result = launch(config, "tests.system.test_traffic", tmp_path, test_filter=others)
    assert result.passed == 6
