# SPDX-License-Identifier: MIT
"""NativeMemory: the compiled AXI slave (axi_memory.cpp) with the face of sim/host/axi_memory.py's AxiMemory."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from random import Random

from sim.config import HostConfig
from sim.host.axi_memory import OKAY, SLVERR, Burst, PlannedErrors
from sim.host.machine import DmaTable
from sim.host.memory import HostMemory
from sim.native.library import Kind, Library

__all__ = ["NativeMemory"]

_CONFIG = (
    "host", "base", "size", "iova_base", "table", "slots", "table_beat", "latency_ps", "spread_ps", "reorder",
    "stall_2_32", "ps_per_beat", "seed",
)  # fmt: skip
_CHANNELS = ("r", "b", "ar", "aw", "w")
_COUNTS = (
    "reads", "writes", "read_bytes", "write_bytes", "faults", "most_reads", "most_writes", "busy", "cycles",
    "read_bursts", "write_bursts",
)  # fmt: skip


class _Config(ctypes.Structure):
    """struct MemoryConfig of axi_memory.h."""

    _fields_ = [(name, ctypes.c_uint64) for name in _CONFIG]


class _Counts(ctypes.Structure):
    """struct MemoryCounts of axi_memory.h."""

    _fields_ = [
        *((name, ctypes.c_uint64) for name in _COUNTS),
        *((name, ctypes.c_uint64 * len(_CHANNELS)) for name in ("beats", "stalls")),
    ]


_Plan = ctypes.CFUNCTYPE(ctypes.c_uint, ctypes.c_uint, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint)


class NativeMemory:
    """There is one in a process. Counts, as AxiMemory: reads, writes, read_bytes, write_bytes, faults."""

    def __init__(
        self, models: Library, memory: HostMemory, table: DmaTable, config: HostConfig, seed: int, beat_bytes: int = 16
    ) -> None:
        self._lib = models.lib
        self._lib.nicosim_memory_counts.restype = ctypes.POINTER(_Counts)
        self._table = table
        self._errors = {False: PlannedErrors(), True: PlannedErrors()}
        self._asked = {write: _Plan(self._planner(write)) for write in (False, True)}
        per_beat = beat_bytes * 8000 / config.bandwidth_gbps if config.bandwidth_gbps else 0
        self._host = (ctypes.c_char * memory.size).from_buffer(memory.view)  # keeps the memory where it is
        settings = _Config(
            ctypes.addressof(self._host), memory.base, memory.size, table.iova_base, table.address, table.slots,
            table.beat_bytes, config.latency_ns * 1000, config.latency_spread_ns * 1000, config.reorder,
            int(config.backpressure * (1 << 32)), int(per_beat), Random(f"{seed} native memory").getrandbits(63),
        )  # fmt: skip
        self._lib.nicosim_memory_configure(ctypes.byref(settings))
        models.on(Kind.DMA_FAULT, self._fault)

    def _fault(self, write: int, nbytes: int, iova: int, *_: int) -> None:
        self._table.fault(iova, nbytes, bool(write))

    def bus_master(self, enabled: bool) -> None:
        """The card may use the bus: bit 2 of its command register."""
        self._lib.nicosim_memory_bus_master(int(enabled))

    # ------------------------------------------------------------------ planned errors
    def _planner(self, write: bool) -> Callable[[int, int, int, int], int]:
        """What the models ask for each burst while errors are planned."""

        def ask(ident: int, first: int, last: int, beats: int) -> int:
            errors = self._errors[write]
            response = errors.response_for(Burst(ident, first, last, beats, 0))
            if not errors:
                self._lib.nicosim_memory_plan(int(write), None)
            return response

        return ask

    def fail_next(
        self, *, write: bool, response: int = SLVERR, match: Callable[[Burst], bool] = lambda burst: True
    ) -> None:
        """Answer the next burst that `match` picks with `response`; its data does not move."""
        assert response != OKAY
        self._errors[write].plan(response, match)
        self._lib.nicosim_memory_plan(int(write), self._asked[write])

    def hold(self, *, write: bool, held: bool) -> None:
        """Whether bursts of that direction have to wait for their answer for as long as this holds."""
        self._lib.nicosim_memory_hold(int(write), int(held))

    # ------------------------------------------------------------------ counts
    def _counts(self) -> _Counts:
        counts: _Counts = self._lib.nicosim_memory_counts().contents
        return counts

    @property
    def idle(self) -> bool:
        """Nothing accepted is unanswered."""
        return not self._counts().busy

    @property
    def reads(self) -> int:
        return int(self._counts().reads)

    @property
    def writes(self) -> int:
        return int(self._counts().writes)

    @property
    def read_bytes(self) -> int:
        return int(self._counts().read_bytes)

    @property
    def write_bytes(self) -> int:
        return int(self._counts().write_bytes)

    @property
    def faults(self) -> int:
        return int(self._counts().faults)

    @property
    def most_outstanding(self) -> dict[str, int]:
        counts = self._counts()
        return {"read": counts.most_reads, "write": counts.most_writes}

    def activity(self) -> dict[str, int]:
        """Sums over the cycles simulated so far (`cycles`): bursts outstanding (`read_bursts`, `write_bursts`), and per
        channel handshakes (`w_beats`) and cycles in which valid waited for ready (`w_stalls`)."""
        counts = self._counts()
        sums = {name: int(getattr(counts, name)) for name in ("cycles", "read_bursts", "write_bursts")}
        for index, channel in enumerate(_CHANNELS):
            sums[f"{channel}_beats"], sums[f"{channel}_stalls"] = int(counts.beats[index]), int(counts.stalls[index])
        return sums
