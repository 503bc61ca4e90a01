# SPDX-License-Identifier: MIT
"""The MAC: reset and initialisation in datasheet order, address filters, link (Linux: mac.c and 82571.c)."""

from __future__ import annotations

from driver.e1000e.fc import e1000e_config_fc_after_link_up, e1000e_setup_fc
from driver.e1000e.hw import Hw, e1e_flush, er32, ew32, rmw32
from driver.e1000e.phy import (
    e1000_get_hw_semaphore_82574,
    e1000_phy_setup_autoneg,
    e1000_put_hw_semaphore_82574,
    e1000e_phy_has_link_generic,
)
from driver.e1000e.regs import (
    ALL_ONES,
    CTRL,
    EECD,
    ICR,
    IMC,
    MTA,
    RAH,
    RAL,
    RCTL,
    STATUS,
    TCTL,
    TXDCTL,
)
from driver.linux.delay import msleep, usleep_range
from driver.linux.errno import EBUSY, ENODEV, ETIMEDOUT
from driver.linux.if_ether import ETH_ALEN
from driver.linux.printk import pr_err, pr_warn

__all__ = [
    "e1000_hash_mc_addr",
    "e1000_init_hw_82571",
    "e1000_reset_hw_82571",
    "e1000e_check_for_copper_link",
    "e1000e_disable_pcie_master",
    "e1000e_get_auto_rd_done",
    "e1000e_get_speed_and_duplex_copper",
    "e1000e_init_rx_addrs",
    "e1000e_rar_set_generic",
    "e1000e_update_mc_addr_list_generic",
]

MASTER_DISABLE_TRIES = 800
AUTO_RD_TRIES = 10
PHY_CFG_MS = 25  # the PHY takes its settings from the NVM only after AUTO_RD
SPEEDS_MBPS = (10, 100, 1000, 1000)


async def e1000e_disable_pcie_master(hw: Hw) -> int:
    """Ask the card to start no more DMA and wait until what is under way has ended; -EBUSY when it does not."""
    await rmw32(hw, CTRL, set=CTRL.GIO_MASTER_DISABLE)
    for _ in range(MASTER_DISABLE_TRIES):
        if not await er32(hw, STATUS) & STATUS.GIO_MASTER_ENABLE:
            return 0
        if hw.gone:
            return -ENODEV
        await usleep_range(100, 200)
    return -EBUSY


async def e1000e_get_auto_rd_done(hw: Hw) -> int:
    """Wait until the card has read its settings from the NVM; -ETIMEDOUT when it does not."""
    for _ in range(AUTO_RD_TRIES):
        value = await er32(hw, EECD)
        if hw.gone:
            return -ENODEV
        if value & EECD.AUTO_RD:
            return 0
        await usleep_range(1000, 2000)
    pr_err("%s: EECD.AUTO_RD does not come after the reset", hw.name)
    return -ETIMEDOUT


async def e1000_reset_hw_82571(hw: Hw) -> int:
    """Reset the card; afterwards no register holds anything of before, and no DMA is under way.

    Source: 82571.c:e1000_reset_hw_82571.
    """
    if await e1000e_disable_pcie_master(hw) and not hw.gone:
        # Not a reason to stop: what hangs is what the reset is for.
        pr_warn("%s: DMA did not end before the reset", hw.name)
    ew32(hw, IMC, ALL_ONES)
    ew32(hw, RCTL, 0)
    await rmw32(hw, TCTL, clear=TCTL.EN)
    await e1e_flush(hw)
    await usleep_range(10_000, 20_000)

    owned = await e1000_get_hw_semaphore_82574(hw) == 0
    await rmw32(hw, CTRL, set=CTRL.RST)
    if owned:
        await e1000_put_hw_semaphore_82574(hw)

    error = await e1000e_get_auto_rd_done(hw)
    if error:
        return error
    await msleep(PHY_CFG_MS)
    ew32(hw, IMC, ALL_ONES)
    await er32(hw, ICR)
    return -ENODEV if hw.gone else 0


async def e1000_init_hw_82571(hw: Hw) -> int:
    """Bring a card that was just reset to life: filters, link, queues' write-back.

    Source: 82571.c:e1000_init_hw_82571.
    """
    await e1000e_init_rx_addrs(hw)
    for index in range(len(MTA)):
        ew32(hw, MTA[index], 0)
    error = await _setup_copper_link(hw)
    e1000e_setup_fc(hw)
    await rmw32(
        hw, TXDCTL, clear=TXDCTL.WTHRESH, set=TXDCTL.COUNT_DESC | TXDCTL.GRAN | TXDCTL.WTHRESH.put(1)
    )
    return error or (-ENODEV if hw.gone else 0)


async def _setup_copper_link(hw: Hw) -> int:
    """Let the MAC follow what the PHY negotiates."""
    await rmw32(hw, CTRL, clear=CTRL.FRCSPD | CTRL.FRCDPLX, set=CTRL.SLU)
    return await e1000_phy_setup_autoneg(hw)


# ---------------------------------------------------------------- address filters
async def e1000e_rar_set_generic(hw: Hw, address: bytes, index: int) -> None:
    """Put an address into entry `index` of the exact filter; six zero bytes make the entry invalid.

    RAH first loses its valid bit, so that no half-written address ever matches.
    """
    low = int.from_bytes(address[:4], "little")
    high = int.from_bytes(address[4:], "little")
    if low or high:
        high |= RAH[index].AV
    ew32(hw, RAH[index], 0)
    ew32(hw, RAL[index], low)
    await e1e_flush(hw)  # keeps the two apart: some bridges would merge them into one 64-bit write
    ew32(hw, RAH[index], high)
    await e1e_flush(hw)


async def e1000e_init_rx_addrs(hw: Hw) -> None:
    """Our own address in entry 0, nothing in the others."""
    await e1000e_rar_set_generic(hw, hw.mac.addr, 0)
    for index in range(1, hw.mac.rar_entry_count):
        await e1000e_rar_set_generic(hw, bytes(6), index)


def e1000_hash_mc_addr(mc_filter_type: int, address: bytes) -> int:
    """Which of the MTA's 4096 bits a multicast address falls on.

    Twelve bits of the last two address bytes; the filter type (RCTL.MO) says how far from the top they are taken.
    """
    top = address[4] | (address[5] << 8)
    return (top >> (4, 3, 2, 0)[mc_filter_type]) & 0xFFF


async def e1000e_update_mc_addr_list_generic(hw: Hw, mc_addr_list: bytes) -> None:
    """Make the MTA hold these addresses, six bytes each, and no other.

    All of it is written, whatever it may hold: a group can be joined between a reset and the zeros that
    `e1000_init_hw_82571` writes, and what the driver remembers of the table is wrong then.
    """
    table = [0] * len(MTA)
    for at in range(0, len(mc_addr_list), ETH_ALEN):
        bit = e1000_hash_mc_addr(hw.mac.mc_filter_type, mc_addr_list[at : at + ETH_ALEN])
        table[bit >> 5] |= 1 << (bit & 31)
    for index in reversed(range(len(MTA))):
        ew32(hw, MTA[index], table[index])
    await e1e_flush(hw)


# ---------------------------------------------------------------- link
async def e1000e_check_for_copper_link(hw: Hw) -> int:
    """1 with link, 0 without, or a negative errno. Asks the PHY only while the link may have changed.

    The mark is cleared before the PHY is asked: an interrupt meanwhile sets it again, and is not lost. Who comes while
    another asks (the watchdog, a self-test) waits for the answer: until then a mark that is cleared says nothing.
    """
    async with hw.mac.link_mutex:
        if not hw.mac.get_link_status:
            return 1
        hw.mac.get_link_status = False
        link = await e1000e_phy_has_link_generic(hw)
        if link == 1:
            error = await e1000e_config_fc_after_link_up(hw)
            if not error:
                return 1
            link = error
        hw.mac.get_link_status = True
        return link


async def e1000e_get_speed_and_duplex_copper(hw: Hw) -> tuple[int, bool]:
    """(Mbit/s, full duplex) as the MAC has taken them from the PHY."""
    status = await er32(hw, STATUS)
    return SPEEDS_MBPS[STATUS.SPEED.get(status)], bool(status & STATUS.FD)
