# SPDX-License-Identifier: MIT
"""Ethernet headers, addresses, eth_type_trans."""

from __future__ import annotations

import dpkt
import pytest

from driver.linux.errno import EADDRNOTAVAIL, EBUSY
from driver.linux.etherdevice import (
    alloc_etherdev,
    eth_header,
    eth_hw_addr_random,
    eth_mac_addr,
    eth_random_addr,
    eth_type_trans,
    eth_validate_addr,
    is_broadcast_ether_addr,
    is_local_ether_addr,
    is_multicast_ether_addr,
    is_unicast_ether_addr,
    is_valid_ether_addr,
    is_zero_ether_addr,
    mac_text,
)
from driver.linux.net.device import NetDevice
from driver.linux.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST
from driver.linux.sched import Kernel
from driver.linux.skbuff import SkBuff, alloc_skb, consume_skb, netdev_alloc_skb, skb_put_data, skb_reserve
from tests.unit.linux.net.conftest import Trips
from tests.unit.pump import machine

OURS = bytes.fromhex("020000000001")
THEIRS = bytes.fromhex("020000000002")


def device() -> NetDevice:
    dev = alloc_etherdev("private")
    dev.dev_addr = OURS
    return dev


def received(dev: NetDevice, frame: bytes) -> SkBuff:
    skb = netdev_alloc_skb(dev, len(frame))
    assert skb is not None
    skb_put_data(skb, frame)
    return skb


@pytest.mark.parametrize(
    ("dest", "kind"),
    [
        (OURS, PACKET_HOST),
        (THEIRS, PACKET_OTHERHOST),
        (b"\xff" * 6, PACKET_BROADCAST),
        (bytes.fromhex("01005e000001"), PACKET_MULTICAST),
    ],
)
def test_the_destination_decides_the_packet_type(kernel: Kernel, dest: bytes, kind: int) -> None:
    dev = device()
    skb = received(dev, dest + THEIRS + b"\x08\x00" + b"payload")
    assert eth_type_trans(skb, dev) == 0x0800
    assert skb.pkt_type == kind and bytes(skb.view()) == b"payload"
    assert bytes(skb.head_view()[skb.mac_header : skb.mac_header + 6]) == dest
    consume_skb(skb)


@pytest.mark.parametrize(
    ("type_field", "payload", "protocol"),
    [
        ("0800", b"", 0x0800),
        ("8100", b"\x00\x01\x08\x00", 0x8100),
        ("0600", b"", 0x0600),
        ("05ff", b"\xaa\xaa\x03", 0x0004),
        ("0003", b"\xff\xff\x00", 0x0001),
        ("0000", b"", 0x0004),
    ],
)
def test_the_protocol_is_the_type_or_by_the_length(
    kernel: Kernel, type_field: str, payload: bytes, protocol: int
) -> None:
    dev = device()
    skb = received(dev, OURS + THEIRS + bytes.fromhex(type_field) + payload)
    assert eth_type_trans(skb, dev) == protocol
    consume_skb(skb)


def test_a_frame_without_a_header_is_not_to_be_handed_up(kernel: Kernel, trips: Trips) -> None:
    dev = device()
    skb = received(dev, bytes(13))
    trips("eth-short", lambda: eth_type_trans(skb, dev))
    consume_skb(skb)


def test_the_header_we_push_is_ethernet(kernel: Kernel) -> None:
    skb = alloc_skb(64)
    assert skb is not None
    skb_reserve(skb, 16)
    skb_put_data(skb, b"data")
    assert eth_header(skb, device(), 0x88B5, THEIRS) == 14
    frame = dpkt.ethernet.Ethernet(bytes(skb.view()))
    assert (frame.src, frame.dst, frame.type, frame.data) == (OURS, THEIRS, 0x88B5, b"data")
    consume_skb(skb)


def test_what_kind_of_address(kernel: Kernel) -> None:
    assert is_valid_ether_addr(OURS) and is_local_ether_addr(OURS) and not is_multicast_ether_addr(OURS)
    assert is_zero_ether_addr(bytes(6)) and not is_valid_ether_addr(bytes(6)) and not is_valid_ether_addr(OURS[:5])
    assert is_broadcast_ether_addr(b"\xff" * 6) and is_multicast_ether_addr(b"\xff" * 6)
    assert is_unicast_ether_addr(OURS) and not is_unicast_ether_addr(b"\x01" + OURS[1:])
    assert not is_valid_ether_addr(b"\x01" + OURS[1:]) and mac_text(OURS) == "02:00:00:00:00:01"


def test_random_addresses_are_valid_local_and_come_from_the_seed() -> None:
    def drawn(seed: int) -> list[bytes]:
        with machine(memory_bytes=1 << 20, seed=seed).kernel.entered():
            return [eth_random_addr() for _ in range(20)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert all(is_valid_ether_addr(addr) and is_local_ether_addr(addr) for addr in drawn(1))


def test_the_stock_operations_validate(kernel: Kernel) -> None:
    dev = device()
    assert eth_mac_addr(dev, THEIRS) == 0 and dev.dev_addr == THEIRS
    assert eth_mac_addr(dev, b"\x01" * 6) == -EADDRNOTAVAIL and dev.dev_addr == THEIRS
    dev.started = True
    assert eth_mac_addr(dev, OURS) == -EBUSY
    dev.started = False
    dev.dev_addr = bytes(6)
    assert eth_validate_addr(dev) == -EADDRNOTAVAIL
    eth_hw_addr_random(dev)
    assert eth_validate_addr(dev) == 0
