# SPDX-License-Identifier: MIT
"""The cable is bad: frames broken in every way among good ones. Each is counted once, and takes no good one's place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import Timer

from sim.bench import Bench
from sim.config import BenchConfig, DriverConfig, SimConfig
from sim.launch import launch
from sim.traffic import frames_to
from sim.wire import Frame
from tests.system.helpers import bench_up, on_both, varied
from tests.system.trouble import Traffic, busy_host, counted, proved

RING = 64
GIANT = 9400  # longer than the card takes of anybody
KINDS = ("bad FCS", "symbol error", "truncated", "runt", "fragment", "giant", "jabber")


def broken(random: Random, good: bytes, kind: str) -> Frame:
    """`good` as it comes out of a bad cable; its destination address is left whole, so that it stays the card's."""
    match kind:
        case "bad FCS":
            return Frame(good, bad_fcs=True)
        case "symbol error":
            return Frame(good, error_at=random.randrange(6, len(good)))
        case "truncated":
            return Frame(good[: random.randint(14, len(good) - 1)], truncated=True)
        case "runt" | "fragment":
            return Frame(good[: random.randint(14, 59)], pad=False, bad_fcs=kind == "fragment")
    return Frame(good + bytes(GIANT), bad_fcs=kind == "jabber")


def broken_frames(bench: Bench, count: int) -> list[Frame]:
    """All kinds, then more of the shorter ones, in any order."""
    random = bench.random
    kinds = [*KINDS, *(random.choice(KINDS[:5]) for _ in range(count - len(KINDS)))]
    random.shuffle(kinds)
    good = frames_to(bench.device.dev_addr, bench.partner.config.mac, random, count, (60, 1514))
    return [broken(random, data, kind) for data, kind in zip(good, kinds, strict=True)]


@cocotb.test()
async def broken_frames_among_good_ones(dut: Any) -> None:
    bench = await bench_up(dut)
    traffic = Traffic(bench)
    traffic.start()
    frames = broken_frames(bench, 200 if bench.config.sim.compiled else 30)
    for frame in frames:
        await Timer(bench.random.randint(1, 3000), "ns")
        bench.wire.send(frame)
    await traffic.stop()
    await bench.settle()
    assert bench.books.sent_bad == len(frames)
    await proved(bench)
    totals = await bench.down()
    account = totals.receive
    assert account is not None and account.closed
    account.drops.pop("missed: no room in the card", None)
    assert sum(account.drops.values()) == len(frames)
    want = Counter(oversize=1, jabber=1)
    assert {name: account.drops[name] for name in want} == want
    assert {"bad FCS", "symbol error", "undersize", "fragment"} <= set(account.drops)


@cocotb.test()
async def broken_frames_take_no_buffer(dut: Any) -> None:
    """Nobody posts buffers, and twice as many broken frames as the ring has come before the good ones: these find
    every buffer that there was."""
    bench = await bench_up(dut)
    before = await counted(bench)
    busy = cocotb.start_soon(busy_host(bench, 150))
    await Timer(1, "us")
    for frame in broken_frames(bench, 2 * RING):
        bench.wire.send(frame)
    good = RING - 20  # fewer than the driver keeps posted
    for data in frames_to(bench.device.dev_addr, bench.partner.config.mac, bench.random, good, (60, 60)):
        bench.wire.send(Frame(data))
    await bench.wire.drained()
    assert not busy.done(), "buffers were posted meanwhile"
    await busy
    await bench.settle()
    now = await counted(bench)
    assert (now["rnbc"], now["mpc"]) == (before["rnbc"], before["mpc"])
    await proved(bench)
    totals = await bench.down()
    assert totals.receive is not None and totals.receive.sent - totals.receive.delivered == 2 * RING


@on_both
def test_broken_frames(sim: SimConfig, tmp_path: Path, bench_seed: int) -> None:
    cases = "among_good_ones|take_no_buffer" if sim.compiled else "among_good_ones"
    driver = varied(DriverConfig(time_scale=4000, rx_ring=RING, tx_ring=RING), bench_seed, cases)
    config = BenchConfig(sim=sim, driver=driver).seeded(bench_seed)
    module, faults = "tests.system.test_faults_wire", ["+xgmii_faults"]
    result = launch(config, module, tmp_path, test_filter=cases, plusargs=faults)
    assert result.passed == cases.count("|") + 1
