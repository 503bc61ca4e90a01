# SPDX-License-Identifier: MIT
"""Is a trace what Perfetto takes? What the format asks for, and what a good trace of ours promises beside that."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

__all__ = ["check_trace"]

_MOST_PROBLEMS = 50
_SPANS, _FLOWS, _ASYNC = "BEX", "stf", "be"
_PHASES = frozenset(_SPANS + _FLOWS + _ASYNC + "iCM")
_UNNAMED = frozenset("E")

Event = dict[str, Any]


def check_trace(path: Path) -> list[str]:
    """What is wrong with it, a line each; empty: nothing.

    Checks: JSON of the format; times are whole nanoseconds; begins and ends balance on each track, in order of time;
    spans on a track lie in each other or apart; each flow has one start and one finish, not before it, and each of its
    events lies in a span; no counter is negative; asynchronous begins and ends pair.
    """
    try:
        trace = json.loads(Path(path).read_text(), parse_float=Decimal)
    except (OSError, ValueError) as bad:
        return [f"not JSON: {bad}"]
    if not isinstance(trace, dict) or not isinstance(trace.get("traceEvents"), list):
        return ["not a JSON object with traceEvents"]
    found = [] if trace.get("displayTimeUnit") in ("ns", "ms") else ["displayTimeUnit is neither ns nor ms"]
    events: list[Event] = []
    for number, event in enumerate(trace["traceEvents"]):
        if problem := _malformed(event):
            found.append(f"event {number}: {problem}")
        else:
            events.append(event)
    timed = [event for event in events if event["ph"] != "M"]
    found += _order(timed)
    # As a reader does: by time, events of equal time in the file's order.
    timed.sort(key=lambda event: _ns(event["ts"]))
    found += _Tracks().check(timed) + _flows(timed) + _counters(timed) + _asyncs(timed)
    return found[:_MOST_PROBLEMS]


def _ns(microseconds: Any) -> Any:
    return microseconds * 1000


def _malformed(event: Any) -> str:
    if not isinstance(event, dict):
        return "no object"
    phase = event.get("ph")
    if phase not in _PHASES:
        return f"unknown phase {phase!r}"
    if phase not in _UNNAMED and not isinstance(event.get("name"), str):
        return "no name"
    if not isinstance(event.get("pid"), int) or (phase != "C" and not isinstance(event.get("tid"), int)):
        return "no pid or no tid"
    if not isinstance(event.get("args", {}), dict):
        return "args is no object"
    if phase in _FLOWS + _ASYNC and ("id" not in event or "cat" not in event):
        return "no id or no cat"
    for key in {"M": (), "X": ("ts", "dur")}.get(phase, ("ts",)):
        value = event.get(key)
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 0:
            return f"{key} is {value!r}"
        if _ns(value) % 1:
            return f"{key} {value} is no whole number of ns"
    return ""


def _told(event: Event) -> str:
    return f"{event.get('name', 'E')} at {event['ts']} on {event['pid']}/{event.get('tid')}"


def _order(events: list[Event]) -> list[str]:
    """B and E come in order of time, track by track."""
    found: list[str] = []
    latest: dict[tuple[int, int], Any] = {}
    for event in events:
        if event["ph"] in "BE":
            track = event["pid"], event["tid"]
            if event["ts"] < latest.get(track, 0):
                found.append(f"{_told(event)} is before the event in front of it")
            latest[track] = event["ts"]
    return found


class _Tracks:
    """Plays the events through a stack of open spans for each track."""

    def __init__(self) -> None:
        # Each: its event, and its end, which is None for a B.
        self._stacks: dict[tuple[int, int], list[tuple[Event, Any]]] = defaultdict(list)
        self._found: list[str] = []

    def check(self, events: list[Event]) -> list[str]:
        for event in events:
            if event["ph"] in _SPANS + _FLOWS:
                self._play(event, self._stacks[event["pid"], event["tid"]])
        for stack in self._stacks.values():
            self._found += [f"{_told(event)} has no end" for event, end in stack if end is None]
        return self._found

    def _play(self, event: Event, stack: list[tuple[Event, Any]]) -> None:
        phase, now = event["ph"], event["ts"]
        # A flow may be at the very end of a span; a span that begins there is behind it.
        while stack and stack[-1][1] is not None and (stack[-1][1] < now or (stack[-1][1] == now and phase in _SPANS)):
            stack.pop()
        if phase in _FLOWS:
            if not stack:
                self._found.append(f"flow {_told(event)} is in no span")
        elif phase == "E":
            while stack and stack[-1][1] is not None:
                self._found.append(f"{_told(event)} ends what {_told(stack.pop()[0])} reaches beyond")
            if stack:
                stack.pop()
            else:
                self._found.append(f"{_told(event)} ends nothing")
        else:
            end = now + event["dur"] if phase == "X" else None
            above = stack[-1] if stack else None
            if end is not None and above is not None and above[1] is not None and end > above[1]:
                self._found.append(f"{_told(event)} overlaps {_told(above[0])}")
            stack.append((event, end))


def _flows(events: list[Event]) -> list[str]:
    flows: dict[tuple[str, Any], dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        if event["ph"] in _FLOWS:
            flows[event["cat"], event["id"]][event["ph"]].append(event)
    found = []
    for (_, ident), ends in flows.items():
        starts, finishes = ends["s"], ends["f"]
        if len(starts) != 1 or len(finishes) != 1:
            found.append(f"flow {ident} has {len(starts)} starts and {len(finishes)} finishes")
            continue
        begin, end = starts[0]["ts"], finishes[0]["ts"]
        if end < begin:
            found.append(f"flow {ident} finishes at {end}, before it starts at {begin}")
        strays = [step for step in ends["t"] if not begin <= step["ts"] <= end]
        found += [f"flow {ident}: {_told(step)} is outside of it" for step in strays]
    return found


def _counters(events: list[Event]) -> list[str]:
    found = []
    for event in events:
        if event["ph"] == "C":
            values = event.get("args", {}).values()
            if not values or any(isinstance(v, bool) or not isinstance(v, int | Decimal) or v < 0 for v in values):
                found.append(f"counter {_told(event)} has {event.get('args')}")
    return found


def _asyncs(events: list[Event]) -> list[str]:
    found = []
    is_open: dict[tuple[int, str, Any], list[Event]] = defaultdict(list)
    for event in events:
        if event["ph"] in _ASYNC:
            stack = is_open[event["pid"], event["cat"], event["id"]]
            if event["ph"] == "b":
                stack.append(event)
            elif not stack or stack.pop()["name"] != event["name"]:
                found.append(f"asynchronous {_told(event)} ends nothing")
    return found + [f"asynchronous {_told(event)} has no end" for stack in is_open.values() for event in stack]
