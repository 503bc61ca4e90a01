# SPDX-License-Identifier: MIT
"""The books decide from the device's state at the moment a frame leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from driver.linux.etherdevice import alloc_etherdev
from driver.linux.net.device import IFF_PROMISC, NetDevice
from sim.books import Books
from sim.wire import Frame, Received
from tests.unit.pump import machine

HOST, OTHER, GROUP = bytes.fromhex("020000000001"), bytes.fromhex("020000000009"), bytes.fromhex("0333deadbeef")


class Wire:
    """Puts frames on no wire; satisfies what Books needs of sim.wire.Wire."""

    def __init__(self) -> None:
        self.left: Callable[[Frame, int], None] = lambda frame, time_ns: None
        self.came: Callable[[Received], None] = lambda frame: None

    def on_sent(self, callback: Callable[[Frame, int], None]) -> None:
        self.left = callback

    def on_received(self, callback: Callable[[Received], None]) -> None:
        self.came = callback


class Kept:
    def __init__(self) -> None:
        self.wire = Wire()
        self.books = Books(self.wire)  # type: ignore[arg-type]
        self.device = alloc_etherdev()
        self.device.dev_addr = HOST
        self.books.receiver_on(self.device)

    def wanted(self, frame: Frame) -> bool:
        """Whether the books let this frame through the filter."""
        before = self.books.filtered
        self.wire.left(frame, 0)
        return self.books.filtered == before


@pytest.fixture
def kept() -> Iterator[Kept]:
    with machine(memory_bytes=1 << 20).kernel.entered():
        yield Kept()


def to(address: bytes, size: int = 60) -> Frame:
    return Frame(address.ljust(size, b"."))


def promiscuous(device: NetDevice) -> None:
    device.flags |= IFF_PROMISC


@pytest.mark.parametrize(
    ("address", "change"),
    [
        (OTHER, promiscuous),
        (OTHER, lambda device: setattr(device, "dev_addr", OTHER)),
        (OTHER, lambda device: device.uc.add(OTHER)),
        (GROUP, lambda device: device.mc.add(GROUP)),
    ],
)
def test_the_filter_follows_the_device(kept: Kept, address: bytes, change: Callable[[NetDevice], object]) -> None:
    assert not kept.wanted(to(address)) and kept.wanted(to(HOST))
    change(kept.device)
    assert kept.wanted(to(address))


def test_an_address_that_is_gone_is_filtered_again(kept: Kept) -> None:
    for addresses, address in ((kept.device.uc, OTHER), (kept.device.mc, GROUP)):
        addresses.add(address)
        addresses.add(address)
        addresses.remove(address)
        assert kept.wanted(to(address))
        addresses.remove(address)
        assert not kept.wanted(to(address))


def test_an_error_in_the_address_is_seen_as_the_card_sees_it(kept: Kept) -> None:
    assert not kept.wanted(Frame(HOST.ljust(60, b"."), error_at=5)) and kept.books.sent_bad == 0
    assert kept.wanted(Frame(HOST.ljust(60, b"."), error_at=6)) and kept.books.sent_bad == 1


def test_a_frame_shorter_than_an_address_is_looked_at_with_its_fcs(kept: Kept) -> None:
    assert not kept.wanted(Frame(HOST[:4], pad=False)) and not kept.wanted(Frame(b"", pad=False))
    assert kept.wanted(Frame(HOST, pad=False)) and kept.books.sent_bad == 1


@pytest.mark.parametrize(("mtu", "good"), [(1500, 0), (1501, 1)])
def test_the_longest_frame_follows_the_mtu(kept: Kept, mtu: int, good: int) -> None:
    kept.device.mtu = mtu
    assert kept.wanted(to(HOST, 1519))
    assert (kept.books.sent_good, kept.books.sent_bad) == (good, 1 - good)


def test_what_is_expected_is_compared_both_ways(kept: Kept) -> None:
    kept.wire.left(to(HOST), 0)
    kept.books.host_received(to(HOST).payload)
    kept.books.host_sent(b"short")
    kept.wire.came(Received(b"short".ljust(60, b"\0"), 0, True))
    assert kept.books.nothing_outstanding and kept.books.problems() == []
    kept.books.host_received(to(HOST).payload)
    assert len(kept.books.problems()) == 1


def test_a_reset_excuses_what_was_on_its_way_and_no_more(kept: Kept) -> None:
    books, frame = kept.books, to(HOST)
    for _ in range(2):
        kept.wire.left(frame, 0)
        books.host_sent(frame.payload)
    with books.receiver_may_be_off():
        books.card_was_reset()
    assert books.nothing_outstanding
    assert books.receive_account({}).drops == {"sent while the receiver was off": 2}
    assert books.transmit_account(0).drops == {"in the card when it was reset": 2}
    kept.wire.left(frame, 0)
    books.host_sent(frame.payload)
    assert books.receive_account({}).unaccounted == books.transmit_account(0).unaccounted == 1


@pytest.mark.parametrize(("unreported", "closed"), [(0, False), (1, True)])
def test_a_frame_that_the_driver_was_not_told_of_is_sent_and_dropped(kept: Kept, unreported: int, closed: bool) -> None:
    frame = to(OTHER)
    kept.books.host_sent(frame.payload)
    kept.wire.came(Received(frame.payload, 0, True))
    kept.books.card_was_reset(unreported)
    assert kept.books.transmit_account(1).closed is closed


def test_pause_frame_of_the_card_is_not_the_host_s(kept: Kept) -> None:
    """It is counted apart; a broken one, and any other frame that nobody sent, is a complaint."""
    pause = (bytes.fromhex("0180c2000001") + HOST + bytes.fromhex("88080001ffff")).ljust(60, b"\0")
    kept.wire.came(Received(pause, 0, True))
    assert (kept.books.pause_frames, kept.books.card_frames) == (1, 0)
    assert kept.books.problems() == []
    kept.wire.came(Received(pause[:12] + b"\x08\x00" + pause[14:], 0, True))
    assert kept.books.card_frames == 1 and kept.books.problems() != []


def test_broken_pause_frame_of_the_card_is_a_complaint(kept: Kept) -> None:
    pause = (bytes.fromhex("0180c2000001") + HOST + bytes.fromhex("88080001ffff")).ljust(60, b"\0")
    kept.wire.came(Received(pause, 0, False))
    assert kept.books.pause_frames == 0 and kept.books.problems() != []
