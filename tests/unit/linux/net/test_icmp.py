# SPDX-License-Identifier: MIT
"""ICMP: echo of every size both ways, errors, and what is dropped."""

from __future__ import annotations

import struct

import dpkt
import pytest

from driver.linux.errno import EMSGSIZE
from driver.linux.inet import inet_state, ping
from driver.linux.inet.checksum import ip_compute_csum
from driver.linux.netdevice import dev_set_mtu
from tests.unit.linux.net.hosts import WIRE_NS, Host, Net

OURS, THEIRS = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])


def frame(host: Host, icmp: bytes, dst: bytes = OURS) -> bytes:
    ip = dpkt.ip.IP(src=THEIRS, dst=dst, p=1, ttl=64, data=icmp)
    ip.len = 20 + len(icmp)
    to = host.mac if dst == OURS else b"\xff" * 6
    return bytes(dpkt.ethernet.Ethernet(dst=to, src=b"\2\0\0\0\0\2", type=0x0800, data=bytes(ip)))


def echo(data: bytes = b"data") -> bytes:
    return bytes(dpkt.icmp.ICMP(type=8, data=dpkt.icmp.ICMP.Echo(id=7, seq=3, data=data)))


@pytest.mark.parametrize("size", [0, 1, 56, 1471, 1472])
def test_a_ping_of_any_size_is_answered(net: Net, size: int) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    net.sent.clear()
    assert a.run(ping(b.ip, size)) == 2 * WIRE_NS
    request, reply = (dpkt.ethernet.Ethernet(f).data for _, f in net.sent)
    assert (request.data.type, reply.data.type) == (8, 0)
    assert request.data.data.data == reply.data.data.data and len(reply.data.data.data) == size
    assert (request.data.data.id, request.data.data.seq) == (reply.data.data.id, reply.data.data.seq)
    assert dpkt.in_cksum(bytes(request.data)) == dpkt.in_cksum(bytes(reply.data)) == 0


@pytest.mark.parametrize("size", [1473, 8972])
def test_jumbo_pings_need_a_jumbo_mtu(net: Net, size: int) -> None:
    a, b = net.hosts
    with pytest.raises(OSError, match="ping") as raised:
        a.run(ping(b.ip, size))
    assert raised.value.errno == EMSGSIZE
    for host in net.hosts:
        assert host.run(dev_set_mtu(host.dev, 9000)) == 0
    assert a.run(ping(b.ip, size)) is not None


def test_counters_of_both_ends(net: Net) -> None:
    a, b = net.hosts
    for _ in range(3):
        a.run(ping(b.ip))
    assert (a.mib["IcmpOutEchos"], a.mib["IcmpOutMsgs"], a.mib["IcmpInEchoReps"], a.mib["IcmpInMsgs"]) == (3, 3, 3, 3)
    assert (b.mib["IcmpInEchos"], b.mib["IcmpInMsgs"], b.mib["IcmpOutEchoReps"], b.mib["IcmpOutMsgs"]) == (3, 3, 3, 3)


def test_a_ping_that_is_lost_times_out(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    net.lose = lambda frame: True
    before = net.now_ns
    assert a.run(ping(b.ip, timeout_ms=20)) is None and net.now_ns - before == 20_000_000
    with a.kernel.entered():
        assert inet_state().pings == {}


def test_a_reply_with_other_data_is_no_answer(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))

    def corrupt(frame: bytes) -> bytes:
        if frame[34:35] != b"\x00":
            return frame
        message = bytearray(frame[34:])
        message[20] ^= 0xFF
        message[2:4] = b"\0\0"
        message[2:4] = dpkt.in_cksum(bytes(message)).to_bytes(2, "big")
        return frame[:34] + bytes(message)

    net.change = corrupt
    assert a.run(ping(b.ip, timeout_ms=20)) is None and a.mib["IcmpInEchoReps"] == 2


def test_a_reply_from_another_station_is_no_answer(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))

    def from_another(frame: bytes) -> bytes:
        if frame[34:35] != b"\x00":
            return frame
        header = frame[14:24] + b"\0\0" + bytes([10, 0, 0, 3]) + frame[30:34]
        return frame[:14] + header[:10] + dpkt.in_cksum(header).to_bytes(2, "big") + header[12:] + frame[34:]

    net.change = from_another
    assert a.run(ping(b.ip, timeout_ms=20)) is None and a.mib["IcmpInEchoReps"] == 2


def test_pings_of_one_host_do_not_mix(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    tasks = [a.kernel.run(ping(b.ip, size)) for size in (10, 20, 30)]
    net.until(lambda: all(task.done for task in tasks), 1_000_000_000)
    assert [task.result() for task in tasks] == [2 * WIRE_NS] * 3


def test_a_wrong_checksum(net: Net) -> None:
    a, _ = net.hosts
    message = bytearray(echo())
    message[-1] ^= 1
    a.arrive(frame(a, bytes(message)))
    assert a.mib["IcmpInCsumErrors"] == a.mib["IcmpInErrors"] == 1 and a.drops == {"ICMP_CSUM": 1} and not net.sent


def test_a_short_message(net: Net) -> None:
    a, _ = net.hosts
    a.arrive(frame(a, echo()[:7]))
    assert a.mib["IcmpInErrors"] == 1 and a.drops == {"PKT_TOO_SMALL": 1} and not net.sent


def test_broadcast_pings_are_not_answered(net: Net) -> None:
    a, _ = net.hosts
    a.arrive(frame(a, echo(), dst=bytes([10, 0, 0, 255])))
    assert a.mib["IcmpInEchos"] == 1 and not net.sent


def test_an_echo_without_memory_for_the_reply_is_counted(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    mib = b.mib
    b.kernel.mm.fail_if(lambda size: mib["IcmpInEchos"] > 1)
    assert a.run(ping(b.ip, 1000, timeout_ms=5)) is None
    b.kernel.mm.fail_if(None)
    assert b.mib["IcmpOutErrors"] == 1


def test_host_unreachable_ends_a_ping(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    requests: list[bytes] = []

    def catch(frame: bytes) -> bool:
        requests.append(frame)
        return True

    net.lose = catch
    task = a.kernel.run(ping(b.ip, timeout_ms=10_000))
    net.advance(1_000_000)
    body = b"\0\0\0\0" + requests[0][14:42]
    error = b"\x03\x01\0\0" + body
    error = b"\x03\x01" + dpkt.in_cksum(error).to_bytes(2, "big") + body
    a.arrive(frame(a, error))
    assert task.done and task.result() is None and a.mib["IcmpInDestUnreachs"] == 1


QUOTED_UDP = bytes(dpkt.ip.IP(src=OURS, dst=THEIRS, p=17, len=28, data=dpkt.udp.UDP(sport=5000, dport=9)))


def unreachable(host: Host, quoted: bytes) -> bytes:
    """A frame, built by hand: dpkt cuts what it takes for a packet with a wrong length."""
    icmp = bytearray(b"\3\3" + bytes(6) + quoted)
    icmp[2:4] = ip_compute_csum(icmp).to_bytes(2, "big")
    ip = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(icmp), 1, 0, 64, 1, 0) + THEIRS + OURS)
    ip[10:12] = ip_compute_csum(ip).to_bytes(2, "big")
    return host.mac + b"\2\0\0\0\0\2\x08\0" + bytes(ip) + bytes(icmp)


@pytest.mark.parametrize("protocol", [1, 17])
@pytest.mark.parametrize(
    ("first", "length"),
    [(0x40, 28), (0x44, 28), (0x4F, 28), (0x46, 28), (0x45, 27), (0x45, 20), (0x45, 19), (0x45, 0), (0x4F, 67)],
)
def test_an_error_that_quotes_too_little_is_counted_and_tells_nobody(
    net: Net, protocol: int, first: int, length: int
) -> None:
    a, _ = net.hosts
    quoted = bytearray(QUOTED_UDP + bytes(60))
    quoted[0], quoted[9] = first, protocol
    a.arrive(unreachable(a, bytes(quoted[:length])))
    assert (a.mib["IcmpInDestUnreachs"], a.mib["IcmpInErrors"]) == (1, 1)
