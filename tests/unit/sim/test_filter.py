# SPDX-License-Identifier: MIT
import pytest

from sim.check.filter import FilterConfig, multicast_hash, stored, wanted

STATION = bytes.fromhex("5254000000aa")
OTHER = bytes.fromhex("5254000000ab")
GROUP = bytes.fromhex("01005e000001")
BROADCAST = b"\xff" * 6


def frame(destination: bytes) -> bytes:
    return destination + bytes(54)


@pytest.mark.parametrize(
    ("destination", "config", "expected"),
    [
        (STATION, FilterConfig(exact=[STATION]), True),
        (OTHER, FilterConfig(exact=[STATION]), False),
        (OTHER, FilterConfig(unicast_promiscuous=True), True),
        (GROUP, FilterConfig(unicast_promiscuous=True), False),
        (GROUP, FilterConfig(multicast_promiscuous=True), True),
        (OTHER, FilterConfig(multicast_promiscuous=True), False),
        (GROUP, FilterConfig(exact=[GROUP]), True),
        (BROADCAST, FilterConfig(), True),
        (BROADCAST, FilterConfig(accept_broadcast=False), False),
        (BROADCAST, FilterConfig(accept_broadcast=False, multicast_promiscuous=True), True),
        (BROADCAST, FilterConfig(accept_broadcast=False, table={0x7F: 1 << 31}), True),
    ],
)
def test_each_rule_decides(destination, config, expected):
    assert wanted(frame(destination), config) is expected


# The datasheet's own example for the hash: address 12:34:56:78:9A:BC (12 first on the wire).
@pytest.mark.parametrize(("offset", "expected"), [(0, 0xBC9), (1, 0x793), (2, 0xF26), (3, 0xC9A)])
def test_hash_takes_the_bits_that_the_offset_names(offset, expected):
    assert multicast_hash(bytes.fromhex("123456789abc"), offset) == expected


def test_hash_bit_admits_exactly_its_addresses():
    bit = multicast_hash(GROUP, 0)
    config = FilterConfig(table={bit >> 5: 1 << (bit & 31)})
    neighbour = bytes.fromhex("01005e000010")
    assert wanted(frame(GROUP), config)
    assert multicast_hash(neighbour, 0) != bit
    assert not wanted(frame(neighbour), config)


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("store_bad", [True, False])
def test_broken_frame_is_stored_only_where_bad_packets_are_and_only_if_wanted(good, store_bad):
    config = FilterConfig(exact=[STATION], store_bad_packets=store_bad)
    assert stored(frame(STATION), good, config) is (good or store_bad)
    assert not stored(frame(OTHER), good, config)
