# SPDX-License-Identifier: MIT
"""The driver's life on the card: probe, ifup, ping both ways, ifdown, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb

from driver.linux.inet import ping
from sim.bench import HOST_IP, Bench
from sim.config import BenchConfig, DriverConfig, HostConfig
from sim.launch import configured, launch


async def bench_of(dut: Any) -> Bench:
    config, folder = configured()
    bench = Bench(dut, config, folder)
    await bench.start()
    return bench


@cocotb.test()
async def ping_both_ways(dut: Any) -> None:
    bench = await bench_of(dut)
    await bench.up()
    assert bench.device.dev_addr.hex(":") == bench.config.mac
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    for size in (0, 56, 1472):
        await bench.answered(bench.partner.ping(HOST_IP, size))
        assert await bench.run(ping(bench.partner.config.ip, size)) is not None
        await bench.answered(bench.partner.udp_echo(HOST_IP, 7, size))
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.delivered == totals.receive.sent >= 10
    assert totals.transmit is not None and totals.transmit.delivered >= 10
    assert bench.partner.arp_answered <= 1 and bench.partner.echo_answered == 3


def test_ping(tmp_path: Path) -> None:
    config = BenchConfig(driver=DriverConfig(time_scale=1000), host=HostConfig(memory_base=1 << 32))
    assert launch(config, "tests.system.test_life", tmp_path).passed == 1
