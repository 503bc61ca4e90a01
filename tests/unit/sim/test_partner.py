# SPDX-License-Identifier: MIT
"""LinkPartner: two of them talk to each other; and it notices each way an answer can be wrong."""

from __future__ import annotations

import struct
from collections.abc import Callable

import dpkt
import pytest

from sim.wire import Frame, Received
from sim.wire.partner import LinkPartner, PartnerConfig

A = PartnerConfig()
B = PartnerConfig(mac=bytes.fromhex("020000000001"), ip="10.82.57.1")


class Cable:
    """One end of a cable; what is sent comes out at the other end when `deliver` is called."""

    def __init__(self) -> None:
        self.out: list[Frame] = []
        self.listeners: list[Callable[[Received], None]] = []
        self.alter: Callable[[bytes], bytes] = lambda data: data

    def send(self, frame: Frame) -> None:
        self.out.append(frame)

    def on_sent(self, callback: Callable[[Frame, int], None]) -> None:
        raise NotImplementedError

    def on_received(self, callback: Callable[[Received], None]) -> None:
        self.listeners.append(callback)

    @property
    def pending(self) -> int:
        return len(self.out)

    async def drained(self) -> None:
        return

    def hear(self, data: bytes, good: bool = True) -> None:
        for listener in self.listeners:
            listener(Received(data, 1000, good))


class Pair:
    def __init__(self) -> None:
        self.cables = Cable(), Cable()
        self.a, self.b = LinkPartner(self.cables[0], A), LinkPartner(self.cables[1], B)

    def deliver(self) -> int:
        """Carry frames both ways until nobody says more; returns how many."""
        carried = 0
        while any(cable.out for cable in self.cables):
            for here, there in (self.cables, self.cables[::-1]):
                while here.out:
                    there.hear(here.alter(here.out.pop(0).payload))
                    carried += 1
        return carried


def acquainted() -> Pair:
    pair = Pair()
    exchange = pair.a.ask_mac(B.ip)
    assert pair.deliver() == 2 and exchange.answered
    return pair


def test_arp_is_asked_and_answered() -> None:
    pair = acquainted()
    assert pair.b.arp_answered == 1 and pair.a.complaints == pair.b.complaints == []


@pytest.mark.parametrize("size", [0, 1, 17, 56, 1472, 8972])
def test_ping_of_any_size(size: int) -> None:
    pair = acquainted()
    exchange = pair.a.ping(B.ip, size)
    assert not exchange.done
    assert pair.deliver() == 2 and exchange.answered and exchange.error is None
    assert pair.b.echo_answered == 1 and pair.a.complaints == pair.b.complaints == []


@pytest.mark.parametrize("size", [0, 1, 19, 1472, 8972])
def test_udp_echo_of_any_size(size: int) -> None:
    pair = acquainted()
    exchange = pair.a.udp_echo(B.ip, 7, size)
    assert pair.deliver() == 2 and exchange.answered
    assert pair.b.udp_answered == 1 and pair.a.complaints == pair.b.complaints == []


def test_an_unknown_neighbour_must_be_asked_first() -> None:
    with pytest.raises(LookupError, match="ask_mac"):
        Pair().a.ping(B.ip, 10)


def test_the_waiter_is_told() -> None:
    pair = acquainted()
    exchange = pair.a.ping(B.ip, 10)
    told: list[bool] = []
    exchange.on_done = lambda: told.append(exchange.answered)
    pair.deliver()
    assert told == [True]


def test_a_silent_host_is_no_answer() -> None:
    partner = LinkPartner(Cable(), A)
    assert not partner.ask_mac(B.ip).done


def test_a_second_answer_is_an_error() -> None:
    pair = acquainted()
    exchange = pair.a.ping(B.ip, 10)
    pair.cables[1].hear(pair.cables[0].out[0].payload)
    pair.deliver()
    assert exchange.error == "answered twice" and not exchange.answered


def fix_icmp(frame: bytes) -> bytes:
    """Recompute the ICMP checksum of a frame with a 20-byte IP header, so that only its data is wrong."""
    total = struct.unpack_from(">H", frame, 16)[0]
    body = bytearray(frame[34 : 14 + total])
    body[2:4] = b"\0\0"
    body[2:4] = dpkt.in_cksum(bytes(body)).to_bytes(2, "big")
    return frame[:34] + bytes(body)


def flipped(frame: bytes, at: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ 1]) + frame[at + 1 :]


def test_wrong_data_with_a_right_checksum_is_noticed() -> None:
    pair = acquainted()
    exchange = pair.a.ping(B.ip, 100)
    pair.cables[1].alter = lambda frame: fix_icmp(flipped(frame, 80))
    pair.deliver()
    assert not exchange.answered and exchange.error is not None and "not the 100 sent" in exchange.error


@pytest.mark.parametrize(
    ("at", "complaint"),
    [(80, "ICMP checksum"), (22, "IP header checksum"), (16, "IP packet with header"), (14, "IP packet with header")],
)
def test_damage_anywhere_is_a_complaint(at: int, complaint: str) -> None:
    pair = acquainted()
    exchange = pair.a.ping(B.ip, 100)
    damage = 4 if at == 14 else 1
    pair.cables[1].alter = lambda frame: frame[:at] + bytes([frame[at] ^ damage]) + frame[at + 1 :]
    pair.deliver()
    assert not exchange.done and len(pair.a.complaints) == 1 and complaint in pair.a.complaints[0]


def test_udp_checksum_is_checked() -> None:
    pair = acquainted()
    exchange = pair.a.udp_echo(B.ip, 7, 50)
    pair.cables[1].alter = lambda frame: flipped(frame, 60)
    pair.deliver()
    assert not exchange.done and "checksum" in pair.a.complaints[0]


def test_bad_and_unasked_frames_are_complaints() -> None:
    pair = acquainted()
    pair.cables[0].hear(b"\xff" * 60, good=False)
    exchange = pair.b.ping(A.ip, 5)
    reply_for_nobody = pair.cables[1].out[0].payload
    assert not exchange.done
    pair.cables[0].hear(fix_icmp(reply_for_nobody[:34] + b"\0" + reply_for_nobody[35:]))
    assert len(pair.a.complaints) == 2 and "unasked echo reply" in pair.a.complaints[1]


def test_frames_for_others_are_ignored() -> None:
    pair = acquainted()
    exchange = pair.a.ping(B.ip, 5)
    frame = pair.cables[0].out.pop().payload
    pair.cables[1].hear(b"\x02\x00\x00\x00\x00\x09" + frame[6:])
    assert pair.deliver() == 0 and not exchange.done
