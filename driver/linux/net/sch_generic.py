# SPDX-License-Identifier: MIT
"""The queueing discipline in front of a driver, and the watchdog behind it (net/sched/sch_generic.c).

A bounded FIFO while the device is up and has a carrier, the no-op discipline, which drops, while not. One context at
a time runs a discipline; who finds it running leaves the packet and goes. What the driver refuses (NETDEV_TX_BUSY, or
a queue that stopped meanwhile) goes back in front, and the NET_TX softirq tries again. Rule xmit-busy: who refuses
has stopped the queue.

A run hands over what waits under one taking of the transmit lock, and the driver may tell its card at the last of it
(netdev_xmit_more), as in Linux where the queue has TCQ_F_ONETXQUEUE. There BQL bounds such a batch, here the run does.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from driver.linux.bug import ContractViolation, fatal_violation
from driver.linux.current import ON
from driver.linux.delay import jiffies, msecs_to_jiffies
from driver.linux.net.device import (
    NET_XMIT_CN,
    NET_XMIT_DROP,
    NET_XMIT_SUCCESS,
    NETDEV_TX_OK,
    Answer,
    NetDevice,
    netdev_violation,
)
from driver.linux.net.state import net_state, this_softnet
from driver.linux.packet import dev_queue_xmit_nit
from driver.linux.printk import dev_warn
from driver.linux.skbuff import SkbDropReason, SkBuff, kfree_skb
from driver.linux.softirq import NET_TX_SOFTIRQ, raise_softirq
from driver.linux.spinlock import SpinLock
from driver.linux.timer import TimerList, del_timer_sync, mod_timer
from driver.linux.tracepoint import Tracer, traced_answer

__all__ = [
    "NetdevQueue", "Qdisc", "Watchdog", "dev_activate", "dev_deactivate", "dev_init_scheduler", "netdev_start_xmit",
    "netif_schedule", "qdisc_run", "qdisc_run_waiting",
]  # fmt: skip

DEV_TX_WEIGHT: Final = 64  # packets in one run before the softirq takes over


class Qdisc:
    """A FIFO of at most `limit` packets; limit 0 is the no-op discipline."""

    __slots__ = ("bytes", "dev", "drops", "limit", "packets", "requeues", "running", "scheduled", "sent")

    def __init__(self, dev: NetDevice, limit: int) -> None:
        self.dev = dev
        self.limit = limit
        self.packets: deque[SkBuff] = deque()
        self.running = False
        self.scheduled = False
        self.sent = 0
        self.bytes = 0
        self.drops = 0
        self.requeues = 0

    def enqueue(self, skb: SkBuff) -> int:
        """NET_XMIT_SUCCESS, or why it was dropped."""
        if len(self.packets) < self.limit:
            if skb.queue is not None:
                raise fatal_violation("skb-on-list", skb, "transmitted while it is on a queue", skb.made)
            self.packets.append(skb)
            return NET_XMIT_SUCCESS
        self.drops += 1
        if self.limit:
            kfree_skb(skb, SkbDropReason.QDISC_DROP)
            return NET_XMIT_DROP
        kfree_skb(skb, SkbDropReason.DEV_READY)
        return NET_XMIT_CN

    def purge(self) -> None:
        """Drop what waits."""
        while self.packets:
            self.drops += 1
            kfree_skb(self.packets.popleft(), SkbDropReason.QUEUE_PURGE)


class NetdevQueue:
    """struct netdev_queue: the transmit queue between the stack and the driver."""

    __slots__ = (
        "dev", "frozen", "lock", "qdisc", "qdisc_sleeping", "stopped", "stops", "trans_start_ns", "trans_timeout",
    )  # fmt: skip

    def __init__(self, dev: NetDevice, qdisc: Qdisc) -> None:
        self.dev = dev
        self.lock = SpinLock(f"{dev.name} xmit")
        self.qdisc = qdisc  # what takes packets now: no-op while the device is down or has no carrier
        self.qdisc_sleeping = qdisc  # what will when it is up
        self.stopped = False  # by the driver
        self.stops = 0  # how often it was
        self.frozen = False  # by the watchdog, while it looks
        self.trans_start_ns = 0
        self.trans_timeout = 0


def noop_qdisc(dev: NetDevice) -> Qdisc:
    return Qdisc(dev, 0)


def netif_schedule(qdisc: Qdisc) -> None:
    """Have the NET_TX softirq of this CPU run it (__netif_schedule)."""
    if not qdisc.scheduled:
        qdisc.scheduled = True
        this_softnet().output_queue.append(qdisc)
        raise_softirq(NET_TX_SOFTIRQ)


# ---- running ---------------------------------------------------------------------------------------------------------


def _start_xmit(skb: SkBuff, dev: NetDevice, txq: NetdevQueue) -> Answer:
    """Hand one packet to the driver, under the transmit lock."""
    if txq.stopped:
        netdev_violation(dev, "xmit-stopped-queue", "ndo_start_xmit called on a stopped queue")
    if not dev.started:
        _device_down(dev)
    if net_state().ptype_all:
        dev_queue_xmit_nit(skb, dev)
    tracer = ON.kernel.tracer
    if tracer is not None:
        return _traced_xmit(tracer, skb, dev)
    return dev.netdev_ops.ndo_start_xmit(skb, dev)


def _traced_xmit(tracer: Tracer, skb: SkBuff, dev: NetDevice) -> Answer:
    tracer.net_dev_start_xmit(skb, dev)
    answer = dev.netdev_ops.ndo_start_xmit(skb, dev)
    if not isinstance(answer, int):
        return traced_answer(tracer, answer, dev)
    tracer.net_dev_xmit(answer, dev)
    return answer


def _device_down(dev: NetDevice) -> None:
    netdev_violation(dev, "xmit-device-down", "ndo_start_xmit called on a device that is not running")


def _requeue(qdisc: Qdisc, skb: SkBuff, stops: int) -> None:
    """The driver refused it; `stops`: how often the queue was stopped before it was asked."""
    skb.queue = None  # a driver that freed what it refused is found out here
    qdisc.packets.appendleft(skb)
    qdisc.requeues += 1
    netif_schedule(qdisc)
    dev = qdisc.dev
    if not dev.txq.stopped and dev.txq.stops == stops:
        netdev_violation(dev, "xmit-busy", "NETDEV_TX_BUSY from a queue that was not stopped: asked again at once")


def netdev_start_xmit(skb: SkBuff, dev: NetDevice, more: bool = False) -> int:
    """One packet straight to a driver whose ndo_start_xmit does not wait; the caller keeps it on NETDEV_TX_BUSY.

    more: the caller has another one, and will hand it over at once if the queue is not stopped by then.
    """
    txq = dev.txq
    with txq.lock:
        ON.cpu.xmit_more = more
        answer = _start_xmit(skb, dev, txq)
    if not isinstance(answer, int):
        raise _waits(dev)
    return answer


def _waits(dev: NetDevice) -> ContractViolation:
    return fatal_violation("xmit-waits", dev, "ndo_start_xmit waits, but is no coroutine function", dev.made)


def qdisc_run(qdisc: Qdisc) -> None:
    """Send what the driver takes (not for drivers whose ndo_start_xmit waits)."""
    if qdisc.running:
        return
    qdisc.running = True
    cpu, dev, quota = ON.cpu, qdisc.dev, DEV_TX_WEIGHT
    txq, packets, start_xmit = dev.txq, qdisc.packets, dev.netdev_ops.ndo_start_xmit
    net, now_ns, tracer = net_state(), cpu.kernel.now_ns, cpu.kernel.tracer
    txq.lock.lock()
    try:
        while packets and not (txq.stopped or txq.frozen):
            skb = packets.popleft()
            quota -= 1
            if not dev.started:
                _device_down(dev)
            if net.ptype_all:
                dev_queue_xmit_nit(skb, dev)
            length, stops = skb.len, txq.stops
            cpu.xmit_more = quota > 0 and len(packets) > 0
            answer = start_xmit(skb, dev) if tracer is None else _traced_xmit(tracer, skb, dev)
            if answer != NETDEV_TX_OK:
                if not isinstance(answer, int):
                    raise _waits(dev)
                _requeue(qdisc, skb, stops)
                break
            txq.trans_start_ns = now_ns
            qdisc.sent += 1
            qdisc.bytes += length
            if not quota:
                netif_schedule(qdisc)
                break
    finally:
        txq.lock.unlock()
        qdisc.running = False


async def qdisc_run_waiting(qdisc: Qdisc) -> None:
    """As qdisc_run, for any driver; waits as long as the driver does."""
    if qdisc.running:
        return
    qdisc.running = True
    dev, quota = qdisc.dev, DEV_TX_WEIGHT
    txq, packets = dev.txq, qdisc.packets
    try:
        while packets and not (txq.stopped or txq.frozen):
            skb = packets.popleft()
            length, stops = skb.len, txq.stops
            with txq.lock:
                ON.cpu.xmit_more = False
                answer = _start_xmit(skb, dev, txq)
                if not isinstance(answer, int):
                    answer = await answer
            if answer != NETDEV_TX_OK:
                _requeue(qdisc, skb, stops)
                break
            txq.trans_start_ns = ON.kernel.now_ns
            qdisc.sent += 1
            qdisc.bytes += length
            quota -= 1
            if not quota:
                netif_schedule(qdisc)
                break
    finally:
        qdisc.running = False


# ---- up and down -----------------------------------------------------------------------------------------------------


def dev_init_scheduler(dev: NetDevice) -> None:
    """A new device: nothing gets through."""
    dev.txq = NetdevQueue(dev, noop_qdisc(dev))
    dev.watchdog = Watchdog(dev)


def dev_activate(dev: NetDevice) -> None:
    """The device is up: give it its FIFO, and let packets in once there is a carrier."""
    txq = dev.txq
    if not txq.qdisc_sleeping.limit:
        txq.qdisc_sleeping = Qdisc(dev, max(1, dev.tx_queue_len))
    if dev.carrier_off:
        return
    txq.qdisc = txq.qdisc_sleeping
    txq.trans_start_ns = ON.kernel.now_ns
    dev.watchdog.up()


def dev_deactivate(dev: NetDevice) -> None:
    """No packet reaches the driver any more; those that waited are dropped.

    None is on its way either: a driver that waits in ndo_start_xmit holds the transmit lock, so no process runs.
    """
    txq = dev.txq
    old = txq.qdisc
    if old.limit:
        txq.qdisc = noop_qdisc(dev)
    dev.watchdog.down()
    old.purge()


class Watchdog:
    """dev_watchdog: a queue stopped for longer than watchdog_timeo means that the device hangs."""

    __slots__ = ("dev", "timer")

    def __init__(self, dev: NetDevice) -> None:
        self.dev = dev
        self.timer = TimerList(_watchdog_expired, dev)

    def up(self) -> None:
        mod_timer(self.timer, jiffies() + msecs_to_jiffies(self.dev.watchdog_timeo))

    def down(self) -> None:
        del_timer_sync(self.timer)


async def _watchdog_expired(dev: NetDevice) -> None:
    txq = dev.txq
    if not txq.qdisc.limit or not dev.present or not dev.started or dev.carrier_off:
        return
    dev.watchdog.up()
    kernel = ON.kernel
    quiet_ns = kernel.now_ns - txq.trans_start_ns
    if not txq.stopped or quiet_ns * kernel.time_scale < dev.watchdog_timeo * 1_000_000:
        return
    txq.trans_timeout += 1
    dev_warn(dev, "transmit queue 0 timed out: stopped, nothing sent for %d us", quiet_ns // 1000)
    txq.frozen = True
    try:
        answer = dev.netdev_ops.ndo_tx_timeout(dev, 0)
        if answer is not None and not isinstance(answer, int):
            await answer
    finally:
        txq.frozen = False
        netif_schedule(txq.qdisc)
