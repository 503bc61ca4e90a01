# SPDX-License-Identifier: MIT
"""What IPv4 keeps per kernel (struct netns_ipv4): counters, interfaces, neighbours, sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from driver.linux.current import ON
from driver.linux.if_ether import ETH_P_ARP, ETH_P_IP
from driver.linux.net.state import net_state
from driver.linux.packet import PacketType, dev_add_pack

if TYPE_CHECKING:
    from driver.linux.inet.arp import Neighbour
    from driver.linux.inet.devinet import InDevice
    from driver.linux.inet.icmp import Pinger
    from driver.linux.inet.udp import UdpSocket
    from driver.linux.net.device import NetDevice
    from driver.linux.skbuff import SkBuff

__all__ = ["IPPROTO_ICMP", "IPPROTO_UDP", "Inet", "in_aton", "inet_ntoa", "inet_state"]

IPPROTO_ICMP: Final = 1
IPPROTO_UDP: Final = 17

# As `nstat` names them.
COUNTERS: Final = (
    "ArpInRequests", "ArpInReplies", "ArpInErrors", "ArpOutRequests", "ArpOutReplies", "ArpFailed",
    "IpInReceives", "IpInHdrErrors", "IpInCsumErrors", "IpInTruncatedPkts", "IpInAddrErrors", "IpInUnknownProtos",
    "IpInDelivers", "IpReasmFails", "IpOutRequests", "IpOutDiscards", "IpOutNoRoutes",
    "IpFragFails",
    "IcmpInMsgs", "IcmpInErrors", "IcmpInCsumErrors", "IcmpInDestUnreachs", "IcmpInEchos", "IcmpInEchoReps",
    "IcmpOutMsgs", "IcmpOutErrors", "IcmpOutDestUnreachs", "IcmpOutEchos", "IcmpOutEchoReps",
    "UdpInDatagrams", "UdpNoPorts", "UdpInErrors", "UdpInCsumErrors", "UdpRcvbufErrors", "UdpOutDatagrams",
)  # fmt: skip


class Inet:
    """One kernel's IPv4."""

    __slots__ = (
        "devices", "ip_id", "mib", "neighbours", "ping_ident", "pings", "protocols", "udp_next_port", "udp_ports",
    )  # fmt: skip

    def __init__(self) -> None:
        from driver.linux.inet.arp import arp_ifdown, arp_rcv
        from driver.linux.inet.devinet import inetdev_destroy
        from driver.linux.inet.icmp import icmp_rcv
        from driver.linux.inet.ip import ip_rcv
        from driver.linux.inet.udp import FIRST_LOCAL_PORT, udp_rcv

        self.mib = dict.fromkeys(COUNTERS, 0)
        self.devices: list[InDevice] = []
        self.neighbours: dict[tuple[int, int], Neighbour] = {}  # by interface index and address
        self.protocols: dict[int, Callable[[SkBuff, NetDevice, int, int], None]] = {
            IPPROTO_ICMP: icmp_rcv,
            IPPROTO_UDP: udp_rcv,
        }
        self.ip_id = ON.kernel.seed & 0xFFFF
        self.ping_ident = 0
        self.pings: dict[int, Pinger] = {}
        self.udp_ports: dict[int, list[UdpSocket]] = {}
        self.udp_next_port = FIRST_LOCAL_PORT
        dev_add_pack(PacketType(ETH_P_ARP, arp_rcv))
        dev_add_pack(PacketType(ETH_P_IP, ip_rcv))
        net = net_state()
        net.on_down.append(arp_ifdown)
        net.on_unregister.append(inetdev_destroy)

    def counters(self) -> dict[str, int]:
        """Those that are not 0."""
        return {name: count for name, count in self.mib.items() if count}


def inet_state() -> Inet:
    """Of the kernel that executes."""
    return ON.kernel.subsystem(Inet)


def in_aton(text: str) -> int:
    """10.0.0.1 as a number. Raises: ValueError."""
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isdecimal() and int(part) < 256 for part in parts):
        raise ValueError(f"{text!r} is not an IPv4 address")
    return int.from_bytes(bytes(int(part) for part in parts), "big")


def inet_ntoa(addr: int) -> str:
    return ".".join(str(octet) for octet in addr.to_bytes(4, "big"))
