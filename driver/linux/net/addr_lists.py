# SPDX-License-Identifier: MIT
"""Which addresses a device listens to (net/core/dev_addr_lists.c, and the receive mode of net/core/dev.c)."""

from __future__ import annotations

from driver.linux.errno import EINVAL, ENOENT
from driver.linux.net.device import (
    IFF_ALLMULTI,
    IFF_PROMISC,
    IFF_UNICAST_FLT,
    IFF_UP,
    HwAddrList,
    NetDevice,
    netdev_violation,
)
from driver.linux.net.rtnl import rtnl
from driver.linux.printk import dev_info

__all__ = [
    "dev_mc_add", "dev_mc_del", "dev_mc_flush", "dev_set_allmulti", "dev_set_promiscuity", "dev_set_rx_mode",
    "dev_uc_add", "dev_uc_del", "dev_uc_flush",
]  # fmt: skip


async def dev_set_rx_mode(dev: NetDevice) -> None:
    """Tell the driver about flags and lists, if the device is up."""
    if not dev.flags & IFF_UP or not dev.present:
        return
    with dev.addr_list_lock.bh():
        if not dev.priv_flags & IFF_UNICAST_FLT:
            _unfiltered_unicast(dev)
        answer = dev.netdev_ops.ndo_set_rx_mode(dev)
        if answer is not None and not isinstance(answer, int):
            await answer


def _unfiltered_unicast(dev: NetDevice) -> None:
    """A device with one filter hears its other unicast addresses only when it is promiscuous."""
    wanted = len(dev.uc) > 0
    if wanted != dev.uc_promisc:
        dev.uc_promisc = wanted
        _count_promiscuity(dev, 1 if wanted else -1)


def _count_promiscuity(dev: NetDevice, change: int) -> None:
    if dev.promiscuity + change < 0:
        netdev_violation(dev, "netdev-count", f"promiscuity {dev.promiscuity} changed by {change}")
        return
    was = dev.flags
    dev.promiscuity += change
    dev.flags = was | IFF_PROMISC if dev.promiscuity else was & ~IFF_PROMISC
    if dev.flags != was:
        dev_info(dev, "%s promiscuous mode", "entered" if dev.promiscuity else "left")


async def dev_set_promiscuity(dev: NetDevice, change: int) -> int:
    """One more (+1) or one less (-1) wants every frame."""
    async with rtnl():
        was = dev.flags
        _count_promiscuity(dev, change)
        if dev.flags != was:
            await dev_set_rx_mode(dev)
        return 0


async def dev_set_allmulti(dev: NetDevice, change: int) -> int:
    """One more (+1) or one less (-1) wants every multicast frame."""
    async with rtnl():
        if dev.allmulti + change < 0:
            netdev_violation(dev, "netdev-count", f"allmulti {dev.allmulti} changed by {change}")
            return 0
        was = dev.flags
        dev.allmulti += change
        dev.flags = was | IFF_ALLMULTI if dev.allmulti else was & ~IFF_ALLMULTI
        if dev.flags != was:
            await dev_set_rx_mode(dev)
        return 0


async def _add(dev: NetDevice, addresses: HwAddrList, addr: bytes) -> int:
    if len(addr) != dev.addr_len:
        return -EINVAL
    if addresses.add(bytes(addr)):
        await dev_set_rx_mode(dev)
    return 0


async def _del(dev: NetDevice, addresses: HwAddrList, addr: bytes) -> int:
    if addr not in addresses:
        return -ENOENT
    if addresses.remove(bytes(addr)):
        await dev_set_rx_mode(dev)
    return 0


async def dev_uc_add(dev: NetDevice, addr: bytes) -> int:
    """One more unicast address; counted, so each add has its del. -EINVAL: not an address."""
    return await _add(dev, dev.uc, addr)


async def dev_uc_del(dev: NetDevice, addr: bytes) -> int:
    """-ENOENT: it was not there."""
    return await _del(dev, dev.uc, addr)


async def dev_mc_add(dev: NetDevice, addr: bytes) -> int:
    """One more multicast address; as dev_uc_add."""
    return await _add(dev, dev.mc, addr)


async def dev_mc_del(dev: NetDevice, addr: bytes) -> int:
    """-ENOENT: it was not there."""
    return await _del(dev, dev.mc, addr)


def dev_uc_flush(dev: NetDevice) -> None:
    """Forget all of them, at unregistration."""
    dev.uc.users.clear()


def dev_mc_flush(dev: NetDevice) -> None:
    dev.mc.users.clear()
