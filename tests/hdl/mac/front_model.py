# SPDX-License-Identifier: MIT
"""What becomes of a received frame, in the words of the 82574L datasheet: address filter, errors, counters, strip.

The RTL is judged by this, so it is written rule by rule and shares no structure with it. Sources: RCTL (SBP, UPE, MPE,
LPE, BAM, MO, SECRC), the receive address registers, the multicast table, and the statistics CRCERRS, RXERRC, RUC, RFC,
ROC, RJC, all of which count frames that passed address filtering.
"""

from __future__ import annotations

from dataclasses import dataclass, field

BROADCAST = b"\xff" * 6
FCS_BYTES = 4
PAUSE_ADDRESS = bytes.fromhex("0180c2000001")
MAC_CONTROL = bytes.fromhex("8808")
PAUSE = bytes.fromhex("0001")
STORE_LIMIT = 16368
# RCTL.MO: which twelve bits of the 48-bit address index the table, lowest of them.
HASH_LOW_BIT = {0: 36, 1: 35, 2: 34, 3: 32}


@dataclass(slots=True)
class Config:
    en: bool = True
    sbp: bool = False
    upe: bool = False
    mpe: bool = False
    lpe: bool = False
    bam: bool = False
    secrc: bool = False
    mo: int = 0
    addresses: dict[int, bytes] = field(default_factory=dict)  # valid RAL/RAH pairs by number
    others: dict[int, bytes] = field(default_factory=dict)  # valid pairs that RAH.ASEL keeps from the destination
    table: set[int] = field(default_factory=set)  # bits set in the multicast table
    rfce: bool = False
    dpf: bool = False
    pmcf: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    data: bytes  # with FCS
    crc_err: bool = False
    symbol_err: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: str
    accept: bool
    inexact: bool
    stored: int  # bytes
    pause: int | None = None  # quanta of a pause frame
    unsupported: bool = False  # a MAC control frame of another kind


def is_multicast(destination: bytes) -> bool:
    return bool(destination[0] & 1)


def passes_exactly(destination: bytes, config: Config) -> bool:
    return destination in config.addresses.values() or (destination == BROADCAST and config.bam)


def passes_inexactly(destination: bytes, config: Config) -> bool:
    if not is_multicast(destination):
        return config.upe
    low = HASH_LOW_BIT[config.mo]
    index = int.from_bytes(destination, "little") >> low & 0xFFF
    return config.mpe or index in config.table


def outcome(frame: Frame, config: Config) -> str:
    """Name of the one statistics bit of a frame that passed the address filter."""
    size = len(frame.data)
    good = not (frame.crc_err or frame.symbol_err)
    if size < 64:
        return "undersize" if good else "fragment"
    if size > (9234 if config.lpe else 1522):
        return "oversize" if good else "jabber"
    if frame.symbol_err:
        return "sym_err"
    return "crc_err" if frame.crc_err else "good"


def is_mac_control(frame: Frame, config: Config) -> bool:
    """IEEE 802.3 31.5: a sound frame with that type to the reserved address or the station's own."""
    destination = frame.data[:6]
    own = destination in config.addresses.values() and not is_multicast(destination)
    sound = outcome(frame, config) == "good"
    return config.rfce and sound and frame.data[12:14] == MAC_CONTROL and (destination == PAUSE_ADDRESS or own)


def judge(frame: Frame, config: Config) -> Verdict:
    destination = frame.data[:6]
    complete = len(destination) == 6
    exact = complete and passes_exactly(destination, config)
    inexact = complete and passes_inexactly(destination, config)
    name = outcome(frame, config) if exact or inexact else "filtered"
    strip = FCS_BYTES if config.secrc and len(frame.data) > FCS_BYTES else 0
    stored = len(frame.data) - strip if len(frame.data) <= STORE_LIMIT else STORE_LIMIT
    if is_mac_control(frame, config):
        opcode, quanta = frame.data[14:16], frame.data[16:18]
        keep = (exact or inexact) and (config.pmcf if opcode != PAUSE else not config.dpf)
        pause = int.from_bytes(quanta, "big") if opcode == PAUSE else None
        return Verdict("filtered", keep, inexact and not exact, stored, pause, opcode != PAUSE)
    return Verdict(name, name == "good" or (config.sbp and name != "filtered"), inexact and not exact, stored)
