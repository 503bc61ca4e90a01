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
    """One name per net: the port's, else the shortest that a person gave."""
    names = {}
    for name, net in module["netnames"].items():
        if not net.get("hide_name"):
            for bit in net["bits"]:
                if bit not in names or len(name) < len(names[bit]):
                    names[bit] = name
    for name, port in module["ports"].items():
        names.update((bit, name) for bit in port["bits"])
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


class Logic:
    """The logic of a netlist between its registers, memories and pins."""

    def __init__(self, netlist):
        module = module_of(netlist)
        self.cells, self.names = module["cells"], net_names(module)
        self.driver = {bit: name for name, cell in self.cells.items() for _, bit in pins(cell, "output")}
        self.depth: dict[str, int] = {}  # of a cell
        self.enters: dict[str, int] = {}  # the net by which its deepest path enters it
        logic = {name for name, cell in self.cells.items() if cell["type"] in LOGIC}
        before = {name: {self.driver.get(bit) for bit in self._inputs(name)} & logic for name in logic}
        for name in TopologicalSorter(before).static_order():
            self._measure(name)

    def _inputs(self, name):
        return (bit for pin, bit in pins(self.cells[name], "input") if is_path(self.cells[name], pin))

    def _measure(self, name):
        cell = self.cells[name]
        self.depth[name] = 0
        for pin, bit in pins(cell, "input"):
            if is_path(cell, pin):
                free = cell["type"] in FREE or pin in CHAIN
                reached = self.depth.get(self.driver.get(bit), 0) + (not free)
                if reached > self.depth[name] or name not in self.enters:
                    self.depth[name], self.enters[name] = reached, bit

    def _ends(self):
        """(clock, net where a path ends, the register or memory there, levels)."""
        for cell in self.cells.values():
            clocks = [self.names.get(cell["connections"][pin][0], "?") for pin in CLOCK_PINS.get(cell["type"], ())]
            for pin, bit in pins(cell, "input"):
                if clocks and not is_path(cell, pin) and self.driver.get(bit) in self.depth:
                    end = next((self.names[b] for _, b in pins(cell, "output") if b in self.names), "?")
                    yield clocks[pin.endswith("B") and len(clocks) > 1], bit, end, self.depth[self.driver[bit]]

    def levels(self):
        """{clock: {register or memory at a path's end: levels}}, the deepest first."""
        worst = defaultdict(Counter)
        for clock, _, end, depth in self._ends():
            worst[clock][end] = max(worst[clock][end], depth)
        return {clock: dict(ends.most_common()) for clock, ends in worst.items()}

    def path(self, clock, end):
        """The deepest path to `end`, back to where it begins: (levels, type of the cell, name of what it drives)."""
        ends = (found for found in self._ends() if found[0] == clock and found[2] == end)
        _, bit, _, _ = max(ends, key=lambda found: found[3])
        while (cell := self.driver.get(bit)) in self.depth:
            yield self.depth[cell], self.cells[cell]["type"], self.names.get(bit, "")
            bit = self.enters[cell]
        yield 0, self.cells[cell]["type"] if cell else "pin", self.names.get(bit, "")


def block_of(net, depth):
    return ".".join(net.split(".")[:-1][:depth]) or "top"


def source_file(cell):
    """Of a register; what logic comes from is forgotten in mapping."""
    return cell["attributes"].get("src", "").split(":")[0]


def cells_by_block(netlist, depth=2):
    """{block: {type: count}}; a block is the first `depth` instances of the name of the net that a cell drives.

    A cell that drives no net with a name counts for the block of what it feeds. A net may have kept no name but the one
    that a reader has for its input (`_i`): its register counts where most others of the same source file do.
    """
    module = module_of(netlist)
    cells, names = module["cells"], net_names(module)
    homes: dict[str, Counter[str]] = defaultdict(Counter)  # {source file: {block: registers}}
    for cell in cells.values():
        for _, bit in pins(cell, "output"):
            if source_file(cell) and not names.get(bit, "_i").endswith("_i"):
                homes[source_file(cell)][block_of(names[bit], depth)] += 1
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
                home = homes[source_file(cells[name])] if named.endswith("_i") else Counter()
                most, registers = home.most_common(1)[0] if home else ("", 0)
                known[name] = most if 2 * registers > home.total() else block_of(named, depth)
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
