# SPDX-License-Identifier: MIT
"""What nic_dma tells the interrupt logic: each cause when it is due, once, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb

from sim.runner import Design, nic_sources, simulate
from tests.hdl.axi.slave import Settings
from tests.hdl.dma.dma_bench import DmaBench, Setup
from tests.hdl.dma.layout import TX_EOP, TX_IDE, TX_IFCS, TX_RS, Frame

FAST = Settings(latency=(5, 5))


@cocotb.test()
async def ide_says_which_event(dut: Any) -> None:
    """Of a descriptor with RS; without RS there is none."""
    bench = await DmaBench(dut, FAST).start()
    want = {"txdw": 0, "txdw_ide": 0}
    for ide in (0, TX_IDE, 0, TX_IDE, TX_IDE):
        for rs in (0, TX_RS):
            bench.tx.post(bench.rng.randbytes(60), TX_EOP | TX_IFCS | rs | ide)
            await bench.run()
            want["txdw_ide" if ide else "txdw"] += bool(rs)
            assert {name: bench.counts[name] for name in want} == want
    bench.check_all_done()


@cocotb.test()
async def one_write_back_may_raise_both(dut: Any) -> None:
    bench = await DmaBench(dut, FAST).start()
    for ide in (0, TX_IDE) * 4:
        bench.tx.post(b"", TX_EOP | TX_RS | ide)
    await bench.run()
    bench.check_all_done()
    assert 1 <= bench.counts["txdw"] < 4 and 1 <= bench.counts["txdw_ide"] < 4
    assert bench.tx.causes == {"txdw": 4, "txdw_ide": 4}


@cocotb.test()
@cocotb.parametrize(small_bytes=[0, 64, 128, 4095], stripped=[0, 4])
async def small_frames_are_told_by_their_length_on_the_wire(dut: Any, small_bytes: int, stripped: int) -> None:
    """A frame over several descriptors raises it with its last one; 0 bytes switch it off."""
    setup = Setup(rx_count=64, buf_bytes=256, small_bytes=small_bytes)
    bench = await DmaBench(dut, FAST, setup).start()
    bench.rx.post(bench.rx.free)
    for size in (64, 65, 127, 128, 129, 1000, 4095, 4096, 64):
        before = bench.counts["srpd"]
        bench.rx_frames.append(Frame(bench.rng.randbytes(size), stripped=stripped))
        await bench.run()
        assert bench.counts["srpd"] - before == (size <= small_bytes)
        bench.rx.post(bench.rx.free)
    bench.check_all_done()
    assert bench.counts["rxt0"] == 9


@cocotb.test()
@cocotb.parametrize(low=[0, 1, 2, 127])
async def few_descriptors_left_are_told_once(dut: Any, low: int) -> None:
    """Each time their number falls to 8 * low, not before and not again below."""
    bench = await DmaBench(dut, FAST, Setup(tx_count=32, low=low, tx_ready=0.02)).start()
    falls = 0
    for count in (31, 8, 9, 16, 17, 3, 31, 24):
        for _ in range(count):
            bench.tx.post_frame(bench.rng.randbytes(60), [])
        falls += count > 8 * low > 0
        while bench.tx.head < bench.tx.tail:
            before, left = bench.counts["txd_low"], bench.tx.tail - bench.tx.head
            await bench.step()
            assert bench.counts["txd_low"] == before or left <= 8 * low, "too early"
        await bench.run()
        assert bench.counts["txd_low"] == falls
    bench.check_all_done()
    assert falls == {0: 0, 1: 6, 2: 4, 127: 0}[low]


def test_events(tmp_path: Path) -> None:
    result = simulate(Design("nic_dma", nic_sources("nic_dma")), __name__, folder=tmp_path)
    assert result.passed == 2 + 8 + 4
