# SPDX-License-Identifier: MIT
"""The fast checksum against the definition."""

from __future__ import annotations

from random import Random

import pytest

from driver.linux.inet.checksum import csum_fold, csum_partial, csum_tcpudp_nofold, ip_compute_csum


def by_definition(data: bytes) -> int:
    data += b"\0" * (len(data) & 1)
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2], "big")
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_internet_checksum(seed: int) -> None:
    random = Random(seed)
    for length in [*range(70), 1471, 1480, 8972]:
        data = random.randbytes(length)
        assert ip_compute_csum(memoryview(data)) == by_definition(data), length


@pytest.mark.parametrize("data", [b"", bytes(20), b"\xff" * 20, b"\xff\xff\0\0", b"\x80\x00\x7f\xff", b"\0\1\xff\xfe"])
def test_zero_and_minus_zero_are_told_apart(data: bytes) -> None:
    assert ip_compute_csum(data) == by_definition(data)


def test_parts_add_up() -> None:
    data = Random(9).randbytes(101)
    assert csum_fold(csum_partial(data[40:], csum_partial(data[:40]))) == by_definition(data)


def test_the_pseudo_header_is_that_of_rfc_768() -> None:
    pseudo = bytes([10, 0, 0, 1, 192, 168, 255, 254, 0, 17]) + (1480).to_bytes(2, "big")
    assert csum_fold(csum_tcpudp_nofold(0x0A000001, 0xC0A8FFFE, 1480, 17)) == by_definition(pseudo)
