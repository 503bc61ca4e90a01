# SPDX-License-Identifier: MIT
"""UDP sockets between two hosts, judged by dpkt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dpkt
import pytest

from driver.linux.errno import EADDRINUSE, EADDRNOTAVAIL, ECONNREFUSED, EINVAL, ENOMEM
from driver.linux.inet import UdpSocket, ping
from driver.linux.inet.udp import Datagram
from driver.linux.skbuff import live_skbs
from tests.unit.linux.net.hosts import Host, Net

OURS, THEIRS = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
MS = 1_000_000


class Pair:
    """A socket on each host; b's is bound to port 9."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.a, self.b = net.hosts
        self.from_a, self.to_b = UdpSocket(), UdpSocket()
        assert self.b.call(lambda: self.to_b.bind(9)) == 0

    def send(self, data: bytes = b"x", port: int = 9) -> int:
        sent: int = self.a.call(lambda: self.from_a.sendto(data, (self.b.ip, port)))
        self.net.advance(MS)
        return sent

    def sent_by(self, number: int, kind: type[Any]) -> list[Any]:
        """What IP packets of a host carried, if it is of that kind."""
        packets = [dpkt.ethernet.Ethernet(frame).data for sender, frame in self.net.sent if sender == number]
        return [ip.data for ip in packets if isinstance(ip, dpkt.ip.IP) and isinstance(ip.data, kind)]

    def got(self) -> Datagram | None:
        datagram: Datagram | None = self.b.call(self.to_b.recvfrom_nowait)
        return datagram


@pytest.fixture
def pair(net: Net) -> Iterator[Pair]:
    made = Pair(net)
    yield made
    made.a.call(made.from_a.close)
    made.b.call(made.to_b.close)


def frame(host: Host, udp: dpkt.udp.UDP, src: bytes = OURS, dst: bytes = THEIRS) -> bytes:
    ip = dpkt.ip.IP(src=src, dst=dst, p=17, ttl=64, data=udp)
    ip.len = 20 + len(bytes(udp))
    return bytes(dpkt.ethernet.Ethernet(dst=host.mac, src=b"\2\0\0\0\0\x0e", type=0x0800, data=bytes(ip)))


@pytest.mark.parametrize("data", [b"", b"x", b"odd", b"\xff" * 100, bytes(range(256)) * 5])
def test_what_is_sent_arrives_with_its_sender(pair: Pair, data: bytes) -> None:
    assert pair.send(data) == len(data)
    assert pair.got() == (data, (pair.a.ip, pair.from_a.port))
    (udp,) = pair.sent_by(1, dpkt.udp.UDP)
    assert (udp.sport, udp.dport, udp.ulen, udp.data) == (pair.from_a.port, 9, len(data) + 8, data)
    assert pair.a.mib["UdpOutDatagrams"] == pair.b.mib["UdpInDatagrams"] == 1


def test_the_checksum_we_send_is_right(pair: Pair) -> None:
    for data in (b"", b"x", b"odd", bytes(range(256))):
        pair.send(data)
    checked = 0
    for number, sent in pair.net.sent:
        ip = dpkt.ethernet.Ethernet(sent).data
        if number == 1 and isinstance(ip, dpkt.ip.IP):
            udp = bytes(ip.data)
            pseudo = ip.src + ip.dst + b"\0\x11" + len(udp).to_bytes(2, "big")
            assert dpkt.in_cksum(pseudo + udp) == 0 and udp[6:8] != b"\0\0"
            checked += 1
    assert checked == 4


def test_a_checksum_that_comes_out_as_zero_is_sent_as_ones(pair: Pair) -> None:
    """The last word is chosen so that everything else adds up to 0xffff with it."""
    pair.send(b"\0\0")
    last = pair.net.sent[-1][1]
    checksum = int.from_bytes(last[40:42], "big")
    pair.send(checksum.to_bytes(2, "big"))
    assert pair.net.sent[-1][1][40:42] == b"\xff\xff"
    pair.got()
    assert pair.got() is not None


def test_order_is_kept_and_each_is_read_once(pair: Pair) -> None:
    for number in range(10):
        pair.send(b"%d" % number)
    assert [datagram[0] for _ in range(10) if (datagram := pair.got())] == [b"%d" % number for number in range(10)]
    assert pair.got() is None


def test_recvfrom_waits_for_a_datagram_or_its_timeout(pair: Pair) -> None:
    before = pair.net.now_ns
    assert pair.b.run(pair.to_b.recvfrom(5)) is None and pair.net.now_ns == before + 5 * MS
    task = pair.b.kernel.run(pair.to_b.recvfrom(1000))
    pair.net.advance(MS)
    pair.send(b"late")
    assert task.done and task.result() == (b"late", (pair.a.ip, pair.from_a.port))


def test_data_ready_may_answer_at_once(pair: Pair) -> None:
    def echo(sock: UdpSocket) -> None:
        datagram = sock.recvfrom_nowait()
        assert datagram is not None
        assert sock.sendto(datagram[0].upper(), datagram[1]) > 0

    pair.to_b.data_ready = echo
    pair.send(b"hello")
    assert pair.a.call(pair.from_a.recvfrom_nowait) == (b"HELLO", (pair.b.ip, 9))


# ---- ports


def test_a_port_has_one_owner_per_address(pair: Pair) -> None:
    b = pair.b
    assert b.call(lambda: UdpSocket().bind(9)) == -EADDRINUSE
    assert b.call(lambda: UdpSocket().bind(9, b.ip)) == -EADDRINUSE
    assert b.call(lambda: pair.to_b.bind(10)) == -EINVAL
    assert b.call(lambda: UdpSocket().bind(70_000)) == -EINVAL
    assert b.call(lambda: UdpSocket().bind(11, "10.0.0.1")) == -EADDRNOTAVAIL
    b.call(pair.to_b.close)
    b.call(pair.to_b.close)
    again = UdpSocket()
    assert b.call(lambda: again.bind(9, b.ip)) == 0
    pair.send(b"for the address")
    assert b.call(again.recvfrom_nowait) is not None
    b.call(again.close)


def test_free_ports_differ(pair: Pair) -> None:
    socks = [UdpSocket() for _ in range(5)]
    for sock in socks:
        assert pair.a.call(sock.bind) == 0
    assert len({sock.port for sock in socks}) == 5 and all(sock.port >= 32768 for sock in socks)
    for sock in socks:
        pair.a.call(sock.close)


def test_an_unbound_port_is_answered_with_port_unreachable(pair: Pair) -> None:
    assert pair.send(b"anyone?", port=77) == 7
    assert pair.b.mib["UdpNoPorts"] == 1 and pair.b.drops == {"NO_SOCKET": 1}
    (icmp,) = pair.sent_by(2, dpkt.icmp.ICMP)
    assert (icmp.type, icmp.code) == (3, 3) and dpkt.in_cksum(bytes(icmp)) == 0
    assert pair.a.call(lambda: pair.from_a.sendto(b"x", (pair.b.ip, 9))) == -ECONNREFUSED
    assert pair.send(b"told once") > 0


def test_a_pending_error_ends_recvfrom(pair: Pair) -> None:
    task = pair.a.kernel.run(pair.from_a.recvfrom(60_000))
    pair.send(port=77)
    with pytest.raises(OSError, match="udp port") as raised:
        task.result()
    assert raised.value.errno == ECONNREFUSED


def test_a_broadcast_to_an_unbound_port_is_not_answered(pair: Pair) -> None:
    pair.a.call(lambda: pair.from_a.sendto(b"x", ("10.0.0.255", 77)))
    pair.net.advance(MS)
    assert pair.b.mib["UdpNoPorts"] == 1 and all(number == 1 for number, _ in pair.net.sent)


def test_a_broadcast_frame_for_our_address_is_not_answered_either(pair: Pair) -> None:
    raw = frame(pair.b, dpkt.udp.UDP(sport=5, dport=77, ulen=12, data=b"data"))
    pair.b.arrive(b"\xff" * 6 + raw[6:])
    assert pair.b.mib["UdpNoPorts"] == 1 and not pair.net.sent


# ---- what is refused


def test_a_wrong_checksum(pair: Pair) -> None:
    pair.net.change = lambda sent: sent[:-1] + bytes([sent[-1] ^ 1]) if sent[23:24] == b"\x11" else sent
    pair.send(b"data")
    assert pair.b.mib["UdpInCsumErrors"] == pair.b.mib["UdpInErrors"] == 1
    assert pair.got() is None and pair.b.drops == {"UDP_CSUM": 1}


def test_no_checksum_is_not_checked(pair: Pair) -> None:
    raw = bytearray(frame(pair.b, dpkt.udp.UDP(sport=5, dport=9, ulen=12, data=b"data")))
    raw[40:42] = b"\0\0"
    pair.b.arrive(bytes(raw))
    assert pair.got() == (b"data", (pair.a.ip, 5))


@pytest.mark.parametrize("ulen", [7, 13])
def test_a_length_that_cannot_be(pair: Pair, ulen: int) -> None:
    raw = bytearray(frame(pair.b, dpkt.udp.UDP(sport=5, dport=9, ulen=12, data=b"data")))
    raw[38:42] = ulen.to_bytes(2, "big") + b"\0\0"
    pair.b.arrive(bytes(raw))
    assert pair.got() is None and pair.b.mib["UdpInErrors"] == 1 and pair.b.drops == {"PKT_TOO_SMALL": 1}


def test_a_length_shorter_than_the_packet_cuts_it(pair: Pair) -> None:
    raw = bytearray(frame(pair.b, dpkt.udp.UDP(sport=5, dport=9, ulen=12, data=b"data")))
    raw[38:42] = (10).to_bytes(2, "big") + b"\0\0"
    pair.b.arrive(bytes(raw))
    assert pair.got() == (b"da", (pair.a.ip, 5))


def test_a_packet_without_room_for_the_header(pair: Pair) -> None:
    ip = dpkt.ip.IP(src=OURS, dst=THEIRS, p=17, ttl=64, data=b"1234567")
    ip.len = 27
    raw = dpkt.ethernet.Ethernet(dst=pair.b.mac, src=b"\2\0\0\0\0\x0e", type=0x0800, data=bytes(ip))
    pair.b.arrive(bytes(raw))
    assert pair.b.mib["UdpInErrors"] == 1 and pair.b.drops == {"PKT_TOO_SMALL": 1}


def test_a_full_receive_buffer_drops_and_counts(pair: Pair) -> None:
    pair.to_b.rcvbuf = 5000
    for _ in range(10):
        pair.send(bytes(1000))
    read = sum(pair.got() is not None for _ in range(10))
    assert 0 < read < 10 and pair.b.mib["UdpRcvbufErrors"] == pair.b.mib["UdpInErrors"] == 10 - read
    assert pair.b.drops == {"SOCKET_RCVBUFF": 10 - read}
    assert pair.to_b.queued_bytes == 0
    pair.send()
    assert pair.got() is not None


def test_no_memory_to_send(pair: Pair) -> None:
    pair.a.kernel.mm.fail_after(0)
    assert pair.a.call(lambda: pair.from_a.sendto(b"x", (pair.b.ip, 9))) == -ENOMEM
    pair.a.kernel.mm.fail_after(None)
    assert pair.send() == 1


def test_closing_drops_what_was_not_read(pair: Pair) -> None:
    pair.send()
    pair.b.call(pair.to_b.close)
    with pair.b.kernel.entered():
        assert not live_skbs()


def test_a_burst_over_a_ring_that_fills_arrives_whole(pair: Pair) -> None:
    """The card's ring holds 8; the queue in front of it the rest; NAPI takes them in several polls."""
    pair.a.run(ping(pair.b.ip))
    pair.a.card.hold = True

    def burst() -> None:
        for number in range(200):
            assert pair.from_a.sendto(b"%d" % number, (pair.b.ip, 9)) > 0

    pair.a.call(burst)
    assert len(pair.a.dev.txq.qdisc.packets) == 192 and pair.a.dev.txq.stopped
    pair.a.call(pair.a.card.wake)
    pair.net.advance(MS)
    got = [datagram[0] for _ in range(200) if (datagram := pair.got())]
    assert got == [b"%d" % number for number in range(200)]
    assert pair.b.dev.stats.rx_packets >= 200


@pytest.mark.parametrize(
    ("source", "sport", "destination", "dport", "told"),
    [
        (OURS, 5000, THEIRS, 77, True),
        (OURS, 5001, THEIRS, 77, False),
        (OURS, 5000, THEIRS, 78, False),
        (OURS, 5000, bytes([10, 0, 0, 3]), 77, False),
        (bytes([10, 0, 0, 9]), 5000, THEIRS, 77, False),
    ],
)
def test_an_error_reaches_the_socket_that_sent_what_it_quotes(
    pair: Pair, source: bytes, sport: int, destination: bytes, dport: int, told: bool
) -> None:
    a = pair.a
    assert a.call(lambda: pair.from_a.bind(5000)) == 0
    pair.net.lose = lambda frame: True
    pair.send(port=77)
    quoted = dpkt.ip.IP(src=source, dst=destination, p=17, len=28, data=dpkt.udp.UDP(sport=sport, dport=dport))
    icmp = bytes(dpkt.icmp.ICMP(type=3, code=3, data=b"\0\0\0\0" + bytes(quoted)))
    ip = dpkt.ip.IP(src=THEIRS, dst=OURS, p=1, ttl=64, len=20 + len(icmp), data=icmp)
    a.arrive(bytes(dpkt.ethernet.Ethernet(dst=a.mac, src=b"\2\0\0\0\0\2", type=0x0800, data=bytes(ip))))
    assert a.mib["IcmpInDestUnreachs"] == 1
    assert pair.from_a.error == (ECONNREFUSED if told else 0)
