# SPDX-License-Identifier: MIT
"""What each register read of a recording is held to: one table line for each, with the reason.

The stand-in that the recordings were made on is not an 82574L either: where a bit is its taste, the card may differ.
What makes the driver go on is held.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["PHY_RULES", "RMW", "RMW_PHY", "RULES", "How", "Rule", "is_statistic", "rule_of"]


class How(Enum):
    """UNTIL: read again until the masked bits are those recorded, or those of them that time changes (Rule.waits): the
    others must be right as soon as these are. WRITTEN: the masked bits are those last written since
    the last reset, or not judged if none were. GRANTED: read again until the masked bits that were recorded set are.
    SEEN: nothing is asked of it. CAUSES: ICR's own rule (player.py). COUNTED: what was played (statistics.py)."""

    UNTIL = "until"
    GRANTED = "granted"
    WRITTEN = "written"
    SEEN = "seen"
    CAUSES = "causes"
    COUNTED = "counted"


@dataclass(frozen=True, slots=True)
class Rule:
    """mask: of the bits that are held; waits: of those that are waited for."""

    how: How
    mask: int
    why: str
    waits: int = 0xFFFF_FFFF


_ALL = 0xFFFF_FFFF
_LOW = 0xFFFF
_OWN_TIME = Rule(How.SEEN, 0, "time stamps: the stand-in's clock stands still")

RULES: dict[int, Rule] = {
    0x00000: Rule(How.WRITTEN, 0x5800_0044, "CTRL: SLU, GIO_MASTER_DISABLE, RFCE, TFCE, VME stay, RST has ended"),
    # Which reads of STATUS are made for LU depends on what comes before: player.py.
    0x00008: Rule(How.UNTIL, 0x0008_00C3, "STATUS: duplex, speed, LU are for the link, bit 19 ends DMA", 0x0008_0002),
    0x00010: Rule(How.UNTIL, 0x0001_8200, "EECD: AUTO_RD ends a reset; the NVM is an EEPROM, not flash", 0x200),
    0x00014: Rule(How.UNTIL, 0xFFFF_0002, "EERD: done, and every word, because the checksum is over all", 0x2),
    0x00018: Rule(How.WRITTEN, 0x1800_0000, "CTRL_EXT: DRV_LOAD and IAME stay; bit 22 is set and never looked at"),
    0x00020: Rule(How.UNTIL, 0x5FFF_0000, "MDIC: ready, no error, the address asked for; the data by PHY_RULES"),
    0x000C0: Rule(How.CAUSES, 0, "ICR: what the handler branches on is what is unmasked"),
    0x000FC: Rule(How.SEEN, 0, "nothing is known of it; read once, and the value is not used"),
    0x00100: Rule(How.WRITTEN, 0x06DF_B3FE, "RCTL: the mask of the driver's own register test"),
    0x00400: Rule(How.WRITTEN, 0x10FF_FFFA, "TCTL: EN, PSP, CT, COLD, MULR stay"),
    0x00E00: Rule(How.SEEN, 0, "LEDCTL: its value is kept for later, never looked at"),
    0x00F00: Rule(How.GRANTED, 0x0000_0020, "EXTCNF_CTRL: the semaphore was granted; CTRL.RST may keep it"),
    0x01000: Rule(How.WRITTEN, _LOW, "PBA: the receive share stays; the other half is the card's"),
    0x02808: Rule(How.WRITTEN, 0x000F_FF80, "RDLEN stays"),
    0x02810: Rule(How.UNTIL, _LOW, "RDH: as many frames came as were recorded"),
    0x02818: Rule(How.WRITTEN, _LOW, "RDT stays"),
    0x02820: Rule(How.WRITTEN, _LOW, "RDTR: the delay stays; FPD in it is an act"),
    0x03808: Rule(How.WRITTEN, 0x000F_FF80, "TDLEN stays"),
    0x03810: Rule(How.UNTIL, _LOW, "TDH: as many frames went as were recorded"),
    0x03818: Rule(How.WRITTEN, _LOW, "TDT stays"),
    0x03820: Rule(How.WRITTEN, _LOW, "TIDV: the delay stays; FPD in it is an act"),
    0x03828: Rule(How.WRITTEN, 0x017F_1F1F, "TXDCTL: thresholds and GRAN stay"),
    0x03840: Rule(How.SEEN, 0, "TARC0: bits that the driver sets and never looks at"),
    0x03928: Rule(How.SEEN, 0, "TXDCTL1: of a queue that the driver does not use"),
    0x03940: Rule(How.SEEN, 0, "TARC1: of a queue that the driver does not use"),
    0x05000: Rule(How.WRITTEN, 0x0000_0300, "RXCSUM: the offloads that were asked for"),
    0x05008: Rule(How.SEEN, 0, "RFCTL: the driver sets bits and never looks at them"),
    0x05400: Rule(How.WRITTEN, _ALL, "RAL0: the address stays"),
    0x05404: Rule(How.WRITTEN, 0x8003_FFFF, "RAH0: the address stays"),
    0x05820: Rule(How.UNTIL, 0x0006_0000, "MANC: no management takes packets or blocks PHY resets", 0),
    0x05B00: Rule(How.SEEN, 0, "GCR: a PCIe setting"),
    0x05B50: Rule(How.UNTIL, 0x0000_0001, "SWSM: the semaphore was free"),
    0x05B54: Rule(How.UNTIL, 0x0000_000E, "FWSM: no management firmware", 0),
    0x05B64: Rule(How.SEEN, 0, "GCR2: a PCIe setting"),
    0x0B600: _OWN_TIME,
    0x0B604: _OWN_TIME,
    0x0B608: Rule(How.WRITTEN, _ALL, "TIMINCA: the increment stays"),
    0x0B614: Rule(How.UNTIL, 1, "TSYNCTXCTL: no time stamp waits", 0),
    0x0B61C: _OWN_TIME,
    0x0B620: Rule(How.UNTIL, 1, "TSYNCRXCTL: no time stamp waits", 0),
    0x0B628: _OWN_TIME,
}
RULES |= {offset: Rule(How.WRITTEN, _ALL, "VFTA stays") for offset in range(0x5600, 0x5800, 4)}

_STATISTICS = Rule(How.COUNTED, _ALL, "statistics: the stand-in counts nothing, the card what was played")
_FIRST_STATISTIC, _LAST_STATISTIC = 0x4000, 0x4124


def is_statistic(offset: int) -> bool:
    return _FIRST_STATISTIC <= offset <= _LAST_STATISTIC


def rule_of(offset: int) -> Rule:
    """Raises: KeyError where a recording reads what the table does not have."""
    return _STATISTICS if is_statistic(offset) else RULES[offset]


# What MDIC's data is held to, by PHY register.
PHY_RULES: dict[int, Rule] = {
    0x00: Rule(How.UNTIL, 0xC200, "BMCR: reset and restart have ended, loopback is as set", 0x8200),
    0x01: Rule(How.UNTIL, 0x0024, "BMSR: link, autonegotiation complete"),
    0x02: Rule(How.UNTIL, 0xFFFF, "PHY identity: the driver's table has this one", 0),
    0x03: Rule(How.UNTIL, 0xFFF0, "PHY identity; the last digit is a revision", 0),
    0x04: Rule(How.WRITTEN, 0x0DE0, "ANAR: what is advertised stays"),
    0x05: Rule(How.SEEN, 0, "ANLPAR: what the partner offers is the partner's affair"),
    0x06: Rule(How.SEEN, 0, "ANER: the driver passes it on to ethtool"),
    0x09: Rule(How.WRITTEN, 0x0300, "GBCR: what is advertised stays"),
    0x0A: Rule(How.UNTIL, 0x3000, "GBSR: both receivers are well"),
    0x0F: Rule(How.SEEN, 0, "ESR: the driver passes it on"),
    0x10: Rule(How.WRITTEN, 0x0878, "PSCR: crossover and downshift stay"),
    0x11: Rule(How.UNTIL, 0xEC00, "PSSR: 1000 Mbit/s, full duplex, resolved, link"),
    0x14: Rule(How.SEEN, 0, "MAC interface setting of another PHY, written for loopback"),
    0x15: Rule(How.SEEN, 0, "receive errors of the PHY: a count for ethtool"),
    0x19: Rule(How.SEEN, 0, "power: the driver puts one bit and never looks"),
}

# Registers that the driver reads, changes and writes: bits that it did not touch are the card's, not the stand-in's.
# BMCR is not among them: the driver sets all of it, and the stand-in forgets that it was powered down.
RMW = frozenset({
    0x00000, 0x00018, 0x00100, 0x00400, 0x03828, 0x03840, 0x03928, 0x05000, 0x05008, 0x05B00, 0x05B64,
})  # fmt: skip
RMW_PHY = frozenset({0x04, 0x09, 0x10, 0x14, 0x19})
