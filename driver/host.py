# SPDX-License-Identifier: MIT
"""What the driver layer and a host say to each other, and nothing else.

The kernel in driver/linux does no I/O of its own. A host pumps it:

    requests = kernel.step(now_ns, events)      # runs everything that can run at now_ns
    ... perform the requests in order; come back with events, or at kernel.deadline_ns, whichever is first

Requests of one CPU are in program order: a read is performed after the writes before it (as on PCIe). A CPU that
reads waits for its ReadDone; writes are posted and answered by nothing. An interrupt level that changed before a
read completed is delivered before that read's ReadDone: software that cleared a cause and read back must not see
the old level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = [
    "BarInfo",
    "ConfigRead",
    "ConfigWrite",
    "DmaTable",
    "Event",
    "Host",
    "IrqLevel",
    "MmioRead",
    "MmioWrite",
    "PciError",
    "Pumped",
    "ReadDone",
    "Request",
]


class MmioRead(NamedTuple):
    """Read `size` bytes at `offset` of `bar` of PCI function `function`; answered by ReadDone(cpu)."""

    cpu: int
    function: int
    bar: int
    offset: int
    size: int = 4


class MmioWrite(NamedTuple):
    """Posted write."""

    cpu: int
    function: int
    bar: int
    offset: int
    value: int
    size: int = 4


class ConfigRead(NamedTuple):
    """Read configuration space; answered by ReadDone(cpu)."""

    cpu: int
    function: int
    offset: int
    size: int


class ConfigWrite(NamedTuple):
    """Write configuration space; posted."""

    cpu: int
    function: int
    offset: int
    value: int
    size: int


Request = MmioRead | MmioWrite | ConfigRead | ConfigWrite


class ReadDone(NamedTuple):
    """The read that `cpu` waits for returned `value` (all ones: the function is gone)."""

    cpu: int
    value: int


class IrqLevel(NamedTuple):
    """Interrupt line `irq` (an index the host assigns to a function's INTx) is now asserted or not."""

    irq: int
    asserted: bool


class PciError(NamedTuple):
    """PCI function `function` reports an uncorrectable error (on PCIe ERR_NONFATAL or ERR_FATAL, to the root port)."""

    function: int
    fatal: bool = False


Event = ReadDone | IrqLevel | PciError


@dataclass(frozen=True, slots=True)
class BarInfo:
    """One base address register. size: bytes."""

    index: int
    size: int


class DmaTable(Protocol):
    """The IOMMU's translation table, written by driver/linux/dma_mapping.py, read by every bus model.

    It lies in host memory: entry i is four little-endian 64-bit words {physical address, length in bytes,
    direction (1 device reads, 2 device writes, 3 both, 0 neither: not mapped, or lent to the CPU), generation}, i is
    the slot in bits [47:17] of (iova - iova_base), bits [16:0] of it minus the low 12 bits of the physical address are
    the offset into the buffer. A mapping's direction may change while it is live, its generation does not.
    """

    iova_base: int
    address: int
    slots: int


class Host(Protocol):
    """The machine under the kernel: memory, and PCI functions to find."""

    @property
    def memory(self) -> memoryview:
        """Physical memory as the device sees it too; index 0 is physical address `memory_base`."""

    @property
    def memory_base(self) -> int: ...

    @property
    def functions(self) -> Sequence[int]:
        """PCI functions present, by number."""

    def irq_of(self, function: int) -> int:
        """Interrupt line that INTA of `function` is wired to."""


class Pumped(Protocol):
    """What a host pumps: the kernel."""

    @property
    def deadline_ns(self) -> int | None:
        """When the kernel next wants to run without an event; None: never."""

    def step(self, now_ns: int, events: Sequence[Event]) -> Sequence[Request]:
        """Run everything that can run at `now_ns` and return what it asks for. Time never goes back.

        Raises: driver.linux.bug.ContractViolation where the driver broke a rule and the kernel is told to panic on it.
        """
