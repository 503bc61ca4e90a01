# SPDX-License-Identifier: MIT
"""nic_rx_front against the model in front_model.py: filters, classes, strip, statistics; one outcome for each frame."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import cocotb
import pytest
from cocotb.triggers import RisingEdge

from sim.runner import Design, SimulationFailed, nic_sources, simulate
from tests.hdl.mac.bench import BEAT, BEAT_BYTES, STATUS, beats
from tests.hdl.mac.front_model import (
    BROADCAST,
    HASH_LOW_BIT,
    MAC_CONTROL,
    PAUSE,
    PAUSE_ADDRESS,
    STORE_LIMIT,
    Config,
    Frame,
    is_multicast,
    judge,
)
from tests.hdl.sim_helpers import start_clock_and_reset, struct

MODULE = "tests.hdl.mac.test_nic_rx_front"
RX_CFG, FILTER = struct("rx_cfg_t"), struct("mac_filter_t")
FLOW = struct("flow_cfg_t")
VERDICT, STAT = struct("rx_verdict_t"), struct("rx_stat_t")
OUTCOMES = ("good", "filtered", "crc_err", "sym_err", "undersize", "fragment", "oversize", "jabber")
FLAGS = ("en", "sbp", "upe", "mpe", "lpe", "bam", "secrc")


class Bench:
    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.rng = Random(cocotb.RANDOM_SEED)
        self.config = Config()
        self.out: list[tuple[bytes, Any, Any]] = []  # data, verdict, statistics
        self.control: list[tuple[int | None, bool]] = []  # with it: quanta of a pause, another MAC control frame
        self.counts: Counter[str] = Counter()

    async def start(self, config: Config | None = None) -> None:
        self.dut.valid_i.value = 0
        self.configure(config or Config())
        await start_clock_and_reset(self.dut)
        cocotb.start_soon(self._collect())
        cocotb.start_soon(self._table())

    def configure(self, config: Config) -> None:
        self.config = config
        numbers = {name: int(getattr(config, name)) for name in FLAGS}
        self.dut.cfg_i.value = RX_CFG.pack(**numbers, mo=config.mo, buf_bytes=2048)
        self.dut.flow_cfg_i.value = FLOW.pack(
            rx_en=int(config.rfce), discard=int(config.dpf), **{"pass": int(config.pmcf)}, ethertype=0x8808,
            addr=int.from_bytes(PAUSE_ADDRESS, "little"), quanta=self.rng.getrandbits(16),
        )  # fmt: skip
        packed = 0
        for number in range(16):
            address, select = config.addresses.get(number), 0
            if number in config.others:
                address, select = config.others[number], self.rng.randint(1, 3)
            value = self.rng.getrandbits(48) if address is None else int.from_bytes(address, "little")
            packed |= FILTER.pack(valid=int(address is not None), select=select, addr=value) << number * FILTER.width
        self.dut.filter_i.value = packed

    async def _table(self) -> None:
        """A synchronous memory; what it shows when it was not asked is anything."""
        dut = self.dut
        while True:
            await RisingEdge(dut.clk_i)
            bit = self.rng.getrandbits(1)
            if dut.mta_en_o.value:
                bit = int(int(dut.mta_index_o.value) in self.config.table)
            dut.mta_bit_i.value = bit

    async def _collect(self) -> None:
        dut, data = self.dut, bytearray()
        while True:
            await RisingEdge(dut.clk_i)
            verdict = VERDICT.unpack(int(dut.verdict_o.value))
            stat = STAT.unpack(verdict.stat)
            if not dut.valid_o.value:
                assert not stat.valid and not dut.pause_valid_o.value and not dut.unsupported_o.value
                continue
            assert dut.busy_o.value
            beat = BEAT.unpack(int(dut.beat_o.value))
            assert 1 <= beat.bytes <= BEAT_BYTES if beat.last else beat.bytes == BEAT_BYTES
            assert stat.valid == beat.last
            data += beat.data.to_bytes(BEAT_BYTES, "little")[: beat.bytes]
            if beat.last:
                self.out.append((bytes(data), verdict, stat))
                pause = int(dut.pause_quanta_o.value) if dut.pause_valid_o.value else None
                self.control.append((pause, bool(dut.unsupported_o.value)))
                data.clear()

    async def send(self, frame: Frame, pause: float = 0.3) -> None:
        dut, rng = self.dut, self.rng
        for beat in beats(frame.data):
            while rng.random() < pause:
                dut.valid_i.value = 0
                await RisingEdge(dut.clk_i)
            dut.valid_i.value, dut.beat_i.value = 1, beat
            size = min(len(frame.data), 0xFFFF)
            status = STATUS.pack(bytes=size, crc_err=int(frame.crc_err), symbol_err=int(frame.symbol_err))
            last = BEAT.unpack(beat).last  # the status counts with the last beat only
            dut.status_i.value = status if last else rng.getrandbits(STATUS.width)
            await RisingEdge(dut.clk_i)
        dut.valid_i.value = 0

    async def settle(self) -> None:
        for _ in range(8):
            await RisingEdge(self.dut.clk_i)
        assert not self.dut.busy_o.value

    def check(self, sent: list[Frame]) -> None:
        """Everything that came out is what the model says of `sent`; forgets it."""
        assert len(self.out) == len(sent) > 0
        for frame, (data, verdict, stat), control in zip(sent, self.out, self.control, strict=True):
            self._check_one(frame, data, verdict, stat)
            want = judge(frame, self.config)
            assert control == (want.pause, want.unsupported), f"{frame.data[:20].hex()} under {self.config}"
            self.counts["pause"] += want.pause is not None
            self.counts["unsupported"] += want.unsupported
        self.out.clear()
        self.control.clear()

    def _check_one(self, frame: Frame, data: bytes, verdict: Any, stat: Any) -> None:
        want = judge(frame, self.config)
        said = [name for name in OUTCOMES if getattr(stat, name)]
        context = f"{len(frame.data)} bytes to {frame.data[:6].hex(':')} under {self.config}"
        assert said == [want.outcome], context
        assert bool(verdict.accept) == want.accept, context
        assert verdict.bytes == len(data) == want.stored, context
        if len(frame.data) <= STORE_LIMIT:
            assert data == frame.data[: want.stored], context
        assert stat.bytes == min(len(frame.data), 0xFFFF) and not stat.missed, context
        assert (verdict.crc_err, verdict.symbol_err) == (frame.crc_err, frame.symbol_err), context
        if want.outcome != "filtered":
            short_or_long = want.outcome in ("undersize", "fragment", "oversize", "jabber")
            assert bool(verdict.len_err) == short_or_long, context
            assert bool(verdict.pif) == want.inexact, context
            assert bool(stat.broadcast) == (frame.data[:6] == BROADCAST), context
            assert bool(stat.multicast) == (is_multicast(frame.data) and frame.data[:6] != BROADCAST), context
        self.counts[want.outcome] += 1


def random_config(rng: Random) -> Config:
    flags = {name: rng.random() < 0.4 for name in FLAGS if name != "en"}
    addresses = {n: rng.randbytes(6) for n in rng.sample(range(16), rng.randint(0, 16))}
    others = {n: rng.randbytes(6) for n in range(16) if n not in addresses and rng.random() < 0.3}
    flags |= {name: rng.random() < 0.5 for name in ("rfce", "dpf", "pmcf")}
    table = set(rng.sample(range(4096), rng.choice([0, 100, 2048])))
    return Config(**flags, mo=rng.randrange(4), addresses=addresses, others=others, table=table)


def random_destination(rng: Random, config: Config) -> bytes:
    known = [rng.choice(list(group.values())) for group in (config.addresses, config.others) if group]
    address = rng.choice([*known, BROADCAST, rng.randbytes(6), rng.randbytes(6)])
    if rng.random() < 0.2:  # a near miss
        bit = 1 << rng.randrange(48)
        address = (int.from_bytes(address, "little") ^ bit).to_bytes(6, "little")
    return address


def random_frame(rng: Random, config: Config) -> Frame:
    size = rng.choice([rng.randint(1, 80), rng.randint(60, 70), rng.randint(64, 200), rng.choice([1522, 1523])])
    destination = rng.choice((random_destination(rng, config), PAUSE_ADDRESS))
    kind = rng.choice((MAC_CONTROL, MAC_CONTROL, rng.randbytes(2))) + rng.choice((PAUSE, rng.randbytes(2)))
    data = (destination + rng.randbytes(6) + kind + rng.randbytes(size))[:size]
    return Frame(data, crc_err=rng.random() < 0.2, symbol_err=rng.random() < 0.1)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def random_frames_under_random_settings(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    for _ in range(120):
        bench.configure(random_config(bench.rng))
        sent = [random_frame(bench.rng, bench.config) for _ in range(20)]
        pause = bench.rng.choice([0, 0.3, 0.8])
        for frame in sent:
            await bench.send(frame, pause)
        await bench.settle()
        bench.check(sent)
    assert set(bench.counts) == {*OUTCOMES, "pause", "unsupported"} and min(bench.counts.values()) > 5
    assert sum(bench.counts[name] for name in OUTCOMES) == 2400


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(mo=[0, 1, 2, 3])
async def each_hash_bit_is_where_the_offset_says(dut: Any, mo: int) -> None:
    """A walking one through the address, with only the table bit set that it should hit; then with all but that."""
    bench = Bench(dut)
    await bench.start()
    wanted = []
    for bit in range(1, 48):
        destination = (1 << bit | 1).to_bytes(6, "little")
        index = (1 << bit | 1) >> HASH_LOW_BIT[mo] & 0xFFF
        for table in ({index}, set(range(4096)) - {index}):
            bench.configure(Config(mo=mo, table=table))
            frame = Frame(destination + bench.rng.randbytes(60))
            await bench.send(frame)
            await bench.settle()
            wanted.append(bench.out[0][1].accept)
            bench.check([frame])
    assert wanted == [1, 0] * 47


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def each_of_sixteen_addresses_counts_and_only_if_valid(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    addresses = {n: bench.rng.randbytes(6) for n in range(16)}
    accepted = []
    for number, address in addresses.items():
        for valid in ({number: address}, {n: a for n, a in addresses.items() if n != number}):
            bench.configure(Config(addresses=valid))
            frame = Frame(address + bench.rng.randbytes(58))
            await bench.send(frame)
            await bench.settle()
            accepted.append(bench.out[0][1].accept)
            bench.check([frame])
    assert accepted == [1, 0] * 16


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(lpe=[False, True], sbp=[False, True])
async def lengths_are_classed_at_their_limits(dut: Any, lpe: bool, sbp: bool) -> None:
    bench = Bench(dut)
    await bench.start(Config(upe=True, mpe=True, lpe=lpe, sbp=sbp))
    sent = []
    for size in (1, 5, 6, 63, 64, 1518, 1522, 1523, 9234, 9235, 16368):
        for crc_err, symbol_err in ((False, False), (True, False), (False, True), (True, True)):
            sent.append(Frame(bench.rng.randbytes(size), crc_err, symbol_err))
            await bench.send(sent[-1], pause=0)
    await bench.settle()
    bench.check(sent)
    assert bench.counts["good"] == (6 if lpe else 4) - 1 and bench.counts["filtered"] == 8
    assert set(OUTCOMES) <= set(bench.counts)


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(pause=[0, 0.5])
async def the_fcs_is_stripped_at_every_length(dut: Any, pause: float) -> None:
    bench = Bench(dut)
    await bench.start(Config(upe=True, mpe=True, sbp=True, secrc=True))
    sent = [Frame(bench.rng.randbytes(size)) for size in (*range(1, 100), 9018, *range(1, 100))]
    for frame in sent:
        await bench.send(frame, pause)
    await bench.settle()
    bench.check(sent)


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(secrc=[False, True])
async def what_no_command_can_carry_is_cut(dut: Any, secrc: bool) -> None:
    bench = Bench(dut)
    await bench.start(Config(upe=True, mpe=True, sbp=True, lpe=True, secrc=secrc))
    sent = []
    for size in (16367, 16368, 16369, 16370, 16372, 16376, 16384, 16385, 20001, 66000, 64):
        sent.append(Frame(bench.rng.randbytes(size)))
        await bench.send(sent[-1], pause=0)
    await bench.settle()
    for frame, (data, _, _) in zip(sent[:-1], bench.out[:-1], strict=True):
        assert data[: STORE_LIMIT - 16] == frame.data[: STORE_LIMIT - 16]
    bench.check(sent)
    assert +bench.counts == {"oversize": 10, "good": 1}


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def disabled_means_no_trace_and_changes_count_from_the_next_frame(dut: Any) -> None:
    bench = Bench(dut)
    on, off = Config(upe=True, mpe=True), Config(en=False, upe=True, mpe=True)
    await bench.start(off)
    frames = [Frame(bench.rng.randbytes(400)) for _ in range(5)]
    await bench.send(frames[0])
    await bench.settle()
    assert not bench.out
    for frame, at_start, at_middle in ((frames[1], off, on), (frames[2], on, off), (frames[3], off, on)):
        bench.configure(at_start)
        await RisingEdge(dut.clk_i)
        sending = cocotb.start_soon(bench.send(frame, pause=0))
        for _ in range(8):
            await RisingEdge(dut.clk_i)
        bench.configure(at_middle)
        await sending
    await bench.send(frames[4])
    await bench.settle()
    bench.check([frames[2], frames[4]])


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def reset_inside_a_frame_lets_nothing_of_it_out(dut: Any) -> None:
    """The tail of a frame that a reset has cut, arriving while disabled, is no frame either."""
    bench = Bench(dut)
    config = Config(upe=True, mpe=True)
    await bench.start(config)
    data = bench.rng.randbytes(800)
    sending = cocotb.start_soon(bench.send(Frame(data), pause=0))
    for _ in range(20):
        await RisingEdge(dut.clk_i)
    bench.configure(replace(config, en=False))
    dut.rst_ni.value = 0
    for _ in range(4):
        await RisingEdge(dut.clk_i)
    dut.rst_ni.value = 1
    for _ in range(3):
        await RisingEdge(dut.clk_i)
    bench.configure(config)
    await sending
    await bench.settle()
    assert not bench.out and not bench.counts


def design() -> Design:
    return Design("nic_rx_front", nic_sources("nic_rx_front"))


def test_nic_rx_front(tmp_path):
    result = simulate(design(), MODULE, folder=tmp_path, test_filter=r"^(?!.*broken)")
    assert result.passed == 1 + 4 + 1 + 4 + 2 + 2 + 1 + 1


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def broken_model_of_the_hash(dut: Any) -> None:
    """The check itself: a model with another offset must disagree."""
    bench = Bench(dut)
    await bench.start()
    for _ in range(20):
        table = set(bench.rng.sample(range(4096), 2048))
        bench.configure(Config(mo=1, table=table))
        frame = Frame(b"\x01" + bench.rng.randbytes(69))
        await bench.send(frame)
        await bench.settle()
        bench.config = replace(bench.config, mo=2)
        bench.check([frame])


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def broken_beats(dut: Any) -> None:
    bench = Bench(dut)
    await bench.start()
    dut.beat_i.value = BEAT.pack(bytes=9)
    dut.valid_i.value = 1
    for _ in range(5):
        await RisingEdge(dut.clk_i)


@pytest.mark.parametrize("what, message", [("broken_model", "under Config"), ("broken_beats", "a beat with a hole")])
def test_what_is_wrong_is_caught(what, message, tmp_path):
    with pytest.raises(SimulationFailed, match=message):
        simulate(design(), MODULE, folder=tmp_path, test_filter=what)
