# SPDX-License-Identifier: MIT
"""The driver's life on the card: probe, ifup, ping both ways, ifdown, remove."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb

from driver.linux.inet import ping
from driver.linux.skbuff import alloc_skb
from sim.bench import HOST_IP, Bench, BenchFailure
from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from sim.launch import launch
from sim.traffic import frames_to, transmit
from sim.wire import Frame
from tests.system.helpers import bench_up, on_all_four


@cocotb.test()
async def ping_both_ways(dut: Any) -> None:
    bench = await bench_up(dut)
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


async def problems_of(bench: Bench) -> list[str]:
    """What `down` complains of; it must complain of something."""
    try:
        await bench.down()
    except BenchFailure as failure:
        return failure.problems
    raise AssertionError("the bench noticed nothing")


@cocotb.test()
async def a_wrong_byte_is_noticed(dut: Any) -> None:
    """Memory changes under a frame between the stack and the card: the wire's scoreboard tells the byte."""
    bench = await bench_up(dut)
    frame = frames_to(bench.partner.config.mac, bench.device.dev_addr, bench.random, 1, (200, 200))[0]
    with bench.kernel.entered():
        assert transmit(bench.device, frame) == 0
    memory = bytes(bench.host.memory)
    bench.host.memory[memory.index(frame) + 100] ^= 1
    bench.host.wake()
    problems = await problems_of(bench)
    assert any("to the wire" in problem and "byte 100" in problem for problem in problems)
    assert any("transmit accounting is open" in problem for problem in problems)


@cocotb.test()
async def a_frame_that_is_nowhere_is_noticed(dut: Any) -> None:
    bench = await bench_up(dut)
    data = frames_to(bench.device.dev_addr, bench.partner.config.mac, bench.random, 1, (60, 60))[0]
    bench.wire.send(Frame(data))
    await bench.settle()
    bench.books.sent += 1
    problems = await problems_of(bench)
    assert problems == ["receive accounting is open: 2 sent = 1 delivered + 1 UNACCOUNTED"]


@cocotb.test()
async def a_leak_is_noticed(dut: Any) -> None:
    bench = await bench_up(dut)
    with bench.kernel.entered():
        assert alloc_skb(100) is not None
    problems = await problems_of(bench)
    assert len(problems) == 2 and all("leaked" in problem and "test_life.py" in problem for problem in problems)


@cocotb.test()
async def a_bad_checksum_in_the_partner_is_noticed(dut: Any) -> None:
    """A reply whose data is not what was asked for fails the exchange that waits for it."""
    bench = await bench_up(dut)
    await bench.answered(bench.partner.ask_mac(HOST_IP))
    exchange = bench.partner.ping(HOST_IP, 32)
    exchange._expected = bytes(32)
    try:
        await bench.answered(exchange)
    except BenchFailure as failure:
        assert "not the 32 sent" in str(failure)
    else:
        raise AssertionError("the partner took a wrong answer for a right one")
    await bench.down()


@on_all_four
def test_life(sim: SimConfig, tmp_path: Path) -> None:
    config = BenchConfig(driver=DriverConfig(time_scale=1000), host=HostConfig(memory_base=1 << 32), sim=sim)
    assert launch(config, "tests.system.test_life", tmp_path).passed == 5
