# SPDX-License-Identifier: MIT
"""Start a simulation of a whole bench: the design, its NVM file, its configuration. The outer side of sim/bench.py."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sim.config import BenchConfig
from sim.nvm import nvm_image, parse_mac, write_nvm
from sim.runner import ROOT, Design, Result, nic_sources, simulate

__all__ = [
    "CONFIG_VARIABLE", "EYES", "FOLDER_VARIABLE", "NATIVE", "NATIVE_HOST", "NATIVE_WIRE", "bench_design", "configured",
    "launch",
]  # fmt: skip

_SIM = ROOT / "sim"
NATIVE_HOST = tuple(_SIM / "host" / "native" / name for name in ("native_axi_memory.sv", "native_registers.sv"))
NATIVE_WIRE = (_SIM / "wire" / "native" / "native_xgmii.sv",)
# Independent eyes on the card's pins, in every simulation of a bench.
EYES = tuple(
    _SIM / "rtl" / f"{name}.sv"
    for name in (
        "axi_check_pkg", "axi_channel_checker", "axi4_checker", "axi4_lite_checker", "xgmii_checker", "nic_eyes",
    )
)  # fmt: skip
# All of it goes into every program with our main: what a configuration does not use is never called.
NATIVE = tuple(
    _SIM / name
    for name in (
        "native/main.cpp", "native/shared.cpp", "native/profile.cpp", "native/ring_filler.cpp",
        "host/native/axi_memory.cpp", "host/native/registers.cpp", "wire/native/wire.cpp",
    )
)  # fmt: skip

CONFIG_VARIABLE = "NICOSIM_BENCH"
FOLDER_VARIABLE = "NICOSIM_FOLDER"


def bench_design(config: BenchConfig) -> Design:
    """The card on its bench, built for what the configuration needs to know at build time."""
    sim = config.sim
    host, wire = sim.host == "native", sim.wire == "native"
    models = (*NATIVE_HOST[: 2 * host], *NATIVE_WIRE[: int(wire)])
    parameters = {"SharedClock": int(config.clock.shared), "NativeHost": int(host), "NativeWire": int(wire)}
    sources = (*nic_sources(), *EYES, *models, _SIM / "rtl" / "nic_tb.sv")
    return Design("nic_tb", sources, parameters, native=NATIVE if sim.main == "nicosim" else ())


def launch(
    config: BenchConfig,
    test_module: str,
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    test_filter: str | None = None,
    nvm_changes: Mapping[int, int] | None = None,
    plusargs: Sequence[str] = (),
    waves: bool | None = None,
) -> Result:
    """Run the cocotb tests of `test_module` on a bench; what they leave behind is in `folder`. TRACE=1: a trace too.

    Raises: sim.runner.SimulationError.
    """
    __tracebackhide__ = True  # see sim/runner.py
    folder.mkdir(parents=True, exist_ok=True)
    if os.environ.get("TRACE", "0") not in ("", "0"):
        config = dataclasses.replace(config, trace=True)
    nvm = folder / "nvm.hex"
    write_nvm(nvm, nvm_image(parse_mac(config.mac), dict(nvm_changes or {})))
    return simulate(
        bench_design(config),
        test_module,
        folder=folder,
        test_filter=test_filter,
        environment={CONFIG_VARIABLE: config.to_json(), FOLDER_VARIABLE: str(folder), **(environment or {})},
        plusargs=[f"+nvm={nvm}", *plusargs],
        seed=config.seed,
        waves=waves,
    )


def configured() -> tuple[BenchConfig, Path]:
    """Inside the simulation: what `launch` was given."""
    return BenchConfig.from_json(os.environ[CONFIG_VARIABLE]), Path(os.environ[FOLDER_VARIABLE])
