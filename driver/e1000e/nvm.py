# SPDX-License-Identifier: MIT
"""The NVM: words through EERD, checksum, MAC address (Linux: nvm.c). Datasheet: 82574L, NVM map and EERD."""

from __future__ import annotations

from driver.e1000e.hw import Hw, er32, ew32
from driver.e1000e.regs import EERD
from driver.linux.delay import udelay
from driver.linux.errno import EINVAL, EIO
from driver.linux.printk import pr_err

__all__ = [
    "NVM_CHECKSUM_REG",
    "NVM_SUM",
    "NVM_WORDS",
    "e1000_read_mac_addr_generic",
    "e1000_read_nvm_eerd",
    "e1000e_validate_nvm_checksum_generic",
]

NVM_WORDS = 0x1000
NVM_CHECKSUM_REG = 0x3F
NVM_SUM = 0xBABA  # what words 0 to 0x3F add up to, modulo 0x10000
POLL_TRIES = 20_000
POLL_US = 5


async def e1000e_poll_eerd_done(hw: Hw, offset: int) -> int:
    """The word read, or -EIO when DONE does not come."""
    value = 0
    for _ in range(POLL_TRIES):
        value = await er32(hw, EERD)
        if hw.gone:
            return -EIO
        if value & EERD.DONE:
            return EERD.DATA.get(value)
        await udelay(POLL_US)
    pr_err("NVM word %#x: EERD.DONE did not come, EERD is %#010x", offset, value)
    return -EIO


async def e1000_read_nvm_eerd(hw: Hw, offset: int) -> int:
    """One 16-bit word, or a negative errno."""
    if not 0 <= offset < NVM_WORDS:
        return -EINVAL
    ew32(hw, EERD, EERD.ADDR.put(offset) | EERD.START)
    return await e1000e_poll_eerd_done(hw, offset)


async def e1000e_validate_nvm_checksum_generic(hw: Hw) -> int:
    """0, or -EIO when the words cannot be read or do not add up."""
    total = 0
    for offset in range(NVM_CHECKSUM_REG + 1):
        word = await e1000_read_nvm_eerd(hw, offset)
        if word < 0:
            return word
        total += word
    return 0 if total & 0xFFFF == NVM_SUM else -EIO


async def e1000_read_mac_addr_generic(hw: Hw) -> int:
    """Take the MAC address from NVM words 0 to 2, first byte on the wire in the low byte of word 0."""
    address = bytearray()
    for offset in range(3):
        word = await e1000_read_nvm_eerd(hw, offset)
        if word < 0:
            return word
        address += word.to_bytes(2, "little")
    hw.mac.perm_addr = hw.mac.addr = bytes(address)
    return 0
