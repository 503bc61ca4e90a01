# SPDX-License-Identifier: MIT
"""nic_axi_rd: any alignment to any lane, responses in any order, errors to whom they belong, and at full rate."""

from __future__ import annotations

from typing import Any

import cocotb
import pytest

from sim.runner import Design, SimulationFailed, nic_sources, simulate
from tests.hdl.axi.read_bench import CLIENTS, Command, ReadBench
from tests.hdl.axi.slave import FAILING, FAST, HARSH, MILD, Settings, mixed_lengths

HIGH = 0xFEDC_0000_0000  # well above 4 GiB


def chunks(command: Command, bus_bytes: int) -> int:
    """Pieces that the bus brings a command in, as the engine can take them: of at most 16 bytes."""
    size = min(bus_bytes, 16)
    return (command.addr % size + command.bytes + size - 1) // size


def beats(command: Command) -> int:
    return (command.lane + command.bytes + 15) // 16


# ------------------------------------------------------------------ function
@cocotb.test()
async def every_alignment_to_every_lane(dut: Any) -> None:
    bench = await ReadBench(dut, MILD).start()
    lengths = [1, 2, 15, 16, 17, 31, 32, 33]
    count = 0
    for offset in range(bench.bus_bytes):
        for lane in range(16):
            for length in [*lengths, bench.rng.randint(3, 80)]:
                bench.ask(count % CLIENTS, HIGH + 4096 * bench.rng.randrange(1000) + offset, length, lane)
                count += 1
    await bench.run()
    assert len(bench.done) == count == bench.bus_bytes * 16 * 9


@cocotb.test()
async def big_commands_of_three_clients(dut: Any) -> None:
    bench = await ReadBench(dut, HARSH, eager=0.3).start()
    rng = bench.rng
    for client in range(CLIENTS):
        for length in mixed_lengths(rng):
            bench.ask(client, rng.getrandbits(63), length, rng.randrange(16))
    await bench.run()
    assert len(bench.done) == CLIENTS * 35
    assert bench.slave.request.most_outstanding > 16


@cocotb.test()
async def bursts_end_at_4_kib(dut: Any) -> None:
    bench = await ReadBench(dut, HARSH).start()
    for before in range(1, 40):
        for length in {before, before + 1, bench.rng.randint(1, 80)}:
            bench.ask(before % CLIENTS, HIGH + 4096 * before - before, length, bench.rng.randrange(16))
    bench.ask(0, (1 << 32) - 700, 1400, 3)
    await bench.run()
    assert len(bench.done) > 39


@cocotb.test()
async def errors_reach_their_command_only(dut: Any) -> None:
    """The bench compares err of every command and the address of every failed burst."""
    bench = await ReadBench(dut, FAILING).start()
    for count in range(150):
        length = bench.rng.choice((1, 16, 64, 600, 2000))
        bench.ask(count % CLIENTS, bench.rng.getrandbits(40), length, bench.rng.randrange(16))
    await bench.run()
    failed = [command.failed for command in bench.done]
    assert len(failed) == 150 and any(failed) and not all(failed)


@cocotb.test()
async def stop_takes_nothing_and_finishes_the_rest(dut: Any) -> None:
    bench = await ReadBench(dut, HARSH).start()
    drained = 0
    for _ in range(25):
        while sum(len(queue) for queue in bench.offers) < 30:
            bench.ask(bench.rng.randrange(CLIENTS), bench.rng.getrandbits(40), bench.rng.choice((16, 100, 1500)), 5)
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
            assert dut.idle_o.value and not dut.m_axi_arvalid.value
        bench.stop = 0
    await bench.run()
    assert drained > 12 and len(bench.done) > 100


# ------------------------------------------------------------------ rate
@cocotb.test()
async def a_beat_per_cycle_at_any_alignment(dut: Any) -> None:
    """Whatever is narrower, bus or beat port, has no idle cycle, also across commands of 64 and 1514 bytes."""
    bench = await ReadBench(dut, FAST).start()
    rounds = [(offset, lane, 64, 12) for offset in range(bench.bus_bytes) for lane in range(16)]
    rounds += [(offset, lane, 1514, 3) for offset, lane in ((0, 0), (2, 0), (0, 1), (15, 0), (1, 15), (7, 9))]
    for offset, lane, length, count in rounds:
        bench.beat_cycles.clear()
        commands = [bench.ask(0, HIGH + 4096 * i + offset, length, lane) for i in range(count)]
        await bench.run()
        span = bench.beat_cycles[-1] - bench.beat_cycles[0] + 1
        bound = max(sum(chunks(c, bench.bus_bytes) for c in commands), sum(map(beats, commands)))
        assert span <= bound + 1, f"{span} cycles for {bound} at offset {offset}, lane {lane}, {length} bytes"
    assert len(rounds) > 16 * bench.bus_bytes


@cocotb.test()
async def mixed_clients_keep_the_beat_port_busy(dut: Any) -> None:
    """Aligned reads, beats of three clients mixed: exactly one beat per bus chunk, RREADY never low but for width."""
    bench = await ReadBench(dut, Settings(latency=(8, 8), reorder=True, interleave=True)).start()
    for client in range(CLIENTS):
        for i in range(20):
            bench.ask(client, HIGH + 4096 * i + 512 * client, 512, 0)
    await bench.run()
    per_beat = 2 if bench.bus_bytes == 8 else 1
    assert bench.beat_cycles[-1] - bench.beat_cycles[0] <= per_beat * CLIENTS * 20 * 32
    assert len(bench.beat_cycles) == CLIENTS * 20 * 32
    assert bench.bus_bytes > 16 or bench.r_stalls == 0


@cocotb.test()
async def a_burst_per_cycle(dut: Any) -> None:
    """Commands of one beat, from one client and from three, go out without a gap."""
    bench = await ReadBench(dut, Settings(latency=(2, 2))).start()
    for clients in (1, CLIENTS):
        bench.ar_cycles.clear()
        for i in range(90):
            bench.ask(i % clients, HIGH + 16 * i, 8, 0)
        await bench.run()
        assert bench.ar_cycles[-1] - bench.ar_cycles[0] == 89


@cocotb.test()
async def small_reads_fill_a_late_memory(dut: Any) -> None:
    """64-byte reads of one client with answers 156 cycles late: 32 outstanding, one done at least every 5.25 cycles."""
    bench = await ReadBench(dut, Settings(latency=(156, 156))).start()
    for i in range(400):
        bench.ask(0, HIGH + 64 * i, 64, 0)
    await bench.run()
    assert bench.slave.request.most_outstanding == 32
    span = bench.done[-1].done_cycle - bench.done[31].done_cycle
    slowest = 8.0 if bench.bus_bytes == 8 else 5.25  # eight bus beats each
    assert span <= slowest * (len(bench.done) - 32), f"{span / (len(bench.done) - 32):.2f} cycles each"


@cocotb.test()
async def outstanding_is_32_and_never_more(dut: Any) -> None:
    bench = await ReadBench(dut, Settings(latency=(200, 1000), reorder=True, interleave=True)).start()
    for i in range(200):
        bench.ask(i % CLIENTS, HIGH + 4096 * i, bench.rng.randint(1, 1000), 0)
    full = 0
    while bench.waiting or bench.busy:
        await bench.step()
        full += bench.slave.request.outstanding == 32
    assert bench.slave.request.most_outstanding == 32 and full > 100


@cocotb.test()
async def a_small_command_passes_big_ones(dut: Any) -> None:
    """Round robin by burst: what takes one burst is asked for after few of the others', however long those are."""
    bench = await ReadBench(dut, Settings(latency=(1, 1))).start()
    for i in range(4):
        bench.ask(0, HIGH + 0x10000 * i, 16383, 0)
        bench.ask(1, HIGH + 0x10000 * i, 16383, 0)
    for _ in range(10):
        command = bench.ask(2, HIGH, 16, 0)
        await bench.run(lambda: command.accepted_cycle >= 0)  # noqa: B023
        bursts = len(bench.ar_cycles)
        await bench.run(lambda: command.asked_cycle >= 0)  # noqa: B023
        assert len(bench.ar_cycles) - bursts <= 4  # one of them is on the pins, the last is its own
    assert bench.busy
    await bench.run()


# ------------------------------------------------------------------ the bench can fail
@cocotb.test(expect_fail=True)
async def bench_notices_wrong_data(dut: Any) -> None:
    bench = await ReadBench(dut, FAST).start()
    bench.slave.memory = lambda addr, count: bench.memory(addr + 1, count)
    bench.ask(0, HIGH, 64, 3)
    await bench.run()


@cocotb.test(expect_fail=True)
async def bench_notices_an_error_too_many(dut: Any) -> None:
    bench = await ReadBench(dut, Settings(errors=1.0)).start()
    command = bench.ask(0, HIGH, 64, 3)
    await bench.run(lambda: command.failed)
    command.failed = False
    await bench.run()


# ------------------------------------------------------------------ broken promises
@cocotb.test()
async def breaks_r_unasked(dut: Any) -> None:
    bench = await ReadBench(dut, FAST).start()
    dut.m_axi_rid.value, dut.m_axi_rvalid.value = 1, 1
    await bench.step()
    await bench.step()


@cocotb.test()
async def breaks_rlast_early(dut: Any) -> None:
    bench = await ReadBench(dut, FAST).start()
    bench.ask(0, HIGH, 512, 0)
    await bench.run(lambda: bench.slave.r is not None)
    dut.m_axi_rlast.value = 1
    await bench.step()
    await bench.step()


@cocotb.test()
async def breaks_command_changed(dut: Any) -> None:
    bench = await ReadBench(dut, Settings(ready=0.0)).start()
    for i in range(6):
        bench.ask(0, HIGH + i, 512, 0)
    for _ in range(10):
        await bench.step()
    dut.cmd_valid_i.value = 0
    await bench.step()
    await bench.step()


BROKEN = {
    "breaks_r_unasked": "R for ID 1, which has nothing outstanding",
    "breaks_rlast_early": "RLAST of ID 0 is wrong in beat 0",
    "breaks_command_changed": "a waiting command of client 0 changed",
}


# ------------------------------------------------------------------ pytest
def design(width: int) -> Design:
    return Design("nic_axi_rd", nic_sources("nic_axi_rd"), {"AxiDataBits": width})


@pytest.mark.parametrize("width", [64, 128, 256])
def test_axi_rd(width, tmp_path):
    ran = simulate(design(width), __name__, folder=tmp_path, test_filter=r"^((?!breaks_).)*$")
    assert ran.passed == 13


@pytest.mark.parametrize("case", BROKEN)
def test_axi_rd_notices(case, tmp_path):
    with pytest.raises(SimulationFailed, match=BROKEN[case]):
        simulate(design(128), __name__, folder=tmp_path, test_filter=case)
