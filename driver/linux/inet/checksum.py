# SPDX-License-Identifier: MIT
"""The Internet checksum (RFC 1071) at big-integer speed.

A block of big-endian 16-bit words, read as one integer, is congruent to the sum of its words modulo 0xffff, because
0x10000 is congruent to 1. So one conversion and one division replace a loop.
"""

from __future__ import annotations

__all__ = ["csum_fold", "csum_partial", "csum_tcpudp_nofold", "ip_compute_csum"]

Data = bytes | bytearray | memoryview


def csum_partial(data: Data, total: int = 0) -> int:
    """Ones' complement sum of `data` added to `total`: 0 only when all of it is 0. Of several parts only the last may
    have an odd length."""
    value = int.from_bytes(data, "big")
    if len(data) & 1:
        value <<= 8
    value += total
    folded = value % 0xFFFF
    return folded if folded or not value else 0xFFFF


def csum_fold(total: int) -> int:
    """The checksum field that belongs to a sum."""
    folded = total % 0xFFFF
    return 0xFFFF - folded if folded or not total else 0


def csum_tcpudp_nofold(saddr: int, daddr: int, length_bytes: int, protocol: int, total: int = 0) -> int:
    """`total` plus the IPv4 pseudo header."""
    return total + (saddr >> 16) + (saddr & 0xFFFF) + (daddr >> 16) + (daddr & 0xFFFF) + length_bytes + protocol


def ip_compute_csum(data: Data) -> int:
    """Checksum field over `data` (the field itself 0), or 0 when `data` includes a right one."""
    return csum_fold(csum_partial(data))
