# SPDX-License-Identifier: MIT
"""nicosim run and replay, whole: exit code, summary, captures, table."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from sim.cli import main
from sim.config import BenchConfig
from sim.launch import bench_design
from sim.observe.pcap import PcapngWriter, read_capture
from sim.replay import load_replay
from sim.runner import ROOT, build

CAPTURES = ROOT / "tests" / "data" / "captures"
FAST = ["--time-scale", "1000", "--seed", "11"]
MODELS = {
    "native": [],
    "axi": ["--host", "axi", "--wire", "cocotbext"],
    "cocotb": ["--host", "axi", "--wire", "cocotbext", "--main", "cocotb"],
}
on_all_models = pytest.mark.parametrize("models", MODELS.values(), ids=MODELS)
on_both_hosts = pytest.mark.parametrize("models", list(MODELS.values())[:2], ids=list(MODELS)[:2])


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command leaves its folders."""
    monkeypatch.setenv("NICOSIM_RUNS", str(tmp_path))
    return tmp_path


def summary_of(runs: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((runs / "latest" / "summary.json").read_text())
    return found


@on_all_models
def test_run_passes_and_leaves_its_artefacts(
    models: list[str], runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *FAST, *models]) == 0
    summary, told = summary_of(runs), capsys.readouterr()
    assert summary["result"] == "passed" and summary["accounting_closed"] and summary["violations"] == []
    assert summary["frames_rx"] == summary["frames_sent_to_card"] == 249 + 13 and summary["frames_tx"] == 13
    assert "run: PASSED" in told.out and "RX:" in told.out and "probe" in told.err
    wire, host = (read_capture(runs / "latest" / f"{name}.pcapng") for name in ("wire", "host"))
    assert len(wire) == len(host) == 249 + 2 * 13
    assert "Intel 82574L" in (runs / "latest" / "kernel.log").read_text()


@on_both_hosts
@pytest.mark.parametrize("name", sorted(path.name for path in CAPTURES.glob("*.pcap*") if "overflow" not in path.name))
def test_replay_delivers_every_good_frame(name: str, models: list[str], runs: Path) -> None:
    """Byte for byte: the host's capture holds the file's frames, padded, in order; what is too large is counted."""
    assert main(["replay", str(CAPTURES / name), *models, *FAST]) == 0
    summary, frames = summary_of(runs), load_replay(CAPTURES / name).frames
    fitting = [frame.payload for _, frame in frames if len(frame.wire_bytes) <= 9234]
    assert [packet.data for packet in read_capture(runs / "latest" / "host.pcapng")] == fitting
    assert summary["frames_rx"] == len(fitting) > 0
    giants = len(frames) - len(fitting)
    assert summary["drops"] == ({"oversize": giants} if giants else {})


@on_all_models
def test_replay_with_the_card_s_filter(models: list[str], runs: Path) -> None:
    """One broadcast among unicasts for somebody else."""
    assert main(["replay", str(CAPTURES / "mptcp-fclose.pcap"), "--filter", *FAST, *models]) == 0
    summary = summary_of(runs)
    assert summary["accounting_closed"] and summary["frames_filtered"] == 10 and summary["frames_rx"] == 1


@on_all_models
def test_replay_at_the_captured_times(models: list[str], runs: Path) -> None:
    """The distances on the wire are those in the file, to within a frame's own length."""
    offsets_ns = [0, 40_000, 41_500, 90_000]
    with PcapngWriter(runs / "timed.pcapng", ["x"]) as writer:
        for number, offset in enumerate(offsets_ns):
            writer.write(0, 1_700_000_000_000_000_000 + offset, bytes(12) + b"\x88\xb5" + bytes([number]) * 46)
    assert main(["replay", str(runs / "timed.pcapng"), "--speed", "captured", *FAST, *models]) == 0
    times = [packet.time_ns for packet in read_capture(runs / "latest" / "wire.pcapng")]
    assert len(times) == 4
    for moment, offset in zip(times, offsets_ns, strict=True):
        assert abs(moment - times[0] - offset) <= 20


@on_both_hosts
def test_replay_of_raw_short_frames_counts_them(models: list[str], runs: Path) -> None:
    assert main(["replay", str(CAPTURES / "DECnet_Phone.pcap"), "--raw", *models, *FAST]) == 0
    frames = load_replay(CAPTURES / "DECnet_Phone.pcap", raw=True).frames
    short = sum(len(frame.wire_bytes) < 64 for _, frame in frames)
    summary = summary_of(runs)
    assert summary["drops"] == {"undersize": short} and summary["frames_rx"] == len(frames) - short


@on_all_models
def test_a_seed_repeats_the_run(models: list[str], runs: Path) -> None:
    flags = ["run", "--no-capture", "--reorder", "--latency-spread-ns", "800", "--backpressure", "0.3", *FAST, *models]
    results = []
    for _ in range(2):
        assert main(flags) == 0
        summary = summary_of(runs)
        results.append([summary[key] for key in ("sim_ns", "irqs", "polls", "ethtool")])
    assert results[0] == results[1]


def living(group: int) -> list[str]:
    """Processes of a process group that are more than a zombie."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = stat.read_text().rpartition(")")
            state, _, its_group, *_ = rest.split()
            if int(its_group) == group and state != "Z":
                found.append(name)
    return found


def heeds_interrupts() -> None:
    """As in a terminal, even if these tests run in the background of a shell, which has its jobs ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_simulator_and_command_at_once(number: signal.Signals, runs: Path) -> None:
    """As from the keyboard (the whole group gets SIGINT), and as from a supervisor (the command gets SIGTERM)."""
    build(bench_design(BenchConfig()))
    command = [sys.executable, "-m", "sim.cli", "run", "--time-scale", "1"]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heeds_interrupts
    ) as process:
        assert process.stderr is not None
        while "probe" not in process.stderr.readline():
            assert process.poll() is None
        if number == signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        told = process.stderr.read()
        assert process.wait(timeout=20) == 130
    assert "interrupted" in told and "Traceback" not in told
    for _ in range(50):
        if not living(process.pid):
            break
        time.sleep(0.1)
    assert living(process.pid) == []
