# SPDX-License-Identifier: MIT
"""What a card may answer and a driver must not believe. Numbers are the datasheet's, not the driver's own names."""

from __future__ import annotations

import pytest

from driver.e1000e.regs import PHY_ID1
from driver.linux.errno import ENODEV
from driver.linux.timer import timer_pending
from tests.unit.e1000e.bench import Bench, frame_of

CE, SE, SEQ, CXE, TCPE, IPE, RXE = 0x01, 0x02, 0x04, 0x10, 0x20, 0x40, 0x80


@pytest.mark.parametrize("error", [CE, SE, SEQ, CXE, RXE])
def test_each_error_bit_of_a_descriptor_keeps_its_frame_from_the_stack(error: int) -> None:
    bench = Bench().up()
    bench.card.receive(frame_of(300, 1), error)
    bench.settle()
    assert bench.received == [] and bench.adapter.rx_desc_errors == 1
    bench.finish()


@pytest.mark.parametrize("checksum", [TCPE, IPE])
def test_a_wrong_checksum_is_the_stack_s_business(checksum: int) -> None:
    bench = Bench().up()
    bench.card.receive(frame_of(300, 1), checksum)
    bench.settle()
    assert bench.received == [frame_of(300, 1)] and bench.adapter.rx_desc_errors == 0
    bench.finish()


@pytest.mark.parametrize("identity", [0, 0xFFFF])
def test_a_phy_that_is_not_there_is_no_phy(identity: int) -> None:
    bench = Bench()
    bench.card.phy[PHY_ID1.number] = identity
    assert bench.load() == -ENODEV
    bench.unload()
    bench.assert_clean()


def test_the_watchdog_of_a_card_that_is_gone_ends() -> None:
    bench = Bench().up()
    bench.card.gone = True
    bench.pump.until(lambda: bench.adapter.hw.gone, timeout_ns=10_000_000_000, what=lambda: "the card is missed")
    bench.settle()
    assert not timer_pending(bench.adapter.watchdog_timer)
    bench.finish()
