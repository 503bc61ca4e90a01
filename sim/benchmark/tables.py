# SPDX-License-Identifier: MIT
"""The tables of `nicosim bench`, for people. Every function gives several lines, without a line end."""

from __future__ import annotations

from typing import Any

__all__ = [
    "latency_table", "limit_table", "line_rate_table", "ratio_lines", "scaling_table", "speed_table", "split_table",
]  # fmt: skip

Row = dict[str, Any]

# What was set out to be reached.
TARGETS = {"native_vs_axi": {"64": 20.0, "1518": 60.0}, "native_vs_limit": {"1518": 0.6}}

_PARTS = {
    "model": "the card's model",
    "models": "compiled bus models",
    "cocotb": "cocotb and VPI",
    "kernel": "kernel (driver/linux)",
    "driver": "driver (driver/e1000e)",
    "stack": "stack (driver/linux/net, inet, skbuff)",
    "bench": "host, wire and books in Python",
    "other": "libc, Linux",
}


def speed_table(rows: list[Row], title: str = "speed") -> str:
    lines = [
        f"{title}: frames and cycles per wall second, the whole driver and stack in the loop, each frame compared",
        "  host    wire       main      bytes  direction     frames/s   (least to most)   us/frame   cycles/s   "
        "hardware Mframes/s",
    ]
    for row in rows:
        lines.append(
            f"  {row['host']:<7} {row['wire']:<10} {row['main']:<8} {row['size']:>6}  {row['direction']:<9} "
            f"{row['frames_per_s']:>12.0f} {row['least']:>9.0f} {row['most']:>7.0f} {row['us_per_frame']:>10.1f} "
            f"{row['cycles_per_s']:>10.0f} {row['hardware_frames_per_s'] / 1e6:>12.3f}"
        )
    return "\n".join(lines)


def limit_table(rows: list[Row]) -> str:
    lines = [
        "limit: the same traffic, model, bus models and program; a ring filler in C++ in the place of all Python",
        "  bytes  direction     frames/s   us/frame   cycles/s",
    ]
    for row in rows:
        lines.append(
            f"  {row['size']:>5}  {row['direction']:<9} {row['frames_per_s']:>12.0f} {row['us_per_frame']:>10.1f} "
            f"{row['cycles_per_s']:>10.0f}"
        )
    return "\n".join(lines)


def ratio_lines(ratio: dict[str, dict[str, float]]) -> str:
    names = {
        "native_vs_axi": "native against axi + cocotbext, our main on both sides",
        "native_vs_stock": "native against axi + cocotbext on cocotb's main",
        "native_vs_limit": "native against the limit",
        "checks": "native without RTL assertions and memory poison against with",
    }
    lines = ["ratios, loopback"]
    for name, by_size in ratio.items():
        values = ",  ".join(f"{size} B: {_judged(name, size, value)}" for size, value in by_size.items())
        lines.append(f"  {names[name]:<58} {values}")
    return "\n".join(lines)


def _judged(name: str, size: str, value: float) -> str:
    target = TARGETS.get(name, {}).get(size)
    if target is None:
        return f"{value:.2f}"
    return f"{value:.2f} ({'reaches' if value >= target else 'short of'} {target:g})"


def split_table(rows: list[Row]) -> str:
    sizes = "".join(f"{row['size']:>9} B" for row in rows)
    lines = [f"where a frame's time goes, native, loopback (us of wall time): {'':<1}", f"  {'':<42}{sizes}"]
    for part, name in _PARTS.items():
        cells = "".join(f"{row['us_per_frame'] * row['share'].get(part, 0.0):>11.1f}" for row in rows)
        lines.append(f"  {name:<42}{cells}")
    lines.append(f"  {'sum':<42}" + "".join(f"{row['us_per_frame']:>11.1f}" for row in rows))
    return "\n".join(lines)


def line_rate_table(rows: list[Row]) -> str:
    lines = [
        "line rate of the hardware, simulated time: share of 10 Gbit/s; ring 1024, every descriptor written back, "
        "interrupts at most every 20 us",
        "  bytes  direction  memory ns   share   Mframes/s   missed   reads   writes outstanding   R, W used   "
        "stalls AR, R, AW, W, B",
    ]
    for row in rows:
        acts = row["activity"]
        lines.append(
            f"  {row['size']:>5}  {row['direction']:<9} {row['latency_ns']:>10} {row['fraction']:>7.4f} "
            f"{row['frames_per_s'] / 1e6:>11.3f} {row['missed']:>8} {acts['read_bursts']:>7.1f} "
            f"{acts['write_bursts']:>8.1f} {'':>11}"
            f"{acts['r_beats']:>6.2f} {acts['w_beats']:.2f} {'':>3}"
            f"{acts['ar_stalls']:.2f} {acts['r_stalls']:.2f} {acts['aw_stalls']:.2f} {acts['w_stalls']:.2f} "
            f"{acts['b_stalls']:.2f}"
        )
    return "\n".join(lines)


def latency_table(rows: list[Row]) -> str:
    lines = [
        "latency in clock cycles of 6.4 ns, no moderation, memory 300 ns late",
        "  what                         load         median    least     most   probes",
    ]
    for row in rows:
        lines.append(
            f"  {row['what']:<28} {row['load']:<10} {row['cycles']:>8.0f} {row['least']:>8} {row['most']:>8} "
            f"{row['probes']:>8}"
        )
    return "\n".join(lines)


def scaling_table(scaling: dict[str, list[Row]]) -> str:
    lines = ["scaling, native, 64 B"]
    names = {"ring": "descriptors a ring", "in_flight": "frames in flight", "flows": "UDP flows"}
    for what, name in names.items():
        cells = ",  ".join(f"{row['amount']}: {row['frames_per_s']:.0f}" for row in scaling[what])
        lines.append(f"  frames/s by {name:<22} {cells}")
    short, long = scaling["length"]
    lines.append(
        f"  {short['frames']} frames {short['wall_s']:.2f} s, {long['frames']} frames {long['wall_s']:.2f} s: "
        f"{long['wall_s'] / short['wall_s']:.1f} times as long; memory {short['memory_mb']:.1f} and "
        f"{long['memory_mb']:.1f} MB"
    )
    return "\n".join(lines)
