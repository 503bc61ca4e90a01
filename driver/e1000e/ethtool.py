# SPDX-License-Identifier: MIT
"""What `ethtool` shows and sets, but for its self-test (Linux: ethtool.c).

The async ones are for dev_ethtool: under the RTNL, and only for a device that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from driver.e1000e.adapter import ITR_MODES, Adapter, Ring
from driver.e1000e.fc import e1000e_set_fc_mode
from driver.e1000e.hw import FcMode, er32, ew32
from driver.e1000e.itr import DEFAULT_ITR_HZ, e1000e_write_itr
from driver.e1000e.netdev import (
    e1000e_begin_resetting,
    e1000e_down,
    e1000e_end_resetting,
    e1000e_reinit_locked,
    e1000e_release_hw_control,
    e1000e_reset,
)
from driver.e1000e.param import ITR_OFF, PARAMS
from driver.e1000e.regs import (
    CTRL,
    LEDCTL,
    RCTL,
    RDH,
    RDLEN,
    RDT,
    RDTR,
    STATUS,
    TCTL,
    TDH,
    TDLEN,
    TDT,
    TIDV,
    Readable,
)
from driver.e1000e.ring import e1000e_free_ring, e1000e_setup_ring
from driver.e1000e.stats import e1000e_update_stats
from driver.linux.errno import EAGAIN, EBUSY, EINVAL
from driver.linux.ethtool import (
    SPEED_UNKNOWN,
    EthtoolCoalesce,
    EthtoolDrvInfo,
    EthtoolLinkSettings,
    EthtoolPauseParam,
    EthtoolPhysId,
    EthtoolRingParam,
)
from driver.linux.module import Param
from driver.linux.netdevice import NetDevice, netif_carrier_ok

__all__ = [
    "e1000_get_coalesce",
    "e1000_get_drvinfo",
    "e1000_get_ethtool_stats",
    "e1000_get_link_ksettings",
    "e1000_get_pauseparam",
    "e1000_get_regs",
    "e1000_get_ringparam",
    "e1000_get_strings",
    "e1000_nway_reset",
    "e1000_set_coalesce",
    "e1000_set_pauseparam",
    "e1000_set_phys_id",
    "e1000_set_ringparam",
]

REGISTER_DUMP: Final[tuple[Readable, ...]] = (
    CTRL, STATUS, RCTL, RDLEN, RDH, RDT, RDTR, TCTL, TDLEN, TDH, TDT, TIDV,
)  # fmt: skip
SHORTEST_ITR_US, LONGEST_ITR_US = 10, 10_000
LED_ON, LED_OFF = 0xE, 0xF  # LEDCTL.LED0_MODE
FLASHES_PER_SECOND: Final = 2

# The name that `ethtool -S` shows, and the card's counter (HwStats) behind it.
_CARD: Final = {
    "rx_packets": "gprc",
    "tx_packets": "gptc",
    "rx_bytes": "gorc",
    "tx_bytes": "gotc",
    "rx_broadcast": "bprc",
    "tx_broadcast": "bptc",
    "rx_multicast": "mprc",
    "tx_multicast": "mptc",
    "rx_crc_errors": "crcerrs",
    "rx_symbol_errors": "rxerrc",
    "rx_no_buffer_count": "rnbc",
    "rx_missed_errors": "mpc",
    "rx_short_length_errors": "ruc",
    "rx_fragments": "rfc",
    "rx_long_length_errors": "roc",
    "rx_jabber": "rjc",
    "rx_total_packets": "tpr",
    "tx_total_packets": "tpt",
    "rx_total_bytes": "tor",
    "tx_total_bytes": "tot",
    "rx_size_64": "prc64",
    "rx_size_127": "prc127",
    "rx_size_255": "prc255",
    "rx_size_511": "prc511",
    "rx_size_1023": "prc1023",
    "rx_size_1522": "prc1522",
    "tx_size_64": "ptc64",
    "tx_size_127": "ptc127",
    "tx_size_255": "ptc255",
    "tx_size_511": "ptc511",
    "tx_size_1023": "ptc1023",
    "tx_size_1522": "ptc1522",
}
_DRIVER: Final[dict[str, Callable[[Adapter], int]]] = {
    "tx_restart_queue": lambda adapter: adapter.restart_queue,
    "tx_timeout_count": lambda adapter: adapter.tx_timeout_count,
    "tx_dropped": lambda adapter: adapter.tx_dropped,
    "tx_dma_failed": lambda adapter: adapter.tx_dma_failed,
    "rx_dma_failed": lambda adapter: adapter.rx_dma_failed,
    "alloc_rx_buff_failed": lambda adapter: adapter.alloc_rx_buff_failed,
    "rx_over_buffer": lambda adapter: adapter.rx_length_errors,
    "rx_bad_descriptors": lambda adapter: adapter.rx_desc_errors,
}


def e1000_get_strings(netdev: NetDevice) -> tuple[str, ...]:
    return (*_CARD, *_DRIVER)


async def e1000_get_ethtool_stats(netdev: NetDevice) -> tuple[int, ...]:
    """The values, in the order of e1000_get_strings."""
    adapter: Adapter = netdev.priv
    await e1000e_update_stats(adapter)
    card = tuple(adapter.stats[name] for name in _CARD.values())
    return card + tuple(value(adapter) for value in _DRIVER.values())


def e1000_get_drvinfo(netdev: NetDevice) -> EthtoolDrvInfo:
    adapter: Adapter = netdev.priv
    return EthtoolDrvInfo("e1000e", adapter.pdev.name)


def e1000_get_link_ksettings(netdev: NetDevice) -> EthtoolLinkSettings:
    adapter: Adapter = netdev.priv
    if not netif_carrier_ok(netdev):
        return EthtoolLinkSettings(SPEED_UNKNOWN, False)
    return EthtoolLinkSettings(adapter.link_speed, adapter.link_full_duplex)


async def e1000_get_regs(netdev: NetDevice) -> Mapping[str, int]:
    """Name and value of the registers that tell how the card stands."""
    adapter: Adapter = netdev.priv
    return {register.name: await er32(adapter.hw, register) for register in REGISTER_DUMP}


async def e1000_nway_reset(netdev: NetDevice) -> int:
    """Negotiate anew."""
    adapter: Adapter = netdev.priv
    if adapter.down:
        return -EAGAIN
    return await e1000e_reinit_locked(adapter)


async def e1000_set_phys_id(netdev: NetDevice, state: EthtoolPhysId) -> int:
    """Which card is it? LED 0 shows. For ACTIVE: how often a second to switch it on and off."""
    adapter: Adapter = netdev.priv
    value = adapter.hw.mac.ledctl_default
    if state is EthtoolPhysId.ACTIVE:
        adapter.hw.mac.ledctl_default = await er32(adapter.hw, LEDCTL)
        return FLASHES_PER_SECOND
    if state is not EthtoolPhysId.INACTIVE:
        mode = LED_ON if state is EthtoolPhysId.ON else LED_OFF
        value = value & ~(LEDCTL.LED0_MODE | LEDCTL.LED0_IVRT | LEDCTL.LED0_BLINK) | LEDCTL.LED0_MODE.put(mode)
    ew32(adapter.hw, LEDCTL, value)
    return 0


# ---------------------------------------------------------------- rings
def e1000_get_ringparam(netdev: NetDevice) -> EthtoolRingParam:
    adapter: Adapter = netdev.priv
    most = _limits()
    return EthtoolRingParam(
        adapter.rx_ring.count, adapter.tx_ring.count, most["RxDescriptors"].highest, most["TxDescriptors"].highest
    )


def _limits() -> dict[str, Param]:
    return {param.name: param for param in PARAMS}


async def e1000_set_ringparam(netdev: NetDevice, wanted: EthtoolRingParam) -> int:
    """As near to what is wanted as the card can. 0; or a negative errno, and the rings are as they were."""
    adapter: Adapter = netdev.priv
    limits = _limits()
    rx = _replaced(adapter.rx_ring, limits["RxDescriptors"], wanted.rx_pending)
    tx = _replaced(adapter.tx_ring, limits["TxDescriptors"], wanted.tx_pending)
    if rx is adapter.rx_ring and tx is adapter.tx_ring:
        return 0
    if not await e1000e_begin_resetting(adapter):
        return -EBUSY
    new = [ring for ring in (rx, tx) if ring not in (adapter.rx_ring, adapter.tx_ring)]
    if adapter.down:
        adapter.rx_ring, adapter.tx_ring, adapter.resetting = rx, tx, False
        return 0
    error = _set_up(new)  # without memory for them the interface just stays up
    if error:
        adapter.resetting = False
        return error
    error = await e1000e_down(adapter)
    if error:
        _free(new)
    else:
        _free([ring for ring in (adapter.rx_ring, adapter.tx_ring) if ring not in (rx, tx)])
        adapter.rx_ring, adapter.tx_ring = rx, tx
    return await e1000e_end_resetting(adapter, error)


def _replaced(ring: Ring, limit: Param, wanted: int) -> Ring:
    """A ring without memory that has the wanted length; the same one when it has that already."""
    count = -(-max(limit.lowest, min(wanted, limit.highest)) // limit.step) * limit.step
    return ring if count == ring.count else Ring(ring.adapter, count, ring.head, ring.tail)


def _set_up(rings: list[Ring]) -> int:
    """Memory for all of them, or -ENOMEM and for none."""
    for ring in rings:
        error = e1000e_setup_ring(ring)
        if error:
            _free(rings)
            return error
    return 0


def _free(rings: list[Ring]) -> None:
    for ring in rings:
        e1000e_free_ring(ring)


# ---------------------------------------------------------------- moderation
async def e1000_get_coalesce(netdev: NetDevice) -> EthtoolCoalesce:
    adapter: Adapter = netdev.priv
    setting = adapter.itr_setting
    return EthtoolCoalesce(setting if setting in (ITR_OFF, *ITR_MODES) else 1_000_000 // setting)


async def e1000_set_coalesce(netdev: NetDevice, wanted: EthtoolCoalesce) -> int:
    """us between interrupts; 0 no limit, 1 adaptive, 3 adaptive but conservative. 0 or -EINVAL."""
    adapter: Adapter = netdev.priv
    usecs = wanted.rx_coalesce_usecs
    if usecs == ITR_OFF:
        adapter.itr_setting = rate = ITR_OFF
    elif usecs in ITR_MODES:
        adapter.itr_setting, rate = usecs, DEFAULT_ITR_HZ
    elif SHORTEST_ITR_US <= usecs <= LONGEST_ITR_US:
        adapter.itr_setting = rate = 1_000_000 // usecs
    else:
        return -EINVAL
    e1000e_write_itr(adapter, rate)
    return 0


# ---------------------------------------------------------------- flow control
async def e1000_get_pauseparam(netdev: NetDevice) -> EthtoolPauseParam:
    fc = netdev.priv.hw.fc
    mode = fc.current_mode
    return EthtoolPauseParam(fc.autoneg, bool(mode & FcMode.RX_PAUSE), bool(mode & FcMode.TX_PAUSE))


async def e1000_set_pauseparam(netdev: NetDevice, wanted: EthtoolPauseParam) -> int:
    """With autoneg both are asked for, whatever else is said, and negotiated anew."""
    adapter: Adapter = netdev.priv
    if not wanted.autoneg:
        rx = FcMode.RX_PAUSE if wanted.rx_pause else FcMode.NONE
        tx = FcMode.TX_PAUSE if wanted.tx_pause else FcMode.NONE
        await e1000e_set_fc_mode(adapter.hw, rx | tx)
        return 0
    adapter.hw.fc.autoneg, adapter.hw.fc.requested_mode = True, FcMode.FULL
    if not adapter.down:
        return await e1000e_reinit_locked(adapter)
    error = await e1000e_reset(adapter)
    await e1000e_release_hw_control(adapter)  # until the interface is opened
    return error
