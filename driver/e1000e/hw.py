# SPDX-License-Identifier: MIT
"""The card as its shared code sees it: register access, and what is known of MAC and PHY (Linux: hw.h).

Linux's er32(REG) is `await REG.read(hw)` here and ew32(REG, value) is `REG.write(hw, value)`: the registers of
regs.py know what may be done to them, and Hw is the bus they are on.

Functions of this layer return 0 or a value on success and a negative errno on failure, as Linux functions do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from driver.e1000e.regs import ALL_ONES, MTA, RAL, STATUS
from driver.linux.io import IoMem, readl, writel
from driver.linux.mutex import Mutex
from driver.linux.printk import pr_err

__all__ = ["Hw", "MacInfo", "PhyInfo", "e1e_flush"]


@dataclass(slots=True)
class MacInfo:
    """Linux: struct e1000_mac_info."""

    addr: bytes = bytes(6)
    perm_addr: bytes = bytes(6)
    rar_entry_count: int = len(RAL)
    mta_shadow: list[int] = field(default_factory=lambda: [0] * len(MTA))
    mc_filter_type: int = 0  # RCTL.MO
    get_link_status: bool = True  # the link may have changed since the PHY was last asked


@dataclass(slots=True)
class PhyInfo:
    """Linux: struct e1000_phy_info. mutex: which of the driver's tasks has the PHY."""

    addr: int = 1
    id: int = 0
    mutex: Mutex = field(default_factory=lambda: Mutex("swflag_mutex"))


class Hw:
    """Linux: struct e1000_hw. `on_gone` is called once, when the card stops answering."""

    def __init__(self, iomem: IoMem, on_gone: Callable[[], None] | None = None) -> None:
        self.iomem = iomem
        self.on_gone = on_gone
        self.gone = False
        self.mac = MacInfo()
        self.phy = PhyInfo()

    async def read32(self, offset: int) -> int:
        """A register; all ones once the card is gone.

        A register may hold all ones rightly (a counter that sticks there), so that value is believed only after
        STATUS, which has bits that read 0, was asked as well.
        """
        if self.gone:
            return ALL_ONES
        value = await readl(self.iomem, offset)
        if value == ALL_ONES and await readl(self.iomem, STATUS.offset) == ALL_ONES:
            self._lost(offset)
        return value

    def write32(self, offset: int, value: int) -> None:
        """Posted; dropped once the card is gone."""
        if not self.gone:
            writel(value, self.iomem, offset)

    def _lost(self, offset: int) -> None:
        if self.gone:
            return
        self.gone = True
        pr_err("%s: the card does not answer: %#x and STATUS read all ones", self.iomem.name, offset)
        if self.on_gone is not None:
            self.on_gone()


async def e1e_flush(hw: Hw) -> None:
    """Wait until the writes before it have reached the card: a read of STATUS pushes them."""
    await STATUS.read(hw)
