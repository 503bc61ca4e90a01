# SPDX-License-Identifier: MIT
"""Enough of IPv4 for hosts on one link: ARP, ICMP echo, UDP. Ready as soon as a device has an address."""

from __future__ import annotations

from driver.linux.inet.devinet import InDevice, inet_addr_add, inet_addr_del
from driver.linux.inet.icmp import ping
from driver.linux.inet.state import Inet, in_aton, inet_ntoa, inet_state
from driver.linux.inet.udp import Datagram, UdpSocket

__all__ = [
    "Datagram", "InDevice", "Inet", "UdpSocket", "in_aton", "inet_addr_add", "inet_addr_del", "inet_ntoa",
    "inet_state", "ping",
]  # fmt: skip
