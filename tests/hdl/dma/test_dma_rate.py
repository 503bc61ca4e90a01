# SPDX-License-Identifier: MIT
"""nic_dma at line rate with R and B responses 1 us late, and beyond, down to the smallest shares of memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cocotb

from sim.runner import Design, nic_sources, simulate
from tests.hdl.axi.slave import Settings
from tests.hdl.dma.dma_bench import PACKET_MEMORY_KB, DmaBench, Setup
from tests.hdl.dma.layout import Frame

LATE = Settings(latency=(156, 156))


async def both_ways(
    dut: Any, size: int, frames: int, receive_every: float, send_every: float, rx_kb: int = 32
) -> tuple[DmaBench, float]:
    """`frames` frames of `size` bytes with FCS each way, R and B 1 us late, software always ahead.

    Returns the bench and the cycles per frame sent, after a start of a tenth of them. What was received is in memory,
    write-back and all, soon after the last frame came: nothing piles up.
    """
    setup = Setup(
        1024, 1024, 2048, memory_bytes=1 << 23, beat_every=2, frame_every=receive_every, send_every=send_every,
        rx_kb=rx_kb, tx_kb=PACKET_MEMORY_KB - rx_kb,
    )  # fmt: skip
    bench = await DmaBench(dut, LATE, setup).start()
    bench.rx.post(bench.rx.free)
    data = [bench.rng.randbytes(size) for _ in range(4)]
    bench.rx_frames.extend(Frame(data[i % 4], stripped=4) for i in range(frames))
    bench.rx_frame_due = bench.cycle + 300  # the first is sent about then, too
    sent: list[int] = []  # cycles
    received = visible = given = 0
    while bench.rx.frames_visible < frames or len(bench.tx_sent) < frames:
        while given < frames and bench.tx.free > 1:
            bench.tx.post_frame(data[given % 4][: size - 4], [])
            given += 1
        bench.rx.post(bench.rx.free)
        await bench.step()
        sent += [bench.cycle] * (len(bench.tx_sent) - len(sent))
        if bench.rx_frames or bench.rx_beats:
            received = bench.cycle
        if bench.rx.frames_visible < frames:
            visible = bench.cycle
        assert bench.counts["missed"] == 0, bench.state
    each = (sent[-1] - sent[frames // 10]) / (frames - 1 - frames // 10)
    cocotb.log.info("%d bytes: sent every %.2f cycles, received every %.2f and visible %d cycles later, %s", size, each,
                    receive_every, visible - received, bench.counts)  # fmt: skip
    assert visible - received < 2 * 156 + size / 16 + 100, "received frames pile up"
    await bench.run()
    bench.check_all_done()
    return bench, each


@cocotb.test()
async def line_rate_64(dut: Any) -> None:
    bench, each = await both_ways(dut, 64, 700, 10.5, 10.5)
    assert each < 10.51
    assert bench.counts["w1"] < 700 / 4 and bench.counts["w2"] < 700 / 4, "write-backs are not batched"
    assert bench.counts["r0"] < 1024 / 16 + 700 / 8 and bench.counts["r1"] < 700 / 8, "descriptors are not prefetched"


@cocotb.test()
async def faster_than_line_rate_64(dut: Any) -> None:
    """What the DMA itself can do with frames of 64 bytes: the bound is what it reaches today."""
    _, each = await both_ways(dut, 64, 700, 8.0, 0.0)
    assert each < 9.0


@cocotb.test()
@cocotb.parametrize(size=[65, 128, 300, 777, 1518])
async def line_rate_with_8_kb_to_transmit_from(dut: Any, size: int) -> None:
    every = (size + 20) / 8
    _, each = await both_ways(dut, size, 12_000 // size + 60, every, every)
    assert each < 1.001 * every


@cocotb.test()
@cocotb.parametrize(case=[(9018, 19), (9018, 21), (9234, 20), (9234, 21)])
async def line_rate_jumbo(dut: Any, case: tuple[int, int]) -> None:
    """The splits that a driver chooses for jumbo frames."""
    size, rx_kb = case
    _, each = await both_ways(dut, size, 14, (size + 20) / 8, (size + 20) / 8, rx_kb)
    assert each < 1.001 * (size + 20) / 8


def test_rate(tmp_path: Path) -> None:
    result = simulate(Design("nic_dma", nic_sources("nic_dma")), __name__, folder=tmp_path)
    assert result.passed == 2 + 5 + 4
