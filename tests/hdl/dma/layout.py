# SPDX-License-Identifier: MIT
"""The packed structs of nic_pkg as integers, for the ports of the DMA blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tests.hdl.sim_helpers import struct

__all__ = [
    "CE",
    "DD",
    "EOP",
    "IXSM",
    "PIF",
    "RXE",
    "SE",
    "TX_DEXT",
    "TX_EOP",
    "TX_IDE",
    "TX_IFCS",
    "TX_RS",
    "Frame",
    "RxStat",
    "TxStat",
    "beat_ints",
    "error_record",
    "ring_int",
    "rx_cfg_int",
    "tx_cfg_int",
    "unpack_beat",
]  # fmt: skip

DD, EOP, IXSM, PIF = 1, 2, 4, 0x80
CE, SE, RXE = 1, 2, 0x80
TX_EOP, TX_IFCS, TX_RS, TX_DEXT, TX_IDE = 1, 2, 8, 0x20, 0x80


class RxStat(NamedTuple):
    bytes: int
    good: int
    crc_err: int
    missed: int

    @classmethod
    def of(cls, value: int) -> RxStat | None:
        if not value >> 27 & 1:
            return None
        return cls(value >> 11 & 0xFFFF, value >> 10 & 1, value >> 8 & 1, value >> 2 & 1)


class TxStat(NamedTuple):
    bytes: int
    multicast: int
    broadcast: int

    @classmethod
    def of(cls, value: int) -> TxStat | None:
        return cls(value >> 2 & 0xFFFF, value >> 1 & 1, value & 1) if value >> 18 else None


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as the receive front end presents it: `stripped` bytes at its end are not to be stored."""

    data: bytes
    accept: bool = True
    stripped: int = 0
    crc_err: bool = False
    symbol_err: bool = False
    len_err: bool = False
    pif: bool = False
    control: bool = False  # a MAC control frame that is passed on: `filtered` for the statistics

    @property
    def stored(self) -> bytes:
        return self.data[: len(self.data) - self.stripped]

    @property
    def errors(self) -> int:
        return CE * self.crc_err | SE * self.symbol_err | RXE * self.len_err

    @property
    def verdict(self) -> int:
        bad = self.crc_err or self.symbol_err or self.len_err
        filtered = self.control or not self.accept
        good = not filtered and not bad
        stat = 1 << 27 | len(self.data) << 11 | good << 10 | filtered << 9 | bad << 8
        flags = self.accept << 20 | len(self.stored) << 4
        flags |= self.crc_err << 3 | self.symbol_err << 2 | self.len_err << 1 | self.pif
        return flags << 28 | stat


def beat_ints(data: bytes) -> list[int]:
    """frame_beat_t of each beat."""
    beats = []
    for start in range(0, len(data), 16):
        part = data[start : start + 16]
        beats.append((start + 16 >= len(data)) << 133 | len(part) << 128 | int.from_bytes(part, "little"))
    return beats


def unpack_beat(value: int) -> tuple[bytes, bool]:
    return (value & (1 << 128) - 1).to_bytes(16, "little")[: value >> 128 & 31], bool(value >> 133)


def ring_int(enabled: bool, base: int, count: int, tail: int) -> int:
    return enabled << 96 | base << 32 | count << 16 | tail


def rx_cfg_int(buf_bytes: int, rdmts: int = 0, buf_kb: int = 20, small_bytes: int = 0) -> int:
    return struct("rx_cfg_t").pack(en=1, rdmts=rdmts, small_bytes=small_bytes, buf_kb=buf_kb, buf_bytes=buf_bytes)


def tx_cfg_int(buf_kb: int = 20, low: int = 0, pad: int = 1) -> int:
    return struct("tx_cfg_t").pack(en=1, psp=pad, low=low, buf_kb=buf_kb)


def error_record(value: int) -> tuple[bool, int] | None:
    """(write, address) of a dma_err_t."""
    return (bool(value >> 64 & 1), value & (1 << 64) - 1) if value >> 65 else None
