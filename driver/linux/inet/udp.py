# SPDX-License-Identifier: MIT
"""UDP sockets (net/ipv4/udp.c)."""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from driver.linux.errno import (
    EADDRINUSE,
    EADDRNOTAVAIL,
    ECONNREFUSED,
    EHOSTUNREACH,
    EINVAL,
    EMSGSIZE,
    ENETUNREACH,
    ENOMEM,
)
from driver.linux.inet.checksum import csum_fold, csum_partial, csum_tcpudp_nofold
from driver.linux.inet.devinet import ip_route_output
from driver.linux.inet.icmp import ICMP_PORT_UNREACH, icmp_send_unreachable
from driver.linux.inet.ip import ip_headroom, ip_send
from driver.linux.inet.state import IPPROTO_UDP, Inet, in_aton, inet_ntoa, inet_state
from driver.linux.net.device import NetDevice
from driver.linux.skbuff import (
    SkbDropReason,
    SkBuff,
    SkBuffHead,
    alloc_skb,
    consume_skb,
    kfree_skb,
    skb_dequeue,
    skb_put,
    skb_queue_purge,
    skb_queue_tail,
    skb_reserve,
    skb_trim,
)
from driver.linux.wait import WaitQueueHead, wait_event_timeout

__all__ = ["Datagram", "UdpSocket", "udp_err", "udp_rcv"]

FIRST_LOCAL_PORT: Final = 32768
LAST_LOCAL_PORT: Final = 60999
RCVBUF_BYTES: Final = 212_992
_HEADER = Struct("!HHHH")

Datagram = tuple[bytes, tuple[str, int]]  # what arrived, and who sent it


class UdpSocket:
    """socket(AF_INET, SOCK_DGRAM). data_ready, if set, is called in softirq context for each datagram queued."""

    __slots__ = ("address", "data_ready", "error", "peer", "port", "queue", "queued_bytes", "rcvbuf", "readable")

    def __init__(self) -> None:
        self.address = 0
        self.port = 0
        self.peer = (0, 0)  # address and port it sent to last: errors from there are its errors
        self.error = 0  # pending: the next call returns it
        self.rcvbuf = RCVBUF_BYTES
        self.queue = SkBuffHead()
        self.queued_bytes = 0
        self.readable = WaitQueueHead()
        self.data_ready: Callable[[UdpSocket], None] | None = None

    # ---- calls
    def bind(self, port: int = 0, address: str = "0.0.0.0") -> int:
        """Receive what comes for `port` (0: any free one). 0, -EINVAL: bound already, -EADDRINUSE, -EADDRNOTAVAIL."""
        inet = inet_state()
        number = in_aton(address)
        if self.port or not 0 <= port <= 0xFFFF:
            return -EINVAL
        if number and all(number != in_dev.address for in_dev in inet.devices):
            return -EADDRNOTAVAIL
        port = port or _free_port(inet)
        others = inet.udp_ports.get(port, [])
        if not port or any(not number or not other.address or number == other.address for other in others):
            return -EADDRINUSE
        self.port, self.address = port, number
        inet.udp_ports.setdefault(port, []).append(self)
        return 0

    def close(self) -> None:
        """Receive no more; what was not read is dropped. Once more does nothing."""
        inet = inet_state()
        if self.port:
            inet.udp_ports[self.port].remove(self)
            if not inet.udp_ports[self.port]:
                del inet.udp_ports[self.port]
            self.port = 0
        skb_queue_purge(self.queue)
        self.queued_bytes = 0

    def sendto(self, data: bytes | memoryview, to: tuple[str, int]) -> int:
        """The bytes sent, or -errno: a pending error, -ENETUNREACH, -EMSGSIZE, -ENOBUFS ..."""
        if self.error:
            return self._pending_error()
        inet = inet_state()
        if not self.port and (error := self.bind()):
            return error
        destination = in_aton(to[0])
        in_dev = ip_route_output(inet, destination)
        if in_dev is None:
            inet.mib["IpOutNoRoutes"] += 1
            return -ENETUNREACH
        length = len(data) + _HEADER.size
        if length > 0xFFFF - 20:
            return -EMSGSIZE
        room = ip_headroom(in_dev)
        skb = alloc_skb(room + length)
        if skb is None:
            return -ENOMEM
        skb_reserve(skb, room)
        skb.sk = self
        source = self.address or in_dev.address
        self.peer = (destination, to[1])
        body = skb_put(skb, length)
        body[_HEADER.size :] = data
        total = csum_tcpudp_nofold(source, destination, length, IPPROTO_UDP, self.port + to[1] + length)
        checksum = csum_fold(csum_partial(data, total)) or 0xFFFF
        _HEADER.pack_into(body, 0, self.port, to[1], length, checksum)
        error = ip_send(inet, in_dev, skb, destination, IPPROTO_UDP, source)
        if error:
            return error
        inet.mib["UdpOutDatagrams"] += 1
        return len(data)

    async def recvfrom(self, timeout_ms: int = 1000) -> Datagram | None:
        """The next datagram; None: none came in time. Raises: OSError for a pending error."""
        await wait_event_timeout(self.readable, self._something, timeout_ms * 1_000_000)
        return self.recvfrom_nowait()

    def recvfrom_nowait(self) -> Datagram | None:
        """The next datagram, if there is one. Raises: OSError for a pending error."""
        if self.error:
            error = -self._pending_error()
            raise OSError(error, f"udp port {self.port}")
        skb = skb_dequeue(self.queue)
        if skb is None:
            return None
        self.queued_bytes -= skb.head.size
        source, port = skb.cb
        data = bytes(skb.view())
        consume_skb(skb)
        return data, (inet_ntoa(source), port)

    # ---- the stack's side
    def error_report(self, error: int) -> None:
        """A datagram of ours could not be delivered."""
        self.error = error
        self.readable.wake_up()

    def _pending_error(self) -> int:
        error, self.error = self.error, 0
        return -error

    def _something(self) -> bool:
        return bool(self.queue.packets) or self.error != 0

    def deliver(self, inet: Inet, skb: SkBuff) -> None:
        """A checked datagram for this socket."""
        if self.queued_bytes + skb.head.size > self.rcvbuf:
            inet.mib["UdpRcvbufErrors"] += 1
            inet.mib["UdpInErrors"] += 1
            kfree_skb(skb, SkbDropReason.SOCKET_RCVBUFF)
            return
        inet.mib["UdpInDatagrams"] += 1
        self.queued_bytes += skb.head.size
        skb_queue_tail(self.queue, skb)
        self.readable.wake_up()
        if self.data_ready is not None:
            self.data_ready(self)


def _free_port(inet: Inet) -> int:
    """A port nobody is bound to; 0: there is none."""
    count = LAST_LOCAL_PORT - FIRST_LOCAL_PORT + 1
    for offset in range(count):
        port = FIRST_LOCAL_PORT + (inet.udp_next_port - FIRST_LOCAL_PORT + offset) % count
        if port not in inet.udp_ports:
            inet.udp_next_port = port + 1
            return port
    return 0


def _lookup(inet: Inet, port: int, destination: int) -> UdpSocket | None:
    """The socket bound to the very address, else one bound to any."""
    found = None
    for sock in inet.udp_ports.get(port, ()):
        if sock.address == destination:
            return sock
        if not sock.address:
            found = sock
    return found


def udp_rcv(skb: SkBuff, dev: NetDevice, source: int, destination: int) -> None:
    """Handler of IPPROTO_UDP."""
    inet = inet_state()
    mib = inet.mib
    if skb.len < _HEADER.size:
        mib["UdpInErrors"] += 1
        kfree_skb(skb, SkbDropReason.PKT_TOO_SMALL)
        return
    sport, dport, length, checksum = _HEADER.unpack_from(skb.head_view(), skb.data)
    if not _HEADER.size <= length <= skb.len:
        mib["UdpInErrors"] += 1
        kfree_skb(skb, SkbDropReason.PKT_TOO_SMALL)
        return
    skb_trim(skb, length)
    if checksum and csum_fold(csum_partial(skb.view(), csum_tcpudp_nofold(source, destination, length, IPPROTO_UDP))):
        mib["UdpInCsumErrors"] += 1
        mib["UdpInErrors"] += 1
        kfree_skb(skb, SkbDropReason.UDP_CSUM)
        return
    sock = _lookup(inet, dport, destination)
    if sock is None:
        mib["UdpNoPorts"] += 1
        icmp_send_unreachable(inet, skb, ICMP_PORT_UNREACH, source, destination)
        kfree_skb(skb, SkbDropReason.NO_SOCKET)
        return
    skb.data += _HEADER.size
    skb.len -= _HEADER.size
    skb.cb = (source, sport)
    sock.deliver(inet, skb)


def udp_err(inet: Inet, quoted: memoryview, source: int, destination: int, code: int) -> None:
    """An ICMP error quotes a UDP header (8 bytes at least): tell the socket that sent it, if one did."""
    sport, dport, _, _ = _HEADER.unpack_from(quoted)
    if all(source != in_dev.address for in_dev in inet.devices):
        return
    sock = _lookup(inet, sport, source)
    if sock is not None and sock.peer == (destination, dport):
        sock.error_report(ECONNREFUSED if code == ICMP_PORT_UNREACH else EHOSTUNREACH)
