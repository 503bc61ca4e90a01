# SPDX-License-Identifier: MIT
"""What `ethtool` asks a driver for, and how it is called (Linux: linux/ethtool.h, net/ethtool/)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from driver.linux.errno import ENODEV
from driver.linux.net.device import NetDevice, netif_device_present
from driver.linux.net.rtnl import rtnl

__all__ = [
    "SPEED_UNKNOWN",
    "EthtoolCoalesce",
    "EthtoolDrvInfo",
    "EthtoolLinkSettings",
    "EthtoolPauseParam",
    "EthtoolPhysId",
    "EthtoolRingParam",
    "dev_ethtool",
]

SPEED_UNKNOWN: Final = -1


@dataclass(frozen=True, slots=True)
class EthtoolDrvInfo:
    driver: str
    bus_info: str


@dataclass(frozen=True, slots=True)
class EthtoolLinkSettings:
    """speed: Mbit/s, SPEED_UNKNOWN without link."""

    speed: int
    full_duplex: bool


@dataclass(frozen=True, slots=True)
class EthtoolRingParam:
    """Descriptors."""

    rx_pending: int
    tx_pending: int
    rx_max_pending: int = 0
    tx_max_pending: int = 0


@dataclass(frozen=True, slots=True)
class EthtoolCoalesce:
    """rx_coalesce_usecs: us between interrupts; what smaller numbers mean is the driver's business."""

    rx_coalesce_usecs: int


@dataclass(frozen=True, slots=True)
class EthtoolPauseParam:
    autoneg: bool
    rx_pause: bool
    tx_pause: bool


class EthtoolPhysId(Enum):
    """Linux: enum ethtool_phys_id_state."""

    INACTIVE = 0
    ACTIVE = 1
    ON = 2
    OFF = 3


async def dev_ethtool(dev: NetDevice, op: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    """Do one operation under the RTNL; -ENODEV, and nothing done, when the device is detached."""
    async with rtnl():
        if not netif_device_present(dev):
            return -ENODEV
        return await op(dev, *args)
