# SPDX-License-Identifier: MIT
"""Reads a netlist that synth_ecp5 wrote as JSON: cells per block of the card, levels of logic per clock.

A level is a LUT4; the multiplexers behind it (PFUMX, L6MUX21) are part of it. A carry chain (CCU2C) is one level
however long, a read of a distributed RAM (TRELLIS_DPR16X4) another. Paths begin at registers, memories and pins.
"""

from collections import Counter, defaultdict
from graphlib import TopologicalSorter

FREE = {"PFUMX", "L6MUX21"}
LOGIC = {"LUT4", "CCU2C", "TRELLIS_DPR16X4", *FREE}
CLOCK_PINS = {"TRELLIS_FF": ("CLK",), "TRELLIS_DPR16X4": ("WCK",), "DP16KD": ("CLKA", "CLKB")}
CHAIN = {"CIN", "COUT"}


def module_of(netlist):
    return next(module for module in netlist["modules"].values() if module["attributes"].get("top"))


def net_names(module):
    """One name per net, the shortest that a person gave."""
    names = {}
    for name, net in module["netnames"].items():
        if not net.get("hide_name"):
            for bit in net["bits"]:
                if bit not in names or len(name) < len(names[bit]):
                    names[bit] = name
    return names


def pins(cell, direction):
    """(pin, net) of a cell, constants left out."""
    for pin, bits in cell["connections"].items():
        if cell["port_directions"][pin] == direction:
            for bit in bits:
                if isinstance(bit, int):
                    yield pin, bit


def is_path(cell, pin):
    """Whether what this input pin says reaches the outputs in the same cycle."""
    return cell["type"] in LOGIC and not (cell["type"] == "TRELLIS_DPR16X4" and not pin.startswith("RAD"))


def levels(netlist):
    """{clock: {register or memory at a path's end: levels}}, the deepest first."""
    module = module_of(netlist)
    cells, names = module["cells"], net_names(module)
    driver = {bit: name for name, cell in cells.items() for _, bit in pins(cell, "output")}
    before = {
        name: {driver[bit] for pin, bit in pins(cell, "input") if bit in driver and is_path(cell, pin)}
        for name, cell in cells.items() if cell["type"] in LOGIC
    }  # fmt: skip
    before = {name: {d for d in drivers if cells[d]["type"] in LOGIC} for name, drivers in before.items()}
    depth = {}
    for name in TopologicalSorter(before).static_order():
        cell = cells[name]
        reached = 0
        for pin, bit in pins(cell, "input"):
            if is_path(cell, pin):
                free = cell["type"] in FREE or pin in CHAIN
                reached = max(reached, depth.get(driver.get(bit), 0) + (not free))
        depth[name] = reached
    worst = defaultdict(Counter)
    for cell in cells.values():
        clocks = [names.get(cell["connections"][pin][0], "?") for pin in CLOCK_PINS.get(cell["type"], ())]
        for pin, bit in pins(cell, "input"):
            if clocks and not is_path(cell, pin) and driver.get(bit) in depth:
                end = next((names[b] for _, b in pins(cell, "output") if b in names), "?")
                at = worst[clocks[pin.endswith("B") and len(clocks) > 1]]
                at[end] = max(at[end], depth[driver[bit]])
    return {clock: dict(ends.most_common()) for clock, ends in worst.items()}


def cells_by_block(netlist, depth=2):
    """{block: {type: count}}; a block is the first `depth` instances of the name of the net that a cell drives.

    A cell that drives no net with a name counts for the block of what it feeds.
    """
    module = module_of(netlist)
    cells, names = module["cells"], net_names(module)
    readers = defaultdict(list)
    for name, cell in cells.items():
        for _, bit in pins(cell, "input"):
            readers[bit].append(name)
    known: dict[str, str] = {}

    def block(name):
        seen = []
        while name not in known:
            seen.append(name)
            outputs = [bit for _, bit in pins(cells[name], "output")]
            named = next((names[bit] for bit in outputs if bit in names), None)
            if named is not None:
                known[name] = ".".join(named.split(".")[:-1][:depth]) or "top"
                break
            name = next((r for bit in outputs for r in readers[bit] if r not in seen), None)
            if name is None:
                known[seen[-1]] = "top"
                name = seen[-1]
        for other in seen:
            known[other] = known[name]
        return known[name]

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, cell in cells.items():
        if not cell["type"].startswith("$"):
            counts[block(name)][cell["type"]] += 1
    return {name: dict(count) for name, count in sorted(counts.items())}
