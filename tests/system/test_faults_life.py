# SPDX-License-Identifier: MIT
"""Interrupts that do not come or nobody asked for, cables, resets, interfaces and cards that go at any moment."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import cocotb
import pytest
from cocotb.triggers import Timer

from driver.e1000e.adapter import e1000_desc_unused
from driver.e1000e.regs import CTRL
from driver.e1000e.rx import RX_BUFFER_WRITE
from driver.linux.netdevice import dev_close, dev_open, netif_carrier_ok, netif_device_present
from sim.bench import PERIOD_PS, Bench
from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from sim.host.simtime import now_ps
from sim.launch import configured, launch
from sim.native.library import Kind, library
from sim.traffic import frames_to, transmit_all
from sim.wire import Frame
from tests.system.helpers import bench_up, on_both, varied
from tests.system.trouble import (
    Traffic,
    log_has,
    losses,
    proved,
    read_register,
    reset_by_driver,
    trouble,
    write_register,
)

RING = 64
RESETS = 90
NATIVE_ONLY = 24  # times as often on the compiled models


def rounds(bench: Bench, count: int) -> range:
    return range(count if bench.config.sim.compiled else -(-count // NATIVE_ONLY))


# ------------------------------------------------------------------ interrupts
@cocotb.test()
async def the_line_is_not_heard_for_a_while(dut: Any) -> None:
    """It is a level: when it is heard again it is still asserted, and nothing was lost but time."""
    bench = await bench_up(dut)
    traffic = Traffic(bench, longest_pause_ns=20_000)
    traffic.start()
    for _ in rounds(bench, 12):
        await Timer(bench.random.randint(1, 50_000), "ns")
        bench.host.hold_line(False)
        before = bench.kernel.irq_count(bench.host.irq_of(0))
        await Timer(bench.random.randint(5_000, 60_000), "ns")
        assert bench.kernel.irq_count(bench.host.irq_of(0)) <= before + 1  # one may have been on its way
        bench.host.hold_line(None)
    await traffic.stop()
    await bench.settle()
    await proved(bench)
    totals = await bench.down()
    assert totals.receive is not None and set(totals.receive.drops) <= {"missed: no room in the card"}


@cocotb.test()
async def an_assertion_is_missed_altogether(dut: Any) -> None:
    """The line stays up and nobody serves it: transmission times out, and the reset lowers the line."""
    bench = await bench_up(dut)
    for _ in rounds(bench, 4):
        async with trouble(bench):
            timeouts = bench.adapter.tx_timeout_count
            bench.host.miss_interrupt()
            await bench.until(
                lambda timeouts=timeouts: bench.adapter.tx_timeout_count > timeouts, "the timeout",
                timeout_ns=50_000_000,
            )  # fmt: skip
            await bench.until(lambda: not netif_carrier_ok(bench.device), "the reset", timeout_ns=50_000_000)
            await bench.linked()
    assert log_has(bench, "Reset adapter")
    await bench.down()


@cocotb.test()
async def the_line_is_pulled_by_somebody_else(dut: Any) -> None:
    """A neighbour's interrupts, up and down: the handler says they are not its card's, and nothing else happens."""
    bench = await bench_up(dut)
    traffic = Traffic(bench, longest_pause_ns=20_000)
    traffic.start()
    before = bench.kernel.irq_count(bench.host.irq_of(0))
    for _ in rounds(bench, 30):
        await Timer(bench.random.randint(1, 15_000), "ns")
        bench.host.hold_line(True)
        await Timer(bench.random.randint(1, 3_000), "ns")
        bench.host.hold_line(None)
    await traffic.stop()
    assert bench.kernel.irq_count(bench.host.irq_of(0)) >= before + len(rounds(bench, 30))
    await bench.settle()
    await proved(bench)
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.drops == {}


# ------------------------------------------------------------------ link, reset
@cocotb.test()
async def the_link_flaps(dut: Any) -> None:
    bench = await bench_up(dut)
    async with trouble(bench, unreported=RING):
        for _ in rounds(bench, 24):
            dut.phy_link_i.value = 0
            await Timer(1 + int(1e6 * 1000 ** bench.random.random() / 2), "ps")
            dut.phy_link_i.value = 1
            await Timer(1 + int(1e6 * 1000 ** bench.random.random() / 2), "ps")
        await bench.linked()
    await bench.down()


class InFlight:
    """Which kinds of accesses were under way at moments of interest. Compiled models only."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.bursts: list[tuple[str, int, int]] = []
        self.moments: list[int] = []

    def burst(self, write: int, nbytes: int, iova: int, begin_ps: int, time_ps: int) -> None:
        adapter = self.bench.adapter
        rings = {"transmit": adapter.tx_ring, "receive": adapter.rx_ring}
        ring = next((name for name, r in rings.items() if r.dma <= iova < r.dma + r.size), "payload")
        self.bursts.append((f"{ring} {'write' if write else 'read'}", begin_ps, time_ps))

    def kinds(self) -> set[str]:
        return {
            kind for kind, begin, end in self.bursts if any(begin < moment < end for moment in self.moments)
        }  # fmt: skip


def burst(bench: Bench, frames: int) -> None:
    """So many short frames each way, at once."""
    device, partner, random = bench.device, bench.partner.config.mac, bench.random
    for data in frames_to(device.dev_addr, partner, random, frames + RX_BUFFER_WRITE, (60, 200)):
        bench.wire.send(Frame(data))
    cocotb.start_soon(bench.run(transmit_all(device, frames_to(partner, device.dev_addr, random, frames, (60, 600)))))


async def reset_at_any_moment(bench: Bench, in_flight: InFlight) -> None:
    """CTRL.RST behind the driver's back, under load: the card ends what it has on the bus, and is quiet."""
    random, ring = bench.random, bench.adapter.rx_ring
    burst(bench, random.randint(1, 40))
    filled = ring.next_to_use
    if random.random() < 0.3:  # while the card learns of new buffers
        await bench.until(lambda: ring.next_to_use != filled, "new buffers", poll_ns=100)
    await Timer(1 + int(3000 ** random.random()) * PERIOD_PS, "ps")
    in_flight.moments.append(now_ps())
    write_register(bench, CTRL, CTRL.RST | CTRL.SLU | CTRL.FD)
    for _ in range(200):
        if not await read_register(bench, CTRL) & CTRL.RST:
            break
    else:
        raise AssertionError("CTRL.RST does not end")
    dma = bench.host.dma
    assert dma.idle
    moved = dma.reads, dma.writes
    await Timer(bench.random.randint(1, 3000), "ns")
    assert (dma.reads, dma.writes) == moved, "a card that was reset touches memory"
    # Of what the driver now gives up the card may have sent some: no more than the ring holds.
    sent = bench.adapter.tx_ring
    bench.books.unreported += sent.count - 1 - e1000_desc_unused(sent)
    await reset_by_driver(bench)


@cocotb.test()
async def the_card_is_reset_in_any_cycle(dut: Any) -> None:
    bench = await bench_up(dut)
    in_flight = InFlight(bench)
    native = bench.config.sim.compiled
    with library().overhearing(Kind.BURST, in_flight.burst) if native else nullcontext():
        async with losses(bench):
            for _ in rounds(bench, RESETS):
                await reset_at_any_moment(bench, in_flight)
    if native:
        assert in_flight.kinds() == {
            "receive read", "receive write", "transmit read", "transmit write", "payload read", "payload write",
        }  # fmt: skip
    await bench.down()


# ------------------------------------------------------------------ interfaces and cards that go
@cocotb.test()
async def the_interface_goes_down_and_up(dut: Any) -> None:
    bench = await bench_up(dut)
    async with trouble(bench, unreported=RING):
        for _ in rounds(bench, 6):
            await Timer(bench.random.randint(1, 60_000), "ns")
            await bench.run(dev_close(bench.device))
            await Timer(bench.random.randint(1, 20_000), "ns")
            assert await bench.run(dev_open(bench.device)) == 0
            if bench.random.random() < 0.7:  # else down again before there is a link
                await bench.linked()
        await bench.linked()
    await bench.down()


@cocotb.test()
async def the_driver_is_removed_and_loaded(dut: Any) -> None:
    bench = await bench_up(dut)
    for _ in rounds(bench, 3):
        async with trouble(bench, unreported=RING):
            await Timer(bench.random.randint(1, 60_000), "ns")
            await bench.unload()
            await Timer(bench.random.randint(1, 20_000), "ns")
            await bench.up()
    await bench.down()


@cocotb.test()
async def the_card_is_pulled_out(dut: Any) -> None:
    """Reads find all ones: the driver says so, detaches, and can be removed. Back in, the card works."""
    bench = await bench_up(dut)
    for _ in rounds(bench, 4):
        async with trouble(bench, unreported=RING):
            with bench.dma_faults_expected() as faults:
                await Timer(bench.random.randint(1, 60_000), "ns")
                said = sum("does not answer" in line for line in bench.kernel_log())
                bench.host.unplug()
                device = bench.device
                await bench.until(lambda device=device: not netif_device_present(device), "the driver's notice")
                assert sum("does not answer" in line for line in bench.kernel_log()) == said + 1
                await Timer(bench.random.randint(1, 100_000), "ns")
                await bench.unload()
                with bench.kernel.entered():
                    assert bench.kernel.dma_table.live() == []
                bench.host.plug()
            assert faults == []  # the bus is closed before the IOMMU
            await bench.up()
    await bench.down()


# ------------------------------------------------------------------ cards that do not begin
@cocotb.test()
async def a_cable_that_is_out_from_the_start(dut: Any) -> None:
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    dut.phy_link_i.value = 0

    async def plug_in() -> None:
        await Timer(5, "ms")
        assert not netif_carrier_ok(bench.device) and not log_has(bench, "Link is Up")
        dut.phy_link_i.value = 1

    later = cocotb.start_soon(plug_in())
    await bench.up()
    assert later.done() and log_has(bench, "Link is Up 1000 Mbps Full Duplex")
    await proved(bench)
    await bench.down()


@cocotb.test()
async def a_link_that_never_comes(dut: Any) -> None:
    """No cable, ever: what is sent is dropped by the stack, nothing times out, and the driver goes as it came."""
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    dut.phy_link_i.value = 0
    device, adapter = await bench.probe(), bench.adapter
    for _ in range(2):
        assert await bench.run(dev_open(device)) == 0
        for _ in rounds(bench, NATIVE_ONLY):
            frames = frames_to(bench.partner.config.mac, device.dev_addr, bench.random, 2 * RING, (60, 1514))
            assert await bench.run(transmit_all(device, frames)) == len(frames)
            assert adapter.tx_ring.next_to_use == adapter.tx_ring.next_to_clean
            await Timer(1, "ms")  # two periods of the watchdog
        assert not netif_carrier_ok(device) and adapter.tx_timeout_count == 0
        await bench.run(dev_close(device))
    assert not any("Link is Up" in line or "Reset adapter" in line for line in bench.kernel_log())
    await bench.unload()
    totals = await bench.down()
    assert bench.books.card_frames == 0 and totals.transmit is not None and totals.transmit.sent == 0


@cocotb.test()
async def a_card_whose_nvm_is_refused(dut: Any) -> None:
    """Probe fails and leaves nothing behind, as often as one tries."""
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    for _ in range(2):
        await bench.load()
        assert log_has(bench, "probe by e1000e failed: -EIO")
        await bench.unload()
        with bench.kernel.entered():
            assert bench.kernel.dma_table.live() == []
    assert sum("NVM: " in line for line in bench.kernel_log()) == 2
    await bench.down()


# ------------------------------------------------------------------
HOSTILE = HostConfig(latency_ns=100, latency_spread_ns=1500, reorder=True, backpressure=0.2)


def run(
    cases: str, config: BenchConfig, folder: Path, nvm: dict[int, int] | None = None, *, polls_often: bool = False
) -> None:
    """polls_often: without interrupt moderation, so that polls come while there is traffic."""
    driver = varied(config.driver, config.seed, cases)
    if polls_often:
        driver = replace(driver, interrupt_throttle=0, rx_int_delay=0)
    config = replace(config, driver=driver)
    result = launch(config, "tests.system.test_faults_life", folder, test_filter=cases, nvm_changes=nvm)
    assert result.passed == cases.count("|") + 1


def config_of(sim: SimConfig, seed: int, host: HostConfig | None = None) -> BenchConfig:
    driver = DriverConfig(time_scale=4000, rx_ring=RING, tx_ring=RING)
    return BenchConfig(sim=sim, driver=driver, host=host or HostConfig()).seeded(seed)


@on_both
def test_interrupts(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    run("the_line_is_not|an_assertion|the_line_is_pulled", config_of(sim, bench_seed), tmp_path)


@on_both
def test_link_and_reset(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    config = config_of(sim, bench_seed, HOSTILE)
    run("the_link_flaps|the_card_is_reset", config, tmp_path, polls_often=True)


@on_both
def test_going_and_coming(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    cases = "the_interface|the_driver_is|the_card_is_pulled|a_cable|a_link_that_never"
    run(cases, config_of(sim, bench_seed), tmp_path)


@on_both
@pytest.mark.parametrize("changes", [{0x3F: 0x1234}, {0: 0x0101}], ids=["checksum", "group-address"])
def test_nvm(changes: dict[int, int], sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    run("a_card_whose", config_of(sim, bench_seed), tmp_path, changes)
