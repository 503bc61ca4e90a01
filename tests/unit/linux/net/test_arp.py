# SPDX-License-Identifier: MIT
"""ARP between two hosts, judged by dpkt: resolution, waiting packets, retries, ageing, failure."""

from __future__ import annotations

import dpkt
import pytest

from driver.linux.errno import EHOSTUNREACH
from driver.linux.if_ether import ETH_P_ARP
from driver.linux.inet import UdpSocket, inet_state, ping
from driver.linux.inet.arp import UNRESOLVED_MAX, Nud
from driver.linux.netdevice import NetDevice, dev_close, dev_open
from driver.linux.skbuff import SkBuff, live_skbs, skb_headroom
from driver.linux.timer import timer_pending
from tests.unit.linux.net.hosts import Host, Net

SECOND = 1_000_000_000


def arps(net: Net) -> list[tuple[int, dpkt.ethernet.Ethernet]]:
    """What was said so far, and by which host."""
    frames = [(number, dpkt.ethernet.Ethernet(frame)) for number, frame in net.sent]
    return [(number, frame) for number, frame in frames if frame.type == ETH_P_ARP]


def state(host: Host, other: Host) -> Nud:
    with host.kernel.entered():
        by_address = {neigh.address: neigh.state for neigh in inet_state().neighbours.values()}
    return by_address[int.from_bytes(bytes([10, 0, 0, other.number]), "big")]


def send(host: Host, data: bytes = b"x", to: str = "10.0.0.2") -> int:
    answer: int = host.call(lambda: UdpSocket().sendto(data, (to, 9)))
    return answer


def arp_packet(op: int, sha: bytes, sip: bytes, tip: bytes, **other: int) -> bytes:
    arp = dpkt.arp.ARP(op=op, sha=sha, spa=sip, tha=bytes(6), tpa=tip, **other)
    return bytes(dpkt.ethernet.Ethernet(dst=b"\xff" * 6, src=sha, type=ETH_P_ARP, data=bytes(arp)))


OURS, THEIRS = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])


def test_one_question_one_answer_for_any_number_of_packets(net: Net) -> None:
    a, b = net.hosts
    for _ in range(3):
        assert a.run(ping(b.ip)) is not None
    (asker, question), (answerer, answer) = arps(net)
    assert (asker, answerer) == (1, 2)
    assert (question.src, question.dst) == (a.mac, b"\xff" * 6) and (answer.src, answer.dst) == (b.mac, a.mac)
    assert (question.arp.op, question.arp.sha, question.arp.spa, question.arp.tha, question.arp.tpa) == (
        1, a.mac, OURS, bytes(6), THEIRS,
    )  # fmt: skip
    assert (answer.arp.op, answer.arp.sha, answer.arp.spa, answer.arp.tha, answer.arp.tpa) == (
        2, b.mac, THEIRS, a.mac, OURS,
    )  # fmt: skip
    assert state(a, b) is Nud.REACHABLE
    with a.kernel.entered():
        assert not any(timer_pending(neigh.timer) for neigh in inet_state().neighbours.values())


def test_who_is_asked_learns_who_asked(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    assert state(b, a) is Nud.DELAY  # learnt as stale, and used for the reply
    assert [number for number, _ in arps(net)] == [1, 2]


def test_packets_wait_for_the_answer_in_order(net: Net) -> None:
    a, b = net.hosts
    got: list[bytes] = []

    async def receiver() -> None:
        sock = UdpSocket()
        assert sock.bind(9) == 0
        while len(got) < 20:
            datagram = await sock.recvfrom(5000)
            assert datagram is not None
            got.append(datagram[0])
        sock.close()

    task = b.kernel.run(receiver())
    sock = UdpSocket()
    for number in range(20):
        assert a.call(lambda number=number: sock.sendto(b"%d" % number, (b.ip, 9))) > 0
    net.until(lambda: task.done, SECOND)
    task.result()
    assert got == [b"%d" % number for number in range(20)]
    a.call(sock.close)


def test_a_lost_question_is_asked_again_a_second_later(net: Net) -> None:
    a, b = net.hosts
    lost: list[bytes] = []
    net.lose = lambda frame: not lost and not lost.append(frame)  # type: ignore[func-returns-value]
    rtt = a.run(ping(b.ip, timeout_ms=5000))
    assert rtt is not None and SECOND * 0.99 < rtt < SECOND * 1.01
    assert [number for number, _ in arps(net)] == [1, 1, 2]


def test_nobody_answers(net: Net) -> None:
    a, _ = net.hosts
    sock = UdpSocket()
    assert a.call(lambda: sock.sendto(b"x", ("10.0.0.77", 9))) == 1
    net.advance(4 * SECOND)
    assert [number for number, _ in arps(net)] == [1, 1, 1]
    assert a.mib["ArpFailed"] == 1 and a.drops == {"NEIGH_FAILED": 1}
    assert a.call(lambda: sock.sendto(b"x", ("10.0.0.77", 9))) == -EHOSTUNREACH
    assert a.call(lambda: sock.sendto(b"x", ("10.0.0.77", 9))) == 1  # told once; and asked for again
    net.advance(4 * SECOND)
    assert len(arps(net)) == 6
    a.call(sock.close)


def test_a_ping_to_nobody_ends_when_arp_does(net: Net) -> None:
    a, _ = net.hosts
    assert a.run(ping("10.0.0.77", timeout_ms=60_000)) is None
    assert 2.9 * SECOND < net.now_ns < 3.1 * SECOND


def test_not_more_than_so_many_wait(net: Net) -> None:
    a, _ = net.hosts
    net.lose = lambda frame: True
    for _ in range(UNRESOLVED_MAX + 3):
        send(a)
    assert a.drops == {"NEIGH_QUEUEFULL": 3}
    with a.kernel.entered():
        assert len(live_skbs()) == UNRESOLVED_MAX


def test_what_waits_is_dropped_when_the_device_goes_down(net: Net) -> None:
    a, b = net.hosts
    net.lose = lambda frame: True
    send(a)
    a.run(dev_close(a.dev))
    with a.kernel.entered():
        assert not live_skbs() and not inet_state().neighbours
    net.lose = lambda frame: False
    a.run(dev_open(a.dev))
    assert a.run(ping(b.ip)) is not None


def test_an_old_entry_is_used_then_asked_about_then_confirmed(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    net.advance(31 * SECOND)
    net.sent.clear()
    assert a.run(ping(b.ip)) == 8_000 // 2  # at once
    assert state(a, b) is Nud.DELAY
    net.advance(6 * SECOND)
    probe = next(frame for number, frame in arps(net) if number == 1)
    assert probe.dst == b.mac and state(a, b) is Nud.REACHABLE


def test_an_old_entry_nobody_confirms_fails(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    net.advance(31 * SECOND)
    net.lose = lambda frame: True
    assert a.run(ping(b.ip)) is None
    net.advance(12 * SECOND)
    assert state(a, b) is Nud.FAILED and a.mib["ArpFailed"] == 1
    net.lose = lambda frame: False
    assert a.run(ping(b.ip)) is not None


def test_the_retry_timer_follows_the_drivers_time_scale() -> None:
    net = Net(time_scale=100)
    a, _ = net.hosts
    send(a, to="10.0.0.77")
    net.advance(4 * SECOND // 100)
    assert len(arps(net)) == 3 and a.mib["ArpFailed"] == 1
    net.stop()


def test_an_announcement_moves_a_known_station_and_adds_no_new_one(net: Net) -> None:
    a, b = net.hosts
    a.run(ping(b.ip))
    moved = bytes.fromhex("0200000000ee")
    a.arrive(arp_packet(1, moved, THEIRS, THEIRS))
    a.arrive(arp_packet(1, moved, bytes([10, 0, 0, 9]), bytes([10, 0, 0, 9])))
    net.sent.clear()
    send(a)
    assert net.sent[-1][1][:6] == moved
    with a.kernel.entered():
        assert len(inet_state().neighbours) == 1


def test_a_probe_for_our_address_is_answered_and_teaches_nothing(net: Net) -> None:
    a, _ = net.hosts
    a.arrive(arp_packet(1, bytes.fromhex("0200000000ee"), bytes(4), OURS))
    ((number, answer),) = arps(net)
    assert number == 1 and answer.arp.op == 2 and answer.arp.spa == OURS
    with a.kernel.entered():
        assert not inet_state().neighbours


@pytest.mark.parametrize("wrong", [{"hrd": 6}, {"pro": 0x86DD}, {"hln": 8}, {"pln": 16}, {"op": 3}])
def test_other_kinds_of_arp_are_counted_and_dropped(net: Net, wrong: dict[str, int]) -> None:
    a, _ = net.hosts
    a.arrive(arp_packet(wrong.pop("op", 1), bytes.fromhex("0200000000ee"), THEIRS, OURS, **wrong))
    assert a.mib["ArpInErrors"] == 1 and a.drops == {"ARP_INVALID": 1} and not net.sent


def test_a_short_arp_packet_is_dropped(net: Net) -> None:
    a, _ = net.hosts
    a.arrive(arp_packet(1, bytes.fromhex("0200000000ee"), THEIRS, OURS)[:-1])
    assert a.mib["ArpInErrors"] == 1 and a.drops == {"PKT_TOO_SMALL": 1} and not net.sent


def test_questions_about_others_are_not_answered(net: Net) -> None:
    a, _ = net.hosts
    a.arrive(arp_packet(1, bytes.fromhex("0200000000ee"), THEIRS, bytes([10, 0, 0, 3])))
    assert a.mib["ArpInRequests"] == 1 and not net.sent


def test_room_for_what_the_device_puts_before_a_frame(net: Net, monkeypatch: pytest.MonkeyPatch) -> None:
    """needed_headroom is there in question, answer and packet."""
    a, b = net.hosts
    room: list[int] = []
    for host in (a, b):
        host.dev.needed_headroom = 24
        start_xmit = host.card.ndo_start_xmit

        def watched(skb: SkBuff, dev: NetDevice, start_xmit=start_xmit) -> int:  # type: ignore[no-untyped-def]
            room.append(skb_headroom(skb))
            return start_xmit(skb, dev)

        monkeypatch.setattr(host.card, "ndo_start_xmit", watched)
    assert a.run(ping(b.ip)) is not None
    assert len(room) == 4 and min(room) >= 24
