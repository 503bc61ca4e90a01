# SPDX-License-Identifier: MIT
"""nic_dma as a whole, on an AXI slave that answers late, in any order, and sometimes with an error."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import cocotb

from sim.runner import Design, nic_sources, simulate
from tests.hdl.axi.slave import HARSH, Settings
from tests.hdl.dma.dma_bench import RX_DATA, RX_DESC, RX_WB, TX_DATA, TX_DESC, TX_WB, DmaBench, Setup
from tests.hdl.dma.layout import TX_DEXT, TX_EOP, TX_IFCS, TX_RS, Frame

FAST = Settings(latency=(5, 5))
LATE = Settings(latency=(156, 156))


def random_frame(rng: Random, longest: int = 1600) -> Frame:
    size = rng.choice((64, 65, rng.randint(64, 300), rng.randint(64, longest)))
    accept = rng.random() < 0.85
    return Frame(
        rng.randbytes(size), accept, rng.choice((0, 4)), rng.random() < 0.1, rng.random() < 0.1, rng.random() < 0.1,
        rng.random() < 0.5,
    )  # fmt: skip


def random_transmit(bench: DmaBench, longest: int = 1600) -> None:
    """Something for the transmit ring: a frame in pieces, odd descriptors."""
    rng, ring = bench.rng, bench.tx
    kind = rng.random()
    if kind < 0.1:
        ring.post(rng.randbytes(rng.randrange(200)), TX_DEXT | rng.choice((0, TX_RS, TX_EOP, TX_EOP | TX_RS)))
    elif kind < 0.15:
        ring.post(b"", TX_EOP | rng.choice((0, TX_RS)))
    else:
        size = rng.choice((14, 60, rng.randint(1, 200), rng.randint(14, longest)))
        data = rng.choice((b"\xff" * 6, b"\x01\0\x5e\0\0\1", b"\x02" * 6))[:size] + rng.randbytes(max(0, size - 6))
        cuts = [rng.randint(0, size) for _ in range(rng.choice((0, 0, 1, 2, min(5, ring.free - 1))))]
        if len(cuts) < ring.free:
            ring.post_frame(data, cuts, rs=rng.random() < 0.8, fcs=rng.random() < 0.8)


async def traffic(bench: DmaBench, frames: int, *, lazy: float = 0.05) -> None:
    """`frames` each way, rings filled up at random moments."""
    rng, received, sent = bench.rng, 0, len(bench.tx.frames) + frames
    while received < frames or len(bench.tx.frames) < sent or not bench.settled:
        if received < frames and rng.random() < 0.02 and len(bench.rx_frames) < 3:
            bench.rx_frames.append(random_frame(rng))
            received += 1
        if rng.random() < lazy:
            bench.rx.post(rng.randint(0, bench.rx.free))
        if rng.random() < lazy and len(bench.tx.frames) < sent and bench.tx.free > 6:
            random_transmit(bench)
        if received == frames and bench.rx.visible < len(bench.rx.segments):
            bench.rx.post(bench.rx.free)
        await bench.step()
        assert bench.cycle < 200_000, bench.state


# ------------------------------------------------------------------ function
@cocotb.test()
async def one_frame_each_way(dut: Any) -> None:
    bench = await DmaBench(dut, FAST).start()
    bench.rx.post(8)
    bench.rx_frames.append(Frame(bytes(range(64)), stripped=4))
    bench.tx.post_frame(bytes(range(100, 160)), [])
    await bench.cycles(20)
    await bench.run()
    bench.check_all_done()
    assert bench.rx.frames_visible == 1 and len(bench.tx_sent) == 1
    assert bench.counts["txqe"] == 1 and bench.counts["rxt0"] == 1 and bench.counts["rnbc"] == 0


@cocotb.test()
async def random_traffic(dut: Any) -> None:
    setup = Setup(rx_count=24, tx_count=16, buf_bytes=256, tx_ready=0.7)
    bench = await DmaBench(dut, HARSH, setup).start()
    await traffic(bench, 120)
    bench.check_all_done()
    assert bench.rx.frames_visible > 60 and len(bench.tx_sent) > 60
    assert bench.rx.head > 3 * 24 and bench.tx.head > 3 * 16, "the rings did not wrap"


def test_nic_dma(tmp_path: Path) -> None:
    simulate(Design("nic_dma", nic_sources("nic_dma")), "tests.hdl.dma.test_nic_dma", folder=tmp_path)
