# SPDX-License-Identifier: MIT
"""IPv4 (net/ipv4/ip_input.c, ip_output.c): no fragments, no forwarding, on-link routes."""

from __future__ import annotations

from struct import Struct
from typing import Final

from driver.linux.errno import EMSGSIZE, ENOBUFS
from driver.linux.etherdevice import eth_header
from driver.linux.if_ether import BROADCAST_ADDR, ETH_P_IP
from driver.linux.inet.arp import neigh_output
from driver.linux.inet.checksum import csum_fold
from driver.linux.inet.devinet import INADDR_BROADCAST, InDevice
from driver.linux.inet.state import Inet, inet_state
from driver.linux.net.device import NET_RX_DROP, NET_RX_SUCCESS, NET_XMIT_CN, NET_XMIT_SUCCESS, NetDevice
from driver.linux.net.transmit import dev_queue_xmit
from driver.linux.packet import PACKET_OTHERHOST, PacketType
from driver.linux.skbuff import SkbDropReason, SkBuff, kfree_skb, skb_push, skb_share_check, skb_trim

__all__ = ["DEFAULT_TTL", "IP_HEADER", "ip_headroom", "ip_rcv", "ip_send"]

IP_HLEN: Final = 20
IP_DF: Final = 0x4000
IP_MF_OR_OFFSET: Final = 0x3FFF
DEFAULT_TTL: Final = 64
IP_HEADER = Struct("!BBHHHBBHII")


# ---- receiving -------------------------------------------------------------------------------------------------------


def _drop(skb: SkBuff, reason: SkbDropReason) -> int:
    kfree_skb(skb, reason)
    return NET_RX_DROP


def ip_rcv(skb: SkBuff, dev: NetDevice, pt: PacketType) -> int:
    """Handler of ETH_P_IP."""
    if skb.pkt_type == PACKET_OTHERHOST:
        return _drop(skb, SkbDropReason.OTHERHOST)
    inet = inet_state()
    mib = inet.mib
    mib["IpInReceives"] += 1
    if skb.users != 1:
        skb = skb_share_check(skb)
    length, start = skb.len, skb.data
    if length < IP_HLEN:
        mib["IpInHdrErrors"] += 1
        return _drop(skb, SkbDropReason.PKT_TOO_SMALL)
    view = skb.head_view()
    first, _, total, _, fragment, _, protocol, _, source, destination = IP_HEADER.unpack_from(view, start)
    header = (first & 0xF) * 4
    if first >> 4 != 4 or header < IP_HLEN or header > length:
        mib["IpInHdrErrors"] += 1
        return _drop(skb, SkbDropReason.IP_INHDR)
    if int.from_bytes(view[start : start + header], "big") % 0xFFFF:
        mib["IpInCsumErrors"] += 1
        mib["IpInHdrErrors"] += 1
        return _drop(skb, SkbDropReason.IP_CSUM)
    if total > length:
        mib["IpInTruncatedPkts"] += 1
        return _drop(skb, SkbDropReason.PKT_TOO_SMALL)
    if total < header:
        mib["IpInHdrErrors"] += 1
        return _drop(skb, SkbDropReason.IP_INHDR)
    skb_trim(skb, total)
    if not _is_local(inet, skb, destination) or source >> 28 == 0xE or is_broadcast(inet, source):
        mib["IpInAddrErrors"] += 1
        return _drop(skb, SkbDropReason.IP_INADDRERRORS)
    if fragment & IP_MF_OR_OFFSET:
        mib["IpReasmFails"] += 1
        return _drop(skb, SkbDropReason.IP_FRAGMENT)
    skb.data = skb.transport_header = start + header
    skb.len = total - header
    handler = inet.protocols.get(protocol)
    if handler is None:
        return _no_protocol(inet, skb, source, destination)
    mib["IpInDelivers"] += 1
    handler(skb, dev, source, destination)
    return NET_RX_SUCCESS


def _is_local(inet: Inet, skb: SkBuff, destination: int) -> bool:
    """One of our addresses on whatever device, or a broadcast that came as one."""
    for in_dev in inet.devices:
        if destination == in_dev.address or destination == in_dev.broadcast:
            return True
    return destination == INADDR_BROADCAST


def is_broadcast(inet: Inet, destination: int) -> bool:
    return destination == INADDR_BROADCAST or any(destination == in_dev.broadcast for in_dev in inet.devices)


def _no_protocol(inet: Inet, skb: SkBuff, source: int, destination: int) -> int:
    from driver.linux.inet.icmp import ICMP_PROT_UNREACH, icmp_send_unreachable

    inet.mib["IpInUnknownProtos"] += 1
    icmp_send_unreachable(inet, skb, ICMP_PROT_UNREACH, source, destination)
    return _drop(skb, SkbDropReason.IP_NOPROTO)


# ---- sending ---------------------------------------------------------------------------------------------------------


def ip_headroom(in_dev: InDevice) -> int:
    """What a transport leaves free in front of its header."""
    return 16 + in_dev.dev.needed_headroom + IP_HLEN


def ip_send(
    inet: Inet, in_dev: InDevice, skb: SkBuff, destination: int, protocol: int, source: int = 0, ttl: int = DEFAULT_TTL
) -> int:
    """Send a transport's packet through an interface (ip_route_output); takes the skb.

    0, -EMSGSIZE: larger than the MTU (don't-fragment is always set), -ENOBUFS: the device's queue is full and dropped
    it. What is dropped for want of a carrier (NET_XMIT_CN) is no error, as in Linux (net_xmit_errno).
    """
    mib = inet.mib
    mib["IpOutRequests"] += 1
    total = skb.len + IP_HLEN
    if total > in_dev.dev.mtu:
        mib["IpFragFails"] += 1
        mib["IpOutDiscards"] += 1
        kfree_skb(skb, SkbDropReason.PKT_TOO_BIG)
        return -EMSGSIZE
    inet.ip_id = number = (inet.ip_id + 1) & 0xFFFF
    source = source or in_dev.address
    skb_push(skb, IP_HLEN)
    skb.network_header = skb.data
    total_sum = (
        0x4500 + total + number + IP_DF + (ttl << 8) + protocol
        + (source >> 16) + (source & 0xFFFF) + (destination >> 16) + (destination & 0xFFFF)
    )  # fmt: skip
    IP_HEADER.pack_into(
        skb.head.view, skb.data, 0x45, 0, total, number, IP_DF, ttl, protocol, csum_fold(total_sum), source, destination
    )
    if destination == in_dev.broadcast or destination == INADDR_BROADCAST:
        skb.dev = in_dev.dev
        skb.protocol = ETH_P_IP
        eth_header(skb, in_dev.dev, ETH_P_IP, BROADCAST_ADDR)
        answer = dev_queue_xmit(skb)
    else:
        answer = neigh_output(inet, in_dev, destination, skb)
    if answer not in (NET_XMIT_SUCCESS, NET_XMIT_CN):
        mib["IpOutDiscards"] += 1
        return -ENOBUFS
    return 0
