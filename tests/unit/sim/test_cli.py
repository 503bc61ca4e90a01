# SPDX-License-Identifier: MIT
"""The command line without a simulation: wrong input is one line and exit code 2, before anything is built."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from sim import cli
from sim.cli import main
from sim.config import BenchConfig, SimConfig
from sim.jobs import Spec
from sim.runner import ROOT

CAPTURES = ROOT / "tests" / "data" / "captures"


@pytest.fixture(autouse=True)
def simulated(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, BenchConfig, Spec]]:
    """Collects what would be simulated."""
    asked: list[tuple[str, BenchConfig, Spec]] = []

    def simulate(command: str, config: BenchConfig, spec: Spec, waves: bool, json_file=None) -> int:
        asked.append((command, config, spec))
        return 0

    monkeypatch.setattr(cli, "_simulate", simulate)
    return asked


def header(link_type: int = 1) -> bytes:
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type)


WRONG_FILES = {
    "empty": (b"", "empty"),
    "text": (b"this is no capture at all", "neither pcap nor pcapng"),
    "no frames": (header(), "no frame to send"),
    "not Ethernet": (header(101), "not Ethernet"),
    "truncated": (header() + struct.pack("<IIII", 0, 0, 60, 60) + bytes(59), "ends inside"),
    "all cut": (header() + struct.pack("<IIII", 0, 0, 60, 90) + bytes(60), "1 cut by snaplen"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_wrong_capture_is_one_line_and_code_2(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], simulated: list[object]
) -> None:
    content, says = WRONG_FILES[name]
    (tmp_path / "x.pcap").write_bytes(content)
    assert main(["replay", str(tmp_path / "x.pcap")]) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and says in told.err and not simulated


def test_missing_capture_is_one_line_and_code_2(capsys: pytest.CaptureFixture[str], simulated: list[object]) -> None:
    assert main(["replay", "/no/such/file.pcap"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "No such file" in told and not simulated


@pytest.mark.parametrize(
    "flags",
    [["--backpressure", "1"], ["--latency-ns", "-1"], ["--time-scale", "0"], ["--seed", "-3"], ["--gap", "3"],
     ["--mtu", "20000"], ["--rings", "63"], ["--cpus", "0"]],
)  # fmt: skip
def test_wrong_value_is_one_line_and_code_2(
    flags: list[str], capsys: pytest.CaptureFixture[str], simulated: list[object]
) -> None:
    assert main(["run", *flags]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and not simulated


@pytest.mark.parametrize("words", [[], ["fly"], ["run", "--nonsense"], ["replay"], ["run", "--seed", "x"]])
def test_wrong_command_is_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2 and "usage: nicosim" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["replay", "--help"]])
def test_help_tells_the_artefacts_and_the_exit_codes(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    told = capsys.readouterr().out
    assert ended.value.code == 0 and "summary.json" in told and "Exit code" in told


@pytest.mark.parametrize(
    "flags", [["--main", "cocotb"], ["--main", "cocotb", "--host", "axi"], ["--main", "cocotb", "--wire", "cocotbext"]]
)
@pytest.mark.parametrize("command", [["run"], ["replay", str(CAPTURES / "dnssec.pcap")]])
def test_cocotb_s_main_with_a_compiled_model_is_one_line_and_code_2(
    command: list[str], flags: list[str], capsys: pytest.CaptureFixture[str], simulated: list[object]
) -> None:
    assert main([*command, *flags]) == 2
    told = capsys.readouterr().err
    assert told.startswith("nicosim: main cocotb goes with host axi") and told.count("\n") == 1 and not simulated


def test_the_models_are_compiled_unless_told_otherwise(
    simulated: list[tuple[str, BenchConfig, Spec]],
) -> None:
    assert main(["run"]) == 0
    assert main(["run", "--host", "axi", "--wire", "cocotbext", "--main", "cocotb", "--no-leap"]) == 0
    assert [config.sim for _, config, _ in simulated] == [
        SimConfig("native", "native", "nicosim", leap=True),
        SimConfig("axi", "cocotbext", "cocotb", leap=False),
    ]


@pytest.mark.parametrize(
    ("flags", "scale"),
    [([], 100), (["--speed", "captured"], 1), (["--speed", "captured", "--no-leap"], 100),
     (["--speed", "captured", "--wire", "cocotbext"], 100), (["--speed", "captured", "--time-scale", "7"], 7)],
)  # fmt: skip
def test_the_driver_s_timers_are_real_where_silence_is_free_and_wanted(
    flags: list[str], scale: int, simulated: list[tuple[str, BenchConfig, Spec]]
) -> None:
    assert main(["replay", str(CAPTURES / "dnssec.pcap"), *flags]) == 0
    assert simulated[0][1].driver.time_scale == scale


def test_options_reach_the_bench(simulated: list[tuple[str, BenchConfig, Spec]]) -> None:
    flags = ["--seed", "5", "--latency-ns", "77", "--reorder", "--backpressure", "0.5", "--time-scale", "9"]
    flags += ["--cpus", "2"]
    capture = CAPTURES / "dnssec.pcap"
    assert main(["replay", str(capture), *flags, "--speed", "captured", "--filter", "--raw", "--rings", "128"]) == 0
    ((command, config, spec),) = simulated
    assert (command, config.seed, config.driver.cpus) == ("replay", 5, 2)
    assert config.driver.time_scale == 9 and config.driver.rx_ring == 128
    assert (config.host.latency_ns, config.host.reorder, config.host.backpressure) == (77, True, 0.5)
    (replayed,) = spec.captures
    assert replayed.path == str(capture) and replayed.speed == "captured" and replayed.filtered and replayed.raw


def test_the_environment_gives_the_seed(
    simulated: list[tuple[str, BenchConfig, Spec]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NICOSIM_SEED", "77")
    assert main(["run"]) == 0 and main(["run", "--seed", "3"]) == 0
    assert [config.seed for _, config, _ in simulated] == [77, 3]
    monkeypatch.setenv("NICOSIM_SEED", "lucky")
    assert main(["run"]) == 2


def test_the_seed_is_new_every_time(
    simulated: list[tuple[str, BenchConfig, Spec]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NICOSIM_SEED", raising=False)
    for _ in range(2):
        assert main(["run"]) == 0
    assert simulated[0][1].seed != simulated[1][1].seed and len(simulated[0][2].captures) == 1
