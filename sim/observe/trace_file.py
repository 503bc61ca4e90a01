# SPDX-License-Identifier: MIT
"""Writes a trace in Chrome's trace event format, event by event: Perfetto UI and chrome://tracing read it.

One event a line, so that line tools can read it too. Nothing is kept but what waits for a Condition: an event of a
flow, which belongs at its place in the file (of equal times the file's order counts) and only if the flow gets to its
end. What comes behind waits with it, up to `held_events`; then the oldest condition is given up.
Source: "Trace Event Format" (the format's public description); Perfetto's documentation of what it takes of that.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

__all__ = ["HELD_EVENTS", "Condition", "Inside", "Lanes", "TraceFile", "Track", "stamp"]

HELD_EVENTS = 20_000
_TIDS_PER_PROCESS = 1000

Args = Mapping[str, object]
Inside = Callable[["Track", int], object]


def stamp(ns: int) -> str:
    """A time as the format has it: microseconds, here with three decimals, made of integers so that it is exact."""
    return f"{ns // 1000}.{ns % 1000:03d}"


class Condition:
    """Whether events that wait for it are written: holds is None as long as nobody knows."""

    __slots__ = ("holds",)

    def __init__(self) -> None:
        self.holds: bool | None = None

    def give_up(self) -> None:
        """The file waits no longer."""
        self.holds = False


class TraceFile:
    """An open trace. `close` makes it whole, and what is written after that is lost."""

    def __init__(self, path: Path, held_events: int = HELD_EVENTS) -> None:
        self._file = Path(path).open("w", encoding="ascii", buffering=1 << 16)  # noqa: SIM115 (closed by close)
        self._file.write('{"displayTimeUnit": "ns", "traceEvents": [')
        self._separator = "\n"
        self._held_events = held_events
        self._held: deque[str | tuple[Condition, str]] = deque()
        self.tracks: list[Track] = []
        self.closed = False
        self.last_ns = 0  # the latest end of anything

    def write(self, event: str) -> None:
        """event: one JSON object."""
        if self._held:
            self._held.append(event)
            if len(self._held) > self._held_events:
                self.settle()
        elif not self.closed:
            self._put(event)

    def write_if(self, condition: Condition, event: str) -> None:
        """Write it here if and when the condition holds."""
        if not self.closed:
            self._held.append((condition, event))

    def process(self, pid: int, name: str) -> None:
        self.metadata(pid, 0, "process_name", {"name": name})
        self.metadata(pid, 0, "process_sort_index", {"sort_index": pid})

    def metadata(self, pid: int, tid: int, name: str, args: Args) -> None:
        self.write(json.dumps({"ph": "M", "name": name, "pid": pid, "tid": tid, "args": args}))

    def counter(self, pid: int, ns: int, name: str, values: Mapping[str, int]) -> None:
        """values: by series, none below zero."""
        self.write(f'{{"ph":"C","name":{json.dumps(name)},"ts":{stamp(ns)},"pid":{pid},"args":{json.dumps(values)}}}')

    def close(self) -> None:
        """End what is open, forget what still waits; once more does nothing."""
        if self.closed:
            return
        for track in self.tracks:
            track.end_all(self.last_ns)
        for held in self._held:
            if not isinstance(held, str) and held[0].holds is None:
                held[0].give_up()
        self.settle()
        self.closed = True
        self._file.write("\n]}\n")
        self._file.close()

    def _put(self, event: str) -> None:
        self._file.write(self._separator + event)
        self._separator = ",\n"

    def settle(self) -> None:
        """Write what need not wait any more; for whoever has settled a condition."""
        held = self._held
        while held:
            first = held[0]
            if isinstance(first, str):
                self._put(first)
            else:
                condition, event = first
                if condition.holds is None:
                    if len(held) <= self._held_events:
                        return
                    condition.give_up()
                if condition.holds:
                    self._put(event)
            held.popleft()


class Track:
    """One row of a process. number: its place there, from 1 on; spans on it nest."""

    __slots__ = ("_file", "_open", "_place", "end_ns", "tid")

    def __init__(self, file: TraceFile, pid: int, number: int, name: str) -> None:
        # Thread numbers are those of the whole machine, and one like its process's would be the process's main thread.
        self.tid = pid * _TIDS_PER_PROCESS + number
        self._file = file
        self._place = f'"pid":{pid},"tid":{self.tid}'
        self._open: list[str] = []
        self.end_ns = 0  # of the last whole span
        file.tracks.append(self)
        file.metadata(pid, self.tid, "thread_name", {"name": name})
        file.metadata(pid, self.tid, "thread_sort_index", {"sort_index": number})

    def begin(self, ns: int, kind: str, name: str, args: Args | None = None) -> None:
        """kind: what `end` will call it."""
        self._open.append(kind)
        self._event("B", ns, name, args)

    def end(self, ns: int, kind: str, args: Args | None = None) -> None:
        """End the innermost of this kind, and what is left open in it; nothing where there is none."""
        if kind not in self._open:
            return
        while self._open.pop() != kind:
            self._event("E", ns, "", None)
        self._event("E", ns, "", args)

    def end_all(self, ns: int) -> None:
        while self._open:
            self.end(ns, self._open[-1])

    def span(self, begin_ns: int, end_ns: int, name: str, args: Args, inside: Inside | None = None) -> None:
        """A whole span, after those before it: it begins later where it would overlap. inside: writes flows on it.

        As B and E: a reader that rounds times down has the end of an X, begin plus duration, behind the next begin.
        """
        begin_ns = max(begin_ns, self.end_ns)
        self.end_ns = max(begin_ns, end_ns)
        self._event("B", begin_ns, name, args)
        if inside is not None:
            inside(self, begin_ns)
        self._event("E", self.end_ns, "", None)

    def instant(self, ns: int, name: str, args: Args | None = None) -> None:
        self._event("i", ns, name, args)

    def flow(self, phase: str, ns: int, number: int, name: str, condition: Condition) -> None:
        """One end (s, f) or a step (t) of a flow, in the span that is open."""
        binding = ',"bp":"e"' if phase == "f" else ""
        self._file.write_if(
            condition,
            f'{{"ph":"{phase}","cat":"frame","name":"{name}","id":{number}{binding},"ts":{stamp(ns)},{self._place}}}',
        )

    def settle(self) -> None:
        self._file.settle()

    def _event(self, phase: str, ns: int, name: str, args: Args | None) -> None:
        file = self._file
        if ns > file.last_ns:
            file.last_ns = ns
        named = f',"name":{json.dumps(name)}' if name else ""
        told = f',"args":{json.dumps(args)}' if args else ""
        scope = ',"s":"t"' if phase == "i" else ""
        file.write(f'{{"ph":"{phase}"{named},"ts":{stamp(ns)}{scope},{self._place}{told}}}')


class Lanes:
    """As many tracks of one name as spans overlap: each span goes to the first that is free."""

    def __init__(self, file: TraceFile, pid: int, first: int, name: str, most: int) -> None:
        self._file, self._pid, self._first, self._name, self._most = file, pid, first, name, most
        self._lanes = [Track(file, pid, first, name)]

    @property
    def first(self) -> Track:
        return self._lanes[0]

    def at(self, begin_ns: int) -> Track:
        """The track for a span that begins then and ends no sooner than those before it."""
        for lane in self._lanes:
            if lane.end_ns <= begin_ns:
                return lane
        number = len(self._lanes)
        if number < self._most:
            self._lanes.append(Track(self._file, self._pid, self._first + number, f"{self._name} {number + 1}"))
        return self._lanes[-1]
