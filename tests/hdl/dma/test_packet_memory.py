# SPDX-License-Identifier: MIT
"""The packet memory's two shares: each holds what PBA says to the word, and takes a new size when it is empty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cocotb

from sim.runner import Design, nic_sources, simulate
from tests.hdl.axi.slave import HARSH, Settings
from tests.hdl.dma.dma_bench import PACKET_MEMORY_KB, TX_DATA, DmaBench, Setup
from tests.hdl.dma.layout import Frame

FAST = Settings(latency=(5, 5))
SHARES_KB = [1, 8, 19, 20, 32, 40, 63]  # more than there is: all there is


def words(size: int) -> int:
    return -(-size // 16)


async def fill(bench: DmaBench, kb: int) -> int:
    """Frames of random sizes without a descriptor: each stays if the room left holds it. Returns how many."""
    room, kept = 64 * min(kb, PACKET_MEMORY_KB), 0
    for _ in range(400):
        size = bench.rng.choice((64, 64, 65, 200, 1518, bench.rng.randint(64, 3000)))
        if 0 < room < 4 and bench.counts["missed"]:
            size = 16 * room  # a runt, as RCTL.SBP stores it
        bench.rx_frames.append(Frame(bench.rng.randbytes(size)))
        missed = bench.counts["missed"]
        await bench.run()
        fits = words(size) <= room
        assert bench.counts["missed"] == missed + (not fits), f"{size} bytes, room for {16 * room}"
        room, kept = room - words(size) * fits, kept + fits
        if room == 0:
            break
    assert room == 0 or kb == 0, "not filled to the last word"
    assert bench.counts["rxo"] == bench.counts["missed"]
    return kept


@cocotb.test()
@cocotb.parametrize(kb=SHARES_KB)
async def the_receive_buffer_holds_its_share(dut: Any, kb: int) -> None:
    bench = await DmaBench(dut, FAST, Setup(rx_count=256, rx_kb=kb)).start()
    kept = await fill(bench, kb)
    while bench.rx.frames_visible < kept:
        bench.rx.post(bench.rx.free)
        await bench.step()
    await bench.run()
    bench.rx_enabled = False  # the ring still has descriptors: none is used
    await bench.run()
    assert await fill(bench, kb) > 0, "and again, from wherever the ring stands"
    assert bench.counts["missed"] > 0


@cocotb.test()
@cocotb.parametrize(kb=SHARES_KB)
async def the_transmit_buffer_holds_its_share(dut: Any, kb: int) -> None:
    """While the MAC takes nothing the card reads just what it has room for."""
    bench = await DmaBench(dut, FAST, Setup(tx_count=64, tx_ready=0.0, tx_kb=kb)).start()
    room, held = 64 * min(kb, PACKET_MEMORY_KB), 0
    while bench.tx.free:
        size = bench.rng.choice((900, 1514, bench.rng.randint(500, 1024))) if kb > 1 else 100
        bench.tx.post_frame(bench.rng.randbytes(size), [])
        if held == bench.tx.tail - 1 and words(size) <= room:
            room, held = room - words(size), held + 1
    assert 0 < held < bench.tx.tail
    await bench.cycles(4000)
    assert bench.tx.read + (bench.tx.offset > 0) == held, bench.state
    bench.setup = replace(bench.setup, tx_ready=1.0)
    await bench.run()
    bench.check_all_done()


@cocotb.test()
async def a_frame_larger_than_the_share_is_dropped(dut: Any) -> None:
    """Its descriptors retire; one that fits to the byte is sent."""
    bench = await DmaBench(dut, HARSH, Setup(tx_count=64, tx_kb=8)).start()
    for size, cuts in ((8192, []), (8193, []), (8192, [1, 4000, 8191]), (9014, [4096]), (8193, [8192]), (60, [])):
        bench.tx.post_frame(bench.rng.randbytes(size), cuts)
    await bench.run()
    bench.check_all_done()
    assert [len(frame.data) for frame in bench.tx_sent] == [8192, 8192, 60]


@cocotb.test()
async def without_a_share_nothing_passes_and_nothing_hangs(dut: Any) -> None:
    bench = await DmaBench(dut, FAST, Setup(rx_kb=0, tx_kb=0)).start()
    bench.rx.post(8)
    for size in (60, 1500, 1):
        bench.tx.post_frame(bench.rng.randbytes(size), [])
        bench.rx_frames.append(Frame(bench.rng.randbytes(64)))
    await bench.run()
    assert bench.counts["missed"] == bench.counts["rxo"] == 3 and not bench.tx_sent
    assert bench.tx.head == 3 and bench.counts[f"r{TX_DATA}"] == 0
    bench.configure(replace(bench.setup, rx_kb=20, tx_kb=20))
    bench.tx.post_frame(bench.rng.randbytes(60), [])
    bench.rx_frames.append(Frame(bench.rng.randbytes(64)))
    await bench.run()
    bench.check_all_done()
    assert bench.rx.frames_visible == len(bench.tx_sent) == 1


@cocotb.test()
async def a_new_share_waits_until_the_buffer_is_empty(dut: Any) -> None:
    bench = await DmaBench(dut, FAST, Setup(rx_count=256, rx_kb=8)).start()
    bench.rx_frames.append(Frame(bench.rng.randbytes(64)))
    await bench.run()
    bench.configure(replace(bench.setup, rx_kb=40))
    bench.rx_frames.extend(Frame(bench.rng.randbytes(1500)) for _ in range(6))
    await bench.run()
    assert bench.counts["stored"] == 1 + 5 and bench.counts["missed"] == 1, "still 8 KB"
    bench.rx.post(bench.rx.free)
    await bench.run()
    bench.rx_enabled = False
    await bench.run()
    bench.rx_frames.extend(Frame(bench.rng.randbytes(1500)) for _ in range(28))
    await bench.run()
    assert bench.counts["stored"] == 6 + 27 and bench.counts["missed"] == 1 + 1, "40 KB"


@cocotb.test()
async def whatever_was_to_be_stored_is_missed(dut: Any) -> None:
    """A full memory: bad frames under SBP and control frames passed on count as good ones do, unwanted ones do not."""
    bench = await DmaBench(dut, FAST, Setup(rx_kb=1)).start()
    data = bench.rng.randbytes
    bench.rx_frames.append(Frame(data(1024)))
    await bench.run()
    assert bench.counts["stored"] == 1 and bench.counts["missed"] == 0
    stored = [
        Frame(data(64)),
        Frame(data(64), crc_err=True),
        Frame(data(200), symbol_err=True),
        Frame(data(9), len_err=True),
        Frame(data(64), control=True),
    ]
    for count, frame in enumerate(stored, 1):
        bench.rx_frames.extend((frame, replace(frame, accept=False)))
        await bench.run()
        assert bench.counts["missed"] == bench.counts["rxo"] == count, frame
    bench.rx.post(bench.rx.free)
    await bench.run()
    bench.rx_frames.extend(stored)
    await bench.run()
    assert bench.rx.frames_visible == 1 + len(stored) and bench.counts["missed"] == len(stored)


@cocotb.test()
async def shares_change_under_traffic(dut: Any) -> None:
    """Whenever software writes PBA: no frame comes to harm, in either direction."""
    setup = Setup(rx_count=64, tx_count=32, buf_bytes=512, tx_ready=0.8, frame_every=300)
    bench = await DmaBench(dut, HARSH, setup).start()
    rng = bench.rng
    for _ in range(60):
        bench.rx.post(bench.rx.free)
        while bench.tx.free > 8:
            size = rng.randint(14, 2000)
            bench.tx.post_frame(rng.randbytes(size), [rng.randint(0, size) for _ in range(rng.randrange(3))])
        if len(bench.rx_frames) < 4:
            bench.rx_frames.extend(Frame(rng.randbytes(rng.randint(64, 2000))) for _ in range(3))
        rx_kb = rng.randint(4, 36)
        bench.configure(replace(bench.setup, rx_kb=rx_kb, tx_kb=40 - rx_kb))
        for _ in range(rng.randrange(700)):
            if rng.random() < 0.01:
                bench.rx.post(bench.rx.free)
            await bench.step()
        if rng.random() < 0.5:
            while not bench.settled:
                bench.rx.post(bench.rx.free)
                await bench.step()
    while not bench.settled or bench.rx.visible < len(bench.rx.segments):
        bench.rx.post(bench.rx.free)
        await bench.step()
    bench.check_all_done()
    assert bench.rx.frames_visible > 100 and len(bench.tx_sent) > 100


def test_packet_memory(tmp_path: Path) -> None:
    result = simulate(Design("nic_dma", nic_sources("nic_dma")), __name__, folder=tmp_path)
    assert result.passed == 2 * len(SHARES_KB) + 5
