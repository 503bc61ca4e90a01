# SPDX-License-Identifier: MIT
"""Draws a piece of a trace as SVG, for pages where nobody can zoom: of a run, the first exchange of frames.

Tracks are rows, nested spans lie below each other, arrows are flows. Time in which nothing happens is cut out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import count, islice, pairwise
from pathlib import Path
from typing import Any

from driver.linux.if_ether import ETH_P_IP
from sim.observe.trace import CARD, FILE, HOST, WIRE
from sim.observe.trace_file import stamp

__all__ = ["Scene", "draw", "first_exchange", "write_picture"]

PICTURE = "trace.svg"
_MOST_LINES = 200_000  # an exchange that is to be drawn comes early
_BEHIND_NS = 1_200  # what is shown after an answer: its write-back and interrupt
_QUIET_NS, _CUT_PX = 250, 46  # a longer time without an event is cut down to its ends, and so much between
_LEFT_PX, _WIDTH_PX, _ROW_PX, _TOP_PX, _LETTER_PX = 118, 1400, 18, 34, 5.9
_TICK_NS = 200
_PROCESS_HUES = {HOST: 215, CARD: 140, WIRE: 275}
_HUES = {"payload": 38, "descriptors": 190, "write-back": 335, "ndo_start_xmit": 38, "netif_receive_skb": 335}


_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<style>
text {{font: 11px sans-serif; fill: #222}} .name {{font-weight: bold}} .time {{fill: #888}}
.flow {{fill: none; stroke: #d02020; stroke-width: 1.4; marker-end: url(#tip)}}
</style>
<marker id="tip" markerWidth="7" markerHeight="7" refX="6" refY="3.5" orient="auto">
<path d="M0 0L7 3.5L0 7z" fill="#d02020"/></marker>
<rect width="{width}" height="{height}" fill="white"/>"""

Event = dict[str, Any]
Place = tuple[int, int]


@dataclass(slots=True)
class Scene:
    """What happens from begin_ns to end_ns. Times are ns; a place is a track (pid, tid) and a depth on it."""

    begin_ns: int
    end_ns: int
    tracks: dict[Place, str] = field(default_factory=dict)
    spans: list[tuple[Place, int, int, int, str]] = field(default_factory=list)  # track depth begin end name
    instants: list[tuple[Place, int, str]] = field(default_factory=list)
    arrows: dict[int, list[tuple[int, Place, int]]] = field(default_factory=dict)  # time track depth

    @staticmethod
    def of(events: Iterable[Event], begin_ns: int, end_ns: int) -> Scene:
        scene = Scene(begin_ns, end_ns)
        stacks: dict[Place, list[tuple[int, str]]] = {}
        for event in events:
            phase, track = event["ph"], (event["pid"], event.get("tid", 0))
            if phase == "M":
                if event["name"] == "thread_name":
                    scene.tracks[track] = event["args"]["name"]
                continue
            now, stack = _ns(event), stacks.setdefault(track, [])
            if phase == "B":
                stack.append((now, event["name"]))
            elif phase == "E":
                begin, name = stack.pop()
                if begin <= end_ns and now >= begin_ns:
                    scene.spans.append((track, len(stack), max(begin, begin_ns), min(now, end_ns), name))
            elif phase == "i" and begin_ns <= now <= end_ns:
                args, name = event["args"], event["name"]
                number = args.get("next", args.get("value"))
                scene.instants.append((track, now, f"{name} {number}" if isinstance(number, int) else name))
            elif phase in "stf" and begin_ns <= now <= end_ns:
                scene.arrows.setdefault(event["id"], []).append((now, track, len(stack) - 1))
        return scene


def _ns(event: Event) -> int:
    ns: int = round(event["ts"] * 1000)
    return ns


def _events(path: Path) -> Iterator[Event]:
    """Line by line, as sim/observe/trace_file.py writes them."""
    with Path(path).open() as lines:
        for line in lines:
            if line.startswith('{"ph"'):
                event: Event = json.loads(line.rstrip(",\n"))
                yield event


def first_exchange(events: Iterable[Event]) -> tuple[int, int] | None:
    """Begin and end, ns: of the first IPv4 frame that the host answers while it takes it, and of its answer."""
    begins: dict[int, int] = {}
    taking: Event | None = None  # the netif_receive_skb that is open
    begin_ns, answer = 0, None
    for event in events:
        phase, name = event["ph"], event.get("name")
        if phase == "s" and name == "received":
            begins[event["id"]] = _ns(event)
        elif phase == "B" and name == "netif_receive_skb" and int(event["args"]["protocol"], 16) == ETH_P_IP:
            taking = event
        elif phase == "f" and name == "received" and answer is None:
            begin_ns = begins.pop(event["id"])
        elif phase == "s" and taking is not None and answer is None:
            answer = event["id"]
        elif phase == "E" and taking is not None and event["tid"] == taking["tid"]:
            taking = None
        elif phase == "f" and event["id"] == answer:
            return begin_ns, _ns(event)
    return None


class _Axis:
    """From time to x: what happens has its scale, long quiet times are cut."""

    def __init__(self, scene: Scene) -> None:
        moments = {scene.begin_ns, scene.end_ns, *(when for _, when, _ in scene.instants)}
        moments |= {when for _, _, begin, end, _ in scene.spans for when in (begin, end)}
        self.parts: list[list[int]] = []
        for when in sorted(moments):
            if self.parts and when - self.parts[-1][1] <= 2 * _QUIET_NS:
                self.parts[-1][1] = when
            else:
                self.parts.append([when, when])
        for part in self.parts[1:]:
            part[0] -= _QUIET_NS // 2
        for part in self.parts[:-1]:
            part[1] += _QUIET_NS // 2
        room = _WIDTH_PX - _LEFT_PX - 60 - _CUT_PX * (len(self.parts) - 1)
        self._scale = room / max(1, sum(end - begin for begin, end in self.parts))

    def x(self, when: int) -> float:
        x = float(_LEFT_PX)
        for begin, end in self.parts:
            if when <= end:
                return x + max(0, when - begin) * self._scale
            x += (end - begin) * self._scale + _CUT_PX
        return x - _CUT_PX


@dataclass(slots=True)
class _Item:
    """What is drawn: an instant where right is None."""

    track: Place
    depth: int
    left: float
    right: float | None
    name: str
    text: str
    text_px: float


class _Drawing:
    """Rows from top to bottom: a span is at its depth, an instant where there is room for its text."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.axis = scene, _Axis(scene)
        self._last: dict[tuple[Place, int], _Item] = {}
        items: list[tuple[Place, int, int, int, str]] = list(scene.spans)
        items += [(track, -1, when, when, name) for track, when, name in scene.instants]
        placed = [self._place(item) for item in sorted(items, key=lambda item: item[2:4])]
        self.tops: dict[Place, int] = {}
        self.height = _TOP_PX
        for track in sorted({item[0] for item in items}):
            if self.tops and track[0] != max(self.tops)[0]:
                self.height += _ROW_PX // 2
            self.tops[track] = self.height
            self.height += max(item.depth + 1 for item in placed if item.track == track) * _ROW_PX + 3
        self.parts: list[str] = []
        self._frame()
        for item in placed:
            self._draw(item)
        for ends in scene.arrows.values():
            self._arrow(ends)

    def _place(self, item: tuple[Place, int, int, int, str]) -> _Item:
        """A span takes its place, and the text away that the one before it has there; an instant goes where none is."""
        track, depth, begin, end, name = item
        left, right, is_span = self.axis.x(begin), self.axis.x(end), depth >= 0
        if not is_span:
            depth = next(row for row in count() if (track, row) not in self._last or self._end(track, row) <= left)
        elif (track, depth) in self._last and self._end(track, depth) > left:
            self._last[track, depth].text = ""
        inside = is_span and len(name) * _LETTER_PX + 6 < right - left
        text_px = left + 4 if inside else max(right, left + 3) + 3
        placed = self._last[track, depth] = _Item(track, depth, left, right if is_span else None, name, name, text_px)
        return placed

    def _end(self, track: Place, depth: int) -> float:
        """Up to where a row is taken."""
        last = self._last[track, depth]
        return max(last.right or 0, last.text_px + len(last.text) * _LETTER_PX)

    def _y(self, track: Place, depth: int) -> int:
        return self.tops[track] + depth * _ROW_PX

    def _text(self, x: float, y: float, text: str, more: str = "") -> None:
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>')

    def _draw(self, item: _Item) -> None:
        left, y = item.left, self._y(item.track, item.depth)
        hue = _HUES.get(item.name, _PROCESS_HUES.get(item.track[0], 0))
        colours = f'fill="hsl({hue},65%,78%)" stroke="hsl({hue},55%,42%)"'
        if item.right is None:
            self.parts.append(f'<path d="M{left:.1f} {y + 1}l4 7l-4 7l-4 -7z" {colours}/>')
        else:
            size = f'width="{max(item.right - left, 3):.1f}" height="{_ROW_PX - 2}"'
            self.parts.append(f'<rect x="{left:.1f}" y="{y}" {size} rx="2" {colours}/>')
        self._text(item.text_px, y + _ROW_PX - 6, item.text)

    def _arrow(self, ends: list[tuple[int, Place, int]]) -> None:
        points = [(self.axis.x(when), self._y(track, depth) + _ROW_PX // 2 - 1) for when, track, depth in ends]
        for (x, y), (to_x, to_y) in pairwise(points):
            middle = (y + to_y) / 2
            curve = f"M{x:.1f} {y}C{x:.1f} {middle} {to_x:.1f} {middle} {to_x:.1f} {to_y}"
            self.parts.append(f'<path class="flow" d="{curve}"/>')

    def _frame(self) -> None:
        """Names of rows, and the time."""
        pid, top_px = 0, _TOP_PX - 8
        for begin, end in self.axis.parts:
            for when in range(-(-begin // _TICK_NS) * _TICK_NS, end + 1, _TICK_NS):
                x = self.axis.x(when)
                self.parts.append(f'<path d="M{x:.1f} {top_px}V{self.height}" stroke="#e4e4e4"/>')
                self._text(x, top_px - 4, f"{stamp(when)[:-2]} µs", 'text-anchor="middle" class="time"')
        for (_, before), (after, _) in pairwise(self.axis.parts):
            x = self.axis.x(before)
            size = f'width="{_CUT_PX}" height="{self.height}"'
            self.parts.append(f'<rect x="{x:.1f}" y="{top_px}" {size} fill="#f0f0f0"/>')
            self._text(x + _CUT_PX / 2, top_px + 14, f"{(after - before) / 1000:.1f} µs", 'text-anchor="middle"')
        for track, top in self.tops.items():
            if track[0] != pid:
                self.parts.append(f'<path d="M0 {top - 5}H{_WIDTH_PX}" stroke="#999"/>')
            pid = track[0]
            self._text(4, top + _ROW_PX - 6, self.scene.tracks.get(track, ""), 'class="name"')


def draw(scene: Scene) -> str:
    """The scene as an SVG document."""
    drawing = _Drawing(scene)
    return "\n".join([_HEAD.format(width=_WIDTH_PX, height=drawing.height + 4), *drawing.parts, "</svg>", ""])


def write_picture(folder: Path) -> bool:
    """Draw the first exchange of the trace in `folder` into trace.svg; False when there is none early in it."""
    trace = folder / FILE
    if not trace.exists():
        return False
    found = first_exchange(islice(_events(trace), _MOST_LINES))
    if found is None:
        return False
    begin_ns, end_ns = found[0] - _QUIET_NS // 2, found[1] + _BEHIND_NS
    scene = Scene.of(islice(_events(trace), _MOST_LINES), begin_ns, end_ns)
    (folder / PICTURE).write_text(draw(scene))
    return True
