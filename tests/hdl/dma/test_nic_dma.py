# SPDX-License-Identifier: MIT
"""nic_dma as a whole, on an AXI slave that answers late, in any order, and sometimes with an error."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import cocotb
import pytest

from sim.runner import Design, nic_sources, simulate
from tests.hdl.axi.slave import HARSH, Settings
from tests.hdl.dma.dma_bench import RX_DATA, RX_DESC, RX_WB, TX_DATA, TX_DESC, TX_WB, DmaBench, Setup
from tests.hdl.dma.layout import TX_DEXT, TX_EOP, TX_IFCS, TX_RS, Frame

FAST = Settings(latency=(5, 5))


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
    setup = Setup(rx_count=24, tx_count=16, buf_bytes=256, tx_ready=0.7, small_bytes=100)
    bench = await DmaBench(dut, HARSH, setup).start()
    await traffic(bench, 120)
    bench.check_all_done()
    assert bench.rx.frames_visible > 60 and len(bench.tx_sent) > 60
    assert bench.rx.head > 3 * 24 and bench.tx.head > 3 * 16, "the rings did not wrap"


@cocotb.test()
async def large_frames(dut: Any) -> None:
    """Jumbo frames, the largest the card sends, and those that fill buffers to the byte."""
    setup = Setup(rx_count=40, tx_count=32, buf_bytes=1024, tx_ready=0.9, beat_every=2, memory_bytes=1 << 22)
    bench = await DmaBench(dut, HARSH, setup).start()
    bench.rx.post(bench.rx.free)
    for size in (9018, 16288, 9014, 16288, 9018):
        bench.tx.post_frame(bench.rng.randbytes(size), [bench.rng.randrange(size) for _ in range(3)])
    for size in (9018, 1024, 1025, 2048, 9022, 1023, 4096, 9018):
        bench.rx_frames.append(Frame(bench.rng.randbytes(size)))
    bench.rx_frame_due = bench.cycle + 800
    while bench.rx_frames or not bench.settled:
        bench.rx.post(bench.rx.free)
        await bench.step()
    bench.check_all_done()
    assert bench.rx.frames_visible == 8 and bench.counts["missed"] == 0 and len(bench.tx_sent) == 5


@cocotb.test()
async def frames_too_long_are_dropped(dut: Any) -> None:
    """Whatever their descriptors look like: they retire, the next frame is sent."""
    bench = await DmaBench(dut, HARSH, Setup(tx_count=64)).start()
    rng, ring = bench.rng, bench.tx
    for cuts in ([16288], [1], [16289], [5000, 10000, 16000], [*range(0, 16289, 1024), 16289]):
        ring.post_frame(rng.randbytes(16290), cuts)
        ring.post_frame(rng.randbytes(100), [50])
    ring.post_frame(rng.randbytes(65535), [])
    ring.post_frame(rng.randbytes(16289), [])
    ring.post_frame(rng.randbytes(16288), [])
    await bench.run()
    bench.check_all_done()
    assert [len(frame.data) for frame in bench.tx_sent] == [100] * 5 + [16288]


@cocotb.test()
async def frames_wait_for_descriptors(dut: Any) -> None:
    """No descriptor: the buffer fills, is overrun, each frame is counted once; then all that was kept arrives."""
    bench = await DmaBench(dut, HARSH, Setup(rx_count=64, buf_bytes=512)).start()
    bench.rx_frames.extend(Frame(bench.rng.randbytes(1500), stripped=4) for _ in range(25))
    await bench.run()
    kept = 20 * 1024 // (94 * 16)
    assert bench.counts["rnbc"] == bench.counts["stored"] == kept
    assert bench.counts["rxo"] == bench.counts["missed"] == 25 - kept > 0
    assert bench.rx.visible == 0 and dut.idle_o.value
    while bench.rx.frames_visible < kept:
        if bench.rng.random() < 0.02:
            bench.rx.post(min(1, bench.rx.free))
        await bench.step()
    bench.rx_frames.append(Frame(bench.rng.randbytes(700)))
    bench.rx.post(bench.rx.free)
    await bench.run()
    bench.check_all_done()
    assert bench.counts["rnbc"] == kept and bench.rx.frames_visible == kept + 1


@cocotb.test()
async def a_frame_that_waits_is_counted_when_its_turn_comes(dut: Any) -> None:
    bench = await DmaBench(dut, FAST, Setup(buf_bytes=256)).start()
    bench.rx.post(1)
    await bench.run()
    for size in (600, 64):  # three descriptors, and one; the second comes when the first has taken what there was
        bench.rx_frames.append(Frame(bench.rng.randbytes(size)))
        await bench.run()
    assert bench.counts["rnbc"] == 2 and bench.rx.head == 1
    bench.rx.post(3)
    await bench.run()
    bench.check_all_done()
    assert bench.counts["rnbc"] == 2 and bench.rx.frames_visible == 2


@cocotb.test()
async def low_on_descriptors(dut: Any) -> None:
    """RXDMT0 when free descriptors fall to 1/2, 1/4, 1/8 of the ring, once each time."""
    for rdmts, threshold in enumerate((16, 8, 4)):
        bench = await DmaBench(dut, FAST, Setup(rx_count=32, rdmts=rdmts)).start()
        bench.rx.post(31)
        for _ in range(31):
            bench.rx_frames.append(Frame(bench.rng.randbytes(64)))
            await bench.run()
            free = bench.rx.tail - bench.rx.head
            assert bench.counts["rxdmt0"] == (free <= threshold)
        bench.rx.post(20)
        await bench.run()
        bench.rx_frames.extend(Frame(bench.rng.randbytes(64)) for _ in range(18))
        await bench.run()
        assert bench.counts["rxdmt0"] == 2 and bench.counts["rxt0"] > 20


@cocotb.test()
async def rings_that_make_no_sense_stay_untouched(dut: Any) -> None:
    """No ring, or a tail outside of it: nothing is read, whatever is received waits."""
    bench = await DmaBench(dut, FAST).start()
    bench.rx_frames.append(Frame(bench.rng.randbytes(64)))
    bench.tx.post_frame(bench.rng.randbytes(64), [])
    for count, tail in ((0, 0), (0, 5), (8, 8), (8, 9), (8, 65535)):
        for ring in (bench.rx, bench.tx):
            ring.index = lambda sequence, tail=tail: 0 if sequence == 0 else tail  # type: ignore[method-assign]
            ring.tail, ring.count = 1, count
        bench.heads_known = False
        await bench.cycles(100)
        assert bench.counts["r0"] == bench.counts["r1"] == 0 and dut.idle_o.value
    assert bench.counts["rnbc"] == 1


# ------------------------------------------------------------------ disable, stop, errors
@cocotb.test()
async def disabled_in_mid_traffic(dut: Any) -> None:
    """What is in flight is finished, the head stays; enabled again, the rings go on where they were."""
    setup = Setup(rx_count=32, tx_count=32, buf_bytes=512, tx_ready=0.8)
    bench = await DmaBench(dut, HARSH, setup).start()
    rng, held = bench.rng, 0
    for _ in range(25):
        bench.rx.post(bench.rx.free)
        while bench.tx.free > 8:
            random_transmit(bench)
        bench.rx_frames.extend(random_frame(rng) for _ in range(2))
        await bench.cycles(rng.randrange(400))
        bench.rx_enabled, bench.tx_enabled = rng.choice(((False, False), (True, False), (False, True)))
        await bench.cycles(rng.choice((1, 2, 3, 30)))
        if rng.random() < 0.5:
            await bench.run()
            heads = bench.rx.head, bench.tx.head
            reads = bench.counts["r0"] * (not bench.rx_enabled) + bench.counts["r1"] * (not bench.tx_enabled)
            await bench.cycles(30)
            assert heads == (bench.rx.head, bench.tx.head)
            assert reads == bench.counts["r0"] * (not bench.rx_enabled) + bench.counts["r1"] * (not bench.tx_enabled)
            held += 1
        bench.rx_enabled = bench.tx_enabled = True
    bench.rx.post(bench.rx.free)
    await bench.run()
    bench.check_all_done()
    assert held > 5 and bench.rx.frames_visible > 15 and len(bench.tx_sent) > 50


@cocotb.test()
async def heads_written_while_disabled(dut: Any) -> None:
    """Half a frame each way is in the card then; it is dropped, whole frames that wait are not."""
    bench = await DmaBench(dut, FAST, Setup(buf_bytes=256)).start()
    for rx, tx in ((0, 0), (7, 30), (31, 1)):
        bench.rx.post(2)
        bench.tx.post(bench.rng.randbytes(1000), TX_IFCS)  # no EOP
        await bench.run()
        whole = Frame(bench.rng.randbytes(300))
        bench.rx_frames.extend([Frame(bench.rng.randbytes(1000)), whole])
        await bench.run()
        assert bench.rx.head == 2 and bench.tx.head == 1
        bench.rx_enabled = bench.tx_enabled = False
        await bench.run()
        await bench.load_heads(rx, tx)
        assert int(dut.rx_head_o.value) == rx and int(dut.tx_head_o.value) == tx
        bench.rx_enabled = bench.tx_enabled = True
        bench.rx.expect(whole)
        bench.rx.post(20)
        bench.tx.post_frame(bench.rng.randbytes(90), [4])
        bench.rx_frames.append(Frame(bench.rng.randbytes(64)))
        await bench.run()
        bench.check_all_done()
        assert bench.rx.frames_visible == 2 and len(bench.tx_sent) == 1
        bench.rx_enabled = bench.tx_enabled = False
        await bench.load_heads(0, 0)
        bench.rx_enabled = bench.tx_enabled = True


@cocotb.test()
async def heads_written_while_stopped(dut: Any) -> None:
    """What waits for its write-back goes to its own place when the stop ends; only then the heads move.

    A reset instead of the end of the stop forgets both.
    """
    bench = await DmaBench(dut, FAST, Setup(8, 8, 256)).start()
    late, idle = [0, 0], 0  # write-backs, each way, that a stop held
    for delay in range(20, 90, 3):
        bench.rx_enabled = bench.tx_enabled = True
        bench.rx.post(6)
        bench.rx_frames.extend(Frame(bench.rng.randbytes(64)) for _ in range(6))
        for _ in range(6 if delay % 4 < 2 else 1):
            bench.tx.post_frame(bench.rng.randbytes(60), [])
        await bench.cycles(delay)
        bench.stop = True
        await bench.cycles(300)
        bench.rx_enabled = bench.tx_enabled = False
        written = bench.rx.written, bench.tx.written
        await bench.step()
        bench.heads_known = False  # without a batch they move at once
        await bench.write_heads(3, 5)
        await bench.cycles(50)
        heads = int(dut.rx_head_o.value), int(dut.tx_head_o.value)
        waits = heads[0] != 3, heads[1] != 5
        # Idle promises that nothing changes by itself (the bench watches that); what waits for the end of the stop in a
        # queue may keep it low, but a waiting batch alone does not.
        idle += bool(dut.idle_o.value) and any(waits)
        if delay % 2:
            await bench.reset()
            assert int(dut.rx_head_o.value) == int(dut.tx_head_o.value) == 0
            continue
        bench.stop = False
        await bench.run()
        assert int(dut.rx_head_o.value) == 3 and int(dut.tx_head_o.value) == 5
        for way, ring in enumerate((bench.rx, bench.tx)):
            assert ring.visible == ring.written and (ring.written > written[way]) == waits[way]
            late[way] += ring.written > written[way]
        await bench.reset()
    assert min(late) > 2 and idle, (late, idle)


@cocotb.test()
async def reset_at_any_moment(dut: Any) -> None:
    """Stop, wait for the engines, reset; every time everything works again from the start of new rings."""
    setup = Setup(rx_count=32, tx_count=32, buf_bytes=512, tx_ready=0.8, memory_bytes=1 << 21)
    bench = await DmaBench(dut, HARSH, setup).start()
    done = cut = 0
    for _ in range(20):
        bench.rx.post(bench.rx.free)
        while bench.tx.free > 8:
            random_transmit(bench)
        bench.rx_frames.extend(random_frame(bench.rng) for _ in range(8))
        await bench.cycles(bench.rng.randrange(600))
        cut += bool(bench.rx_beats)
        await bench.reset()
        await bench.run(lambda: not bench.rx_beats)
        bench.rx_enabled = bench.tx_enabled = True
        bench.rx.post(8)
        bench.rx_frames.append(Frame(bench.rng.randbytes(100)))
        bench.tx.post_frame(bench.rng.randbytes(100), [20])
        await bench.run()
        bench.check_all_done()
        done += bench.rx.frames_visible == 1 and len(bench.tx_sent) == 1
    assert done == 20 and cut > 0


@cocotb.test()
async def stopped_begins_no_frame(dut: Any) -> None:
    """Frames wait in the buffer: the one that is going out is finished."""
    bench = await DmaBench(dut, FAST, Setup(tx_count=64, tx_ready=0.3)).start()
    for _ in range(30):
        bench.tx.post_frame(bench.rng.randbytes(200), [])
    await bench.run(lambda: bench.tx.head == 30 and bench.tx_part != b"")
    sent = len(bench.tx_sent)
    assert sent < 25
    bench.stop = True
    await bench.cycles(1000)
    assert len(bench.tx_sent) == sent + 1 and dut.engines_idle_o.value
    bench.stop = False
    await bench.run()
    bench.check_all_done()


@cocotb.test()
async def reset_behind_a_dead_link(dut: Any) -> None:
    """A MAC that takes nothing, as without a link, does not keep a reset waiting."""
    bench = await DmaBench(dut, FAST, Setup(tx_count=64, tx_ready=0.0)).start()
    for _ in range(5):
        bench.tx.post_frame(bench.rng.randbytes(200), [])
    await bench.run(lambda: bench.tx.head == 5 and bool(dut.tx_valid_o.value))
    await bench.reset()
    assert not bench.tx_sent
    bench.setup = replace(bench.setup, tx_ready=1.0)
    bench.rx_enabled = bench.tx_enabled = True
    bench.tx.post_frame(bench.rng.randbytes(100), [20])
    await bench.run()
    bench.check_all_done()
    assert len(bench.tx_sent) == 1


async def works(bench: DmaBench) -> None:
    """Behind a reset, a frame each way."""
    bench.rx_enabled = bench.tx_enabled = True
    bench.rx.post(4)
    bench.rx_frames.append(Frame(bench.rng.randbytes(100)))
    bench.tx.post_frame(bench.rng.randbytes(100), [20])
    await bench.run()
    bench.check_all_done()


async def failing(dut: Any, kind: str, id: int) -> None:
    """One burst of a client fails: its queue stops and reports nothing that is not so, the other goes on."""
    setup = Setup(rx_count=32, tx_count=32, buf_bytes=256, memory_bytes=1 << 22)
    bench = await DmaBench(dut, HARSH, setup).start()
    receive = (kind, id) in (("r", RX_DESC), ("w", RX_DATA), ("w", RX_WB))
    for after in (0, 1, 3):
        bench.fail[kind, id] = after
        errors = bench.counts["errors"]
        for _ in range(40):
            bench.rx.post(bench.rx.free)
            if bench.tx.free > 4:
                bench.tx.post_frame(bench.rng.randbytes(bench.rng.randrange(1, 700)), [1])
            if len(bench.rx_frames) < 10:
                bench.rx_frames.append(Frame(bench.rng.randbytes(bench.rng.randint(64, 700))))
            await bench.cycles(60)
        await bench.run()
        assert bench.counts["errors"] == errors + 1 and not bench.errors_due
        ring = bench.rx if receive else bench.tx
        # A write-back may be cut in two bursts of which the first went well.
        assert ring.head <= ring.visible < ring.tail and (ring.dead or ring.head == ring.visible)
        other = len(bench.tx_sent) if receive else bench.rx.frames_visible
        assert other > 20, f"the other queue did {other} frames"
        await bench.reset()
        await works(bench)


for _kind, _id, _name in (
    ("r", RX_DESC, "rx_descriptors"), ("r", TX_DESC, "tx_descriptors"), ("r", TX_DATA, "tx_payload"),
    ("w", RX_DATA, "rx_payload"), ("w", RX_WB, "rx_write_back"), ("w", TX_WB, "tx_write_back"),
):  # fmt: skip
    globals()[f"error_{_name}"] = cocotb.test(name=f"error_{_name}")(
        lambda dut, kind=_kind, id=_id: failing(dut, kind, id)
    )


@cocotb.test()
async def errors_of_both_directions_meet(dut: Any) -> None:
    """A read and a write fail `apart` cycles from each other: both are reported, whatever meets within the card."""
    quick = Settings((30, 30), reorder=True)
    bench = await DmaBench(dut, quick, Setup(rx_count=32, tx_count=32)).start()
    for apart in range(-8, 9):
        errors = bench.counts["errors"]
        answer = bench.cycle + 150
        # The frame is stored at once; the transmit descriptors are read from the doorbell on.
        bench.fail_in_cycle = {("w", RX_DATA): answer, ("r", TX_DATA): answer + apart}
        bench.rx.post(8)
        bench.tx.post_frame(bench.rng.randbytes(100), [])
        await bench.cycles(10)
        bench.rx_frames.append(Frame(bench.rng.randbytes(100)))
        await bench.run()
        assert not bench.fail_in_cycle and not bench.errors_due
        assert bench.counts["errors"] == errors + 2
        await bench.reset()
        await works(bench)


@cocotb.test()
async def a_waiting_record_is_overtaken(dut: Any) -> None:
    """Two reads fail in one cycle after the other, and a write near them: its record waits for both of theirs, once.

    On a bus where a descriptor is one beat."""
    quick = Settings((30, 30), reorder=True)
    bench = await DmaBench(dut, quick, Setup(rx_count=32, tx_count=32)).start()
    late = set()  # cycles from its response until the write's record is out
    for apart, behind in itertools.product(range(-8, 9), range(3)):
        told = len(bench.errors_told)
        answer = bench.cycle + 200
        bench.fail_in_cycle = {("w", RX_DATA): answer, ("r", TX_DATA): answer + apart}
        bench.rx.post(8)
        bench.tx.post_frame(bench.rng.randbytes(16), [])
        await bench.cycles(10)
        bench.rx_frames.append(Frame(bench.rng.randbytes(100)))
        await bench.cycles(100)
        assert not bench.fail_in_cycle, "one of them was not asked for in time"
        bench.fail_in_cycle["r", RX_DESC] = answer + apart + behind
        bench.rx.post(1)
        await bench.run()
        assert not bench.fail_in_cycle and not bench.errors_due
        assert len(bench.errors_told[told:]) == 3
        late |= {cycle - answer for cycle, write in bench.errors_told[told:] if write}
        await bench.reset()
        await works(bench)
    assert max(late) == min(late) + 2


def test_nic_dma(tmp_path: Path) -> None:
    simulate(Design("nic_dma", nic_sources("nic_dma")), "tests.hdl.dma.test_nic_dma", folder=tmp_path)


@pytest.mark.parametrize("width", [64, 256])
def test_nic_dma_on_other_buses(tmp_path: Path, width: int) -> None:
    design = Design("nic_dma", nic_sources("nic_dma"), {"AxiDataBits": width})
    simulate(design, "tests.hdl.dma.test_nic_dma", folder=tmp_path, test_filter="random_traffic|reset|error_")
