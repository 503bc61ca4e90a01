# SPDX-License-Identifier: MIT
"""The host fails: no time, no memory, no buffers. Nothing is lost but what the card counts, and nothing leaks."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import cocotb
from cocotb.triggers import Timer

from driver.e1000e.adapter import e1000_desc_unused
from driver.e1000e.ethtool import e1000_set_pauseparam
from driver.e1000e.hw import FcMode
from driver.e1000e.regs import PBA, RDH, RDT
from driver.e1000e.rx import RX_BUFFER_WRITE
from driver.linux.errno import ENOMEM
from driver.linux.ethtool import EthtoolPauseParam, dev_ethtool
from driver.linux.netdevice import dev_close, dev_open
from sim.bench import Bench
from sim.config import BenchConfig, DriverConfig, SimConfig
from sim.launch import launch
from sim.traffic import frames_to
from sim.wire import Frame, Wire
from sim.wire.obedient import ObedientWire
from tests.system.helpers import bench_up, on_both, varied
from tests.system.trouble import Traffic, busy_host, counted, proved, read_register

RING = 64
CARD_BYTES = 32 << 10  # more than the share of the packet memory that any PBA leaves the receiver by default


def flood(bench: Bench, frames: int, size: int, wire: Wire | None = None) -> None:
    device, partner = bench.device, bench.partner.config.mac
    for data in frames_to(device.dev_addr, partner, bench.random, frames, (size, size)):
        (wire or bench.wire).send(Frame(data))


@cocotb.test()
async def without_buffers_frames_wait_in_the_card(dut: Any) -> None:
    """RNBC: a frame found no descriptor, and waits; none is missed as long as the packet memory holds them all."""
    bench = await bench_up(dut)
    before = await counted(bench)
    busy = cocotb.start_soon(busy_host(bench, 60))
    await Timer(1, "us")
    flood(bench, RING + 40, 60)
    await busy
    await bench.settle()
    now = await counted(bench)
    # One descriptor is never posted, and the tail moves in steps of sixteen: 48 to 63 buffers.
    assert 41 <= now["rnbc"] - before["rnbc"] <= 40 + 16
    assert now["mpc"] == before["mpc"] == 0
    await proved(bench)
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.drops == {}


@cocotb.test()
async def without_room_in_the_card_frames_are_missed(dut: Any) -> None:
    """MPC: the packet memory is full as well. What it holds is delivered later, the rest counted, each once."""
    bench = await bench_up(dut)
    before = bench.books.sent
    # The driver tells of buffers in batches, so of fewer than it has.
    posted = (await read_register(bench, RDT) - await read_register(bench, RDH)) % RING
    busy = cocotb.start_soon(busy_host(bench, 200))
    await Timer(1, "us")
    flood(bench, RING + 2 * CARD_BYTES // 1000, 1000)
    await busy
    await bench.settle()
    now = await counted(bench)
    assert now["mpc"] > 0 and now["rnbc"] > 0
    assert bench.books.pause_frames == now.get("xofftxc", 0) + now.get("xontxc", 0)  # which the partner did not heed
    # In the card waited what fits its memory, in words of 16 bytes with the FCS, and each of them was counted.
    waited = bench.books.sent - before - now["mpc"] - posted
    fit = (await read_register(bench, PBA) & 0xFFFF) * 1024 // 1008
    assert waited == now["rnbc"] == fit
    await proved(bench)
    totals = await bench.down()
    assert totals.receive is not None and list(totals.receive.drops) == ["missed: no room in the card"]
    assert totals.link.rx_missed_errors == now["mpc"]


async def busy_under_flood(bench: Bench, wire: Wire, size: int) -> Counter[str]:
    """Line rate until long after the card is full, and no buffer meanwhile: how far the card's counters went."""
    before = Counter(await counted(bench))
    busy = cocotb.start_soon(busy_host(bench, 300))
    await Timer(1, "us")
    flood(bench, RING + 4 * CARD_BYTES // size, size, wire)
    await busy
    await wire.drained()
    await bench.settle()
    return Counter(await counted(bench)) - before


@cocotb.test()
async def a_partner_that_obeys_loses_nothing(dut: Any) -> None:
    """With the pause that was negotiated and the driver's own watermarks; without pause frames frames are missed."""
    bench = await bench_up(dut)
    fc, wire = bench.adapter.hw.fc, ObedientWire(bench.wire)
    assert fc.current_mode == FcMode.FULL
    for size in (1514, 600):
        told = wire.xoff, wire.xon
        now = await busy_under_flood(bench, wire, size)
        assert now["rnbc"] > 0 and now["xofftxc"] > 1, "the card was never full"
        assert now["mpc"] == 0
        assert (now["xofftxc"], now["xontxc"]) == (wire.xoff - told[0], wire.xon - told[1])
    assert bench.books.nothing_outstanding
    pause = EthtoolPauseParam(autoneg=False, rx_pause=False, tx_pause=False)
    assert await bench.run(dev_ethtool(bench.device, e1000_set_pauseparam, pause)) == 0
    assert fc.current_mode == FcMode.NONE
    now = await busy_under_flood(bench, wire, 1514)
    assert now["mpc"] > 0 and now["xofftxc"] == 0
    await proved(bench)
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.drops == {"missed: no room in the card": now["mpc"]}


async def refilled(bench: Bench) -> None:
    """The watchdog has made the driver try again, and the card has stored what waited in it: there is room for more."""
    ring = bench.adapter.rx_ring
    await bench.until(lambda: e1000_desc_unused(ring) < RX_BUFFER_WRITE, "the ring that is full again")
    await bench.settle()


@cocotb.test()
async def refilling_fails_for_a_while(dut: Any) -> None:
    """No memory for buffers, until the ring is empty: the watchdog makes the driver try again, and frames go on."""
    bench = await bench_up(dut)
    adapter, size = bench.adapter, bench.adapter.rx_buffer_len
    bench.kernel.mm.fail_if(lambda wanted: wanted >= size)
    traffic = Traffic(bench, lengths=(300, 600))  # too long to be copied: each takes its buffer along
    traffic.start()
    await bench.until(lambda: adapter.alloc_rx_buff_failed > 3, "the failure", timeout_ns=20_000_000)
    # The card hears of buffers in steps of RX_BUFFER_WRITE: it has none left while the driver may hold some back.
    empty = RING - RX_BUFFER_WRITE
    await bench.until(lambda: e1000_desc_unused(adapter.rx_ring) >= empty, "the empty ring")
    await Timer(50, "us")
    await traffic.stop()
    before = await counted(bench)
    bench.kernel.mm.fail_if(None)
    await refilled(bench)
    assert before["rnbc"] > 0
    await proved(bench)
    totals = await bench.down()
    assert totals.receive is not None and set(totals.receive.drops) <= {"missed: no room in the card"}


@cocotb.test()
async def allocations_fail_now_and_then(dut: Any) -> None:
    """One in five, of any size, during traffic both ways: nothing is lost that anybody was told is sent. A frame in a
    chain of buffers needs an sk_buff when it has come, too, and is dropped, and counted, without one."""
    bench = await bench_up(dut)
    bench.kernel.mm.fail_if(lambda wanted: bench.random.random() < 0.2)
    longest = bench.device.mtu + 14
    chained = bench.device.mtu > 1500
    traffic = Traffic(bench, lengths=(longest // 2, longest) if chained else (60, 600))
    traffic.start()
    await bench.until(
        lambda: bench.adapter.alloc_rx_buff_failed > 20 and bench.books.sent > 100, "failures", timeout_ns=50_000_000
    )
    await traffic.stop()
    bench.kernel.mm.fail_if(None)
    await bench.settle()
    await proved(bench)
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.sent > 100
    assert set(totals.receive.drops) <= {"missed: no room in the card"} | ({"rx_dropped"} if chained else set())
    assert not chained or totals.receive.drops["rx_dropped"] > 0


@cocotb.test()
async def mappings_fail_now_and_then(dut: Any) -> None:
    """One in five, either direction, during traffic both ways: a frame that cannot be mapped is dropped, and counted;
    a buffer that cannot is tried again. Without any mapping at all the ring runs dry, and comes back."""
    bench = await bench_up(dut)
    adapter, table = bench.adapter, bench.kernel.dma_table
    table.fail_if(lambda size, direction: bench.random.random() < 0.2)
    traffic = Traffic(bench)
    traffic.start()
    await bench.until(
        lambda: min(adapter.rx_dma_failed, adapter.tx_dma_failed) > 20, "failures", timeout_ns=50_000_000
    )
    table.fail_if(lambda size, direction: True)
    empty = RING - RX_BUFFER_WRITE
    await bench.until(lambda: e1000_desc_unused(adapter.rx_ring) >= empty, "the empty ring", timeout_ns=50_000_000)
    await traffic.stop()
    failed = adapter.tx_dma_failed
    table.fail_if(None)
    await refilled(bench)
    await proved(bench)
    assert adapter.tx_dma_failed == failed
    totals = await bench.down()
    assert totals.receive is not None and set(totals.receive.drops) <= {"missed: no room in the card"}
    assert totals.transmit is not None and totals.transmit.drops == {"dropped by the driver": failed}


@cocotb.test()
async def each_allocation_of_open_fails_in_turn(dut: Any) -> None:
    """The first ones are the rings: ifup fails and leaves nothing behind. Then come buffers: ifup works with what there
    is, and traffic runs when there is memory again."""
    bench = await bench_up(dut)
    device, kernel = bench.device, bench.kernel
    await bench.settle()
    bench.books.receiver_off()
    await bench.run(dev_close(device))
    with kernel.entered():
        kept = len(kernel.mm.live()), len(kernel.dma_table.live())
    failed = starved = 0
    for allocations in range(RING + 8):
        kernel.mm.fail_after(allocations)
        error = await bench.run(dev_open(device))
        kernel.mm.fail_after(None)
        if error:
            assert error == -ENOMEM
            failed += 1
        else:
            starved += bench.adapter.alloc_rx_buff_failed > 0
            bench.adapter.alloc_rx_buff_failed = 0
            await bench.run(dev_close(device))
        with kernel.entered():
            assert (len(kernel.mm.live()), len(kernel.dma_table.live())) == kept, f"after {allocations} allocations"
    assert failed == 2 and starved >= RING - 1
    kernel.mm.fail_after(2)  # the rings, and not one buffer
    assert await bench.run(dev_open(device)) == 0
    kernel.mm.fail_after(None)
    await bench.linked()
    bench.books.receiver_on(device)
    await proved(bench)
    await bench.down()


@cocotb.test()
async def one_allocation_of_open_fails(dut: Any) -> None:
    """A ring that is not to be had fails ifup; a buffer does not, and all frames arrive. Nothing is left behind."""
    bench = await bench_up(dut)
    device, kernel, adapter = bench.device, bench.kernel, bench.adapter
    await proved(bench)  # neighbours are known from now on
    await bench.close()
    with kernel.entered():
        kept = len(kernel.mm.live()), len(kernel.dma_table.live())
    # Two rings, then the buffers; the last number is one that open does not reach.
    numbers = range(RING + 2) if bench.config.sim.compiled else (1, 2, RING, RING + 1)
    for number in numbers:
        adapter.alloc_rx_buff_failed = 0
        kernel.mm.fail_only(number)
        error = await bench.run(dev_open(device))
        kernel.mm.fail_only(None)
        assert (error, adapter.alloc_rx_buff_failed) == (-ENOMEM if number < 2 else 0, 2 <= number <= RING), number
        if not error:
            await bench.linked()
            bench.books.receiver_on(device)
            await proved(bench)
            await bench.close()
        with kernel.entered():
            assert (len(kernel.mm.live()), len(kernel.dma_table.live())) == kept, f"allocation {number} failed"
    await bench.down()


def config(sim: SimConfig, seed: int, cases: str) -> BenchConfig:
    """A partner that hears of each frame at once: of a pause, too."""
    sim = replace(sim, batch_ns=0)
    driver = DriverConfig(time_scale=4000, rx_ring=RING, tx_ring=RING)
    return BenchConfig(sim=sim, driver=varied(driver, seed, cases)).seeded(seed)


@on_both
def test_faults_of_the_host(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    cases = "without_buffers|without_room|a_partner_that_obeys|refilling|one_allocation"
    if sim.compiled:
        cases += "|allocations_fail|mappings_fail|each_allocation"
    result = launch(config(sim, bench_seed, cases), "tests.system.test_faults_host", tmp_path, test_filter=cases)
    assert result.passed == cases.count("|") + 1


def test_jumbo_buffers_that_are_not_to_be_had(tmp_path: Path, bench_seed: int) -> None:
    """The same with frames that take two or three buffers of 4 KiB each."""
    plain = config(SimConfig(), bench_seed, "jumbo")
    jumbo = replace(plain, driver=replace(plain.driver, mtu=9000))
    launch(jumbo, "tests.system.test_faults_host", tmp_path, test_filter="allocations_fail")
