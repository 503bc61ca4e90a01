# SPDX-License-Identifier: MIT
"""`nicosim run --trace`: the file is good, and tells the same as the summary, which counts elsewhere."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from driver.e1000e.regs import RDT, TDT
from sim.cli import main
from sim.config import HostConfig
from sim.observe.trace_check import check_trace

TRACKS = {
    "cpu 0 hardirq", "cpu 0 softirq", "cpu 0 process", "INTx", "doorbells", "tx ring", "rx ring", "registers",
    "DMA read", "DMA write", "to the card", "from the card",
}  # fmt: skip


class Told:
    """What a run's trace tells."""

    def __init__(self, folder: Path) -> None:
        self.summary = json.loads((folder / "summary.json").read_text())
        events = json.loads((folder / "trace.json").read_text())["traceEvents"]
        self.names = {e["tid"]: e["args"]["name"] for e in events if e.get("name") == "thread_name"}
        self.events: list[dict[str, Any]] = [e for e in events if e["ph"] != "M"]

    def count(self, phase: str, *, track: str = "", name: str = "") -> int:
        return len([e for e in self.on(track, phase) if e.get("name", "").startswith(name)])

    def on(self, track: str, *phases: str) -> list[dict[str, Any]]:
        """Events on a track, all of its lanes."""
        found = [e for e in self.events if e["ph"] in phases]
        return [e for e in found if self.names.get(e.get("tid", 0), "").startswith(track)]

    def lengths_ns(self, track: str) -> list[int]:
        """Of the spans of a track whose spans do not nest."""
        begins, lengths = {}, []
        for event in self.on(track, "B", "E"):
            if event["ph"] == "B":
                begins[event["tid"]] = event["ts"]
            else:
                lengths.append(round((event["ts"] - begins.pop(event["tid"])) * 1000))
        return lengths


COCOTB = ["--host", "axi", "--wire", "cocotbext", "--main", "cocotb"]
HOSTILE = ["--reorder", "--latency-spread-ns", "800", "--backpressure", "0.3"]


@pytest.mark.parametrize(
    "flags", [[], HOSTILE, COCOTB, COCOTB + HOSTILE], ids=["native", "native hostile", "axi", "axi hostile"]
)
def test_a_run_s_trace_tells_the_same_as_its_summary(
    flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NICOSIM_RUNS", str(tmp_path))
    assert main(["run", "--trace", "--time-scale", "1000", "--seed", "11", *flags]) == 0
    folder = tmp_path / "latest"
    assert check_trace(folder / "trace.json") == []
    told = Told(folder)
    summary = told.summary
    assert set(told.names.values()) >= TRACKS

    for name, frames in (("sent", summary["frames_tx"]), ("received", summary["frames_rx"])):
        assert told.count("s", name=name) == told.count("f", name=name) == frames > 0
    assert told.count("t") >= summary["frames_tx"]
    assert told.count("B", track="to the card") == summary["frames_sent_to_card"]
    assert told.count("B", track="from the card") == summary["frames_tx"]

    # The driver's last write is posted: where it is told when it arrives, the run may end before.
    on_the_way = summary["mmio_writes"] - told.count("i", track="registers", name="write ")
    assert on_the_way == 0 or (on_the_way == 1 and COCOTB[1] not in flags)
    assert told.count("B", track="registers", name="read ") == summary["mmio_reads"]
    rung = Counter(event["name"] for event in told.on("doorbells", "i"))
    written = Counter(event["name"].removeprefix("write ") for event in told.on("registers", "i"))
    assert rung == {register.name: written[register.name] for register in (TDT, RDT)} and min(rung.values()) > 0
    assert told.count("B", track="cpu 0 hardirq") == summary["irqs"]
    assert told.count("B", track="cpu 0 softirq", name="napi_poll") == summary["polls"]

    for lanes in ("DMA read", "DMA write"):
        assert min(told.lengths_ns(lanes)) >= HostConfig().latency_ns
    done = [event["args"]["count"] for event in told.on("tx ring", "i") if event["name"] == "written back"]
    assert sum(done) >= summary["frames_tx"]
    assert (folder / "trace.svg").read_text().endswith("</svg>\n")


def test_a_run_that_fails_leaves_a_whole_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its capture is not there, which is found out when the driver is up and frames have been sent."""
    monkeypatch.setenv("NICOSIM_RUNS", str(tmp_path))
    monkeypatch.setattr("sim.cli.RUN_CAPTURE", "no such file")
    assert main(["run", "--trace", "--time-scale", "1000", "--seed", "11"]) == 1
    assert Told(tmp_path / "latest").summary["result"] == "failed"
    assert check_trace(tmp_path / "latest" / "trace.json") == []


def test_without_the_option_there_is_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NICOSIM_RUNS", str(tmp_path))
    assert main(["run", "--no-capture", "--time-scale", "1000", "--seed", "11"]) == 0
    assert not list((tmp_path / "latest").glob("trace*"))
