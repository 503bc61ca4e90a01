# SPDX-License-Identifier: MIT
"""IPv4: what is refused on receipt and counted where, what is sent, judged by dpkt."""

from __future__ import annotations

from collections.abc import Callable

import dpkt
import pytest

from driver.linux.errno import EEXIST, EINVAL, EMSGSIZE, ENETUNREACH, ENOBUFS, ENODEV
from driver.linux.if_ether import ETH_P_ALL
from driver.linux.inet import UdpSocket, in_aton, inet_addr_add, inet_addr_del, inet_ntoa, ping
from driver.linux.netdevice import (
    NetDevice,
    alloc_etherdev,
    dev_change_tx_queue_len,
    dev_close,
    dev_open,
    free_netdev,
    netif_carrier_off,
)
from driver.linux.packet import PacketType, dev_add_pack, dev_remove_pack
from driver.linux.skbuff import SkBuff, consume_skb
from tests.unit.linux.net.hosts import Host, Net

OURS, THEIRS = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
PORT = 4000


def datagram(host: Host, change: Callable[[dpkt.ip.IP], None] = lambda ip: None, dst: bytes | None = None) -> bytes:
    """A frame with a good UDP datagram for `host`, changed before the header checksum is worked out."""
    udp = dpkt.udp.UDP(sport=9, dport=PORT, ulen=13, data=b"hello")
    ip = dpkt.ip.IP(src=THEIRS, dst=OURS, p=17, ttl=64, data=udp)
    ip.len = 33
    change(ip)
    return bytes(dpkt.ethernet.Ethernet(dst=dst or host.mac, src=b"\2\0\0\0\0\2", type=0x0800, data=bytes(ip)))


def received(host: Host, frame: bytes) -> bytes | None:
    """What a socket of the host makes of a frame."""
    sock = UdpSocket()
    assert host.call(lambda: sock.bind(PORT)) == 0
    host.arrive(frame)
    got = host.call(sock.recvfrom_nowait)
    host.call(sock.close)
    return got[0] if got else None


def refused(net: Net, frame: bytes, counter: str, reason: str) -> None:
    """It is counted there, dropped for that, and nobody gets it."""
    host = net.hosts[0]
    assert received(host, frame) is None
    assert host.mib[counter] == 1 and host.drops == {reason: 1}, (host.mib, host.drops)
    assert host.mib["IpInDelivers"] == 0


def patched(frame: bytes, at: int, value: bytes) -> bytes:
    return frame[:at] + value + frame[at + len(value) :]


def header_patched(frame: bytes, at: int, value: int) -> bytes:
    """A 16-bit word of the IP header changed, its checksum right."""
    frame = patched(patched(frame, 14 + at, value.to_bytes(2, "big")), 24, b"\0\0")
    return patched(frame, 24, dpkt.in_cksum(frame[14:34]).to_bytes(2, "big"))


# ---- receiving


def test_a_good_packet_is_delivered_without_its_padding(net: Net) -> None:
    host = net.hosts[0]
    frame = datagram(host)
    assert received(host, frame + bytes(60 - len(frame))) == b"hello"
    assert host.mib["IpInReceives"] == host.mib["IpInDelivers"] == 1 and host.drops == {}


def test_a_tap_that_keeps_a_packet_keeps_all_of_it(net: Net) -> None:
    host, kept = net.hosts[0], []

    def tap(skb: SkBuff, dev: NetDevice, pt: PacketType) -> int:
        kept.append(skb)
        return 0

    pt = PacketType(ETH_P_ALL, tap)
    host.call(lambda: dev_add_pack(pt))
    frame = datagram(host)
    assert received(host, frame + b"padding") == b"hello"
    assert bytes(kept[0].view()) == frame[14:] + b"padding"
    host.call(lambda: consume_skb(kept[0]))
    host.call(lambda: dev_remove_pack(pt))


def test_options_are_skipped(net: Net) -> None:
    def options(ip: dpkt.ip.IP) -> None:
        ip.hl, ip.opts, ip.len = 6, b"\x01\x01\x01\x00", 37

    host = net.hosts[0]
    assert received(host, datagram(host, options)) == b"hello"


@pytest.mark.parametrize("to", ["255.255.255.255", "10.0.0.255"])
def test_broadcasts_are_for_us_too(net: Net, to: str) -> None:
    host = net.hosts[0]

    def broadcast(ip: dpkt.ip.IP) -> None:
        ip.dst = in_aton(to).to_bytes(4, "big")

    assert received(host, datagram(host, broadcast, dst=b"\xff" * 6)) == b"hello"


def test_a_wrong_header_checksum(net: Net) -> None:
    frame = datagram(net.hosts[0])
    refused(net, patched(frame, 22, bytes([frame[22] ^ 1])), "IpInCsumErrors", "IP_CSUM")
    assert net.hosts[0].mib["IpInHdrErrors"] == 1


@pytest.mark.parametrize("first", [0x65, 0x05, 0x44, 0x4F])
def test_a_wrong_version_or_header_length(net: Net, first: int) -> None:
    refused(net, patched(datagram(net.hosts[0]), 14, bytes([first])), "IpInHdrErrors", "IP_INHDR")


def test_a_total_length_smaller_than_the_header(net: Net) -> None:
    refused(net, header_patched(datagram(net.hosts[0]), 2, 19), "IpInHdrErrors", "IP_INHDR")


def test_a_packet_shorter_than_its_total_length(net: Net) -> None:
    refused(net, datagram(net.hosts[0])[:-1], "IpInTruncatedPkts", "PKT_TOO_SMALL")


def test_a_packet_shorter_than_a_header(net: Net) -> None:
    refused(net, datagram(net.hosts[0])[: 14 + 19], "IpInHdrErrors", "PKT_TOO_SMALL")


@pytest.mark.parametrize(
    ("field", "addr"),
    [
        ("dst", "10.0.0.3"),
        ("dst", "224.0.0.251"),
        ("src", "224.0.0.1"),
        ("src", "255.255.255.255"),
    ],
)
def test_a_wrong_address(net: Net, field: str, addr: str) -> None:
    def wrong(ip: dpkt.ip.IP) -> None:
        setattr(ip, field, in_aton(addr).to_bytes(4, "big"))

    refused(net, datagram(net.hosts[0], wrong), "IpInAddrErrors", "IP_INADDRERRORS")


@pytest.mark.parametrize("field", [0x2000, 0x0001, 0x2001])
def test_fragments_are_counted_and_dropped(net: Net, field: int) -> None:
    refused(net, header_patched(datagram(net.hosts[0]), 6, field), "IpReasmFails", "IP_FRAGMENT")


def test_a_frame_for_another_station_is_not_looked_at(net: Net) -> None:
    host = net.hosts[0]
    assert received(host, datagram(host, dst=b"\2\0\0\0\0\x63")) is None
    assert host.drops == {"OTHERHOST": 1} and host.mib["IpInReceives"] == 0


def test_an_unknown_protocol_is_answered(net: Net) -> None:
    host = net.hosts[0]

    def other(ip: dpkt.ip.IP) -> None:
        ip.p, ip.data = 132, b"0123456789abc"

    host.run(ping("10.0.0.2"))
    net.sent.clear()
    host.arrive(datagram(host, other))
    assert host.mib["IpInUnknownProtos"] == 1 and host.drops == {"IP_NOPROTO": 1}
    icmp = dpkt.ethernet.Ethernet(net.sent[0][1]).data.data
    assert (icmp.type, icmp.code) == (3, 2) and bytes(icmp.data.data)[20:] == b"01234567"


# ---- sending


def test_the_header_we_send(net: Net) -> None:
    a, b = net.hosts
    a.call(lambda: UdpSocket().sendto(b"payload", (b.ip, 9)))
    net.advance(1_000_000)
    frame = dpkt.ethernet.Ethernet(next(f for n, f in net.sent if n == 1 and f[12:14] == b"\x08\x00"))
    ip = frame.data
    assert (frame.src, frame.dst) == (a.mac, b.mac)
    assert (ip.v, ip.hl, ip.ttl, ip.p, ip.src, ip.dst, ip.len) == (4, 5, 64, 17, OURS, THEIRS, 35)
    assert ip.df and not ip.mf and dpkt.in_cksum(bytes(ip)[:20]) == 0


def test_every_packet_has_a_number_of_its_own(net: Net) -> None:
    a, b = net.hosts
    for _ in range(5):
        a.run(ping(b.ip))
    packets = [dpkt.ethernet.Ethernet(f).data for n, f in net.sent if n == 1 and f[12:14] == b"\x08\x00"]
    assert len({ip.id for ip in packets}) == len(packets) == 5


@pytest.mark.parametrize(("size", "answer"), [(1472, 1472), (1473, -EMSGSIZE)])
def test_the_mtu_is_the_limit(net: Net, size: int, answer: int) -> None:
    a, b = net.hosts
    assert a.call(lambda: UdpSocket().sendto(bytes(size), (b.ip, 9))) == answer
    assert a.mib["IpFragFails"] == (answer < 0)
    assert a.drops == ({"PKT_TOO_BIG": 1} if answer < 0 else {})


def test_off_the_link_there_is_no_route(net: Net) -> None:
    a, _ = net.hosts
    assert a.call(lambda: UdpSocket().sendto(b"x", ("192.168.0.1", 9))) == -ENETUNREACH
    assert a.mib["IpOutNoRoutes"] == 1
    with pytest.raises(OSError, match="ping 192"):
        a.run(ping("192.168.0.1"))


def test_through_a_device_that_is_down_there_is_no_route(net: Net) -> None:
    a, b = net.hosts
    a.run(dev_close(a.dev))
    assert a.call(lambda: UdpSocket().sendto(b"x", (b.ip, 9))) == -ENETUNREACH
    a.run(dev_open(a.dev))
    assert a.run(ping(b.ip)) is not None


def test_a_full_queue_is_reported(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    a.run(dev_change_tx_queue_len(a.dev, 1))
    a.card.hold = True
    answers = [a.call(lambda: UdpSocket().sendto(b"x", (b.ip, 9))) for _ in range(a.card.ring + 2)]
    assert answers == [1] * (a.card.ring + 1) + [-ENOBUFS]
    assert a.mib["IpOutDiscards"] == 1


def test_without_a_carrier_sending_is_no_error(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    net.sent.clear()
    a.call(lambda: netif_carrier_off(a.dev))
    assert a.call(lambda: UdpSocket().sendto(b"x", (b.ip, 9))) == 1
    assert not net.sent and a.drops == {"DEV_READY": 1} and a.mib["IpOutDiscards"] == 0


def test_a_new_address_is_what_neighbours_are_asked_from(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    assert a.call(lambda: inet_addr_del(a.dev)) == 0
    assert a.call(lambda: inet_addr_add(a.dev, "10.0.0.7")) == 0
    net.sent.clear()
    for _ in range(3):  # the last two find the neighbour stale, and ask the station itself
        assert a.run(ping(b.ip)) is not None
        net.advance(40_000_000_000)
    asked = [f[28:32] for number, f in net.sent if number == 1 and f[12:14] == b"\x08\x06" and f[21] == 1]
    assert len(asked) >= 3 and set(asked) == {bytes([10, 0, 0, 7])}
    assert a.mib["ArpFailed"] == 0


def test_a_packet_that_waits_for_a_neighbour_goes_with_the_address(net: Net) -> None:
    a, _ = net.hosts
    sock = UdpSocket()
    assert a.call(lambda: sock.sendto(b"x", ("10.0.0.99", 9))) == 1
    assert a.call(lambda: inet_addr_del(a.dev)) == 0
    assert a.drops == {"NEIGH_FAILED": 1}
    net.advance(10_000_000_000)
    assert a.mib["ArpOutRequests"] == 1


@pytest.mark.parametrize("to", ["255.255.255.255", "10.0.0.255"])
def test_broadcasts_go_to_all_without_arp(net: Net, to: str) -> None:
    a, _ = net.hosts
    assert a.call(lambda: UdpSocket().sendto(b"x", (to, 9))) == 1
    ((_, frame),) = net.sent
    assert frame[:6] == b"\xff" * 6


# ---- addresses


def test_an_interface_has_one_valid_address(net: Net) -> None:
    a, _ = net.hosts
    assert a.call(lambda: inet_addr_add(a.dev, "10.0.1.1")) == -EEXIST
    assert a.call(lambda: inet_addr_del(a.dev)) == 0 and a.call(lambda: inet_addr_del(a.dev)) == -EINVAL
    for address, prefix in [("10.0.0.1", 0), ("10.0.0.1", 33), ("224.0.0.1", 24), ("0.0.0.0", 24)]:
        assert a.call(lambda address=address, prefix=prefix: inet_addr_add(a.dev, address, prefix)) == -EINVAL
    spare = a.call(alloc_etherdev)
    assert a.call(lambda: inet_addr_add(spare, "10.0.0.1")) == -ENODEV
    a.call(lambda: free_netdev(spare))
    assert a.call(lambda: inet_addr_add(a.dev, "10.0.0.1", 30)) == 0


@pytest.mark.parametrize("text", ["10.0.0", "10.0.0.256", "10.0.0.-1", "a.b.c.d", ""])
def test_what_is_not_an_address(text: str) -> None:
    with pytest.raises(ValueError, match="not an IPv4 address"):
        in_aton(text)


def test_addresses_read_back() -> None:
    assert inet_ntoa(in_aton("192.168.10.254")) == "192.168.10.254"
