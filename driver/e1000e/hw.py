# SPDX-License-Identifier: MIT
"""The card as its shared code sees it: register access, and what is known of MAC and PHY (Linux: hw.h).

What may be done to a register is its type (regs.py): only what reads can be given to er32, and so on.
Functions of this layer return 0 or a value on success and a negative errno on failure, as Linux functions do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntFlag

from driver.e1000e.regs import ALL_ONES, RAL, STATUS, Readable, Rw, Writable
from driver.linux.io import IoMem, readl, writel
from driver.linux.mutex import Mutex
from driver.linux.printk import pr_err

__all__ = ["FcInfo", "FcMode", "Hw", "MacInfo", "PhyInfo", "e1e_flush", "er32", "ew32", "rmw32"]


@dataclass(slots=True)
class MacInfo:
    """Linux: struct e1000_mac_info."""

    addr: bytes = bytes(6)
    perm_addr: bytes = bytes(6)
    rar_entry_count: int = len(RAL)
    mc_filter_type: int = 0  # RCTL.MO
    ledctl_default: int = 0  # LEDCTL while nobody makes the LED flash
    get_link_status: bool = True  # the link may have changed since the PHY was last asked
    link_mutex: Mutex = field(default_factory=lambda: Mutex("link"))  # held by who asks it


@dataclass(slots=True)
class PhyInfo:
    """Linux: struct e1000_phy_info. mutex: which of the driver's tasks has the PHY."""

    addr: int = 1
    id: int = 0
    mutex: Mutex = field(default_factory=lambda: Mutex("swflag_mutex"))


class FcMode(IntFlag):
    """Linux: enum e1000_fc_mode. RX_PAUSE: obey pause frames; TX_PAUSE: send them."""

    NONE = 0
    RX_PAUSE = 1
    TX_PAUSE = 2
    FULL = 3


@dataclass(slots=True)
class FcInfo:
    """Linux: struct e1000_fc_info. Watermarks in bytes of the receiver's packet memory, pause_time in 512 bit times.

    autoneg: current_mode is what was negotiated, else what is requested. mutex: who changes the mode, and the card's;
    taken before the PHY's.
    """

    requested_mode: FcMode = FcMode.FULL
    current_mode: FcMode = FcMode.FULL
    autoneg: bool = True
    high_water: int = 0
    low_water: int = 0
    pause_time: int = 0x680
    send_xon: bool = True
    mutex: Mutex = field(default_factory=lambda: Mutex("fc"))


class Hw:
    """Linux: struct e1000_hw. `on_gone` is called once, when the card stops answering."""

    def __init__(self, iomem: IoMem, on_gone: Callable[[], None] | None = None) -> None:
        self.iomem = iomem
        self.on_gone = on_gone
        self.gone = False
        self.mac = MacInfo()
        self.phy = PhyInfo()
        self.fc = FcInfo()

    @property
    def name(self) -> str:
        return self.iomem.name


async def er32(hw: Hw, register: Readable) -> int:
    """Read a register; all ones once the card is gone.

    A register may hold all ones rightly (a counter that sticks there), so that value is believed only after STATUS,
    which has bits that read 0, was asked as well.
    """
    if hw.gone:
        return ALL_ONES
    value = await readl(hw.iomem, register.offset)
    if value == ALL_ONES and await readl(hw.iomem, STATUS.offset) == ALL_ONES:
        _lost(hw, register)
    return value


def _lost(hw: Hw, register: Readable) -> None:
    if hw.gone:
        return
    hw.gone = True
    pr_err("%s: the card does not answer: %s and STATUS read all ones", hw.name, register.name)
    if hw.on_gone is not None:
        hw.on_gone()


def ew32(hw: Hw, register: Writable, value: int) -> None:
    """Write a register (posted); dropped once the card is gone.

    Raises: ValueError for a write that cannot have an effect.
    """
    word = register.to_write(value)
    if not hw.gone:
        writel(word, hw.iomem, register.offset)


async def rmw32(hw: Hw, register: Rw, *, clear: int = 0, set: int = 0) -> int:
    """Read, change and write back; returns what was written."""
    value = await er32(hw, register) & ~clear | set
    ew32(hw, register, value)
    return value


async def e1e_flush(hw: Hw) -> None:
    """Wait until the writes before it have reached the card: a read of STATUS pushes them."""
    await er32(hw, STATUS)
