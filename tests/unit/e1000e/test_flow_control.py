# SPDX-License-Identifier: MIT
"""How the packet memory is split, and the watermarks that follow; what comes of a negotiation."""

from __future__ import annotations

import itertools

import pytest

from driver.e1000e.fc import e1000_resolve_fc
from driver.e1000e.hw import FcInfo, FcMode
from driver.e1000e.regs import FCAH, FCAL, FCRTH, FCRTL, FCT, FCTTV, PBA
from driver.linux.netdevice import dev_set_mtu
from tests.unit.e1000e.bench import Bench

SYM, ASYM = 0x0400, 0x0800
PACKET_MEMORY_KB = 40


def shares(bench: Bench) -> tuple[int, int]:
    """KB for receiving and for sending."""
    value = bench.card.get(PBA)
    return PBA.RXA.get(value), PBA.TXA.get(value)


@pytest.mark.parametrize("mtu", [1500, 1501, 2000, 4000, 9000, 9212])
def test_transmitter_has_room_for_two_frames_and_receiver_for_one(mtu: int) -> None:
    bench = Bench().up()
    assert bench.pump.run(dev_set_mtu(bench.netdev, mtu)) == 0
    rx, tx = shares(bench)
    assert rx + tx == PACKET_MEMORY_KB
    assert tx * 1024 >= 2 * (mtu + 18)
    assert rx * 1024 >= mtu + 22
    assert rx == 32 or tx * 1024 - 2 * (mtu + 18 + 4) < 1024 + 64, "no more is taken from the receiver than that"
    bench.finish()


def test_split_of_the_stock_driver() -> None:
    """Of 40 KB: what it writes where the transmitter's share reads 8 KB."""
    bench = Bench().up()
    found = []
    for mtu in (1500, 9000, 1500):
        bench.pump.run(dev_set_mtu(bench.netdev, mtu))
        found.append(shares(bench))
    assert found == [(32, 8), (22, 18), (32, 8)]
    bench.finish()


def test_watermarks_of_the_stock_driver() -> None:
    """Recorded: 0x7330 and 0x7328 with 32 KB and standard frames; 0x14c0 and 0x14b8 with 14 KB and 9000 bytes."""
    bench = Bench().up()
    bench.wait_carrier()
    assert (bench.card.get(FCRTH), bench.card.get(FCRTL)) == (0x7330, 0x7328 | FCRTL.XONE)
    assert (bench.card.get(FCAL), bench.card.get(FCAH), bench.card.get(FCT)) == (0x00C28001, 0x0100, 0x8808)
    assert bench.card.get(FCTTV) == 0x0680
    bench.card.packet_memory_kb = 32  # the card on which it was recorded shows the transmitter no share
    bench.pump.run(dev_set_mtu(bench.netdev, 9000))
    assert shares(bench) == (14, 18)
    bench.wait_carrier()
    assert (bench.card.get(FCRTH), bench.card.get(FCRTL)) == (0x14C0, 0x14B8 | FCRTL.XONE)
    bench.finish()


@pytest.mark.parametrize("mtu", [1500, 4000, 9000, 9212])
def test_frame_on_its_way_fits_above_the_high_watermark(mtu: int) -> None:
    bench = Bench().up()
    bench.pump.run(dev_set_mtu(bench.netdev, mtu))
    bench.wait_carrier()
    rx, _ = shares(bench)
    high, low = bench.card.get(FCRTH), bench.card.get(FCRTL) & ~FCRTL.XONE
    assert 0 < low < high <= rx * 1024 - (mtu + 22)
    bench.finish()


def test_every_negotiation() -> None:
    """By the rule of 802.3: who may send is who the other one obeys."""
    for wanted, ours, theirs in itertools.product(
        (FcMode.FULL, FcMode.RX_PAUSE), (0, SYM, ASYM, SYM | ASYM), (0, SYM, ASYM, SYM | ASYM)
    ):
        mode = e1000_resolve_fc(FcInfo(requested_mode=wanted), ours | 0x1E0, theirs | 0x1E1)
        if ours & theirs & SYM:
            expected = wanted
        elif ours == ASYM and theirs == SYM | ASYM:
            expected = FcMode.TX_PAUSE
        elif ours == SYM | ASYM and theirs == ASYM:
            expected = FcMode.RX_PAUSE
        else:
            expected = FcMode.NONE
        assert mode == expected, (wanted, ours, theirs)
