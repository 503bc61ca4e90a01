# SPDX-License-Identifier: MIT
"""The watchdog: every two seconds, and whenever the link changes, in process context (Linux: e1000_watchdog_task)."""

from __future__ import annotations

from driver.e1000e.adapter import Adapter, e1000_desc_unused
from driver.e1000e.hw import FcMode, er32, ew32, rmw32
from driver.e1000e.irq import e1000e_force_rx_poll
from driver.e1000e.mac import e1000e_check_for_copper_link, e1000e_get_speed_and_duplex_copper
from driver.e1000e.regs import RDTR, STATUS, TCTL, TDH, TDT, TIDV
from driver.e1000e.stats import e1000e_update_stats
from driver.e1000e.tx import TX_WAKE_THRESHOLD
from driver.linux.delay import HZ, jiffies, round_jiffies
from driver.linux.netdevice import (
    netif_carrier_off,
    netif_carrier_ok,
    netif_carrier_on,
    netif_stop_queue,
    netif_wake_queue,
)
from driver.linux.printk import dev_err, dev_info
from driver.linux.timer import mod_timer, timer_pending
from driver.linux.workqueue import Work, schedule_work

__all__ = ["e1000_print_hw_hang", "e1000_watchdog", "e1000_watchdog_task"]

PERIOD_S = 2
FLOW_CONTROL = {FcMode.NONE: "None", FcMode.RX_PAUSE: "Rx", FcMode.TX_PAUSE: "Tx", FcMode.FULL: "Rx/Tx"}
TX_TIMEOUT_FACTORS = {10: 16, 100: 10, 1000: 1}  # how many seconds a frame may take


def e1000_watchdog(adapter: Adapter) -> None:
    """Timer function: the work needs to sleep."""
    schedule_work(adapter.watchdog_task)


async def e1000_watchdog_task(work: Work) -> None:
    """Follow the link, sum the counters, look for hangs, restart a starved receiver."""
    adapter: Adapter = work.data
    netdev = adapter.netdev
    if adapter.down or adapter.hw.gone:
        return
    link = await e1000e_check_for_copper_link(adapter.hw) == 1
    if adapter.down:
        return
    if link and not netif_carrier_ok(netdev):
        await _link_came_up(adapter)
    elif not link and netif_carrier_ok(netdev):
        _link_went_down(adapter)

    await e1000e_update_stats(adapter)
    if adapter.down:
        return
    if not netif_carrier_ok(netdev) and e1000_desc_unused(adapter.tx_ring) + 1 < adapter.tx_ring.count:
        # What is queued would never go out, nor be given back: only a reset gets it off the ring.
        adapter.restart_now = True
        schedule_work(adapter.reset_task)
        return
    # An interrupt without a cause: a poll sees write-backs that none announced, and fills a ring that ran dry.
    ew32(adapter.hw, TIDV, adapter.params.TxIntDelay | TIDV.FPD)
    ew32(adapter.hw, RDTR, adapter.params.RxIntDelay | RDTR.FPD)
    e1000e_force_rx_poll(adapter)
    adapter.detect_tx_hung = True
    if not timer_pending(adapter.watchdog_timer):  # it is after a link interrupt meanwhile, and will expire sooner
        mod_timer(adapter.watchdog_timer, round_jiffies(jiffies() + PERIOD_S * HZ))


async def _link_came_up(adapter: Adapter) -> None:
    """Each register read may find the card gone, and its device detached: then nothing starts."""
    adapter.link_speed, adapter.link_full_duplex = await e1000e_get_speed_and_duplex_copper(adapter.hw)
    if adapter.down or adapter.hw.gone:
        return
    e1000_print_link_info(adapter)
    adapter.tx_timeout_factor = TX_TIMEOUT_FACTORS[adapter.link_speed]
    await rmw32(adapter.hw, TCTL, set=TCTL.EN)
    if adapter.down or adapter.hw.gone:
        return
    # With the carrier on, cleaning wakes the queue too, which is left to it where the ring is still full.
    netif_carrier_on(adapter.netdev)
    if e1000_desc_unused(adapter.tx_ring) >= TX_WAKE_THRESHOLD:
        netif_wake_queue(adapter.netdev)


def _link_went_down(adapter: Adapter) -> None:
    adapter.link_speed = 0
    adapter.link_full_duplex = False
    dev_info(adapter.netdev, "NIC Link is Down")
    netif_carrier_off(adapter.netdev)
    netif_stop_queue(adapter.netdev)


def e1000_print_link_info(adapter: Adapter) -> None:
    duplex = "Full" if adapter.link_full_duplex else "Half"
    dev_info(
        adapter.netdev,
        "NIC Link is Up %d Mbps %s Duplex, Flow Control: %s",
        adapter.link_speed, duplex, FLOW_CONTROL[adapter.hw.fc.current_mode],
    )  # fmt: skip


async def e1000_print_hw_hang(work: Work) -> None:
    """The oldest frame on the transmit ring is overdue: look twice, then stop the queue, so that it times out.

    A transmitter that the partner's pause frames hold (TXOFF) does not hang, and is given its time again afterwards.
    The first look waits for a late write-back; the second finds a hang only where the head has not moved since. (Linux
    does not compare heads, but there a second is a second: with a time scale a long ring may well take longer.)
    """
    adapter: Adapter = work.data
    ring = adapter.tx_ring
    head, tail = await er32(adapter.hw, TDH), await er32(adapter.hw, TDT)
    status = await er32(adapter.hw, STATUS)
    if adapter.down or adapter.hw.gone or ring.next_to_clean == ring.next_to_use:
        return
    if status & STATUS.TXOFF:
        adapter.tx_hang_head = None
        return
    if adapter.tx_hang_head != head:
        adapter.tx_hang_head = head
        return
    adapter.tx_hang_head = None
    netif_stop_queue(adapter.netdev)
    index = ring.next_to_clean
    dev_err(
        adapter.netdev,
        "Hang: no word of descriptor %d, queued at %d, now %d; the ring is filled up to %d; TDH %d, TDT %d, STATUS %#x",
        index, ring.buffer_info[index].time_stamp, jiffies(), ring.next_to_use, head, tail, status,
    )  # fmt: skip
