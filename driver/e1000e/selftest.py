# SPDX-License-Identifier: MIT
"""`ethtool -t`: registers, NVM, interrupt, loopback and link (Linux: ethtool.c, e1000_diag_test and what it calls).

The plan is that of the recorded accesses of the stock driver: the link is asked first, offline the interface is taken
down, each part starts from a reset card, and what was open is opened again. With __E1000_TESTING set nobody else
touches the card. A part's result is 0 when it passed, else it says what went wrong.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from driver.e1000e.adapter import Adapter
from driver.e1000e.hw import Hw, e1e_flush, er32, ew32
from driver.e1000e.irq import e1000_free_irq, e1000e_quieten
from driver.e1000e.loopback import e1000_loopback_test
from driver.e1000e.mac import e1000e_check_for_copper_link
from driver.e1000e.netdev import e1000e_close, e1000e_open, e1000e_release_hw_control, e1000e_reset
from driver.e1000e.nvm import e1000e_validate_nvm_checksum_generic
from driver.e1000e.regs import (
    ALL_ONES,
    FCAH,
    FCAL,
    FCRTH,
    FCT,
    FCTTV,
    ICR,
    ICS,
    IMC,
    IMS,
    MTA,
    RAH,
    RCTL,
    RDBAH,
    RDBAL,
    RDH,
    RDLEN,
    RDT,
    RDTR,
    STATUS,
    TCTL,
    TDBAH,
    TDBAL,
    TDLEN,
    TIDV,
    TIPG,
    TXCW,
    VET,
    Rw,
)
from driver.linux.delay import msleep, usleep_range
from driver.linux.interrupt import IRQ_HANDLED, IRQ_NONE, IRQF_SHARED, request_irq
from driver.linux.netdevice import NetDevice, dev_close, netif_running
from driver.linux.printk import dev_err, dev_info

__all__ = ["NOT_RUN", "SelfTest", "e1000_diag_test"]

Part = Callable[[Adapter], Awaitable[int]]

# Results: why a part failed.
NOT_RUN: Final = -1  # the card was not there for it
STATUS_CHANGED: Final = 1
NVM_CHECKSUM: Final = 2
NO_IRQ, MASKED_CAUSE, SILENT_CAUSE, OTHER_CAUSE = 1, 3, 4, 5
NO_LINK: Final = 1

PATTERNS: Final = (0x5A5A_5A5A, 0xA5A5_A5A5, 0x0000_0000, 0xFFFF_FFFF)
STATUS_TOGGLE: Final = 0x7FFF_F033  # bits that no write may change
RAR_TESTED: Final = 15  # the last entry is management's
# Register, bits that must read back as written, bits of a pattern that are written. For a card whose receiver and
# transmitter are off.
REGISTERS: Final[tuple[tuple[Rw, int, int], ...]] = (
    (FCAL, ALL_ONES, ALL_ONES),
    (FCAH, 0xFFFF, ALL_ONES),
    (FCT, 0xFFFF, ALL_ONES),
    (VET, 0xFFFF, ALL_ONES),
    (RDTR, 0xFFFF, ALL_ONES),
    (RDBAH, ALL_ONES, ALL_ONES),
    (RDLEN, 0xF_FF80, 0xF_FFFF),
    (RDH, 0xFFFF, 0xFFFF),
    (RDT, 0xFFFF, 0xFFFF),
    (FCRTH, 0xFFF8, 0xFFF8),
    (FCTTV, 0xFFFF, 0xFFFF),
    (TIPG, 0x3FFF_FFFF, 0x3FFF_FFFF),
    (TDBAH, ALL_ONES, ALL_ONES),
    (TDLEN, 0xF_FF80, 0xF_FFFF),
    (RDBAL, 0xFFFF_FFF0, ALL_ONES),
    (TXCW, 0xFFFF, 0xFFFF),
    (TDBAL, 0xFFFF_FFF0, ALL_ONES),
    (TIDV, 0xFFFF, 0xFFFF),
    *((register, 0x8003_FFFF, ALL_ONES) for register in list(RAH)[:RAR_TESTED]),
    *((register, ALL_ONES, ALL_ONES) for register in MTA),
)
RCTL_KEPT: Final = RCTL.ALL & ~RCTL.EN
CAUSES: Final = (ICS.TXDW, ICS.TXQE, ICS.LSC, ICS.RXDMT0, ICS.RXO, ICS.RXT0, ICS.MDAC)
ALL_CAUSES: Final = sum(CAUSES)
IRQ_WAIT_US: Final = 10_000
IRQ_TRIES: Final = 20  # a time scale shortens the wait, and not the way of an interrupt: each try reads a register
LINK_TRIES: Final = 50
LINK_POLL_MS: Final = 100


@dataclass(slots=True)
class SelfTest:
    """What each part came to, in ethtool's order: 0 passed (or not asked for), else a number of that part's own."""

    register: int = 0
    nvm: int = 0
    interrupt: int = 0
    loopback: int = 0
    link: int = 0

    @property
    def passed(self) -> bool:
        return not (self.register or self.nvm or self.interrupt or self.loopback or self.link)


async def e1000_diag_test(netdev: NetDevice, offline: bool) -> SelfTest:
    """Under the RTNL. offline: everything, and the interface is down meanwhile; else the link alone."""
    adapter: Adapter = netdev.priv
    result = SelfTest()
    if not offline:
        dev_info(netdev, "online testing starting")
        result.link = await e1000_link_test(adapter)
        return result
    dev_info(netdev, "offline testing starting")
    result.link = await e1000_link_test(adapter)
    running = netif_running(netdev)
    if running and await e1000e_close(netdev):
        return SelfTest(NOT_RUN, NOT_RUN, NOT_RUN, NOT_RUN, NOT_RUN)
    adapter.testing = True
    result.register = await _from_reset(adapter, e1000_reg_test)
    result.nvm = await _from_reset(adapter, e1000_eeprom_test)
    result.interrupt = await _from_reset(adapter, e1000_intr_test)
    result.loopback = await _from_reset(adapter, e1000_loopback_test)
    await e1000e_reset(adapter)
    adapter.testing = False
    if not running:
        await e1000e_release_hw_control(adapter)
    elif await e1000e_open(netdev):
        dev_err(netdev, "the interface cannot be opened again after its self-test: it is closed")
        await dev_close(netdev)
    return result


async def _from_reset(adapter: Adapter, part: Part) -> int:
    """A part, on a card that knows nothing of the one before it."""
    if adapter.hw.gone or await e1000e_reset(adapter):
        return NOT_RUN
    result = await part(adapter)
    return NOT_RUN if adapter.hw.gone else result


# ---------------------------------------------------------------- registers
async def e1000_reg_test(adapter: Adapter) -> int:
    """0, STATUS_CHANGED, or the offset of the first register that does not keep what it should."""
    hw = adapter.hw
    before = await er32(hw, STATUS) & STATUS_TOGGLE
    ew32(hw, STATUS, STATUS_TOGGLE)
    after = await er32(hw, STATUS) & STATUS_TOGGLE
    if before != after:
        dev_err(adapter.netdev, "STATUS was %#010x and is %#010x after a write", before, after)
        return STATUS_CHANGED
    ew32(hw, RCTL, 0)
    ew32(hw, TCTL, 0)
    for value in (0, RCTL_KEPT):
        if not await _keeps(adapter, RCTL, RCTL.ALL, value):
            return RCTL.offset
    ew32(hw, RCTL, 0)
    for register, mask, write in REGISTERS:
        for pattern in PATTERNS:
            if not await _keeps(adapter, register, mask, pattern & write):
                return register.offset
    return 0


async def _keeps(adapter: Adapter, register: Rw, mask: int, value: int) -> bool:
    ew32(adapter.hw, register, value)
    found = await er32(adapter.hw, register)
    if found == value & mask:
        return True
    dev_err(adapter.netdev, "%s: %#010x was written, %#010x is read", register.name, value, found)
    return False


# ---------------------------------------------------------------- NVM
async def e1000_eeprom_test(adapter: Adapter) -> int:
    return NVM_CHECKSUM if await e1000e_validate_nvm_checksum_generic(adapter.hw) else 0


# ---------------------------------------------------------------- interrupt
async def e1000_test_intr(irq: int, adapter: Adapter) -> int:
    """The handler that stands in for e1000_intr: it notes which causes came."""
    icr = await er32(adapter.hw, ICR)
    if adapter.hw.gone:
        return e1000e_quieten(adapter)
    if not icr & ICR.INT_ASSERTED:
        return IRQ_NONE
    adapter.test_icr |= icr
    return IRQ_HANDLED


async def e1000_intr_test(adapter: Adapter) -> int:
    """A cause that is set interrupts when it is enabled, and not when it or only another one is."""
    irq, name = adapter.pdev.irq, adapter.netdev.name
    shared = bool(request_irq(irq, e1000_test_intr, 0, name, adapter))
    if shared and request_irq(irq, e1000_test_intr, IRQF_SHARED, name, adapter):
        return NO_IRQ
    result = 0
    for cause in CAUSES:
        result = await _try_cause(adapter, cause, shared)
        if result:
            dev_err(adapter.netdev, "interrupt cause %#x: test %d failed, %#x came", cause, result, adapter.test_icr)
            break
    await _mask(adapter, ALL_ONES)
    await e1000_free_irq(adapter)
    return result


async def _try_cause(adapter: Adapter, cause: int, shared: bool) -> int:
    """0, MASKED_CAUSE, SILENT_CAUSE or OTHER_CAUSE. On a shared line nobody can tell whose an interrupt was not."""
    hw = adapter.hw
    await _mask(adapter, ALL_ONES)
    await er32(hw, ICR)  # with nothing enabled that clears all
    if not shared and await _interrupts(adapter, cause, cause, wanted=False):
        return MASKED_CAUSE
    ew32(hw, IMS, cause)
    if not await _interrupts(adapter, cause, cause, wanted=True):
        return SILENT_CAUSE
    if not shared and await _interrupts(adapter, ALL_CAUSES & ~cause, ALL_ONES, wanted=False):
        return OTHER_CAUSE
    return 0


async def _interrupts(adapter: Adapter, causes: int, seen_by: int, *, wanted: bool) -> bool:
    """Set `causes`; does an interrupt come that tells of one in `seen_by`? Waits as long as it may if none does."""
    adapter.test_icr = 0
    ew32(adapter.hw, ICS, causes)
    for _ in range(IRQ_TRIES):
        await e1e_flush(adapter.hw)
        await usleep_range(IRQ_WAIT_US // IRQ_TRIES, IRQ_WAIT_US // IRQ_TRIES)
        if adapter.hw.gone or (wanted and adapter.test_icr & seen_by):
            break
    return bool(adapter.test_icr & seen_by)


async def _mask(adapter: Adapter, causes: int) -> None:
    ew32(adapter.hw, IMC, causes)
    await e1e_flush(adapter.hw)


# ---------------------------------------------------------------- link
async def e1000_link_test(adapter: Adapter) -> int:
    """0, NO_LINK or NOT_RUN. As long as a negotiation may take: PHY and MAC both see the link."""
    hw = adapter.hw
    for _ in range(LINK_TRIES):
        hw.mac.get_link_status = True
        if await _link(hw):
            return 0
        if hw.gone:
            return NOT_RUN
        await msleep(LINK_POLL_MS)
    return NO_LINK


async def _link(hw: Hw) -> bool:
    return await e1000e_check_for_copper_link(hw) == 1 and bool(await er32(hw, STATUS) & STATUS.LU)
