# SPDX-License-Identifier: MIT
"""Addresses of interfaces (net/ipv4/devinet.c), and the routes that follow from them: on-link ones, no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from driver.linux.errno import EEXIST, EINVAL, ENODEV
from driver.linux.inet.state import in_aton, inet_ntoa, inet_state
from driver.linux.net.device import IFF_UP, NetDevice, RegState

if TYPE_CHECKING:
    from driver.linux.inet.state import Inet

__all__ = ["INADDR_BROADCAST", "InDevice", "inet_addr_add", "inet_addr_del", "inetdev_destroy", "ip_route_output"]

INADDR_BROADCAST: Final = 0xFFFFFFFF


class InDevice:
    """struct in_device with its one address."""

    __slots__ = ("address", "broadcast", "dev", "mask", "network", "prefix")

    def __init__(self, dev: NetDevice, address: int, prefix: int) -> None:
        self.dev = dev
        self.address = address
        self.prefix = prefix
        self.mask = 0xFFFFFFFF << (32 - prefix) & 0xFFFFFFFF
        self.network = address & self.mask
        self.broadcast = self.network | ~self.mask & 0xFFFFFFFF if prefix < 31 else INADDR_BROADCAST

    def __repr__(self) -> str:
        return f"<{self.dev.name} {inet_ntoa(self.address)}/{self.prefix}>"


def inet_addr_add(dev: NetDevice, address: str, prefix: int = 24) -> int:
    """`ip addr add address/prefix dev`: one per device. 0, -EINVAL, -ENODEV, -EEXIST: it has one."""
    number = in_aton(address)
    if not 1 <= prefix <= 32 or number >> 28 == 0xE or number in (0, INADDR_BROADCAST):
        return -EINVAL
    if dev.reg_state is not RegState.REGISTERED:
        return -ENODEV
    if dev.ip_ptr is not None:
        return -EEXIST
    dev.ip_ptr = InDevice(dev, number, prefix)
    inet_state().devices.append(dev.ip_ptr)
    return 0


def inet_addr_del(dev: NetDevice) -> int:
    """`ip addr flush dev`; -EINVAL: it has none."""
    from driver.linux.inet.arp import arp_ifdown

    if dev.ip_ptr is None:
        return -EINVAL
    arp_ifdown(dev)  # what waits for a neighbour bears the old source address
    inet_state().devices.remove(dev.ip_ptr)
    dev.ip_ptr = None
    return 0


def inetdev_destroy(dev: NetDevice) -> None:
    """The device goes."""
    if dev.ip_ptr is not None:
        inet_addr_del(dev)


def ip_route_output(inet: Inet, destination: int) -> InDevice | None:
    """The interface that `destination` is on the link of; the longest prefix wins, the first address for broadcast."""
    best = None
    for in_dev in inet.devices:
        if not in_dev.dev.flags & IFF_UP:
            continue
        matches = destination & in_dev.mask == in_dev.network or destination == INADDR_BROADCAST
        if matches and (best is None or in_dev.prefix > best.prefix):
            best = in_dev
    return best
