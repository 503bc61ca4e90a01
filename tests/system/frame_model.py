# SPDX-License-Identifier: MIT
"""What an 82574L makes of frames: which it stores, in which descriptors, what it sends, and every counter that moves.

Written from the datasheet's rules (RCTL, TCTL, legacy descriptors, statistics) and what hdl/README.md decides beside
them; it knows bytes and registers only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from driver.e1000e.desc import RXD, RXD_ERR_CE, RXD_ERR_RXE, RXD_ERR_SE, RXD_STAT_DD, RXD_STAT_EOP
from driver.e1000e.regs import RCTL
from sim.check.filter import BROADCAST, FilterConfig, wanted
from sim.wire import MIN_BYTES, Frame, fcs_of

__all__ = ["FCS_BYTES", "Arrival", "Outbound", "Receiver", "Stored", "arrival_of", "count_sent", "fcs_is_right"]

FCS_BYTES = 4
_SHORTEST, _LONGEST, _LONGEST_JUMBO = 64, 1522, 9234
_BEAT, _STORE_LIMIT = 16, 16368  # a longer frame is cut in the middle: its last beat is there
_ADDRESS_BYTES = 6
_ERROR_CHARACTER = 0xFE
_IXSM, _PIF = 0x04, 0x80  # status
_BINS = ((64, "64"), (127, "127"), (255, "255"), (511, "511"), (1023, "1023"), (1 << 16, "1522"))


def fcs_is_right(data: bytes) -> bool:
    """Do the last four bytes check the others?"""
    return len(data) >= FCS_BYTES and data[-FCS_BYTES:] == fcs_of(data[:-FCS_BYTES])


def _bin(length: int) -> str:
    return next(name for most, name in _BINS if length <= most)


# ------------------------------------------------------------------ receive
@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame as it comes to the card. data: all bytes behind the SFD; symbol_error: or an end without terminate."""

    data: bytes
    symbol_error: bool = False


def arrival_of(frame: Frame) -> Arrival:
    data = bytearray(frame.wire_bytes)
    if frame.error_at is not None:
        data[frame.error_at] = _ERROR_CHARACTER
    return Arrival(bytes(data), frame.error_at is not None or frame.truncated)


@dataclass(frozen=True, slots=True)
class Stored:
    """One descriptor's part of a frame."""

    data: bytes
    status: int
    errors: int

    def descriptor(self, address: int) -> bytes:
        return RXD.pack(address, len(self.data), 0, self.status, self.errors, 0)


@dataclass(slots=True)
class Receiver:
    """A receiver with this RCTL and one exact address; `take` frames in order. counts: by register name, octets too."""

    rctl: int
    address: bytes
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def buffer_bytes(self) -> int:
        if kilobytes := RCTL.FLXBUF.get(self.rctl):
            return kilobytes * 1024
        standard = 2048 >> RCTL.BSIZE.get(self.rctl)
        return standard * 16 if self.rctl & RCTL.BSEX else standard

    def take(self, frames: Iterable[Arrival]) -> list[Stored]:
        return [part for frame in frames for part in self._take_one(frame)]

    def _take_one(self, frame: Arrival) -> list[Stored]:
        data, length = frame.data, len(frame.data)
        if not length:
            return []
        self.counts.update(TPR=1, TOR=length)
        if length < _ADDRESS_BYTES or not wanted(data, self._filter()):
            return []
        crc_error = not fcs_is_right(data)
        too_short = length < _SHORTEST
        too_long = length > (_LONGEST_JUMBO if self.rctl & RCTL.LPE else _LONGEST)
        broken = crc_error or frame.symbol_error
        self._count(frame, too_short, too_long, crc_error)
        if (broken or too_short or too_long) and not self.rctl & RCTL.SBP:
            return []
        errors = RXD_ERR_CE * crc_error | RXD_ERR_SE * frame.symbol_error | RXD_ERR_RXE * (too_short or too_long)
        return self._parts(self._kept(data), errors, inexact=not self._exact(data))

    def _filter(self) -> FilterConfig:
        on = self.rctl.__and__
        return FilterConfig(
            exact=(self.address,),
            unicast_promiscuous=bool(on(RCTL.UPE)),
            multicast_promiscuous=bool(on(RCTL.MPE)),
            accept_broadcast=bool(on(RCTL.BAM)),
        )

    def _exact(self, data: bytes) -> bool:
        to = data[:_ADDRESS_BYTES]
        return to == self.address or (to == BROADCAST and bool(self.rctl & RCTL.BAM))

    def _count(self, frame: Arrival, too_short: bool, too_long: bool, crc_error: bool) -> None:
        """A wanted frame: exactly one of good, length, symbols, FCS, in this order of weight."""
        data, counts, broken = frame.data, self.counts, crc_error or frame.symbol_error
        if too_short or too_long:
            counts["RLEC"] += 1
            counts[("RFC" if broken else "RUC") if too_short else ("RJC" if broken else "ROC")] += 1
        elif broken:
            counts["RXERRC" if frame.symbol_error else "CRCERRS"] += 1
        else:
            counts.update({"GPRC": 1, "GORC": len(data), "PRC" + _bin(len(data)): 1})
            if data[0] & 1:
                counts["BPRC" if data[:_ADDRESS_BYTES] == BROADCAST else "MPRC"] += 1

    def _kept(self, data: bytes) -> bytes:
        if len(data) > _STORE_LIMIT:
            last = data[(len(data) - 1) // _BEAT * _BEAT :]
            return data[: _STORE_LIMIT - _BEAT] + last.ljust(_BEAT, b"\0")
        return data[:-FCS_BYTES] if self.rctl & RCTL.SECRC else data

    def _parts(self, data: bytes, errors: int, *, inexact: bool) -> list[Stored]:
        size = self.buffer_bytes
        parts = [Stored(data[at : at + size], RXD_STAT_DD | _IXSM, 0) for at in range(0, len(data), size)]
        last = parts[-1].status | RXD_STAT_EOP | _PIF * inexact
        return [*parts[:-1], Stored(parts[-1].data, last, errors)]


# ------------------------------------------------------------------ transmit
@dataclass(frozen=True, slots=True)
class Outbound:
    """A frame in the host's memory. ifcs: the card appends the FCS, and with TCTL.PSP pads; else it is all there."""

    data: bytes
    ifcs: bool

    def on_wire(self, psp: bool) -> bytes:
        """All bytes behind the SFD."""
        if not self.ifcs:
            return self.data
        padded = self.data.ljust(MIN_BYTES, b"\0") if psp else self.data
        return padded + fcs_of(padded)


def count_sent(frames: Iterable[Outbound], psp: bool) -> Counter[str]:
    """What has left counts as good, right or wrong. The address is the one that software gave, be it cut short."""
    counts: Counter[str] = Counter()
    for frame in frames:
        length = len(frame.on_wire(psp))
        counts.update({"GPTC": 1, "TPT": 1, "GOTC": length, "TOT": length, "PTC" + _bin(length): 1})
        if frame.data[0] & 1:
            counts["BPTC" if frame.data[:_ADDRESS_BYTES] == BROADCAST else "MPTC"] += 1
    return counts
