# SPDX-License-Identifier: MIT
"""DMA fails, and the kernel hears of it: the driver's error handlers reset the card, and both directions go on, without
a hang, a watchdog, or anybody who asks for it. What happens when nobody hears: test_faults_dma.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb
import pytest
from cocotb.triggers import Timer

from driver.e1000e.regs import CTRL
from driver.linux.netdevice import dev_close, dev_open, netif_carrier_ok, netif_device_present
from driver.linux.workqueue import schedule_work
from sim.bench import Bench
from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from sim.host.axi_memory import DECERR, SLVERR, Burst
from sim.launch import launch
from tests.system.helpers import NATIVE, bench_up, on_both, varied
from tests.system.test_faults_dma import ACCESSES
from tests.system.trouble import Traffic, log_has, losses, proved, trouble, write_register

RING = 64
ERROR, RECOVERED, FAILED = "PCI bus error", "device recovery successful", "device recovery failed"


def told(bench: Bench, text: str) -> int:
    return sum(text in line for line in bench.kernel_log())


def failing_once(hit: list[int], made: Any) -> Any:
    def matches(burst: Burst) -> bool:
        if made(burst):
            hit.append(burst.first)
            return True
        return False

    return matches


async def recovered(bench: Bench, events: int) -> None:
    """As many recoveries have succeeded, and there is a link again."""
    await bench.until(lambda: told(bench, RECOVERED) >= events, "the recovery", timeout_ns=20_000_000)
    await bench.linked()


@cocotb.test()
async def each_access_fails_and_the_driver_recovers(dut: Any) -> None:
    bench = await bench_up(dut)
    native = bench.config.sim.compiled
    events = 0
    for response in (SLVERR, DECERR) if native else (SLVERR,):
        for access in bench.random.sample(ACCESSES, len(ACCESSES) if native else 2):
            hit: list[int] = []
            async with trouble(bench, unreported=RING):
                bench.host.dma.fail_next(
                    write=access.write, response=response, match=failing_once(hit, access.is_made_by(bench))
                )
                await bench.until(lambda hit=hit: bool(hit), f"an error of {access}")
                events += 1
                await recovered(bench, events)
            assert (told(bench, ERROR), told(bench, RECOVERED)) == (events, events), str(access)
    assert bench.adapter.tx_timeout_count == 0 and not log_has(bench, "Hang")
    await bench.down()


@cocotb.test()
async def errors_come_in_a_storm(dut: Any) -> None:
    """While many bursts fail, one recovery follows the other; what fails while one is under way is part of it."""
    bench = await bench_up(dut)
    rounds = 5 if bench.config.sim.compiled else 1
    for _ in range(rounds):
        failures: list[int] = []
        until_ns = bench.random.randint(20_000, 60_000)
        async with trouble(bench, unreported=8 * RING):
            for _ in range(40):
                for write in (False, True):
                    bench.host.dma.fail_next(
                        write=write, match=failing_once(failures, lambda burst: bench.random.random() < 0.3)
                    )
            await Timer(until_ns, "ns")
            await bench.until(lambda f=failures: len(f) >= 80, "the end of the storm", timeout_ns=100_000_000)
            await bench.until(lambda: told(bench, ERROR) == told(bench, RECOVERED), "recovery", timeout_ns=20_000_000)
            await bench.linked()
        assert len(failures) == 80
    assert rounds <= told(bench, ERROR) < 80 * rounds, "an error is no event of its own while one is looked after"
    assert told(bench, FAILED) == 0
    await bench.down()


@cocotb.test()
async def errors_meet_other_resets(dut: Any) -> None:
    """An error just before, in and after a reset that is not the recovery's: by the driver, or behind its back."""
    bench = await bench_up(dut)
    events = 0
    for by_driver in (True, False) * (4 if bench.config.sim.compiled else 1):
        async with losses(bench, unreported=3 * RING):
            traffic = Traffic(bench)
            traffic.start()
            await Timer(bench.random.randint(1, 20_000), "ns")
            if bench.random.random() < 0.5:
                bench.host.dma.fail_next(write=bool(bench.random.getrandbits(1)))
            else:
                bench.host.report_error()
            if by_driver:
                await Timer(bench.random.randint(1, 4_000), "ns")
                with bench.kernel.entered():
                    schedule_work(bench.adapter.reset_task)
                bench.host.wake()
            else:
                write_register(bench, CTRL, CTRL.RST | CTRL.SLU | CTRL.FD)
                await Timer(bench.random.randint(1, 4_000), "ns")
                bench.host.report_error()
            events += 1
            await bench.until(
                lambda events=events: told(bench, RECOVERED) >= events, "the recovery", timeout_ns=20_000_000
            )
            await bench.linked()
            await traffic.stop()
        assert told(bench, ERROR) == told(bench, RECOVERED)
        events = told(bench, RECOVERED)
    await bench.down()


@cocotb.test()
async def the_interface_is_down(dut: Any) -> None:
    """An error of a card whose interface is down, and interfaces that go down or up while one is recovered from."""
    bench = await bench_up(dut)
    await bench.close()
    bench.host.report_error()
    await bench.until(lambda: told(bench, RECOVERED) == 1, "the recovery")
    assert netif_device_present(bench.device) and not netif_carrier_ok(bench.device)
    await bench.open()
    await proved(bench)
    down_while_away = refused = 0
    for round_ in range(12):
        async with losses(bench, unreported=RING):
            bench.host.report_error()
            await Timer(bench.random.randint(1, 25_000), "ns")
            down_while_away += not netif_device_present(bench.device)
            await bench.run(dev_close(bench.device))
            error = await bench.run(dev_open(bench.device))
            refused += error != 0
            await bench.until(lambda n=round_ + 2: told(bench, RECOVERED) == n, "the recovery", timeout_ns=20_000_000)
            if error:  # -ENODEV: the device was detached
                assert await bench.run(dev_open(bench.device)) == 0
            await bench.linked()
    assert down_while_away and refused, "no interface went down while its device was away"
    await bench.down()


@cocotb.test()
async def the_driver_is_removed_meanwhile(dut: Any) -> None:
    bench = await bench_up(dut)
    cut_short = 0
    for round_ in range(16):
        async with losses(bench, unreported=RING):
            bench.host.report_error()
            await bench.until(lambda n=round_ + 1: told(bench, ERROR) == n, "the error", poll_ns=100)
            await Timer(bench.random.randint(1, 20_000), "ns")
            cut_short += told(bench, RECOVERED) <= round_
            await bench.unload()
            await bench.until(lambda n=round_ + 1: told(bench, RECOVERED) == n, "its end", timeout_ns=20_000_000)
            assert bench.problems() == []
            await bench.up()
    assert cut_short, "no driver was removed in a recovery"
    await bench.down()


@cocotb.test()
async def the_card_goes_while_it_is_recovered(dut: Any) -> None:
    """It cannot be enabled again: the device stays detached, is given up, and is removed without a trace."""
    bench = await bench_up(dut)
    bench.host.report_error()
    await bench.until(lambda: told(bench, ERROR) == 1, "the error", poll_ns=100)
    bench.host.unplug()
    await bench.until(lambda: told(bench, FAILED) == 1, "the end", timeout_ns=20_000_000)
    assert not netif_device_present(bench.device)
    await bench.unload()
    await bench.load()
    assert log_has(bench, "probe by e1000e failed: -EIO"), "a device that was given up is probed"
    await bench.unload()
    await bench.down()


DRIVER = DriverConfig(time_scale=4000, rx_ring=RING, tx_ring=RING)
HOSTS = {
    "calm": HostConfig(error_reporting=True),
    "hostile": HostConfig(memory_base=0x2_4000_0000, latency_ns=100, latency_spread_ns=1500, reorder=True,
                          backpressure=0.2, error_reporting=True),
}  # fmt: skip


def play(case: str, sim: SimConfig, folder: Path, seed: int) -> None:
    host = HOSTS["hostile" if sim.compiled else "calm"]
    config = BenchConfig(sim=sim, driver=varied(DRIVER, seed, case), host=host).seeded(seed)
    assert launch(config, "tests.system.test_faults_reporting", folder, test_filter=case).passed == 1


@on_both
def test_error_responses(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    play("each_access", sim, tmp_path, bench_seed)


CASES = ["errors_come_in_a_storm", "errors_meet_other_resets", "the_interface_is_down", "the_driver_is_removed",
         "the_card_goes"]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_at_a_bad_moment(case: str, tmp_path: Path, bench_seed: int) -> None:
    play(case, NATIVE, tmp_path, bench_seed)
