# SPDX-License-Identifier: MIT
"""Flow control and the split of the packet memory (Linux: mac.c, and e1000e_reset in netdev.c).

What is wanted is advertised, what both ends can do is what is done; the watermarks follow from the receiver's share of
the packet memory, so that the frame on its way when a pause is asked for still fits.
"""

from __future__ import annotations

from typing import Final

from driver.e1000e.hw import FcInfo, FcMode, Hw, er32, ew32, rmw32
from driver.e1000e.phy import ADVERTISE_PAUSE_ASYM, ADVERTISE_PAUSE_CAP, e1e_rphy
from driver.e1000e.regs import (
    CTRL,
    FCAH,
    FCAL,
    FCRTH,
    FCRTL,
    FCT,
    FCTTV,
    PBA,
    PHY_ANAR,
    PHY_ANLPAR,
    PHY_BMSR,
    STATUS,
)
from driver.linux.errno import ENODEV
from driver.linux.if_ether import ETH_FCS_LEN, ETH_P_PAUSE

__all__ = [
    "E1000_PBA_82574",
    "e1000_resolve_fc",
    "e1000_setup_pba",
    "e1000e_config_fc_after_link_up",
    "e1000e_set_fc_mode",
    "e1000e_setup_fc",
]

E1000_PBA_82574: Final = 32  # KB for the receiver; the transmitter has the rest of 40
KB: Final = 1024
PAUSE_ADDRESS: Final = bytes.fromhex("0180c2000001")
WATERMARK: Final = FCRTH.RTH
TX_DESC_BYTES: Final = 16
STANDARD_FRAME_BYTES: Final = 1522


# ---------------------------------------------------------------- packet memory
async def e1000_setup_pba(hw: Hw, max_frame: int) -> int:
    """Split the packet memory for frames of `max_frame` bytes, FCS included: KB for the receiver, or -ENODEV.

    For jumbo frames the transmitter gets room for two, as long as the receiver keeps room for one.
    """
    share = E1000_PBA_82574
    ew32(hw, PBA, PBA.RXA.put(share))
    if max_frame > STANDARD_FRAME_BYTES:
        value = await er32(hw, PBA)
        if hw.gone:
            return -ENODEV
        tx_share = PBA.TXA.get(value)
        tx_least = _kilobytes((max_frame + TX_DESC_BYTES - ETH_FCS_LEN) * 2)
        if tx_share < tx_least and tx_least - tx_share < share:
            share = max(share - (tx_least - tx_share), _kilobytes(max_frame))
            ew32(hw, PBA, PBA.RXA.put(share))
    hw.fc.high_water = min(share * KB * 9 // 10, share * KB - max_frame) & WATERMARK
    hw.fc.low_water = hw.fc.high_water - 8
    return share


def _kilobytes(nbytes: int) -> int:
    return -(-nbytes // KB)


# ---------------------------------------------------------------- registers
def e1000e_setup_fc(hw: Hw) -> None:
    """What a reset forgot: how a pause frame looks, how long it holds, and when one is sent."""
    hw.fc.current_mode = hw.fc.requested_mode
    ew32(hw, FCT, ETH_P_PAUSE)
    ew32(hw, FCAH, int.from_bytes(PAUSE_ADDRESS[4:], "little"))
    ew32(hw, FCAL, int.from_bytes(PAUSE_ADDRESS[:4], "little"))
    ew32(hw, FCTTV, hw.fc.pause_time)
    _set_fc_watermarks(hw)


def _set_fc_watermarks(hw: Hw) -> None:
    """0 for a card that sends no pause frames."""
    low = high = 0
    if hw.fc.current_mode & FcMode.TX_PAUSE:
        low, high = hw.fc.low_water, hw.fc.high_water
        if hw.fc.send_xon:
            low |= FCRTL.XONE
    ew32(hw, FCRTL, low)
    ew32(hw, FCRTH, high)


async def _force_mac_fc(hw: Hw) -> None:
    """Let the MAC do what current_mode says."""
    mode = hw.fc.current_mode
    obeys = CTRL.RFCE if mode & FcMode.RX_PAUSE else 0
    sends = CTRL.TFCE if mode & FcMode.TX_PAUSE else 0
    await rmw32(hw, CTRL, clear=CTRL.RFCE | CTRL.TFCE, set=obeys | sends)


# ---------------------------------------------------------------- negotiation
def e1000_resolve_fc(fc: FcInfo, ours: int, theirs: int) -> FcMode:
    """What comes of the two advertisements. Source: IEEE 802.3, table 28B-3."""
    ours_sym, ours_asym = ours & ADVERTISE_PAUSE_CAP, ours & ADVERTISE_PAUSE_ASYM
    theirs_sym, theirs_asym = theirs & ADVERTISE_PAUSE_CAP, theirs & ADVERTISE_PAUSE_ASYM
    if ours_sym and theirs_sym:
        # Who wants to obey only has to advertise both: that it does not send is its own decision.
        return FcMode.FULL if fc.requested_mode == FcMode.FULL else FcMode.RX_PAUSE
    if ours_asym and theirs_asym:
        if theirs_sym:
            return FcMode.TX_PAUSE
        if ours_sym:
            return FcMode.RX_PAUSE
    return FcMode.NONE


async def e1000e_config_fc_after_link_up(hw: Hw) -> int:
    """The link has come up: 0, or a negative errno when the PHY does not tell what was negotiated."""
    async with hw.fc.mutex:
        mode = await _negotiated_mode(hw) if hw.fc.autoneg else hw.fc.requested_mode
        if mode < 0:
            return mode
        await _take_mode(hw, FcMode(mode))
    return 0


async def e1000e_set_fc_mode(hw: Hw, mode: FcMode) -> None:
    """From here on this and no other: nothing is negotiated."""
    async with hw.fc.mutex:
        hw.fc.autoneg = False
        hw.fc.requested_mode = mode
        await _take_mode(hw, mode)


async def _take_mode(hw: Hw, mode: FcMode) -> None:
    hw.fc.current_mode = mode
    await _force_mac_fc(hw)
    _set_fc_watermarks(hw)


async def _negotiated_mode(hw: Hw) -> int:
    """An FcMode, or a negative errno. NONE where nothing was negotiated, and on half duplex: it has no pause frames."""
    status = await e1e_rphy(hw, PHY_BMSR)
    ours = await e1e_rphy(hw, PHY_ANAR)
    theirs = await e1e_rphy(hw, PHY_ANLPAR)
    if min(status, ours, theirs) < 0:
        return min(status, ours, theirs)
    if not status & PHY_BMSR.AN_COMPLETE or not await er32(hw, STATUS) & STATUS.FD:
        return FcMode.NONE
    return e1000_resolve_fc(hw.fc, ours, theirs)
