# SPDX-License-Identifier: MIT
"""Which frames an 82574L passes to its host: an independent reading of the receive filter, to judge the RTL by.

Written from the rules, not from the hardware: a frame is wanted if its destination is broadcast and BAM is
set, multicast (broadcast is) and MPE or its hash bit in the multicast table is set, unicast and UPE is set, or if
it equals one of the sixteen exact addresses. The hash is twelve bits of the address, chosen by RCTL.MO. A wanted frame
that is broken (FCS, symbols) is stored if SBP is set, and says so in its descriptor.
Source: 82574 datasheet, receive address filtering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["FilterConfig", "multicast_hash", "stored", "wanted"]

BROADCAST = b"\xff" * 6
HASH_LOW_BIT = (36, 35, 34, 32)  # of the 48-bit address, RCTL.MO = 0..3


@dataclass(frozen=True, slots=True)
class FilterConfig:
    """State of the receive filter. exact: addresses of valid RAL/RAH pairs; table: MTA words by index."""

    exact: Sequence[bytes] = ()
    unicast_promiscuous: bool = False
    multicast_promiscuous: bool = False
    accept_broadcast: bool = True
    multicast_offset: int = 0
    store_bad_packets: bool = False
    table: Mapping[int, int] = field(default_factory=dict)


def multicast_hash(address: bytes, offset: int) -> int:
    """Bit number in the 4096-bit multicast table. address: six bytes, first on the wire first."""
    as_number = int.from_bytes(address, "little")  # first byte on the wire is bits [7:0]
    return as_number >> HASH_LOW_BIT[offset] & 0xFFF


def wanted(frame: bytes, config: FilterConfig) -> bool:
    """Whether the card passes `frame` (at least six bytes, good FCS, legal length) to the host."""
    destination = bytes(frame[:6])
    if destination in config.exact:
        return True
    if destination == BROADCAST and config.accept_broadcast:
        return True
    if destination[0] & 1:
        bit = multicast_hash(destination, config.multicast_offset)
        return config.multicast_promiscuous or bool(config.table.get(bit >> 5, 0) >> (bit & 31) & 1)
    return config.unicast_promiscuous


def stored(frame: bytes, good: bool, config: FilterConfig) -> bool:
    """Whether the card stores a frame of legal length, whole or broken, at all."""
    return wanted(frame, config) and (good or config.store_bad_packets)
