# SPDX-License-Identifier: MIT
"""The life of a network device (net/core/dev.c): allocate, register, open, configure, close, unregister, free.

What may wait is a coroutine; the RTNL is taken inside unless the calling task holds it (net/rtnl.py).
Rules, each a violation: netdev-register-twice, netdev-no-ops, netdev-never-registered, netdev-free-registered,
netdev-free-twice, netdev-napi-enabled (freed with an instance that is enabled), netdev-count (promiscuity or
allmulti below zero).
"""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any

from driver.linux.bug import Where
from driver.linux.errno import EEXIST, EINVAL, ENFILE, ENODEV
from driver.linux.napi import net_rx_action, netif_napi_del
from driver.linux.net.addr_lists import dev_mc_flush, dev_set_rx_mode, dev_uc_flush
from driver.linux.net.device import (
    IFF_RUNNING,
    IFF_UP,
    TX_TIMEOUT_MS,
    NetDevice,
    NetDeviceOps,
    RegState,
    RtnlLinkStats64,
    finish,
    netdev_violation,
)
from driver.linux.net.rtnl import rtnl
from driver.linux.net.sch_generic import dev_activate, dev_deactivate, dev_init_scheduler
from driver.linux.net.state import net_state
from driver.linux.net.transmit import net_tx_action
from driver.linux.softirq import NET_RX_SOFTIRQ, NET_TX_SOFTIRQ, open_softirq

__all__ = [
    "dev_change_tx_queue_len", "dev_close", "dev_get_flags", "dev_get_stats", "dev_open", "dev_set_mac_address",
    "dev_set_mtu", "free_netdev", "netdev_leak_check", "new_netdev", "register_netdev", "unregister_netdev",
]  # fmt: skip

MAX_DEVICES_OF_A_NAME = 1000


# ---- existence -------------------------------------------------------------------------------------------------------


def new_netdev(name: str, priv: Any, made: Where) -> NetDevice:
    """alloc_netdev; a %d in `name` becomes a number at registration."""
    net = net_state()
    dev = NetDevice(name, priv, made)
    dev_init_scheduler(dev)
    net.allocated.append(dev)
    return dev


def _chosen_name(name: str, taken: dict[str, NetDevice]) -> str | int:
    """The name a device gets, or -errno."""
    if "%d" not in name:
        return -EEXIST if name in taken else name
    for number in range(MAX_DEVICES_OF_A_NAME):
        if (candidate := name.replace("%d", str(number))) not in taken:
            return candidate
    return -ENFILE


async def register_netdev(dev: NetDevice) -> int:
    """Make the device visible: it gets its name and may be opened. 0, or -EEXIST, -ENFILE, what ndo_init said."""
    async with rtnl():
        if dev.reg_state is not RegState.UNINITIALIZED:
            netdev_violation(dev, "netdev-register-twice", f"registered while it is {dev.reg_state.value}")
            return -EINVAL
        if type(dev.netdev_ops) is NetDeviceOps:
            netdev_violation(dev, "netdev-no-ops", "registered without netdev_ops")
            return -EINVAL
        net = net_state()
        name = _chosen_name(dev.name, net.devices)
        if isinstance(name, int):
            return name
        pattern, dev.name = dev.name, name
        error = await finish(dev.netdev_ops.ndo_init(dev))
        if error:
            dev.name = pattern
            return error
        dev.xmit_waits = iscoroutinefunction(dev.netdev_ops.ndo_start_xmit)
        dev.watchdog_timeo = dev.watchdog_timeo or TX_TIMEOUT_MS
        if not any(dev.perm_addr):
            dev.perm_addr = dev.dev_addr
        dev.ifindex, net.next_ifindex = net.next_ifindex, net.next_ifindex + 1
        net.devices[name] = dev
        dev.present = True
        dev.reg_state = RegState.REGISTERED
        open_softirq(NET_TX_SOFTIRQ, net_tx_action)
        open_softirq(NET_RX_SOFTIRQ, net_rx_action)
        return 0


async def unregister_netdev(dev: NetDevice) -> None:
    """Close the device if it is up, and make it invisible; nothing of the stack refers to it any more."""
    async with rtnl():
        if dev.reg_state is not RegState.REGISTERED:
            netdev_violation(dev, "netdev-never-registered", f"unregistered while it is {dev.reg_state.value}")
            return
        await dev_close(dev)
        dev.reg_state = RegState.UNREGISTERING
        net = net_state()
        del net.devices[dev.name]
        for forget in net.on_unregister:
            forget(dev)
        dev_uc_flush(dev)
        dev_mc_flush(dev)
        await finish(dev.netdev_ops.ndo_uninit(dev))
        dev.present = False
        dev.reg_state = RegState.UNREGISTERED


def free_netdev(dev: NetDevice) -> None:
    """The device is gone, and its NAPI instances with it."""
    if dev.reg_state is RegState.RELEASED:
        netdev_violation(dev, "netdev-free-twice", "freed again")
        return
    if dev.reg_state not in (RegState.UNINITIALIZED, RegState.UNREGISTERED):
        netdev_violation(dev, "netdev-free-registered", f"freed while it is {dev.reg_state.value}")
        return
    for napi in tuple(dev.napi_list):
        if napi.enabled:
            netdev_violation(dev, "netdev-napi-enabled", "freed while a NAPI instance of it is enabled")
        netif_napi_del(napi)
    net_state().allocated.remove(dev)
    dev.reg_state = RegState.RELEASED


def netdev_leak_check() -> None:
    """Rule netdev-leak: to be called when every driver is gone."""
    for dev in net_state().allocated:
        netdev_violation(dev, "netdev-leak", f"never freed; it is {dev.reg_state.value}")


# ---- up and down -----------------------------------------------------------------------------------------------------


async def dev_open(dev: NetDevice) -> int:
    """`ip link set up`. -ENODEV: not present; else what ndo_validate_addr or ndo_open said."""
    async with rtnl():
        if dev.flags & IFF_UP:
            return 0
        if not dev.present:
            return -ENODEV
        dev.started = True
        ops = dev.netdev_ops
        error = ops.ndo_validate_addr(dev) or await finish(ops.ndo_open(dev))
        if error:
            dev.started = False
            return error
        dev.flags |= IFF_UP
        await dev_set_rx_mode(dev)
        dev_activate(dev)
        return 0


async def dev_close(dev: NetDevice) -> None:
    """`ip link set down`: first no packet reaches the driver any more, then ndo_stop."""
    async with rtnl():
        if not dev.flags & IFF_UP:
            return
        dev.started = False
        dev_deactivate(dev)
        await finish(dev.netdev_ops.ndo_stop(dev))
        dev.flags &= ~IFF_UP
        for went_down in net_state().on_down:
            went_down(dev)


# ---- configuration ---------------------------------------------------------------------------------------------------


async def dev_set_mtu(dev: NetDevice, mtu: int) -> int:
    """0, -EINVAL: not within min_mtu and max_mtu, -ENODEV, or what ndo_change_mtu said."""
    async with rtnl():
        if mtu == dev.mtu:
            return 0
        if mtu < dev.min_mtu or (dev.max_mtu and mtu > dev.max_mtu):
            return -EINVAL
        if not dev.present:
            return -ENODEV
        return await finish(dev.netdev_ops.ndo_change_mtu(dev, mtu))


async def dev_set_mac_address(dev: NetDevice, addr: bytes) -> int:
    """0, -EINVAL: not an address, -ENODEV, or what ndo_set_mac_address said."""
    async with rtnl():
        if len(addr) != dev.addr_len:
            return -EINVAL
        if not dev.present:
            return -ENODEV
        return await finish(dev.netdev_ops.ndo_set_mac_address(dev, bytes(addr)))


async def dev_change_tx_queue_len(dev: NetDevice, packets: int) -> int:
    """`ip link set txqueuelen`; -EINVAL: not positive."""
    async with rtnl():
        if packets < 1:
            return -EINVAL
        dev.tx_queue_len = packets
        sleeping = dev.txq.qdisc_sleeping
        if sleeping.limit:
            sleeping.limit = packets
        return 0


def dev_get_flags(dev: NetDevice) -> int:
    """The flags as `ip link` shows them: IFF_RUNNING is up with a carrier."""
    return dev.flags | IFF_RUNNING if dev.flags & IFF_UP and not dev.carrier_off else dev.flags


async def dev_get_stats(dev: NetDevice) -> RtnlLinkStats64:
    """The driver's counters with the stack's own (rx_nohandler) added."""
    storage = RtnlLinkStats64()
    waiting = dev.netdev_ops.ndo_get_stats64(dev, storage)
    if waiting is not None:
        await waiting
    storage.rx_nohandler += dev.rx_nohandler
    return storage
