# SPDX-License-Identifier: MIT
"""ICMP: echo both ways, destination unreachable both ways (net/ipv4/icmp.c, ping.c)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from driver.linux.current import ON
from driver.linux.errno import EHOSTUNREACH, EMSGSIZE, ENETUNREACH, ENOMEM
from driver.linux.inet.checksum import csum_fold, csum_partial
from driver.linux.inet.devinet import ip_route_output
from driver.linux.inet.ip import IP_HEADER, ip_headroom, ip_send, is_broadcast
from driver.linux.inet.state import IPPROTO_ICMP, IPPROTO_UDP, Inet, in_aton, inet_state
from driver.linux.net.device import NetDevice
from driver.linux.packet import PACKET_HOST
from driver.linux.skbuff import SkbDropReason, SkBuff, alloc_skb, consume_skb, kfree_skb, skb_put, skb_reserve
from driver.linux.wait import WaitQueueHead, wait_event_timeout

__all__ = ["ICMP_PORT_UNREACH", "ICMP_PROT_UNREACH", "icmp_rcv", "icmp_send_unreachable", "ping"]

ICMP_ECHOREPLY: Final = 0
ICMP_DEST_UNREACH: Final = 3
ICMP_ECHO: Final = 8
ICMP_HOST_UNREACH: Final = 1
ICMP_PROT_UNREACH: Final = 2
ICMP_PORT_UNREACH: Final = 3

_HEADER = Struct("!BBHHH")  # type, code, checksum, then two words by type
_QUOTED: Final = 8  # bytes of the offending packet's payload that an error carries
_PATTERN = bytes(range(256)) * 64


class Pinger:
    """Who waits for one echo reply."""

    __slots__ = ("answered_ns", "data", "destination", "error", "wait")

    def __init__(self, destination: int, data: bytes) -> None:
        self.destination = destination
        self.data = data
        self.answered_ns = 0
        self.error = 0
        self.wait = WaitQueueHead()

    def over(self) -> bool:
        return self.answered_ns != 0 or self.error != 0

    def error_report(self, error: int) -> None:
        """The request could not be delivered."""
        self.error = error
        self.wait.wake_up()


def _send(
    inet: Inet, kind: int, code: int, rest: tuple[int, int], data: memoryview | bytes, destination: int,
    *, source: int = 0, sender: Pinger | None = None,
) -> int:  # fmt: skip
    """One message; 0 or -errno."""
    in_dev = ip_route_output(inet, destination)
    if in_dev is None:
        inet.mib["IpOutNoRoutes"] += 1
        return -ENETUNREACH
    room = ip_headroom(in_dev)
    skb = alloc_skb(room + _HEADER.size + len(data))
    if skb is None:
        inet.mib["IcmpOutErrors"] += 1
        return -ENOMEM
    skb_reserve(skb, room)
    skb.sk = sender
    body = skb_put(skb, _HEADER.size + len(data))
    body[_HEADER.size :] = data
    checksum = csum_fold(csum_partial(data, (kind << 8) + code + rest[0] + rest[1]))
    _HEADER.pack_into(body, 0, kind, code, checksum, *rest)
    inet.mib["IcmpOutMsgs"] += 1
    return ip_send(inet, in_dev, skb, destination, IPPROTO_ICMP, source)


def icmp_send_unreachable(inet: Inet, skb: SkBuff, code: int, source: int, destination: int) -> None:
    """Tell the sender of a received packet (network header pulled) that it cannot be delivered; not for broadcasts."""
    if skb.pkt_type != PACKET_HOST or is_broadcast(inet, destination):
        return
    quoted = skb.head_view()[skb.network_header : min(skb.tail, skb.transport_header + _QUOTED)]
    inet.mib["IcmpOutDestUnreachs"] += 1
    _send(inet, ICMP_DEST_UNREACH, code, (0, 0), quoted, source, source=destination)


def icmp_rcv(skb: SkBuff, dev: NetDevice, source: int, destination: int) -> None:
    """Handler of IPPROTO_ICMP."""
    inet = inet_state()
    mib = inet.mib
    mib["IcmpInMsgs"] += 1
    if skb.len < _HEADER.size:
        mib["IcmpInErrors"] += 1
        kfree_skb(skb, SkbDropReason.PKT_TOO_SMALL)
        return
    message = skb.view()
    if csum_fold(csum_partial(message)):
        mib["IcmpInCsumErrors"] += 1
        mib["IcmpInErrors"] += 1
        kfree_skb(skb, SkbDropReason.ICMP_CSUM)
        return
    kind, code, _, first, second = _HEADER.unpack_from(message)
    data = message[_HEADER.size :]
    if kind == ICMP_ECHO:
        mib["IcmpInEchos"] += 1
        if not is_broadcast(inet, destination):
            mib["IcmpOutEchoReps"] += 1
            _send(inet, ICMP_ECHOREPLY, 0, (first, second), data, source, source=destination)
    elif kind == ICMP_ECHOREPLY:
        mib["IcmpInEchoReps"] += 1
        _echo_reply(inet, first, data, source)
    elif kind == ICMP_DEST_UNREACH:
        mib["IcmpInDestUnreachs"] += 1
        _unreachable(inet, code, data)
    consume_skb(skb)


def _echo_reply(inet: Inet, ident: int, data: memoryview, source: int) -> None:
    pinger = inet.pings.get(ident)
    if pinger is not None and source == pinger.destination and data == pinger.data:
        pinger.answered_ns = ON.kernel.now_ns
        pinger.wait.wake_up()


def _unreachable(inet: Inet, code: int, quoted: memoryview) -> None:
    """Tell the sender of the packet that the message quotes."""
    from driver.linux.inet.udp import udp_err

    if len(quoted) < IP_HEADER.size:
        inet.mib["IcmpInErrors"] += 1
        return
    first, *_, protocol, _, source, destination = IP_HEADER.unpack_from(quoted)
    header = (first & 0xF) * 4
    payload = quoted[header:]
    if header < IP_HEADER.size or len(payload) < _QUOTED:
        inet.mib["IcmpInErrors"] += 1
        return
    if protocol == IPPROTO_UDP:
        udp_err(inet, payload, source, destination, code)
    elif protocol == IPPROTO_ICMP:
        kind, _, _, ident, _ = _HEADER.unpack_from(payload)
        pinger = inet.pings.get(ident)
        if kind == ICMP_ECHO and pinger is not None and pinger.destination == destination:
            pinger.error_report(EHOSTUNREACH)


async def ping(destination: str, size: int = 56, timeout_ms: int = 1000) -> int | None:
    """Send one echo request with `size` bytes of data; the time to its reply, ns, None: no (right) answer came.

    Raises: OSError when it could not even be sent: no route, larger than the MTU.
    """
    inet = inet_state()
    address = in_aton(destination)
    inet.ping_ident = ident = (inet.ping_ident + 1) & 0xFFFF
    data = (_PATTERN * (size // len(_PATTERN) + 1))[:size]
    pinger = inet.pings[ident] = Pinger(address, data)
    try:
        sent_ns = ON.kernel.now_ns
        inet.mib["IcmpOutEchos"] += 1
        error = _send(inet, ICMP_ECHO, 0, (ident, 1), data, address, sender=pinger)
        if error in (-ENETUNREACH, -EMSGSIZE):
            raise OSError(-error, f"ping {destination}")
        await wait_event_timeout(pinger.wait, pinger.over, timeout_ms * 1_000_000)
        return pinger.answered_ns - sent_ns if pinger.answered_ns else None
    finally:
        del inet.pings[ident]
