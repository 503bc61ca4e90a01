# SPDX-License-Identifier: MIT
"""What the stock driver asks for in the recordings and the card does not do: evidence for the list in hdl/README.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from tests.judge.trace import Kind, Op

__all__ = ["HARMLESS", "NEEDS", "kept_registers", "missing_registers"]


def _writes(offset: int, bits: int) -> Callable[[Op], bool]:
    return lambda op: op.kind is Kind.WRITE and op.offset == offset and bool(op.value & bits)


def _of(kind: Kind) -> Callable[[Op], bool]:
    return lambda op: op.kind is kind


# Feature, with its registers: the access or event that shows that the driver wants it.
NEEDS: Mapping[str, Callable[[Op], bool]] = {
    "MSI": _of(Kind.MSI),
    "MSI-X": _of(Kind.TABLE),
    "interrupt vectors (IVAR, EIAC, EITR)": _writes(0x000E4, 0xFFFF_FFFF),
    "PCIe capabilities": _of(Kind.CONFIG),
    "extended receive descriptors (RFCTL.EXSTEN)": _writes(0x05008, 1 << 15),
    "receive checksum offload (RXCSUM.TUOFL)": _writes(0x05000, 1 << 9),
    "RSS hash (RXCSUM.PCSD, MRQC, RETA, RSSRK)": _writes(0x05000, 1 << 13),
    "VLAN tags (CTRL.VME, VET, RCTL.VFE, VFTA)": _writes(0x00000, 1 << 30),
    "time stamps (TIMINCA, TSYNCTXCTL, TSYNCRXCTL, RXMTRL, RXUDP)": _writes(0x0B608, 0xFFFF_FFFF),
    "packet split (PSRCTL)": _writes(0x02170, 0xFFFF_FFFF),
    "descriptor thresholds (RXDCTL, TXDCTL)": _writes(0x02828, 0x003F_3F3F),
    "second queue (RXDCTL1, TXDCTL1, TARC0)": _writes(0x03928, 0xFFFF_FFFF),
}
# Registers that the driver writes, that the card only keeps, and that are no feature it would miss.
HARMLESS: Mapping[str, str] = {
    "AIT": "half duplex; only 0 is written",
    "GCR": "power management of a PCIe link, which there is not",
    "GCR2": "power management of a PCIe link, which there is not",
    "TXCW": "fibre, of which only the register test knows",
    "WUC": "only 0 is written: no wake-up",
    "WUFC": "only 0 is written: no wake-up",
}


def missing_registers(ops: Iterable[Op], known: frozenset[int]) -> set[int]:
    """Offsets that the driver accesses and the card does not have."""
    return {op.offset for op in ops if op.kind in (Kind.READ, Kind.WRITE) and op.offset not in known}


def kept_registers(ops: Iterable[Op], kept: Mapping[int, str]) -> set[str]:
    """Names of registers that the driver writes and the card only keeps; kept: all of those, by offset."""
    return {kept[op.offset] for op in ops if op.kind is Kind.WRITE and op.offset in kept}
