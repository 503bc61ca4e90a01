# SPDX-License-Identifier: MIT
"""The carrier (net/core/link_watch.c), and taking a device off the system for a while.

A driver reports the carrier in any context; a kernel thread then lets packets through, or has them dropped.
"""

from __future__ import annotations

from driver.linux.current import ON
from driver.linux.net.device import IFF_UP, NetDevice, RegState
from driver.linux.net.rtnl import rtnl
from driver.linux.net.sch_generic import dev_activate, dev_deactivate
from driver.linux.net.transmit import netif_stop_queue, netif_wake_queue

__all__ = ["netif_carrier_off", "netif_carrier_on", "netif_device_attach", "netif_device_detach"]


def _carrier(dev: NetDevice, off: bool) -> None:
    if dev.carrier_off == off:
        return
    dev.carrier_off = off
    if dev.reg_state is not RegState.REGISTERED:
        return
    dev.carrier_changes += 1
    if not dev.link_event:
        dev.link_event = True
        ON.kernel.kthread(_linkwatch(dev), f"linkwatch {dev.name}")


def netif_carrier_on(dev: NetDevice) -> None:
    """There is a link: packets are sent as soon as the link watch has run.

    The watchdog starts again here: it may have expired, for good, while there was none.
    """
    if dev.carrier_off:
        _carrier(dev, False)
        if dev.started:
            dev.watchdog.up()


def netif_carrier_off(dev: NetDevice) -> None:
    """There is no link: packets are dropped as soon as the link watch has run."""
    _carrier(dev, True)


async def _linkwatch(dev: NetDevice) -> None:
    """Make the queue follow the carrier."""
    async with rtnl():
        dev.link_event = False
        if dev.flags & IFF_UP:
            if dev.carrier_off:
                dev_deactivate(dev)
            else:
                dev_activate(dev)


def netif_device_detach(dev: NetDevice) -> None:
    """The hardware is not to be touched until netif_device_attach."""
    if dev.present:
        dev.present = False
        if dev.started:
            netif_stop_queue(dev)


def netif_device_attach(dev: NetDevice) -> None:
    """The hardware is back."""
    if not dev.present:
        dev.present = True
        if dev.started:
            netif_wake_queue(dev)
            dev.txq.trans_start_ns = ON.kernel.now_ns
            dev.watchdog.up()
