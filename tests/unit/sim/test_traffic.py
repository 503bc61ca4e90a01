# SPDX-License-Identifier: MIT
"""The sender of raw frames, on the driver and a fake card."""

from __future__ import annotations

from random import Random

import pytest

from driver.linux.netdevice import dev_change_tx_queue_len
from sim.traffic import frames_to, transmit_all
from tests.unit.e1000e.bench import PEER, Bench
from tests.unit.e1000e.fake_card import MAC_ADDRESS


@pytest.mark.parametrize(("lengths", "queue"), [((60, 60), 1000), ((60, 1514), 1000), ((60, 1514), 20), ((60, 60), 1)])
def test_the_queue_is_kept_full_and_never_overflows(lengths: tuple[int, int], queue: int) -> None:
    bench = Bench({"TxDescriptors": 64}).up()
    bench.pump.run(dev_change_tx_queue_len(bench.netdev, queue))
    frames = frames_to(PEER, MAC_ADDRESS, Random(1), 1500, lengths)
    begin = bench.pump.now_ns
    assert bench.pump.run(transmit_all(bench.netdev, frames)) == 0
    bench.settle()
    assert bench.card.transmitted == frames
    assert bench.netdev.txq.qdisc_sleeping.drops == 0
    assert bench.pump.now_ns > begin
    bench.finish()


def test_nothing_to_send_is_nothing_dropped() -> None:
    bench = Bench().up()
    assert bench.pump.run(transmit_all(bench.netdev, [])) == 0
    bench.finish()
