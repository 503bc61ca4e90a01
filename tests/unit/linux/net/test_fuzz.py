# SPDX-License-Identifier: MIT
"""Frames that are wrong in thousands of ways: nothing raises, nothing leaks, and the host still works."""

from __future__ import annotations

from random import Random

import dpkt
import pytest

from driver.linux.inet import UdpSocket, ping
from driver.linux.inet.checksum import ip_compute_csum
from tests.unit.linux.net.hosts import Net

OURS, THEIRS = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
TO, FROM = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
PORT = 9
FRAMES = 2000
BATCH = 50


def _ip(protocol: int, data: bytes) -> bytes:
    ip = dpkt.ip.IP(src=THEIRS, dst=OURS, p=protocol, ttl=64, len=20 + len(data), data=data)
    return bytes(dpkt.ethernet.Ethernet(dst=TO, src=FROM, type=0x0800, data=bytes(ip)))


def _icmp(kind: int, code: int, rest: bytes) -> bytes:
    return _ip(1, bytes(dpkt.icmp.ICMP(type=kind, code=code, data=rest)))


def _quoted(protocol: int, data: bytes) -> bytes:
    return bytes(4) + bytes(dpkt.ip.IP(src=OURS, dst=THEIRS, p=protocol, len=20 + len(data), data=data))


def _arp(op: int) -> bytes:
    arp = dpkt.arp.ARP(op=op, sha=FROM, spa=THEIRS, tha=TO, tpa=OURS)
    return bytes(dpkt.ethernet.Ethernet(dst=TO, src=FROM, type=0x0806, data=bytes(arp)))


SEEDS = [
    _arp(1),
    _arp(2),
    _icmp(8, 0, b"\0\7\0\1" + bytes(56)),
    _icmp(0, 0, b"\0\7\0\1" + bytes(56)),
    _icmp(3, 3, _quoted(17, bytes(dpkt.udp.UDP(sport=PORT, dport=77)))),
    _icmp(3, 1, _quoted(1, bytes(dpkt.icmp.ICMP(type=8, data=b"\0\7\0\1")))),
    _ip(17, bytes(dpkt.udp.UDP(sport=77, dport=PORT, ulen=12, data=b"data"))),
    _ip(17, bytes(dpkt.udp.UDP(sport=77, dport=78, ulen=12, data=b"data"))),
    _ip(99, b"who knows"),
]


def _mutated(rng: Random) -> bytes:
    """A frame with a few bytes changed, cut or extended; its checksums are mostly made right again."""
    frame = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randrange(4)):
        # Mostly where the headers are, and never the destination: what is not for us goes no further.
        at = rng.randrange(12, min(len(frame), 80))
        frame[at] = rng.choice((0, 1, 0x40, 0x45, 0x46, 0x4F, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    if rng.random() < 0.4:
        del frame[rng.randrange(14, len(frame)) :]
    if rng.random() < 0.2:
        frame += rng.randbytes(rng.randrange(60))
    if rng.random() < 0.9:
        _make_right(frame, rng.random() < 0.7)
    return bytes(frame)


def _make_right(frame: bytearray, lengths: bool) -> None:
    """IP length (if asked for) and the checksums of IP and ICMP."""
    if len(frame) < 34 or frame[12:14] != b"\x08\x00":
        return
    if lengths:
        frame[16:18] = (len(frame) - 14).to_bytes(2, "big")
    header = 14 + (frame[14] & 0xF) * 4
    frame[24:26] = bytes(2)
    frame[24:26] = ip_compute_csum(frame[14:header]).to_bytes(2, "big")
    end = 14 + int.from_bytes(frame[16:18], "big")
    if frame[23] == 1 and header + 4 <= min(end, len(frame)):
        frame[header + 2 : header + 4] = bytes(2)
        frame[header + 2 : header + 4] = ip_compute_csum(frame[header:end]).to_bytes(2, "big")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_frame_is_too_wrong(net: Net, seed: int) -> None:
    a, b = net.hosts
    rng = Random(seed)
    sock = UdpSocket()
    assert a.call(lambda: sock.bind(PORT)) == 0
    net.lose = lambda frame: True  # the other host is not part of it
    for _ in range(FRAMES // BATCH):
        for _ in range(BATCH):
            a.card.arrive(_mutated(rng))
        net.advance(50_000_000)
    assert a.dev.stats.rx_packets == FRAMES
    seen = a.mib
    reached = ("ArpInErrors", "IpInHdrErrors", "IpInTruncatedPkts", "IpInAddrErrors", "IcmpInErrors", "IcmpInEchos")
    assert all(seen[name] for name in (*reached, "IcmpInDestUnreachs", "UdpInErrors", "UdpInDatagrams")), seen
    a.call(sock.close)
    net.advance(60_000_000_000)
    net.lose = lambda frame: False
    assert a.run(ping(b.ip)) is not None or a.run(ping(b.ip)) is not None
