# SPDX-License-Identifier: MIT
"""`ethtool -t` on the card: it passes, all goes on as before, and what is broken fails its part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb

from driver.e1000e.loopback import NOT_RETURNED, NOT_SENT
from driver.e1000e.selftest import NO_LINK, SILENT_CAUSE, SelfTest, e1000_diag_test
from driver.linux.ethtool import dev_ethtool
from driver.linux.inet import ping
from sim.bench import HOST_IP, Bench
from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from sim.launch import launch
from sim.traffic import frames_to
from sim.wire import Frame
from tests.system.helpers import bench_up, on_any_cpus, on_both


async def outcome(bench: Bench, *, offline: bool = True) -> SelfTest:
    result = await bench.run(dev_ethtool(bench.device, e1000_diag_test, offline))
    assert isinstance(result, SelfTest)
    return result


async def works(bench: Bench) -> None:
    await bench.linked()
    await bench.answered(bench.partner.ping(HOST_IP, 700))
    assert await bench.run(ping(bench.partner.config.ip, 700)) is not None


@cocotb.test()
async def a_good_card_passes(dut: Any) -> None:
    """Twice, with frames coming from the wire: none of them gets into the loopback, and nothing of that out."""
    bench = await bench_up(dut)
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    assert await outcome(bench, offline=False) == SelfTest()
    sending = True

    async def keep_sending() -> None:
        while sending:
            for data in frames_to(bench.device.dev_addr, bench.partner.config.mac, bench.random, 4, (60, 1500)):
                bench.wire.send(Frame(data))
            await bench.wire.drained()

    traffic = cocotb.start_soon(keep_sending())
    for _ in range(2):
        before = bench.books.card_frames
        with bench.books.receiver_may_be_off():
            assert await outcome(bench) == SelfTest()
            assert bench.books.card_frames == before
            await bench.linked()
    sending = False
    await traffic
    await bench.settle()
    await works(bench)
    await bench.down()


@cocotb.test()
async def without_a_cable_only_the_link_fails(dut: Any) -> None:
    """PHY loopback needs no partner."""
    bench = await bench_up(dut)
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    with bench.books.receiver_may_be_off():
        dut.phy_link_i.value = 0
        assert await outcome(bench, offline=False) == SelfTest(link=NO_LINK)
        assert await outcome(bench) == SelfTest(link=NO_LINK)
        dut.phy_link_i.value = 1
        await bench.linked()
    assert await outcome(bench, offline=False) == SelfTest()
    await works(bench)
    await bench.down()


@cocotb.test()
async def a_dead_interrupt_line_fails_the_interrupt_part(dut: Any) -> None:
    bench = await bench_up(dut)
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    with bench.books.receiver_may_be_off():
        bench.host.hold_line(False)
        result = await outcome(bench)
        bench.host.hold_line(None)
        assert result == SelfTest(interrupt=SILENT_CAUSE)
        await bench.linked()
    await works(bench)
    await bench.down()


@cocotb.test()
async def memory_that_fails_fails_the_loopback(dut: Any) -> None:
    """Its first long read is of descriptors, its first long write a frame: one direction or the other stands still."""
    bench = await bench_up(dut)
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    for write, codes in ((False, (NOT_SENT, NOT_RETURNED)), (True, (NOT_RETURNED,))):
        with bench.books.receiver_may_be_off():
            bench.host.dma.fail_next(write=write, match=lambda burst: burst.last - burst.first >= 200)
            result = await outcome(bench)
            assert result.loopback in codes and result == SelfTest(loopback=result.loopback)
            await bench.linked()
        await works(bench)
    await bench.down()


@on_both
def test_selftest(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    host = HostConfig(memory_base=1 << 33, latency_ns=300)
    driver = on_any_cpus(DriverConfig(time_scale=1000), bench_seed, "selftest")
    config = BenchConfig(host=host, driver=driver, sim=sim).seeded(bench_seed)
    assert launch(config, "tests.system.test_selftest", tmp_path).passed == 4
