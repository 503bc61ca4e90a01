# SPDX-License-Identifier: MIT
"""The validator finds what is wrong with a trace: sim/observe/trace_check.py, each check tripped once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.observe.trace_check import check_trace

Event = dict[str, Any]


def event(phase: str, ts: float, name: str = "x", **more: Any) -> Event:
    return {"ph": phase, "ts": ts, "name": name, "pid": 1, "tid": 2, **more}


def flow(phase: str, ts: float, **more: Any) -> Event:
    return event(phase, ts, id=7, cat="frame", **more)


def span(begin: float, end: float, **more: Any) -> list[Event]:
    return [event("B", begin, **more), event("E", end, **more)]


def check(tmp_path: Path, *events: Any, **more: Any) -> list[str]:
    path = tmp_path / "trace.json"
    path.write_text(json.dumps({"displayTimeUnit": "ns", "traceEvents": events, **more}))
    return check_trace(path)


GOOD: list[list[Event]] = [
    [],
    [*span(1, 3), *span(3, 3), *span(3, 4)],
    [event("B", 1), *span(1, 1), event("X", 1, dur=2), event("X", 2, dur=1), event("i", 2), event("E", 3)],
    [event("X", 1, dur=2), event("X", 3, dur=2), event("X", 1, dur=9, tid=3), event("X", 3, dur=2, tid=3)],
    # In the file's order the inner span comes last, as it may with X.
    [event("X", 2, dur=1), event("X", 1, dur=3)],
    [event("B", 1), flow("s", 1), event("E", 1), event("B", 2), flow("t", 2), flow("f", 2), event("E", 2)],
    [event("X", 1, dur=1), flow("s", 2), event("X", 3, dur=0), flow("f", 3)],
    [event("C", 1, args={"a": 0, "b": 2.5})],
    [flow("b", 1), flow("b", 2, name="y"), flow("e", 3, name="y"), flow("e", 3)],
    [{"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "args": {"name": "host"}}],
]


@pytest.mark.parametrize("events", GOOD, ids=range(len(GOOD)))
def test_a_good_trace_passes(tmp_path: Path, events: list[Event]) -> None:
    assert check(tmp_path, *events) == []


BAD: list[tuple[str, list[Any]]] = [
    ("no object", [7]),
    ("unknown phase", [event("Q", 1)]),
    ("no name", [{"ph": "i", "ts": 1, "pid": 1, "tid": 1}]),
    ("no pid or no tid", [{"ph": "i", "ts": 1, "name": "x", "tid": 1}]),
    ("no pid or no tid", [{"ph": "i", "ts": 1, "name": "x", "pid": 1}]),
    ("args is no object", [event("i", 1, args=3)]),
    ("no id or no cat", [event("s", 1)]),
    ("ts is None", [{"ph": "i", "name": "x", "pid": 1, "tid": 1}]),
    ("ts is -1", [event("i", -1)]),
    ("ts is True", [event("i", True)]),
    ("dur is None", [event("X", 1)]),
    ("whole number of ns", [event("i", 1.0001)]),
    ("before the event in front of it", [*span(5, 6), *span(1, 2)]),
    ("has no end", [event("B", 1)]),
    ("ends nothing", [event("E", 1)]),
    ("overlaps", [event("X", 1, dur=3), event("X", 2, dur=3)]),
    ("reaches beyond", [event("B", 1), event("X", 2, dur=3), event("E", 3)]),
    ("is in no span", [flow("s", 1), event("X", 1, dur=1), flow("f", 1)]),
    ("is in no span", [event("X", 1, dur=1), flow("s", 1), flow("f", 3)]),
    ("0 starts and 1 finishes", [event("X", 1, dur=1), flow("f", 1)]),
    ("1 starts and 0 finishes", [event("X", 1, dur=1), flow("s", 1)]),
    ("2 starts and 1 finishes", [event("X", 1, dur=1), flow("s", 1), flow("s", 1), flow("f", 1)]),
    ("before it starts", [event("X", 1, dur=3), flow("s", 2), flow("f", 1)]),
    ("is outside of it", [event("X", 1, dur=3), flow("s", 1), flow("f", 2), flow("t", 3)]),
    ("counter", [event("C", 1, args={"a": -1})]),
    ("counter", [event("C", 1, args={"a": "many"})]),
    ("counter", [event("C", 1)]),
    ("asynchronous", [flow("b", 1)]),
    ("asynchronous", [flow("e", 1)]),
    ("asynchronous", [flow("b", 1), flow("e", 2, name="y")]),
]


@pytest.mark.parametrize(("told", "events"), BAD, ids=[f"{number} {told}" for number, (told, _) in enumerate(BAD)])
def test_what_is_wrong_is_told_once(tmp_path: Path, told: str, events: list[Any]) -> None:
    (problem,) = check(tmp_path, *events)
    assert told in problem


def test_a_file_that_is_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    assert "not JSON" in check_trace(path)[0]
    path.write_text('{"traceEvents": [')
    assert "not JSON" in check_trace(path)[0]
    path.write_text("[]")
    assert check_trace(path) == ["not a JSON object with traceEvents"]
    assert check(tmp_path, displayTimeUnit="s") == ["displayTimeUnit is neither ns nor ms"]


def test_not_more_is_told_than_anybody_reads(tmp_path: Path) -> None:
    assert len(check(tmp_path, *([7] * 1000))) == 50
