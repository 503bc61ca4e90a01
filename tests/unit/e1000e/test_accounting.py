# SPDX-License-Identifier: MIT
"""Every frame is in one counter and in no second one, whatever becomes of it."""

from __future__ import annotations

import pytest

from driver.e1000e.adapter import Adapter
from driver.e1000e.desc import RXD_ERR_CE
from driver.e1000e.netdev import e1000e_reinit_locked
from driver.e1000e.regs import GORCH, GORCL
from driver.e1000e.stats import e1000e_update_stats
from driver.linux.netdevice import dev_close, rtnl_lock, rtnl_unlock
from tests.unit.e1000e.bench import Bench, frame_of
from tests.unit.e1000e.fake_card import FakeCard

SMALL_RINGS = {"TxDescriptors": 64, "RxDescriptors": 64}


def deaf(bench: Bench) -> Bench:
    """No interrupt comes through, so nothing is polled."""
    bench.card.raise_causes = lambda causes: None  # type: ignore[method-assign]
    return bench


async def reinit(adapter: Adapter) -> None:
    await rtnl_lock()
    await e1000e_reinit_locked(adapter)
    rtnl_unlock()


def test_octets_are_summed_once_when_two_ask_at_a_time() -> None:
    """Of a pair of halves, the low one stays until the high one is read."""
    bench = Bench(cpus=2).up()
    adapter = bench.adapter
    bench.pump.run(e1000e_update_stats(adapter))
    before = adapter.stats["gorc"]
    bench.card.reg[GORCL.offset], bench.card.reg[GORCH.offset] = 1000, 1
    tasks = [bench.kernel.run(e1000e_update_stats(adapter), cpu=cpu) for cpu in range(2)]
    bench.pump.until(lambda: all(task.done for task in tasks))
    assert adapter.stats["gorc"] - before == (1 << 32) + 1000
    bench.finish()


@pytest.mark.parametrize("frames", [1, 3, 30])
def test_frame_that_was_sent_is_not_also_dropped_at_close(frames: int) -> None:
    bench = deaf(Bench().up())
    bench.send(*(frame_of(100, n) for n in range(frames)))
    bench.settle(50_000)
    assert len(bench.card.transmitted) == frames
    assert bench.adapter.tx_ring.next_to_clean != bench.adapter.tx_ring.next_to_use
    bench.pump.run(dev_close(bench.netdev))
    stats = bench.stats()
    assert (stats.tx_packets, stats.tx_dropped) == (frames, 0)
    del bench.card.raise_causes  # type: ignore[method-assign]
    bench.unload()


def test_sent_and_dropped_are_what_was_handed_over() -> None:
    frames, both = 40, 0
    for delay_ns in range(0, 30_000, 3_000):
        bench = Bench(SMALL_RINGS, card=FakeCard(frame_ns=1_000)).up()
        bench.card.frame_ns = 10_000  # so that a reset finds some of them sent and some not
        bench.send(*(frame_of(500, n) for n in range(frames)))
        bench.settle(delay_ns)
        bench.pump.run(reinit(bench.adapter))
        stats = bench.stats()
        assert stats.tx_packets == len(bench.card.transmitted)
        assert stats.tx_packets + stats.tx_dropped == frames
        both += bool(stats.tx_packets and stats.tx_dropped)
        bench.wait_carrier()
        bench.finish()
    assert both


@pytest.mark.parametrize("how", ["close", "reset"])
def test_frame_that_was_received_and_not_polled_is_dropped(how: str) -> None:
    bench = deaf(Bench().up())
    bench.arrive(*(frame_of(100, n) for n in range(10)))
    bench.settle(50_000)
    bench.card.receive(frame_of(100), errors=RXD_ERR_CE)
    bench.settle(50_000)
    adapter = bench.adapter
    bench.pump.run(dev_close(bench.netdev) if how == "close" else reinit(adapter))
    assert bench.received == []
    assert (adapter.rx_dropped, adapter.rx_desc_errors) == (10, 1)
    stats = bench.stats()
    assert (stats.rx_packets, stats.rx_dropped) == (11, 10)
    del bench.card.raise_causes  # type: ignore[method-assign]
    bench.unload()
    bench.assert_clean()


def test_every_frame_of_a_close_in_the_middle_is_delivered_or_counted() -> None:
    for delay_ns in range(0, 6_000, 500):
        bench = Bench().up()
        bench.arrive(*(frame_of(100, n) for n in range(10)), gap_ns=300)
        bench.settle(delay_ns)
        bench.pump.run(dev_close(bench.netdev))
        stats = bench.stats()
        assert stats.rx_packets == len(bench.received) + stats.rx_dropped
        bench.unload()


def test_counters_survive_a_pulled_cable_and_close() -> None:
    bench = Bench().up()
    bench.settle(3_000_000)
    bench.arrive(*(frame_of(100, n) for n in range(5)))
    bench.settle(50_000)
    bench.card.plug(False)
    bench.wait_carrier(False)
    assert bench.stats().rx_packets == 5
    bench.close()
    assert bench.stats().rx_packets == 5
    bench.unload()
    bench.assert_clean()


def test_counters_of_a_closed_card_are_not_read() -> None:
    bench = Bench().up()
    bench.close()
    bench.pump.host.log.clear()
    bench.stats()
    assert bench.pump.host.log == []
    bench.unload()
