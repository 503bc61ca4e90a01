# SPDX-License-Identifier: MIT
"""Ethernet: headers and addresses. An address is 6 bytes, in the order of the wire."""

from __future__ import annotations

from random import Random
from struct import Struct
from typing import Any

from driver.linux.bug import fatal_violation, here
from driver.linux.current import ON
from driver.linux.errno import EADDRNOTAVAIL, EBUSY
from driver.linux.if_ether import BROADCAST_ADDR, ETH_ALEN, ETH_HLEN, ETH_P_802_2, ETH_P_802_3, ETH_P_802_3_MIN
from driver.linux.net.device import IFF_LIVE_ADDR_CHANGE, NetDevice, netif_running
from driver.linux.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST
from driver.linux.skbuff import SkBuff, skb_push

__all__ = [
    "alloc_etherdev", "eth_header", "eth_hw_addr_random", "eth_hw_addr_set", "eth_mac_addr", "eth_random_addr",
    "eth_type_trans", "eth_validate_addr", "ether_addr_equal", "is_broadcast_ether_addr", "is_local_ether_addr",
    "is_multicast_ether_addr", "is_unicast_ether_addr", "is_valid_ether_addr", "is_zero_ether_addr", "mac_text",
]  # fmt: skip

_HEADER = Struct("!6s6sH")
_DEST_AND_PROTO = Struct("!6s6xH")
_ZERO_ADDR = bytes(ETH_ALEN)


def alloc_etherdev(priv: Any = None) -> NetDevice:
    """A new Ethernet device, not registered; `priv` is the driver's own structure (netdev_priv)."""
    from driver.linux.net.core import new_netdev

    return new_netdev("eth%d", priv, here())


def eth_type_trans(skb: SkBuff, dev: NetDevice) -> int:
    """Take the Ethernet header off a received frame: sets skb.dev, mac_header, pkt_type; returns the protocol.

    The protocol is ETH_P_802_3 or ETH_P_802_2 where the header has a length. Rule eth-short: there is a header.
    """
    if skb.len < ETH_HLEN:
        raise fatal_violation("eth-short", "skb", f"{skb.len} bytes handed up: no Ethernet header", skb.made)
    skb.dev = dev
    start = skb.data
    view = skb.head_view()
    skb.mac_header = start
    skb.data = start + ETH_HLEN
    skb.len -= ETH_HLEN
    dest, proto = _DEST_AND_PROTO.unpack_from(view, start)
    if dest != dev.dev_addr:
        if dest[0] & 1:
            skb.pkt_type = PACKET_BROADCAST if dest == dev.broadcast else PACKET_MULTICAST
        else:
            skb.pkt_type = PACKET_OTHERHOST
    else:
        skb.pkt_type = PACKET_HOST
    if proto >= ETH_P_802_3_MIN:
        return proto  # type: ignore[no-any-return]
    return ETH_P_802_3 if bytes(view[skb.data : skb.data + 2]) == b"\xff\xff" and skb.len >= 2 else ETH_P_802_2


def eth_header(skb: SkBuff, dev: NetDevice, type: int, daddr: bytes, saddr: bytes | None = None) -> int:
    """Push an Ethernet header, from `dev`'s address unless told otherwise; returns its length."""
    skb_push(skb, ETH_HLEN)
    _HEADER.pack_into(skb.head.view, skb.data, daddr, saddr or dev.dev_addr, type)
    return ETH_HLEN


def is_zero_ether_addr(addr: bytes) -> bool:
    return addr == _ZERO_ADDR


def is_multicast_ether_addr(addr: bytes) -> bool:
    """Broadcast is multicast too."""
    return addr[0] & 1 != 0


def is_unicast_ether_addr(addr: bytes) -> bool:
    return addr[0] & 1 == 0


def is_broadcast_ether_addr(addr: bytes) -> bool:
    return addr == BROADCAST_ADDR


def is_local_ether_addr(addr: bytes) -> bool:
    """Administered locally."""
    return addr[0] & 2 != 0


def is_valid_ether_addr(addr: bytes) -> bool:
    """May a station have it?"""
    return len(addr) == ETH_ALEN and not addr[0] & 1 and addr != _ZERO_ADDR


def ether_addr_equal(a: bytes, b: bytes) -> bool:
    return a == b


def mac_text(addr: bytes) -> str:
    """02:00:00:00:00:01"""
    return addr.hex(":")


def eth_hw_addr_set(dev: NetDevice, addr: bytes) -> None:
    """Give the device its address; before it is open, or for ndo_set_mac_address."""
    dev.dev_addr = bytes(addr)


def eth_random_addr() -> bytes:
    """A local unicast address; the kernel's seed decides which."""
    random = ON.kernel.subsystem(_AddressDice).random
    addr = bytearray(random.randbytes(ETH_ALEN))
    addr[0] = addr[0] & 0xFE | 2
    return bytes(addr)


def eth_hw_addr_random(dev: NetDevice) -> None:
    eth_hw_addr_set(dev, eth_random_addr())


class _AddressDice:
    def __init__(self) -> None:
        self.random = Random(ON.kernel.seed)


def eth_validate_addr(dev: NetDevice) -> int:
    """An ndo_validate_addr."""
    return 0 if is_valid_ether_addr(dev.dev_addr) else -EADDRNOTAVAIL


def eth_mac_addr(dev: NetDevice, addr: bytes) -> int:
    """An ndo_set_mac_address for devices that have nothing to program."""
    if netif_running(dev) and not dev.priv_flags & IFF_LIVE_ADDR_CHANGE:
        return -EBUSY
    if not is_valid_ether_addr(addr):
        return -EADDRNOTAVAIL
    eth_hw_addr_set(dev, addr)
    return 0
