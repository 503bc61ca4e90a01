# SPDX-License-Identifier: MIT
"""nic_axi_wr: any alignment and length, exact strobes, done after the last B, errors to whom they belong, full rate."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cocotb
import pytest

from sim.runner import Design, SimulationFailed, nic_sources, simulate
from tests.hdl.axi.slave import FAILING, FAST, HARSH, MILD, Settings, mixed_lengths
from tests.hdl.axi.write_bench import CLIENTS, Command, WriteBench

HIGH = 0xFEDC_0000_0000  # well above 4 GiB


def words(command: Command, bus_bytes: int) -> int:
    """Cycles that the data of a command takes at best: bus beats, or words of 16 bytes if the bus is wider."""
    size = min(bus_bytes, 16)
    return (command.addr % size + len(command.data) + size - 1) // size


# ------------------------------------------------------------------ function
@cocotb.test()
async def every_alignment_and_small_length(dut: Any) -> None:
    bench = await WriteBench(dut, MILD, flow=0.9).start()
    count = 0
    for offset in range(bench.bus_bytes):
        for length in range(1, 2 * bench.bus_bytes + 18):
            bench.put(count % CLIENTS, HIGH + 4096 * bench.rng.randrange(1000) + offset, length)
            count += 1
    await bench.run()
    assert len(bench.done) == count == bench.bus_bytes * (2 * bench.bus_bytes + 17)


@cocotb.test()
async def big_commands_of_three_clients(dut: Any) -> None:
    bench = await WriteBench(dut, HARSH, eager=0.3, flow=0.7).start()
    rng = bench.rng
    for client in range(CLIENTS):
        for length in mixed_lengths(rng):
            bench.put(client, rng.getrandbits(63), length)
    await bench.run()
    assert len(bench.done) == CLIENTS * 35
    changes = sum(a != b for a, b in pairwise(bench.stored_order))
    assert changes > 100, "clients hardly interleaved"


@cocotb.test()
async def bursts_end_at_4_kib(dut: Any) -> None:
    bench = await WriteBench(dut, HARSH).start()
    for before in range(1, 40):
        for length in {before, before + 1, bench.rng.randint(1, 80)}:
            bench.put(before % CLIENTS, HIGH + 4096 * before - before, length)
    bench.put(0, (1 << 32) - 700, 1400)
    await bench.run()
    assert len(bench.done) > 39


@cocotb.test()
async def data_may_be_taken_before_its_address(dut: Any) -> None:
    """A slave that is slow with AW, or waits with it for W, gets the data meanwhile."""
    bench = await WriteBench(dut, Settings((1, 20), ready=0.05, reorder=True)).start()
    for i in range(60):
        bench.put(i % CLIENTS, HIGH + 100 * i, bench.rng.randint(1, 100))
    await bench.run()
    assert len(bench.done) == 60 and bench.w_before_aw > 100


@cocotb.test()
async def errors_reach_their_command_only(dut: Any) -> None:
    """The bench compares done_err of every command and the address of every failed burst."""
    bench = await WriteBench(dut, FAILING).start()
    for count in range(150):
        bench.put(count % CLIENTS, bench.rng.getrandbits(40), bench.rng.choice((1, 16, 64, 600, 2000)))
    await bench.run()
    failed = [command.failed for command in bench.done]
    assert len(failed) == 150 and any(failed) and not all(failed)


@cocotb.test()
async def stop_takes_nothing_and_finishes_the_rest(dut: Any) -> None:
    bench = await WriteBench(dut, HARSH, flow=0.8).start()
    drained = 0
    for _ in range(16):
        while sum(len(queue) for queue in bench.offers) < 30:
            bench.put(bench.rng.randrange(CLIENTS), bench.rng.getrandbits(40), bench.rng.choice((16, 100, 1500)))
        began = bench.cycle
        await bench.run(lambda: bench.cycle > began + bench.rng.randrange(100))  # noqa: B023
        drained += bench.busy
        bench.stop = 1
        await bench.step()  # drives it
        await bench.step()
        taken = sum(map(len, bench.open)) + len(bench.done)
        await bench.run(lambda: bool(dut.idle_o.value))
        assert not bench.busy and taken == len(bench.done)
        for _ in range(20):
            await bench.step()
            assert dut.idle_o.value and not dut.m_axi_awvalid.value
        bench.stop = 0
    await bench.run()
    assert drained > 8 and len(bench.done) > 60


# ------------------------------------------------------------------ rate
@cocotb.test()
async def a_beat_per_cycle_at_any_alignment(dut: Any) -> None:
    """No idle cycle on W, inside a burst, between bursts and between queued commands."""
    bench = await WriteBench(dut, FAST).start()
    rounds = [(offset, length, 12) for offset in range(bench.bus_bytes) for length in (16, 60, 64)]
    rounds += [(offset, 1514, 3) for offset in (0, 1, 2, 7, 15)]
    for offset, length, count in rounds:
        bench.w_cycles.clear()
        commands = [bench.put(0, HIGH + 4096 * i + offset, length) for i in range(count)]
        await bench.run()
        span = bench.w_cycles[-1] - bench.w_cycles[0] + 1
        bound = sum(words(command, bench.bus_bytes) for command in commands)
        assert span <= bound, f"{span} cycles for {bound} at offset {offset}, {length} bytes"


@cocotb.test()
async def mixed_clients_keep_the_bus_busy(dut: Any) -> None:
    bench = await WriteBench(dut, Settings(latency=(30, 30), reorder=True)).start()
    commands = [
        bench.put(client, HIGH + 8192 * i + offset, 2000)
        for client, offset in ((0, 0), (1, 3), (2, 12)) for i in range(10)
    ]  # fmt: skip
    await bench.run()
    span = bench.w_cycles[-1] - bench.w_cycles[0] + 1
    assert span <= sum(words(command, bench.bus_bytes) for command in commands)


@cocotb.test()
async def a_burst_per_cycle(dut: Any) -> None:
    """Commands of one beat, from one client and from three, go out without a gap."""
    bench = await WriteBench(dut, Settings(latency=(2, 2))).start()
    for clients in (1, CLIENTS):
        bench.aw_cycles.clear()
        for i in range(90):
            bench.put(i % clients, HIGH + 16 * i, 8)
        await bench.run()
        assert bench.aw_cycles[-1] - bench.aw_cycles[0] == 89


@cocotb.test()
async def small_writes_fill_a_late_memory(dut: Any) -> None:
    """64-byte writes of one client with B 156 cycles late: 32 outstanding, one done at least every 5.25 cycles."""
    bench = await WriteBench(dut, Settings(latency=(156, 156))).start()
    for i in range(400):
        bench.put(0, HIGH + 64 * i, 64)
    await bench.run()
    assert bench.slave.request.most_outstanding == 32 or bench.bus_bytes == 8
    span = bench.done[-1].done_cycle - bench.done[31].done_cycle
    slowest = 8.0 if bench.bus_bytes == 8 else 5.25  # eight bus beats each
    assert span <= slowest * (len(bench.done) - 32), f"{span / (len(bench.done) - 32):.2f} cycles each"


@cocotb.test()
async def outstanding_is_32_and_never_more(dut: Any) -> None:
    bench = await WriteBench(dut, Settings(latency=(500, 1500), reorder=True)).start()
    for i in range(150):
        bench.put(i % CLIENTS, HIGH + 4096 * i, bench.rng.randint(1, 1000))
    full = 0
    while bench.waiting or bench.busy:
        await bench.step()
        full += bench.slave.request.outstanding == 32
    assert bench.slave.request.most_outstanding == 32 and full > 100


@cocotb.test()
async def a_write_back_is_not_stuck_behind_payload(dut: Any) -> None:
    """Under frames of 16 KB from two clients, 16 bytes of the third are on the bus after few bursts, every time."""
    bench = await WriteBench(dut, Settings(latency=(20, 20))).start()
    for i in range(4):
        bench.put(0, HIGH + 0x10000 * i, 16383)
        bench.put(1, HIGH + 0x10000 * i + 5, 16383)
    await bench.run(lambda: len(bench.stored_order) > 8)
    for _ in range(10):
        command = bench.put(2, HIGH, 16)
        await bench.run(lambda: command.accepted_cycle >= 0)  # noqa: B023
        bursts = len(bench.stored_order)
        await bench.run(lambda: command.stored_cycle >= 0)  # noqa: B023
        assert len(bench.stored_order) - bursts <= 8  # four ahead, two of round robin, one on the pins, its own
    assert bench.busy
    await bench.run()


# ------------------------------------------------------------------ the bench can fail
@cocotb.test(expect_fail=True)
async def bench_notices_wrong_data(dut: Any) -> None:
    bench = await WriteBench(dut, FAST).start()
    command = bench.put(0, HIGH + 1, 64)
    await bench.run(lambda: command.accepted_cycle >= 0)
    command.data = command.data[::-1]
    await bench.run()


@cocotb.test(expect_fail=True)
async def bench_notices_an_error_too_many(dut: Any) -> None:
    bench = await WriteBench(dut, Settings(errors=1.0)).start()
    command = bench.put(0, HIGH, 64)
    await bench.run(lambda: command.failed)
    command.failed = False
    await bench.run()


# ------------------------------------------------------------------ broken promises
@cocotb.test()
async def breaks_b_unasked(dut: Any) -> None:
    bench = await WriteBench(dut, FAST).start()
    dut.m_axi_bid.value, dut.m_axi_bvalid.value = 2, 1
    await bench.step()
    await bench.step()


@cocotb.test()
async def breaks_b_before_data(dut: Any) -> None:
    """B for a burst whose address has been taken, but not all of its data."""
    bench = await WriteBench(dut, FAST).start()
    bench.put(0, HIGH, 512)
    await bench.run(lambda: len(bench.w_cycles) == 3)
    dut.m_axi_bid.value, dut.m_axi_bvalid.value = 0, 1
    await bench.step()
    await bench.step()


@cocotb.test()
async def breaks_data_missing(dut: Any) -> None:
    bench = await WriteBench(dut, FAST).start()
    bench.put(1, HIGH, 512)
    await bench.run(lambda: len(bench.w_cycles) == 3)
    while bench.data_on_pins[1]:  # the client stops as soon as it may
        bench.flow, bench.gap[1] = 0.0, -1000
        await bench.step()
    for _ in range(200):
        await bench.step()


@cocotb.test()
async def breaks_command_empty(dut: Any) -> None:
    bench = await WriteBench(dut, FAST).start()
    bench.put(1, HIGH, 0)
    for _ in range(4):
        await bench.step()


BROKEN = {
    "breaks_b_unasked": "B for ID 2, which has no finished burst outstanding",
    "breaks_b_before_data": "B for ID 0, which has no finished burst outstanding",
    "breaks_data_missing": "client 1 has no data for the command it gave",
    "breaks_command_empty": "client 1 asked for 0 bytes",
}


# ------------------------------------------------------------------ pytest
def design(width: int) -> Design:
    return Design("nic_axi_wr", nic_sources("nic_axi_wr"), {"AxiDataBits": width})


@pytest.mark.parametrize("width", [64, 128, 256])
def test_axi_wr(width, tmp_path):
    ran = simulate(design(width), __name__, folder=tmp_path, test_filter=r"^((?!breaks_).)*$")
    assert ran.passed == 14


@pytest.mark.parametrize("case", BROKEN)
def test_axi_wr_notices(case, tmp_path):
    with pytest.raises(SimulationFailed, match=BROKEN[case]):
        simulate(design(128), __name__, folder=tmp_path, test_filter=case)
