# SPDX-License-Identifier: MIT
"""The PHY: MDIC under MDIO ownership, identification, autonegotiation, link (Linux: phy.c and 82571.c).

EXTCNF_CTRL.MDIO_SW_OWNERSHIP keeps the card's own logic off the MDIO bus: set it, read it back, and only when it is
seen set is MDIC ours. Among the driver's own tasks a mutex decides. All of this may sleep.
"""

from __future__ import annotations

from driver.e1000e.hw import FcMode, Hw, er32, ew32, rmw32
from driver.e1000e.regs import (
    EXTCNF_CTRL,
    MDIC,
    PHY_ANAR,
    PHY_BMCR,
    PHY_BMSR,
    PHY_GBCR,
    PHY_ID1,
    PHY_ID2,
    MdiOp,
    PhyRegister,
)
from driver.linux.delay import udelay, usleep_range
from driver.linux.errno import EBUSY, EIO, ENODEV, ETIMEDOUT
from driver.linux.printk import pr_err

__all__ = [
    "ADVERTISE_PAUSE_ASYM",
    "ADVERTISE_PAUSE_CAP",
    "e1e_rphy",
    "e1e_wphy",
    "e1000_get_hw_semaphore_82574",
    "e1000_get_phy_id_82571",
    "e1000_phy_setup_autoneg",
    "e1000_put_hw_semaphore_82574",
    "e1000e_phy_has_link_generic",
]

# IEEE 802.3 abilities, for PHY_ANAR and PHY_GBCR.
ADVERTISE_CSMA = 0x0001
ADVERTISE_10_100 = 0x01E0  # half and full duplex
ADVERTISE_1000FULL = 0x0200
ADVERTISE_PAUSE_CAP = 0x0400
ADVERTISE_PAUSE_ASYM = 0x0800

PHY_ID_REVISION = 0xF
OWNERSHIP_TRIES = 10
MDIC_TRIES = 640
MDIC_POLL_US = 50


async def e1000_get_hw_semaphore_82574(hw: Hw) -> int:
    """Take the PHY: 0, or a negative errno and it is not ours."""
    await hw.phy.mutex.lock()
    for _ in range(OWNERSHIP_TRIES):
        await rmw32(hw, EXTCNF_CTRL, set=EXTCNF_CTRL.MDIO_SW_OWNERSHIP)
        value = await er32(hw, EXTCNF_CTRL)
        if not hw.gone and value & EXTCNF_CTRL.MDIO_SW_OWNERSHIP:
            return 0
        if hw.gone:
            break
        await usleep_range(2000, 4000)
    else:
        pr_err("%s: EXTCNF_CTRL.MDIO_SW_OWNERSHIP does not stay set: no access to the PHY", hw.name)
    await e1000_put_hw_semaphore_82574(hw)
    return -ENODEV if hw.gone else -EBUSY


async def e1000_put_hw_semaphore_82574(hw: Hw) -> None:
    await rmw32(hw, EXTCNF_CTRL, clear=EXTCNF_CTRL.MDIO_SW_OWNERSHIP)
    hw.phy.mutex.unlock()


async def e1000e_mdic(hw: Hw, register: PhyRegister, operation: MdiOp, data: int = 0) -> int:
    """One MDIO cycle by the owner of the PHY: the 16 bits there, or a negative errno."""
    ew32(
        hw,
        MDIC,
        MDIC.DATA.put(data)
        | MDIC.REGADD.put(register.number)
        | MDIC.PHYADD.put(hw.phy.addr)
        | MDIC.OP.put(operation),
    )
    value = 0
    for _ in range(MDIC_TRIES):
        await udelay(MDIC_POLL_US)
        value = await er32(hw, MDIC)
        if hw.gone:
            return -ENODEV
        if value & MDIC.READY:
            break
    else:
        pr_err("%s: %s: MDIC.READY did not come, MDIC is %#010x", hw.name, register.name, value)
        return -ETIMEDOUT
    if value & MDIC.ERROR or MDIC.REGADD.get(value) != register.number:
        pr_err("%s: %s: MDIC answers %#010x", hw.name, register.name, value)
        return -EIO
    return MDIC.DATA.get(value)


async def _owned_mdic(hw: Hw, register: PhyRegister, operation: MdiOp, data: int = 0) -> int:
    error = await e1000_get_hw_semaphore_82574(hw)
    if error:
        return error
    result = await e1000e_mdic(hw, register, operation, data)
    await e1000_put_hw_semaphore_82574(hw)
    return result


async def e1e_rphy(hw: Hw, register: PhyRegister) -> int:
    """Read a PHY register: 16 bits, or a negative errno."""
    return await _owned_mdic(hw, register, MdiOp.READ)


async def e1e_wphy(hw: Hw, register: PhyRegister, data: int) -> int:
    """Write a PHY register: 0, or a negative errno."""
    return min(await _owned_mdic(hw, register, MdiOp.WRITE, data), 0)


async def e1000_get_phy_id_82571(hw: Hw) -> int:
    """Identify the PHY: 0, -ENODEV when it is not the 82574L's, another negative errno when it does not answer."""
    high = await e1e_rphy(hw, PHY_ID1)
    if high < 0:
        return high
    low = await e1e_rphy(hw, PHY_ID2)
    if low < 0:
        return low
    hw.phy.id = (high << 16) | low
    if (hw.phy.id ^ (PHY_ID1.reset << 16 | PHY_ID2.reset)) & ~PHY_ID_REVISION:
        pr_err("%s: PHY %#010x is not that of an 82574L", hw.name, hw.phy.id)
        return -ENODEV
    return 0


async def e1000_phy_setup_autoneg(hw: Hw) -> int:
    """Advertise everything the card can do and the flow control that is wanted, and restart the negotiation."""
    pause = {
        FcMode.NONE: 0,
        FcMode.RX_PAUSE: ADVERTISE_PAUSE_CAP | ADVERTISE_PAUSE_ASYM,
        FcMode.TX_PAUSE: ADVERTISE_PAUSE_ASYM,
        FcMode.FULL: ADVERTISE_PAUSE_CAP | ADVERTISE_PAUSE_ASYM,
    }[hw.fc.requested_mode]
    for register, ability in (
        (PHY_ANAR, ADVERTISE_10_100 | ADVERTISE_CSMA | pause),
        (PHY_GBCR, ADVERTISE_1000FULL),
    ):
        error = await e1e_wphy(hw, register, ability)
        if error:
            return error
    control = await e1e_rphy(hw, PHY_BMCR)
    if control < 0:
        return control
    hw.mac.get_link_status = True
    return await e1e_wphy(hw, PHY_BMCR, control | PHY_BMCR.AN_ENABLE | PHY_BMCR.RESTART_AN)


async def e1000e_phy_has_link_generic(hw: Hw) -> int:
    """1 with link, 0 without, or a negative errno.

    BMSR.LINK holds a loss of link until it is read, so only the second of two reads tells how things are now.
    """
    status = await e1e_rphy(hw, PHY_BMSR)
    if status >= 0:
        status = await e1e_rphy(hw, PHY_BMSR)
    if status < 0:
        return status
    return int(bool(status & PHY_BMSR.LINK))
