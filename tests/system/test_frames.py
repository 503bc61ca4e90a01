# SPDX-License-Identifier: MIT
"""Frames of every kind through the whole card, by random rounds: what lies in memory afterwards, to the byte and
nothing beside it, what was on the wire, and every statistics register are a model's (frame_model.py)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import cocotb
import pytest

from driver.e1000e.regs import RCTL
from sim.check.filter import BROADCAST
from sim.config import BenchConfig, HostConfig
from sim.launch import launch
from sim.wire import Frame, fcs_of
from tests.system.frame_card import Card, Round, card_down, card_up
from tests.system.frame_model import FCS_BYTES, Outbound, Receiver
from tests.system.helpers import AXI, NATIVE

MODULE = "tests.system.test_frames"
BUDGET = 40_000  # bytes of a round's frames: a receiver that stumbles has room for nearly all of them

# RCTL bits of each buffer size; with BSEX, BSIZE = 0 is reserved. FLXBUF counts, whatever the two others are.
BUFFERS = {
    **{f"{2048 >> code}": RCTL.BSIZE.put(code) for code in range(4)},
    **{f"{32768 >> code}": RCTL.BSIZE.put(code) | RCTL.BSEX for code in range(1, 4)},
    **{f"{kilobytes}K": RCTL.FLXBUF.put(kilobytes) | other
       for kilobytes, other in ((1, 0), (2, RCTL.BSEX), (3, RCTL.BSIZE.put(3)), (5, RCTL.BSEX | RCTL.BSIZE.put(1)),
                                (9, 0), (15, RCTL.BSIZE.put(2)))},
}  # fmt: skip


# ------------------------------------------------------------------ frames
EDGES = (6, 59, 60, 63, 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 1518, 1522, 1523, 1526, 9234, 9235)
GIANTS = (9300, 12_000, 16_367, 16_368, 16_369, 17_000)


def lengths(random: Random, size: int, least: int, giants: bool) -> Iterator[int]:
    """Of a round's frames, with FCS. size: of a receive buffer, whose multiples are where things go wrong."""
    left = BUDGET
    if giants:
        left -= (giant := random.choice(GIANTS))
        yield giant
    for _ in range(random.randint(20, 40)):
        multiple = size * random.randint(1, max(1, min(9234 // size, 8))) + random.choice((0, FCS_BYTES))
        length = random.choice((
            random.randint(least, 130), random.choice(EDGES), random.choice(EDGES), multiple + random.randint(-1, 1),
            random.randint(64, 2000), random.randint(64, 9234) if random.random() < 0.2 else random.randint(64, 400),
        ))  # fmt: skip
        if left >= length:
            left -= length
            yield max(least, length)


def destination(random: Random, own: bytes) -> bytes:
    station = bytes([random.randrange(256) & 0xFC]) + random.randbytes(5)
    group = bytes([random.randrange(256) | 1]) + random.randbytes(5)
    nearly = own[:5] + bytes([own[5] ^ 1 << random.randrange(8)])
    return random.choice([own, own, own, own, BROADCAST, BROADCAST, station, group, nearly])


def inbound(random: Random, own: bytes, length: int) -> Frame:
    """`length` bytes behind the SFD, half of the frames with nothing wrong but that."""
    data = (destination(random, own) + random.randbytes(length))[:length]
    body, kind = data[: max(0, length - FCS_BYTES)], random.randrange(8)
    if length < FCS_BYTES or kind == 0:
        whole = random.random() < 0.5 and length >= FCS_BYTES
        return Frame(body + fcs_of(body) if whole else data, truncated=True)
    if kind == 1:
        return Frame(body, pad=False, bad_fcs=True)
    if kind == 2:
        return Frame(body, pad=False, error_at=random.randrange(length))
    if kind == 3 and length > 30:  # an error character where the byte has its value: the FCS stays right
        at = random.randrange(12, length - FCS_BYTES)
        return Frame(body[:at] + b"\xfe" + body[at + 1 :], pad=False, error_at=at)
    return Frame(body, pad=False)


def outbound(random: Random, own: bytes, length: int) -> Outbound:
    """`length` bytes or a few more on the wire; the FCS by the card, or by software: right, wrong or missing."""
    data = (destination(random, own) + random.randbytes(length))[: max(1, length - FCS_BYTES)]
    kind = random.randrange(6)
    if kind < 3:
        return Outbound(data, ifcs=True)
    if kind == 3:
        return Outbound(data, ifcs=False)
    fcs = fcs_of(data)
    return Outbound(data + (fcs if kind == 4 else bytes([fcs[0] ^ 0x80]) + fcs[1:]), ifcs=False)


def inbounds(card: Card, size: int, giants: bool = False) -> list[Frame]:
    return [inbound(card.random, card.address, length) for length in lengths(card.random, size, 0, giants)]


def outbounds(card: Card, size: int) -> list[Outbound]:
    frames = [outbound(card.random, card.address, min(length, 9234)) for length in lengths(card.random, size, 1, False)]
    return frames[:60]


def accepting(random: Random) -> int:
    return RCTL.UPE * (random.random() < 0.3) | RCTL.MPE * (random.random() < 0.3) | RCTL.BAM * (random.random() < 0.7)


# ------------------------------------------------------------------ rounds
@cocotb.test()
async def frames_of_every_kind_arrive(dut: Any) -> None:
    """Every buffer size with LPE, SBP and SECRC on and off; in half of the rounds the card sends meanwhile."""
    card = await card_up(dut)
    random = card.random
    rounds = list(product(BUFFERS.values(), (0, RCTL.LPE), (0, RCTL.SBP), (0, RCTL.SECRC)))
    random.shuffle(rounds)
    with card.bench.books.shut():
        for bits in rounds if card.bench.config.sim.compiled else rounds[:12]:
            this = Round(sum(bits) | accepting(random), psp=random.random() < 0.5)
            size = Receiver(this.rctl, card.address).buffer_bytes
            this.inbound = inbounds(card, size, giants=random.random() < 0.15)
            if random.random() < 0.5:
                this.outbound = outbounds(card, size)
            await card.play(this)
    received = "GPRC GORC BPRC MPRC CRCERRS RXERRC RUC RFC ROC RJC PRC64 PRC127 PRC255 PRC511 PRC1023 PRC1522"
    await card_down(card, received if card.bench.config.sim.compiled else "GPRC GORC TPR")


@cocotb.test()
async def frames_of_every_kind_leave(dut: Any) -> None:
    """PSP on and off; the FCS by the card, by software, or by nobody; chains of one to eight buffers of any size."""
    card = await card_up(dut)
    with card.bench.books.shut():
        for psp in (True, False) * (12 if card.bench.config.sim.compiled else 2):
            await card.play(Round(RCTL.LPE, psp=psp, outbound=outbounds(card, 2048)))
    sent = "GPTC GOTC BPTC MPTC PTC64 PTC127 PTC255 PTC511 PTC1023 PTC1522"
    await card_down(card, sent if card.bench.config.sim.compiled else "GPTC GOTC")


@cocotb.test()
async def looped_frames_stay_in_the_card(dut: Any) -> None:
    """MAC and PHY loopback in any order: the wire stays idle, what comes from it is ignored; afterwards it counts
    again. With SBP and without SECRC memory shows each byte of a frame, the last four included."""
    card = await card_up(dut)
    random = card.random
    kinds = ["MAC", "PHY", "none"] * (5 if card.bench.config.sim.compiled else 1)
    random.shuffle(kinds)
    with card.bench.books.shut():
        for kind in [*kinds, "none"]:
            bits = random.choice(list(BUFFERS.values())) | random.choice((0, RCTL.LPE)) | random.choice((0, RCTL.SECRC))
            this = Round(bits | accepting(random) | random.choice((0, RCTL.SBP)), loopback=kind)
            this.psp = random.random() < 0.5
            size = Receiver(this.rctl, card.address).buffer_bytes
            this.inbound, this.outbound = inbounds(card, size), outbounds(card, size)
            await card.play(this)
    await card_down(card, "GPRC GPTC CRCERRS RFC" if card.bench.config.sim.compiled else "GPRC GPTC")


# ------------------------------------------------------------------
HOST = HostConfig(latency_ns=100, latency_spread_ns=300, reorder=True)
CASES = ("frames_of_every_kind_arrive", "frames_of_every_kind_leave", "looped_frames_stay_in_the_card")


@pytest.mark.parametrize("case", CASES)
def test_frames(case: str, tmp_path: Path, bench_seed: int) -> None:
    config = BenchConfig(host=HOST, sim=NATIVE).seeded(bench_seed)
    assert launch(config, MODULE, tmp_path, test_filter=case, plusargs=["+xgmii_faults"]).passed == 1


def test_a_sample_on_axi(tmp_path: Path, bench_seed: int) -> None:
    config = BenchConfig(host=HOST, sim=AXI).seeded(bench_seed)
    assert launch(config, MODULE, tmp_path, plusargs=["+xgmii_faults"]).passed == len(CASES)
