# SPDX-License-Identifier: MIT
"""The result table on the terminal: a Summary, for people."""

from __future__ import annotations

from pathlib import Path

from sim.observe.artefacts import Summary
from sim.runner import ROOT

__all__ = ["report"]

_WIDTH = 100


def _link_lines(counters: dict[str, int]) -> list[str]:
    """As `ip -s link show eth0` does."""
    rows = []
    for direction in ("rx", "tx"):
        names = ["bytes", "packets", "errors", "dropped"]
        names += ["missed_errors", "multicast"] if direction == "rx" else ["carrier_errors", "collisions"]
        values = [counters.get(f"{direction}_{name}", counters.get(name, 0)) for name in names]
        titles = [name.removesuffix("_errors") for name in names]
        rows.append(f"    {direction.upper()}: " + "".join(f"{title:>12}" for title in titles))
        rows.append("        " + "".join(f"{value:>12}" for value in values))
    return rows


def _columns(pairs: list[tuple[str, int]]) -> list[str]:
    """As many pairs a line as fit."""
    if not pairs:
        return ["    none"]
    cells = [f"{name} {value}" for name, value in pairs]
    width = max(map(len, cells)) + 3
    per_line = max(1, _WIDTH // width)
    return [
        "    " + "".join(cell.ljust(width) for cell in cells[at : at + per_line]).rstrip()
        for at in range(0, len(cells), per_line)
    ]


def _account_lines(summary: Summary) -> list[str]:
    lines = [
        f"  to the card     {summary.frames_sent_to_card:>8} frames",
        f"    at the host   {summary.frames_rx:>8}",
    ]
    if summary.frames_filtered:
        lines.append(f"    filtered      {summary.frames_filtered:>8}")
    lines += [f"    {reason}: {count}" for reason, count in summary.drops.items()]
    lines.append(f"  from the card   {summary.frames_tx:>8} frames")
    lines += [f"  not sent: {count} {reason}" for reason, count in summary.refused.items()]
    closed = "closed" if summary.accounting_closed else f"OPEN by {summary.unaccounted}"
    lines.append(f"  accounting      {closed:>8}")
    return lines


def report(summary: Summary, folder: Path) -> str:
    """Several lines, without a line end."""
    shown = folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder
    lines = ["", f"{summary.command}: {summary.result.upper()}", *_account_lines(summary), ""]
    lines += ["  eth0", *_link_lines(summary.ip_link), "  card statistics"]
    lines += _columns([(name, value) for name, value in summary.ethtool.items() if value])
    lines += [
        "",
        f"  interrupts      {summary.irqs:>8}      polls  {summary.polls}"
        f"      register reads {summary.mmio_reads}, writes {summary.mmio_writes}",
        f"  simulated time  {summary.sim_ns / 1e6:>8.3f} ms   ({summary.cycles} cycles)",
        f"  wall time       {summary.wall_s:>8.2f} s",
        f"  traffic         {summary.traffic_wall_s:>8.2f} s    ({summary.frames_per_wall_s:g} frames per wall second)",
        f"  seed            {summary.seed}",
        f"  artefacts       {shown}/",
    ]
    lines += [f"  violation: {violation}" for violation in summary.violations]
    lines += [f"  error: {line}" for line in summary.error.splitlines()]
    return "\n".join(lines)
