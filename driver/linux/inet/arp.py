# SPDX-License-Identifier: MIT
"""ARP and the neighbour cache (net/ipv4/arp.c, net/core/neighbour.c).

    (none) --packet to send--> INCOMPLETE --reply--> REACHABLE --30 s--> STALE --packet to send--> DELAY
    INCOMPLETE and PROBE ask once a second, three times, then FAILED: what waited is dropped and its senders told
    DELAY --5 s--> PROBE (asks the station itself) --reply--> REACHABLE

Times are the driver's (time scale), as every timer's.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from struct import Struct
from typing import Final

from driver.linux.errno import EHOSTUNREACH
from driver.linux.etherdevice import eth_header
from driver.linux.if_ether import BROADCAST_ADDR, ETH_ALEN, ETH_HLEN, ETH_P_ARP, ETH_P_IP
from driver.linux.inet.devinet import InDevice
from driver.linux.inet.state import Inet, inet_state
from driver.linux.net.device import NET_RX_DROP, NET_RX_SUCCESS, NET_XMIT_SUCCESS, NetDevice
from driver.linux.net.transmit import dev_queue_xmit
from driver.linux.packet import PACKET_OTHERHOST, PacketType
from driver.linux.skbuff import (
    SkbDropReason,
    SkBuff,
    alloc_skb,
    consume_skb,
    kfree_skb,
    skb_put,
    skb_reserve,
    skb_reset_network_header,
)
from driver.linux.timer import HZ, TimerList, del_timer_sync, jiffies, mod_timer

__all__ = ["ARPOP_REPLY", "ARPOP_REQUEST", "Neighbour", "Nud", "arp_ifdown", "arp_rcv", "arp_send", "neigh_output"]

ARPHRD_ETHER: Final = 1
ARPOP_REQUEST: Final = 1
ARPOP_REPLY: Final = 2

REACHABLE_JIFFIES: Final = 30 * HZ
DELAY_JIFFIES: Final = 5 * HZ
RETRANS_JIFFIES: Final = HZ
PROBES: Final = 3
UNRESOLVED_MAX: Final = 101  # packets that wait for one neighbour

_ARP = Struct("!HHBBH6sI6sI")
_NO_ADDR = bytes(ETH_ALEN)


class Nud(Enum):
    INCOMPLETE = "INCOMPLETE"
    REACHABLE = "REACHABLE"
    STALE = "STALE"
    DELAY = "DELAY"
    PROBE = "PROBE"
    FAILED = "FAILED"


class Neighbour:
    """A station on the link. queue: packets that wait for its address."""

    __slots__ = ("address", "confirmed", "ha", "in_dev", "probes", "queue", "state", "timer")

    def __init__(self, in_dev: InDevice, address: int) -> None:
        self.in_dev = in_dev
        self.address = address
        self.ha = _NO_ADDR
        self.state = Nud.FAILED
        self.confirmed = 0  # jiffies
        self.probes = 0
        self.queue: deque[SkBuff] = deque()
        self.timer = TimerList(_neigh_timer, self)


# ---- sending ---------------------------------------------------------------------------------------------------------


def neigh_output(inet: Inet, in_dev: InDevice, address: int, skb: SkBuff) -> int:
    """Send an IP packet to a station on the link, now or when its address is known; takes the skb."""
    key = (in_dev.dev.ifindex, address)
    neigh = inet.neighbours.get(key)
    if neigh is None:
        neigh = inet.neighbours[key] = Neighbour(in_dev, address)
    state = neigh.state
    if state is Nud.REACHABLE and jiffies() - neigh.confirmed < REACHABLE_JIFFIES:
        return _transmit(neigh, skb)
    if state is Nud.INCOMPLETE or state is Nud.FAILED:
        return _wait_for_address(inet, neigh, skb)
    if state is Nud.REACHABLE or state is Nud.STALE:
        neigh.state = Nud.DELAY
        neigh.probes = 0
        mod_timer(neigh.timer, jiffies() + DELAY_JIFFIES)
    return _transmit(neigh, skb)


def _transmit(neigh: Neighbour, skb: SkBuff) -> int:
    dev = neigh.in_dev.dev
    skb.dev = dev
    skb.protocol = ETH_P_IP
    eth_header(skb, dev, ETH_P_IP, neigh.ha)
    return dev_queue_xmit(skb)


def _wait_for_address(inet: Inet, neigh: Neighbour, skb: SkBuff) -> int:
    if len(neigh.queue) >= UNRESOLVED_MAX:
        inet.mib["IpOutDiscards"] += 1
        kfree_skb(neigh.queue.popleft(), SkbDropReason.NEIGH_QUEUEFULL)
    neigh.queue.append(skb)
    if neigh.state is Nud.FAILED:
        neigh.state = Nud.INCOMPLETE
        neigh.probes = 0
        _probe(inet, neigh)
    return NET_XMIT_SUCCESS


def _probe(inet: Inet, neigh: Neighbour) -> None:
    neigh.probes += 1
    mod_timer(neigh.timer, jiffies() + RETRANS_JIFFIES)
    inet.mib["ArpOutRequests"] += 1
    in_dev: InDevice = neigh.in_dev.dev.ip_ptr  # inet_addr_del leaves no neighbour behind
    to = neigh.ha if neigh.state is Nud.PROBE else BROADCAST_ADDR
    arp_send(ARPOP_REQUEST, in_dev.dev, in_dev.address, neigh.address, _NO_ADDR, to)


def _neigh_timer(neigh: Neighbour) -> None:
    inet = inet_state()
    if neigh.state is Nud.DELAY:
        neigh.state = Nud.PROBE
        neigh.probes = 0
    elif neigh.state not in (Nud.INCOMPLETE, Nud.PROBE):
        return
    if neigh.probes < PROBES:
        _probe(inet, neigh)
        return
    neigh.state = Nud.FAILED
    inet.mib["ArpFailed"] += 1
    _drop_waiting(inet, neigh)


def _drop_waiting(inet: Inet, neigh: Neighbour) -> None:
    while neigh.queue:
        skb = neigh.queue.popleft()
        inet.mib["IpOutDiscards"] += 1
        if skb.sk is not None:
            skb.sk.error_report(EHOSTUNREACH)
        kfree_skb(skb, SkbDropReason.NEIGH_FAILED)


def arp_send(op: int, dev: NetDevice, sip: int, tip: int, tha: bytes, to: bytes) -> None:
    """One ARP packet from `dev` to link layer address `to`."""
    skb = alloc_skb(16 + dev.needed_headroom + ETH_HLEN + _ARP.size)
    if skb is None:
        return
    skb_reserve(skb, 16 + dev.needed_headroom)
    skb_reset_network_header(skb)
    fields = (ARPHRD_ETHER, ETH_P_IP, ETH_ALEN, 4, op, dev.dev_addr, sip, tha, tip)
    _ARP.pack_into(skb_put(skb, _ARP.size), 0, *fields)
    skb.dev = dev
    skb.protocol = ETH_P_ARP
    eth_header(skb, dev, ETH_P_ARP, to)
    dev_queue_xmit(skb)


# ---- receiving -------------------------------------------------------------------------------------------------------


def arp_rcv(skb: SkBuff, dev: NetDevice, pt: PacketType) -> int:
    """Handler of ETH_P_ARP."""
    inet = inet_state()
    in_dev: InDevice | None = dev.ip_ptr
    if in_dev is None or skb.pkt_type == PACKET_OTHERHOST:
        kfree_skb(skb, SkbDropReason.OTHERHOST)
        return NET_RX_DROP
    if skb.len < _ARP.size:
        inet.mib["ArpInErrors"] += 1
        kfree_skb(skb, SkbDropReason.PKT_TOO_SMALL)
        return NET_RX_DROP
    kind, protocol, hlen, plen, op, sha, sip, _, tip = _ARP.unpack_from(skb.head_view(), skb.data)
    if (kind, protocol, hlen, plen) != (ARPHRD_ETHER, ETH_P_IP, ETH_ALEN, 4) or op not in (ARPOP_REQUEST, ARPOP_REPLY):
        inet.mib["ArpInErrors"] += 1
        kfree_skb(skb, SkbDropReason.ARP_INVALID)
        return NET_RX_DROP
    inet.mib["ArpInRequests" if op == ARPOP_REQUEST else "ArpInReplies"] += 1
    for_us = tip == in_dev.address
    if op == ARPOP_REQUEST and for_us:
        inet.mib["ArpOutReplies"] += 1
        arp_send(ARPOP_REPLY, dev, tip, sip, sha, sha)
    if sip and not sha[0] & 1:
        _learn(inet, in_dev, sip, sha, create=op == ARPOP_REQUEST and for_us, solicited=op == ARPOP_REPLY and for_us)
    consume_skb(skb)
    return NET_RX_SUCCESS


def _learn(inet: Inet, in_dev: InDevice, address: int, ha: bytes, create: bool, solicited: bool) -> None:
    """An ARP packet told where `address` is; `solicited`: it is the answer to our question."""
    key = (in_dev.dev.ifindex, address)
    neigh = inet.neighbours.get(key)
    if neigh is None:
        if not create:
            return
        neigh = inet.neighbours[key] = Neighbour(in_dev, address)
    moved = neigh.ha != ha
    neigh.ha = ha
    if solicited:
        neigh.state = Nud.REACHABLE
        neigh.confirmed = jiffies()
        del_timer_sync(neigh.timer)
    elif moved or neigh.state in (Nud.INCOMPLETE, Nud.FAILED):
        neigh.state = Nud.STALE
        del_timer_sync(neigh.timer)
    while neigh.queue:
        _transmit(neigh, neigh.queue.popleft())


def arp_ifdown(dev: NetDevice) -> None:
    """The device went down or lost its address: forget who is on its link."""
    inet = inet_state()
    for key in [key for key in inet.neighbours if key[0] == dev.ifindex]:
        neigh = inet.neighbours.pop(key)
        del_timer_sync(neigh.timer)
        _drop_waiting(inet, neigh)
