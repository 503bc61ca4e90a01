# SPDX-License-Identifier: MIT
"""From the stack to the driver (net/core/dev.c, the transmitting half), and the driver's control of its queue."""

from __future__ import annotations

from driver.linux.bug import fatal_violation
from driver.linux.cpu import HARDIRQ_MASK
from driver.linux.current import ON
from driver.linux.net.device import (
    NET_XMIT_SUCCESS,
    NetDevice,
    netdev_violation,
)
from driver.linux.net.sch_generic import netif_schedule, qdisc_run, qdisc_run_waiting
from driver.linux.net.state import this_softnet
from driver.linux.skbuff import SkBuff, consume_skb, kfree_skb
from driver.linux.softirq import local_bh_disable, local_bh_enable

__all__ = [
    "dev_queue_xmit", "net_tx_action", "netdev_xmit_more", "netif_queue_stopped", "netif_start_queue",
    "netif_stop_queue", "netif_trans_update", "netif_tx_disable", "netif_wake_queue", "netif_xmit_stopped",
]  # fmt: skip


def dev_queue_xmit(skb: SkBuff) -> int:
    """Queue a complete frame for skb.dev and send what can be sent; takes the skb in any case.

    From a process or a softirq. Returns NET_XMIT_SUCCESS, or NET_XMIT_DROP/_CN where the queue dropped it.
    """
    dev = skb.dev
    if dev is None:
        raise fatal_violation("xmit-no-device", "skb", "dev_queue_xmit without skb.dev", skb.made)
    if skb.users != 1:
        raise fatal_violation("skb-shared", "skb", f"transmitted while {skb.users} hold it", skb.made)
    if ON.cpu.preempt_count & HARDIRQ_MASK:
        netdev_violation(dev, "xmit-hardirq", "dev_queue_xmit called in a hard interrupt")
    skb.mac_header = skb.data
    qdisc = dev.txq.qdisc
    answer = qdisc.enqueue(skb)
    if answer == NET_XMIT_SUCCESS and not qdisc.running:
        local_bh_disable()
        if dev.xmit_waits:
            netif_schedule(qdisc)
        else:
            qdisc_run(qdisc)
        local_bh_enable()
    return answer


def netdev_xmit_more() -> bool:
    """For ndo_start_xmit: the next packet follows at once, so the card need not be told of this one yet.

    Unless the queue is stopped by then: who stops it tells the card. Never to a driver that waits.
    """
    return ON.cpu.xmit_more


async def net_tx_action() -> None:
    """NET_TX softirq: free what hard interrupts gave up, run the queues that asked for it."""
    softnet = this_softnet()
    done = softnet.completion_queue
    while done:
        skb, reason = done.popleft()
        if reason is None:
            consume_skb(skb)
        else:
            kfree_skb(skb, reason)
    for _ in range(len(softnet.output_queue)):
        qdisc = softnet.output_queue.popleft()
        qdisc.scheduled = False
        if qdisc.dev.xmit_waits:
            await qdisc_run_waiting(qdisc)
        else:
            qdisc_run(qdisc)


# ---- the driver's side -----------------------------------------------------------------------------------------------


def netif_stop_queue(dev: NetDevice) -> None:
    """No more ndo_start_xmit until the queue is woken."""
    dev.txq.stopped = True
    dev.txq.stops += 1


def netif_start_queue(dev: NetDevice) -> None:
    """Allow ndo_start_xmit, in ndo_open: nothing waits yet."""
    dev.txq.stopped = False


def netif_wake_queue(dev: NetDevice) -> None:
    """Allow ndo_start_xmit again, and have the NET_TX softirq send what waits."""
    txq = dev.txq
    if txq.stopped:
        txq.stopped = False
        netif_schedule(txq.qdisc)


def netif_queue_stopped(dev: NetDevice) -> bool:
    return dev.txq.stopped


def netif_xmit_stopped(dev: NetDevice) -> bool:
    """Stopped, or frozen by the watchdog."""
    return dev.txq.stopped or dev.txq.frozen


def netif_tx_disable(dev: NetDevice) -> None:
    """Stop the queue and be sure that no ndo_start_xmit runs on another CPU."""
    with dev.txq.lock.bh():
        netif_stop_queue(dev)


def netif_trans_update(dev: NetDevice) -> None:
    """Something was just sent, for all the watchdog has to know."""
    dev.txq.trans_start_ns = ON.kernel.now_ns
