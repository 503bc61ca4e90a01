# SPDX-License-Identifier: MIT
"""From dev_queue_xmit to the driver: the queue, its control, the carrier, the watchdog."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest

from driver.linux.bug import ContractViolation
from driver.linux.delay import msleep, udelay
from driver.linux.net.state import net_state
from driver.linux.netdevice import (
    NET_XMIT_CN,
    NET_XMIT_DROP,
    NET_XMIT_SUCCESS,
    NETDEV_TX_BUSY,
    NETDEV_TX_OK,
    NetDevice,
    NetDeviceOps,
    alloc_etherdev,
    dev_close,
    dev_consume_skb_any,
    dev_open,
    dev_queue_xmit,
    netdev_start_xmit,
    netdev_xmit_more,
    netif_carrier_off,
    netif_carrier_on,
    netif_queue_stopped,
    netif_start_queue,
    netif_stop_queue,
    netif_trans_update,
    netif_tx_disable,
    netif_wake_queue,
    register_netdev,
    rtnl,
    unregister_netdev,
)
from driver.linux.packet import PacketType, dev_add_pack
from driver.linux.sched import in_softirq, in_task
from driver.linux.skbuff import SkBuff, SkBuffHead, alloc_skb, consume_skb, live_skbs, skb_get, skb_put_data
from driver.linux.skbuff import skb_queue_tail as queue_tail
from tests.unit.pump import Pump, machine


class Ops(NetDeviceOps):
    """Sends at once, unless told to be busy."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.refuse = 0
        self.timeouts: list[int] = []
        self.contexts: list[bool] = []

    def ndo_open(self, dev: NetDevice) -> int:
        netif_start_queue(dev)
        return 0

    def ndo_stop(self, dev: NetDevice) -> int:
        netif_stop_queue(dev)
        return 0

    def take(self, skb: SkBuff) -> int:
        self.contexts.append(in_softirq())
        if self.refuse:
            self.refuse -= 1
            assert skb.dev is not None
            netif_stop_queue(skb.dev)
            netif_wake_queue(skb.dev)  # at once there is room again
            return NETDEV_TX_BUSY
        self.sent.append(bytes(skb.view()))
        dev_consume_skb_any(skb)
        return NETDEV_TX_OK

    def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
        assert dev.txq.lock.is_locked()
        return self.take(skb)

    def ndo_tx_timeout(self, dev: NetDevice, txqueue: int) -> None:
        assert dev.txq.frozen
        self.timeouts.append(dev.txq.trans_timeout)


class WaitingOps(Ops):
    """Reads a register, as it were, for each packet."""

    async def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:  # type: ignore[override]
        await udelay(1)
        return self.take(skb)


class Bench:
    def __init__(self, ops: Ops | None = None, queue: int = 1000, **options: Any) -> None:
        self.pump: Pump = machine(memory_bytes=1 << 20, **options)
        self.kernel = self.pump.kernel
        self.ops = ops or Ops()
        with self.kernel.entered():
            self.dev = dev = alloc_etherdev()
        dev.netdev_ops = self.ops
        dev.dev_addr = bytes([2, 0, 0, 0, 0, 1])
        dev.tx_queue_len = queue
        assert self.run(register_netdev(dev)) == 0
        assert self.run(dev_open(dev)) == 0

    def run(self, coro: Coroutine[Any, Any, Any]) -> Any:
        return self.pump.run(coro)

    def skb(self, data: bytes = b"frame") -> SkBuff:
        skb = alloc_skb(64)
        assert skb is not None
        skb_put_data(skb, data)
        skb.dev = self.dev
        return skb

    def send(self, *frames: bytes) -> list[int]:
        """From a process; then softirqs get their turn."""

        async def process() -> list[int]:
            return [dev_queue_xmit(self.skb(frame)) for frame in frames]

        answers: list[int] = self.run(process())
        return answers

    def do(self, function: Any, *arguments: Any) -> None:
        async def process() -> None:
            function(*arguments)

        self.run(process())
        self.pump.advance(0)

    def trips(self, rule: str, function: Any, *arguments: Any) -> None:
        with self.kernel.expecting(rule) as caught:
            try:
                self.do(function, *arguments)
            except ContractViolation as raised:
                assert raised.violation.rule == rule
        assert [violation.rule for violation in caught] == [rule]

    @property
    def qdisc(self) -> Any:
        return self.dev.txq.qdisc

    def done(self, live: int = 0) -> None:
        with self.kernel.entered():
            assert len(live_skbs()) == live
        assert self.kernel.violations == []


# ---- the queue


@pytest.mark.parametrize("ops", [Ops, WaitingOps])
def test_packets_go_out_in_order(ops: type[Ops]) -> None:
    bench = Bench(ops())
    frames = [b"%d" % number for number in range(200)]
    assert bench.send(*frames) == [NET_XMIT_SUCCESS] * 200
    bench.pump.advance(1_000_000)
    assert bench.ops.sent == frames and bench.qdisc.sent == 200
    assert all(bench.ops.contexts)  # bottom halves are disabled, or it is a softirq
    bench.done()


def test_a_plain_start_xmit_runs_before_dev_queue_xmit_returns() -> None:
    bench = Bench()

    async def process() -> None:
        assert in_task()
        dev_queue_xmit(bench.skb())
        assert bench.ops.sent == [b"frame"]

    bench.run(process())


def test_a_stopped_queue_keeps_packets_until_it_is_woken() -> None:
    bench = Bench()
    bench.do(netif_stop_queue, bench.dev)
    bench.send(b"1", b"2")
    assert bench.ops.sent == [] and len(bench.qdisc.packets) == 2
    bench.do(netif_wake_queue, bench.dev)
    assert bench.ops.sent == [b"1", b"2"]
    bench.done()


def test_starting_a_queue_does_not_send_what_waits() -> None:
    bench = Bench()
    bench.do(netif_stop_queue, bench.dev)
    bench.send(b"1")
    bench.do(netif_start_queue, bench.dev)
    assert bench.ops.sent == []
    bench.send(b"2")
    assert bench.ops.sent == [b"1", b"2"]


def test_waking_a_queue_that_runs_does_nothing() -> None:
    bench = Bench()
    bench.do(netif_wake_queue, bench.dev)
    assert not bench.qdisc.scheduled


def test_the_queue_is_bounded_and_counts_its_drops() -> None:
    bench = Bench(queue=3)
    bench.do(netif_stop_queue, bench.dev)
    assert bench.send(*[b"x"] * 5) == [NET_XMIT_SUCCESS] * 3 + [NET_XMIT_DROP] * 2
    assert bench.qdisc.drops == 2
    with bench.kernel.entered():
        assert net_state().drop_counts() == {"QDISC_DROP": 2}
    bench.done(live=3)


def test_what_the_driver_refuses_goes_out_later_and_in_order() -> None:
    bench = Bench()
    bench.ops.refuse = 3
    bench.send(b"1", b"2", b"3")
    bench.pump.advance(1_000_000)
    assert bench.ops.sent == [b"1", b"2", b"3"] and bench.qdisc.requeues == 3
    bench.done()


def test_a_driver_that_stops_in_mid_run_is_left_alone() -> None:
    class Small(Ops):
        def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
            answer = super().ndo_start_xmit(skb, dev)
            if len(self.sent) % 2 == 0:
                netif_stop_queue(dev)
            return answer

    bench = Bench(Small())
    bench.send(*[b"x"] * 5)
    assert len(bench.ops.sent) == 2 and netif_queue_stopped(bench.dev)
    bench.do(netif_wake_queue, bench.dev)
    assert len(bench.ops.sent) == 4
    bench.done(live=1)


def test_a_long_queue_goes_out_in_runs_of_64() -> None:
    bench = Bench()
    bench.do(netif_stop_queue, bench.dev)
    bench.send(*[b"x"] * 150)
    runs: list[int] = []
    original = bench.ops.take

    def take(skb: SkBuff) -> int:
        runs[-1] += 1
        return original(skb)

    bench.ops.take = take  # type: ignore[method-assign]
    schedule = bench.kernel.softirq_actions[2]
    assert schedule is not None

    def action() -> Any:
        runs.append(0)
        return schedule()

    bench.kernel.softirq_actions[2] = action
    bench.do(netif_wake_queue, bench.dev)
    assert runs == [64, 64, 22]


class Telling(Ops):
    """Notes for each packet whether more follow."""

    def __init__(self) -> None:
        super().__init__()
        self.more: list[bool] = []

    def take(self, skb: SkBuff) -> int:
        self.more.append(netdev_xmit_more())
        return super().take(skb)


class TellingLater(WaitingOps, Telling):
    pass


def test_the_driver_is_told_of_each_packet_of_a_run_but_the_last_that_more_follow() -> None:
    bench = Bench(ops := Telling())
    bench.do(netif_stop_queue, bench.dev)
    bench.send(*[b"x"] * 150)
    bench.do(netif_wake_queue, bench.dev)
    assert ops.more == ([True] * 63 + [False]) * 2 + [True] * 21 + [False]
    bench.done()


def test_a_packet_sent_alone_is_the_last() -> None:
    bench = Bench(ops := Telling())
    bench.send(b"1", b"2")
    assert ops.more == [False, False]


def test_a_driver_that_waits_is_never_told_that_more_follow() -> None:
    bench = Bench(ops := TellingLater())
    bench.send(*[b"x"] * 10)
    bench.pump.advance(100_000)
    assert ops.more == [False] * 10
    bench.done()


def test_who_hands_a_packet_to_the_driver_itself_says_whether_more_follow() -> None:
    bench = Bench(ops := Telling())
    bench.do(lambda: [netdev_start_xmit(bench.skb(), bench.dev, more) for more in (True, False)])
    assert ops.more == [True, False]


def test_tx_disable_stops_the_queue() -> None:
    bench = Bench()
    bench.do(netif_tx_disable, bench.dev)
    assert netif_queue_stopped(bench.dev) and not bench.dev.txq.lock.is_locked()


# ---- rules


def test_start_xmit_on_a_stopped_queue() -> None:
    bench = Bench()
    bench.do(netif_stop_queue, bench.dev)
    bench.trips("xmit-stopped-queue", lambda: netdev_start_xmit(bench.skb(), bench.dev))


def test_start_xmit_on_a_device_that_is_down() -> None:
    bench = Bench()
    bench.run(dev_close(bench.dev))
    bench.do(netif_start_queue, bench.dev)
    bench.trips("xmit-device-down", lambda: netdev_start_xmit(bench.skb(), bench.dev))


def test_a_driver_must_not_free_what_it_refuses() -> None:
    class Both(Ops):
        def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
            dev_consume_skb_any(skb)
            return NETDEV_TX_BUSY

    bench = Bench(Both())
    with pytest.raises(ContractViolation, match="skb-use-after-free"):
        bench.send(b"x")


@pytest.mark.parametrize("waits", [False, True])
def test_who_is_busy_must_have_stopped_the_queue(waits: bool) -> None:
    class Busy(Ops):
        def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:
            return NETDEV_TX_BUSY

    class BusyLater(Ops):
        async def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> int:  # type: ignore[override]
            await udelay(1)
            return NETDEV_TX_BUSY

    bench = Bench(BusyLater() if waits else Busy())
    with pytest.raises(ContractViolation, match="xmit-busy"):
        bench.send(b"x")
        bench.pump.advance(10_000)


def test_a_plain_start_xmit_must_not_wait() -> None:
    class Hidden(Ops):
        def ndo_start_xmit(self, skb: SkBuff, dev: NetDevice) -> Any:
            coro = WaitingOps().ndo_start_xmit(skb, dev)
            coro.close()
            return coro

    bench = Bench(Hidden())
    bench.trips("xmit-waits", lambda: dev_queue_xmit(bench.skb()))


def test_a_packet_needs_a_device() -> None:
    def nowhere(bench: Bench) -> None:
        skb = bench.skb()
        skb.dev = None
        dev_queue_xmit(skb)

    bench = Bench()
    bench.trips("xmit-no-device", nowhere, bench)


def test_a_shared_packet_is_not_transmitted() -> None:
    bench = Bench()
    bench.trips("skb-shared", lambda: dev_queue_xmit(skb_get(bench.skb())))


def test_a_packet_on_a_queue_is_not_transmitted() -> None:
    def queued(bench: Bench) -> None:
        skb = bench.skb()
        queue_tail(SkBuffHead(), skb)
        dev_queue_xmit(skb)

    bench = Bench()
    bench.trips("skb-on-list", queued, bench)


def test_not_from_a_hard_interrupt() -> None:
    from driver.host import IrqLevel
    from driver.linux.interrupt import IRQ_HANDLED, request_irq

    bench = Bench()

    def handler(irq: int, dev_id: object) -> int:
        dev_queue_xmit(bench.skb())
        return IRQ_HANDLED

    bench.do(lambda: request_irq(20, handler, 0, "test", handler))
    bench.pump.at(bench.pump.now_ns, lambda: IrqLevel(20, True))
    bench.pump.at(bench.pump.now_ns + 1, lambda: IrqLevel(20, False))
    expecting = bench.kernel.expecting
    with expecting("xmit-hardirq") as caught, expecting("bh-enable"), expecting("skb-hardirq"):
        bench.pump.advance(10)
    assert len(caught) == 1


# ---- carrier, up and down


def test_without_a_carrier_packets_are_dropped_and_counted() -> None:
    bench = Bench()
    bench.do(netif_carrier_off, bench.dev)
    assert bench.send(b"x") == [NET_XMIT_CN] and bench.ops.sent == [] and bench.qdisc.drops == 1
    with bench.kernel.entered():
        assert net_state().drop_counts() == {"DEV_READY": 1}
    bench.do(netif_carrier_on, bench.dev)
    assert bench.send(b"y") == [NET_XMIT_SUCCESS] and bench.ops.sent == [b"y"]
    bench.done()


def test_losing_the_carrier_drops_what_waits() -> None:
    bench = Bench()
    bench.do(netif_stop_queue, bench.dev)
    bench.send(b"1", b"2")
    bench.do(netif_carrier_off, bench.dev)
    bench.do(netif_carrier_on, bench.dev)
    bench.do(netif_wake_queue, bench.dev)
    assert bench.ops.sent == []
    bench.done()


def test_closing_drops_what_waits_and_what_comes() -> None:
    bench = Bench()
    bench.do(netif_stop_queue, bench.dev)
    bench.send(b"1", b"2")
    bench.run(dev_close(bench.dev))
    bench.done()
    assert bench.send(b"3") == [NET_XMIT_CN]
    assert bench.run(dev_open(bench.dev)) == 0
    bench.send(b"4")
    assert bench.ops.sent == [b"4"]
    bench.done()


def test_closing_with_a_run_still_to_come_drops_what_waits() -> None:
    bench = Bench()
    bench.do(netif_stop_queue, bench.dev)
    bench.send(b"1", b"2")

    async def wakes_and_closes() -> None:
        netif_wake_queue(bench.dev)  # the softirq has no chance to run before
        await dev_close(bench.dev)
        assert not live_skbs()

    bench.run(wakes_and_closes())
    assert bench.ops.sent == []
    bench.done()


def test_a_carrier_that_is_off_before_registration_counts_for_nothing() -> None:
    pump = machine(memory_bytes=1 << 20)

    async def life() -> None:
        dev = alloc_etherdev()
        dev.netdev_ops, dev.dev_addr = Ops(), bytes([2, 0, 0, 0, 0, 1])
        assert await register_netdev(dev) == 0
        netif_carrier_off(dev)
        assert await dev_open(dev) == 0
        assert dev.txq.qdisc.limit == 0
        netif_carrier_on(dev)
        await msleep(1)
        assert dev.txq.qdisc.limit == 1000
        await unregister_netdev(dev)

    pump.run(life())


# ---- watchdog


@pytest.mark.parametrize("scale", [1, 100])
def test_a_queue_stopped_too_long_times_out(scale: int) -> None:
    bench = Bench(time_scale=scale)
    bench.dev.watchdog_timeo = 1000
    bench.run(dev_close(bench.dev))
    bench.run(dev_open(bench.dev))
    bench.send(b"x")
    bench.do(netif_stop_queue, bench.dev)
    bench.pump.advance(900_000_000 // scale)
    assert bench.ops.timeouts == []
    bench.pump.advance(200_000_000 // scale)
    assert bench.ops.timeouts == [1]
    bench.pump.advance(1_000_000_000 // scale)
    assert bench.ops.timeouts == [1, 2] and not bench.dev.txq.frozen


def test_a_queue_that_moves_or_is_awake_does_not_time_out() -> None:
    bench = Bench()
    bench.pump.advance(12_000_000_000)
    bench.do(netif_stop_queue, bench.dev)
    for _ in range(10):
        bench.do(netif_trans_update, bench.dev)
        bench.pump.advance(1_500_000_000)
    assert bench.ops.timeouts == []


def test_no_watchdog_without_a_carrier_or_a_device() -> None:
    bench = Bench()
    bench.do(netif_stop_queue, bench.dev)
    bench.do(netif_carrier_off, bench.dev)
    bench.pump.advance(12_000_000_000)
    bench.do(netif_carrier_on, bench.dev)
    bench.run(dev_close(bench.dev))
    assert bench.kernel.deadline_ns is None
    bench.pump.advance(12_000_000_000)
    assert bench.ops.timeouts == []


def test_a_carrier_that_returns_before_the_link_watch_looked_keeps_the_watchdog_alive() -> None:
    bench = Bench()

    async def flap() -> None:
        async with rtnl():
            netif_carrier_off(bench.dev)
            await msleep(6000)  # the watchdog expires meanwhile
            netif_carrier_on(bench.dev)

    bench.run(flap())
    bench.do(netif_stop_queue, bench.dev)
    bench.pump.advance(11_000_000_000)
    assert bench.ops.timeouts


def test_a_carrier_on_a_device_that_is_down_starts_no_watchdog() -> None:
    bench = Bench()
    bench.run(dev_close(bench.dev))
    bench.do(netif_carrier_off, bench.dev)
    bench.do(netif_carrier_on, bench.dev)
    assert bench.kernel.deadline_ns is None


def test_a_timeout_may_wait_and_the_queue_is_frozen_meanwhile() -> None:
    class Waits(Ops):
        async def ndo_tx_timeout(self, dev: NetDevice, txqueue: int) -> None:  # type: ignore[override]
            netif_wake_queue(dev)
            await udelay(50)
            self.timeouts.append(len(self.sent))

    bench = Bench(Waits())
    bench.do(netif_stop_queue, bench.dev)
    bench.send(b"x")
    bench.pump.advance(11_000_000_000)
    assert bench.ops.timeouts[0] == 0 and bench.ops.sent == [b"x"]


# ---- taps


def test_a_tap_sees_what_is_sent_with_its_time() -> None:
    bench = Bench()
    seen: list[tuple[bytes, int, int]] = []

    def tap(skb: SkBuff, dev: NetDevice, pt: PacketType) -> int:
        seen.append((bytes(skb.view()), skb.pkt_type, skb.tstamp))
        consume_skb(skb)
        return 0

    bench.do(dev_add_pack, PacketType(3, tap))
    bench.pump.advance(777)
    bench.send(b"seen")
    assert seen == [(b"seen", 4, bench.pump.now_ns)] and bench.ops.sent == [b"seen"]
    bench.done()


