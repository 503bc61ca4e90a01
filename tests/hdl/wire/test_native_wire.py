# SPDX-License-Identifier: MIT
"""The compiled wire in lockstep with the one on cocotbext: the same words in every cycle, the same frames heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge, Timer, with_timeout

from sim.config import BenchConfig, SimConfig
from sim.launch import NATIVE, NATIVE_WIRE
from sim.native.library import library
from sim.native.serve import serve, start_clock
from sim.runner import Design, simulate
from sim.wire import Frame, Received, Wire, fcs_of
from sim.wire.cocotbext import XgmiiWire
from sim.wire.native import NativeWire

HERE = Path(__file__).parent
PERIOD_PS, LANES = 6400, 8
IDLE, START, TERMINATE, ERROR, PREAMBLE, SFD = 0x07, 0xFB, 0xFD, 0xFE, 0x55, 0xD5
IDLE_WORD, ALL_CONTROL = 0x0707070707070707, 0xFF
Sent = list[tuple[Frame, int]]


class Pair:
    """Both wires at one clock: each drives its own pins, both hear the same ones."""

    def __init__(self, dut: Any, gap_bytes: int = 12) -> None:
        library().restart()
        self.dut = dut
        self.random = Random(cocotb.RANDOM_SEED)
        dut.wake_i.value = dut.time_skip_i.value = 0
        dut.xgmii_txd.value, dut.xgmii_txc.value = IDLE_WORD, ALL_CONTROL
        start_clock("clk_i", PERIOD_PS)
        self.gap_bytes = gap_bytes

    async def up(self) -> Pair:
        dut = self.dut
        await ClockCycles(dut.clk_i, 3)
        self.ours = NativeWire(self.gap_bytes)
        self.theirs = XgmiiWire(dut, rx_clock=dut.clk_i, tx_clock=dut.clk_i, gap_bytes=self.gap_bytes)
        self.wires: tuple[Wire, Wire] = (self.ours, self.theirs)
        self.heard: tuple[list[Received], list[Received]] = ([], [])
        self.sent: tuple[Sent, Sent] = ([], [])
        for wire, heard, sent in zip(self.wires, self.heard, self.sent, strict=True):
            wire.on_received(heard.append)
            wire.on_sent(lambda frame, time_ns, sent=sent: sent.append((frame, time_ns)))  # type: ignore[misc]
        serve(dut, BenchConfig(sim=SimConfig(host="axi", wire="native")))
        # Between two edges: at an edge itself the compiled one, which acts after Python, would be a cycle ahead.
        await Timer(1, "ns")
        return self

    def send(self, frame: Frame) -> None:
        for wire in self.wires:
            wire.send(frame)

    async def drained(self) -> None:
        for wire in self.wires:
            await with_timeout(wire.drained(), 1, "ms")
        await ClockCycles(self.dut.clk_i, 30)


class Lockstep:
    """Compares the pins of both in every cycle. starts: lanes in which frames began; gaps: idle bytes between them."""

    def __init__(self, dut: Any) -> None:
        self.dut = dut
        self.words = 0
        self.starts: list[int] = []
        self.gaps: list[int] = []
        self._idle: int | None = None
        cocotb.start_soon(self._run())

    async def _run(self) -> None:
        dut, edge = self.dut, RisingEdge(self.dut.clk_i)
        while True:
            await edge
            ours = int(dut.native_rxd_o.value), int(dut.native_rxc_o.value)
            theirs = int(dut.xgmii_rxd.value), int(dut.xgmii_rxc.value)
            assert ours == theirs, f"word {self.words}: {ours[0]:016x}/{ours[1]:02x}, {theirs[0]:016x}/{theirs[1]:02x}"
            self._look(*ours)

    def _look(self, data: int, control: int) -> None:
        self.words += (data, control) != (IDLE_WORD, ALL_CONTROL)
        for lane, byte in enumerate(data.to_bytes(LANES, "little")):
            if not control >> lane & 1 or byte not in (IDLE, START, TERMINATE):
                continue
            if byte == START:
                self.starts.append(lane)
                if self._idle is not None:
                    self.gaps.append(self._idle)
            elif byte == TERMINATE:
                self._idle = 1  # it is the first byte of the gap
            elif self._idle is not None:
                self._idle += 1


def frame_of(random: Random) -> Frame:
    """Any length, a fifth each: legal and padded, as it is, wrong FCS, an error character somewhere, truncated."""
    data = random.randbytes(random.choice([0, 1, 14, 46, 59, 60, 61, 62, 63, 64, random.randint(60, 300), 1514]))
    frame, kind = Frame(data), random.randrange(5)
    if kind == 1:
        return replace(frame, pad=False)
    if kind == 2:
        return replace(frame, bad_fcs=True, pad=random.random() < 0.5)
    if kind == 3:
        return replace(frame, error_at=random.randrange(len(frame.wire_bytes)))
    if kind == 4:
        return replace(frame, truncated=True)
    return frame


@cocotb.test()
@cocotb.parametrize(gap_bytes=[12, 13, 14, 15, 16, 17, 20, 40, 99, 100])
async def the_same_words_in_every_cycle(dut: Any, gap_bytes: int) -> None:
    """Bursts of random frames, good and broken, and pauses of any length between them."""
    pair = await Pair(dut, gap_bytes).up()
    lockstep, random = Lockstep(dut), pair.random
    for _ in range(8):
        for _ in range(random.choice([1, 2, 20])):
            pair.send(frame_of(random))
        await Timer(random.choice([1, 6400, random.randint(1, 20_000), random.randint(1, 10_000_000)]), "step")
    await pair.drained()
    assert pair.sent[0] == pair.sent[1] and len(pair.sent[0]) == len(lockstep.starts) >= 8
    assert lockstep.words > 100 and set(lockstep.starts) == {0, 4}
    # As early as the deficit allows, never earlier.
    assert min(lockstep.gaps) >= gap_bytes - 3


@cocotb.test()
async def frames_back_to_back_keep_the_gap_on_average(dut: Any) -> None:
    pair = await Pair(dut).up()
    lockstep = Lockstep(dut)
    for length in range(60, 68):
        for _ in range(33):
            pair.send(Frame(pair.random.randbytes(length)))
    await pair.drained()
    assert len(lockstep.gaps) == 8 * 33 - 1 and set(lockstep.starts) == {0, 4}
    assert 0 <= sum(lockstep.gaps) - 12 * len(lockstep.gaps) + 3 <= 6 and min(lockstep.gaps) >= 9


# ---------------------------------------------------------------- from the card
Character = tuple[int, bool]  # byte, whether it is a control character
FAULTS = (
    "none", "none", "bit", "no SFD", "short preamble", "long preamble", "error", "cut by idle", "cut by start", "tiny",
)  # fmt: skip


def plain(data: bytes) -> list[Character]:
    return [(byte, False) for byte in data]


def on_the_wire(random: Random) -> list[Character]:
    """A frame from start to terminate, and in most cases something wrong with it."""
    data = random.randbytes(random.choice([0, 1, 4, 14, 60, 61, 67, random.randint(60, 300)]))
    raw = plain(data + fcs_of(data))
    preamble = plain(bytes([PREAMBLE] * 6 + [SFD]))
    frame = [(START, True), *preamble, *raw, (TERMINATE, True)]
    at = random.randrange(1, len(frame))
    kind = random.choice(FAULTS)
    if kind == "bit":
        byte, control = frame[at]
        frame[at] = (byte ^ 1 << random.randrange(8), control)
    elif kind == "no SFD":
        frame[7] = (PREAMBLE, False)
    elif kind == "short preamble":
        del frame[random.randint(1, 6)]
    elif kind == "long preamble":
        frame.insert(1, (PREAMBLE, False))
    elif kind == "error":
        frame[at] = (ERROR, True)
    elif kind == "cut by idle":
        frame[at:] = [(IDLE, True)]
    elif kind == "cut by start":
        frame[at:] = [(START, True), *preamble, *raw, (TERMINATE, True)]
    elif kind == "tiny":
        frame = [(START, True), *plain(random.randbytes(random.randint(0, 13))), (TERMINATE, True)]
    return frame


def words_of(characters: list[Character]) -> Iterator[tuple[int, int]]:
    for at in range(0, len(characters), LANES):
        word = characters[at : at + LANES]
        word += [(IDLE, True)] * (LANES - len(word))
        data = int.from_bytes(bytes(byte for byte, _ in word), "little")
        yield data, sum(control << lane for lane, (_, control) in enumerate(word))


@cocotb.test()
async def the_same_is_heard_of_the_same_pins(dut: Any) -> None:
    """Frames good and broken in every way, started in any lane, with gaps from none to some words."""
    pair = await Pair(dut).up()
    random = pair.random
    characters: list[Character] = []
    for _ in range(500):
        characters += on_the_wire(random)
        characters += [(IDLE, True)] * random.choice([0, 1, 3, 7, 8, 12, random.randint(0, 40)])
    characters += [(TERMINATE, True), (IDLE, True), (ERROR, True)] * 8  # of no frame
    for data, control in words_of(characters):
        dut.xgmii_txd.value, dut.xgmii_txc.value = data, control
        await RisingEdge(dut.clk_i)
    dut.xgmii_txd.value, dut.xgmii_txc.value = IDLE_WORD, ALL_CONTROL
    await ClockCycles(dut.clk_i, 30)
    ours, theirs = pair.heard
    assert ours == theirs
    good = sum(frame.good for frame in ours)
    assert good > 40 and len(ours) - good > 80
    assert pair.ours.received_bad == pair.theirs.received_bad == len(ours) - good


@cocotb.test()
async def an_error_character_in_the_place_of_the_same_byte_is_an_error(dut: Any) -> None:
    """The last byte of an FCS that happens to be 0xFE: as a data byte it is right, as a control character it is not."""
    pair = await Pair(dut).up()
    data = b""
    while fcs_of(data)[-1] != ERROR:
        data = pair.random.randbytes(60)
    head = [(START, True), *plain(bytes([PREAMBLE] * 6 + [SFD]) + data + fcs_of(data)[:-1])]
    for is_control in (False, True):
        for word, control in words_of([*head, (ERROR, is_control), (TERMINATE, True)]):
            dut.xgmii_txd.value, dut.xgmii_txc.value = word, control
            await RisingEdge(dut.clk_i)
    dut.xgmii_txd.value, dut.xgmii_txc.value = IDLE_WORD, ALL_CONTROL
    await ClockCycles(dut.clk_i, 10)
    for heard in pair.heard:
        assert [(frame.data, frame.good) for frame in heard] == [(data, True), (data, False)]


@cocotb.test()
async def whole_frames_are_heard_in_every_lane_and_length(dut: Any) -> None:
    """Against what was put on the pins, not only against each other: data, and the time of the last word.

    XGMII knows lanes 0 and 4. In lane 7 neither looks for a start: that word has nothing but control characters.
    """
    pair = await Pair(dut).up()
    expected: list[tuple[bytes, int]] = []
    for lane in range(LANES - 1):
        for length in range(LANES * 2):
            data = pair.random.randbytes(60 + length)
            frame = [(START, True), *plain(bytes([PREAMBLE] * 6 + [SFD]) + data + fcs_of(data)), (TERMINATE, True)]
            for word, control in words_of([(IDLE, True)] * lane + frame):
                dut.xgmii_txd.value, dut.xgmii_txc.value = word, control
                await RisingEdge(dut.clk_i)
            expected.append((data, library().now_ps // 1000))  # this edge samples the last word
            dut.xgmii_txd.value, dut.xgmii_txc.value = IDLE_WORD, ALL_CONTROL
            await ClockCycles(dut.clk_i, 2)
    await ClockCycles(dut.clk_i, 10)
    for heard in pair.heard:
        assert all(frame.good for frame in heard)
        assert [frame.data for frame in heard] == [data for data, _ in expected]
        assert [frame.time_ns for frame in heard] == [time_ns for _, time_ns in expected]


def test_native_wire(tmp_path: Path) -> None:
    design = Design("native_wire_tb", (*NATIVE_WIRE, HERE / "native_wire_tb.sv"), native=NATIVE)
    result = simulate(design, "tests.hdl.wire.test_native_wire", folder=tmp_path)
    assert result.passed == 14
