# SPDX-License-Identifier: MIT
"""Recordings played inside a simulation, and how a test starts one: in the place of the driver there is a player."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cocotb

from driver.linux.dma_mapping import dma_set_mask_and_coherent
from driver.linux.pci import (
    PciDev,
    PciDeviceId,
    PciDriver,
    pci_clear_master,
    pci_disable_device,
    pci_enable_device,
    pci_iomap,
    pci_iounmap,
    pci_register_driver,
    pci_release_regions,
    pci_request_regions,
    pci_set_master,
)
from sim.bench import Bench
from sim.config import BenchConfig, SimConfig
from sim.launch import configured, launch
from sim.runner import ROOT
from tests.judge.player import Player, Verdict
from tests.judge.trace import ADMIN, DRIVER, SELFTEST, Op, Step, admin_steps, nvm_words, parse, steps_of

__all__ = ["OFFLINE", "card_registers", "kept_by_the_card", "play", "steps"]

_VARIABLE, _VERDICTS = "NICOSIM_JUDGE", "verdicts.json"
_MAC = "52:54:00:00:be:ef"  # the stand-in's, words 0 to 2 of its NVM
_NAME, _ID = "judge", PciDeviceId(0x8086, 0x10D3)
_BOUND_NS, _RESET_US = 3_000_000, 10_000
OFFLINE = "ethtool -t eth0 offline"
_STATUS, _PBA = 0x8, 0x1000


def _registers() -> Iterator[tuple[int, Any]]:
    """Offset and description of every register of the card, of each of an array, out of its SystemRDL."""
    folder = str(ROOT / "hdl" / "csr")
    if folder not in sys.path:
        sys.path.append(folder)
    from generate import registers

    for register in registers("nic"):
        for index in range(register.count or 1):
            yield register.address + register.stride * index, register


def card_registers() -> frozenset[int]:
    """Offsets of every register of the card."""
    return frozenset(offset for offset, _ in _registers())


def kept_by_the_card() -> dict[int, str]:
    """Offset and name of registers that do nothing, or not all that they are for: storage, or said to be kept."""
    return {
        offset: register.name for offset, register in _registers()
        if register.storage or re.search(r"\bkept\b", register.description, re.I)
    }  # fmt: skip


def steps(name: str) -> list[Step]:
    """What is played of a recording, in order."""
    for mode, file in ADMIN.items():
        if name == file:
            return admin_steps(mode)
    return list(steps_of(name).values())


# ---------------------------------------------------------------- outside the simulation
def play(
    name: str, folder: Path, sim: SimConfig, *, only: int | None = None, patch: Mapping[int, int] | None = None,
    bound_ns: int = _BOUND_NS, reset_us: int = _RESET_US,
) -> list[Verdict]:  # fmt: skip
    """Play a recording on a bench of its own; the verdict on each step.

    only: that many steps. patch: values to put in the place of those recorded, by line.
    """
    order = {"name": name, "only": only, "patch": dict(patch or {}), "bound_ns": bound_ns, "reset_us": reset_us}
    words = nvm_words(op for op in parse(DRIVER) if isinstance(op, Op))
    launch(
        BenchConfig(mac=_MAC, sim=sim), __name__, folder, nvm_changes=words, environment={_VARIABLE: json.dumps(order)}
    )
    told = json.loads((folder / _VERDICTS).read_text())
    return [
        Verdict(**{**verdict, "absent": {int(at): count for at, count in verdict["absent"].items()}})
        for verdict in told
    ]


# ---------------------------------------------------------------- inside
def _patched(step: Step, patch: Mapping[str, int]) -> Step:
    ops = (dataclasses.replace(op, value=patch[str(op.line)]) if str(op.line) in patch else op for op in step.ops)
    return Step(step.title, tuple(ops))


async def _verdict(player: Player, name: str, step: Step) -> Verdict:
    if name == SELFTEST and step.title == "registers":
        return await player.play_literally(step)
    if step.title == OFFLINE:
        return await _failed_selftest(player, step)
    verdict = await player.play(step)
    await player.audit(step, verdict)
    return verdict


async def _failed_selftest(player: Player, step: Step) -> Verdict:
    """The administrative recordings' self-test, whose register part their stand-in fails: played, but not judged."""
    ops = step.ops
    begin = next(at for at, op in enumerate(ops) if op.offset == _STATUS and op.kind.value == "W")
    end = next(at for at in range(begin, len(ops)) if ops[at].offset == _PBA)
    verdict = await player.play(Step(step.title, ops[:begin]))
    registers = await player.play_literally(Step(step.title, ops[begin:end]), judge=False)
    rest = await player.play(Step(step.title, ops[end:]))
    verdict.judged += rest.judged
    verdict.seen += registers.seen + rest.seen
    verdict.absent |= registers.absent | rest.absent
    verdict.failures += rest.failures
    return verdict


async def _with_card(bench: Bench, work: Callable[[PciDev, Any], Awaitable[None]]) -> None:
    """Take the card's registers and let it use the bus, as any PCI driver; give back what was taken."""

    async def probe(dev: PciDev, entry: PciDeviceId) -> int:
        assert await pci_enable_device(dev) == 0
        assert dma_set_mask_and_coherent(dev, (1 << 64) - 1) == 0
        assert pci_request_regions(dev, _NAME) == 0
        pci_set_master(dev)
        iomem = pci_iomap(dev, 0)
        assert iomem is not None
        await work(dev, iomem)
        pci_iounmap(dev, iomem)
        pci_release_regions(dev)
        pci_disable_device(dev)
        return -19  # nothing of it is to be removed

    async def remove(dev: PciDev) -> None: ...

    await bench.run(pci_register_driver(PciDriver(_NAME, (_ID,), probe, remove)), timeout_ns=10_000_000_000)


@cocotb.test()
async def recording(dut: Any) -> None:
    config, folder = configured()
    order = json.loads(os.environ[_VARIABLE])
    bench = Bench(dut, config, folder)
    await bench.start()
    verdicts: list[Verdict] = []

    async def work(dev: PciDev, iomem: Any) -> None:
        player = Player(bench, dev, iomem, card_registers(), bound_ns=order["bound_ns"], reset_us=order["reset_us"])
        for step in steps(order["name"])[: order["only"]]:
            verdicts.append(await _verdict(player, order["name"], _patched(step, order["patch"])))
        pci_clear_master(dev)
        player.close()

    await _with_card(bench, work)
    (folder / _VERDICTS).write_text(json.dumps([dataclasses.asdict(verdict) for verdict in verdicts]))
    bench.close_captures()
