# SPDX-License-Identifier: MIT
"""The command line. Exit codes: 0 passed, 1 the run failed, 2 the command or its input was wrong, 130 interrupted."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from driver.linux.sched import SCHEDULES
from sim.benchmark.command import PARTS, run_bench
from sim.config import (
    HOSTS,
    MAINS,
    WIRES,
    BenchConfig,
    ConfigError,
    DriverConfig,
    HostConfig,
    SimConfig,
    WireConfig,
)
from sim.jobs import SPEC_VARIABLE, ReplayFile, Spec
from sim.launch import bench_design, launch
from sim.observe.artefacts import Summary, new_run_folder
from sim.observe.pcap import CaptureError
from sim.observe.progress import shown
from sim.observe.report import report
from sim.observe.trace_svg import write_picture
from sim.replay import load_replay
from sim.runner import ROOT, BuildFailed, SimulationFailed, build

__all__ = ["main"]

CAPTURES = ROOT / "tests" / "data" / "captures"
RUN_CAPTURE = "QinQpacket.pcap"
JUMBO_MTU = 9000
TIME_SCALE = 100
FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130

_DESCRIPTION = """\
Simulates a network card, RTL in Verilator that to software is an Intel 82574L, together with its driver and a link
partner, and carries real packets through all of it."""

_EPILOG = """\
Every run leaves a folder runs/<time>-<command>/ (runs/latest points to the last one; NICOSIM_RUNS: instead of runs/):
  summary.json   what the table shows, for machines          kernel.log      what kernel and driver printed
  host.pcapng    what the host's stack saw                   wire.pcapng     what crossed the wire
  dump.fst       waves, with --waves                         simulation.log  the simulator's own output
  trace.json     what ran when, with --trace: open it in https://ui.perfetto.dev; trace.svg: a picture of its beginning
A run repeats exactly with the same --seed and options.
Exit code: 0 passed, 1 failed, 2 wrong command or input, 130 interrupted."""

_RUN = """\
Probe the card, bring eth0 up, wait for the link. Then the link partner sends ARP, pings from empty to jumbo, and UDP,
and checks the host's answers; the host pings the partner; a capture is replayed at the card. Then eth0 goes down, the
driver is removed, and everything is checked: each byte of each frame, where every frame went, leaks, the driver's
contracts."""

_REPLAY = """\
Send every frame of a capture (pcap or pcapng, Ethernet) at the card, and compare what arrives at the host byte for
byte. Frames cut by snaplen are refused and counted. Frames longer than the card takes (9234 bytes with FCS) go out as
giants, and the card must count them. Every frame that does not arrive must be in some counter."""


_BENCH = """\
How fast the simulation runs, in wall time, and how fast the card is, in simulated time; the whole driver and stack are
in the loop, and every frame is checked byte for byte. speed: compiled models and cocotbext's, our main and cocotb's, 64
and 1518 bytes, three interleaved rounds, medians; the same traffic under a bare C++ ring filler is the limit. split:
where the time goes. line-rate, latency: the hardware. scaling: rings, frames in flight, flows, length of the run."""


class _WrongInput(Exception):
    """A one-line message for the user."""


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("nicosim", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=formatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run", help="the whole demonstration", description=_RUN, epilog=_EPILOG, formatter_class=formatter
    )
    run.add_argument("--no-capture", action="store_true", help="leave out the replay of a capture")
    _common(run)
    replay = commands.add_parser(
        "replay", help="send a capture at the card", description=_REPLAY, epilog=_EPILOG, formatter_class=formatter
    )
    replay.add_argument("file", metavar="FILE", type=Path, help="the capture")
    replay.add_argument(
        "--speed", choices=("line", "captured"), default="line",
        help="line: back to back, 10 Gbit/s (default); captured: at the times in the file",
    )  # fmt: skip
    replay.add_argument(
        "--filter", action="store_true",
        help="not promiscuous: the card's address filters decide, and are checked against an independent filter",
    )  # fmt: skip
    replay.add_argument("--raw", action="store_true", help="short frames go out as they are, not padded to 60 bytes")
    _common(replay)
    _bench_parser(commands)
    return parser


def _bench_parser(commands: Any) -> None:
    formatter = argparse.RawDescriptionHelpFormatter
    bench = commands.add_parser("bench", help="how fast it runs", description=_BENCH, formatter_class=formatter)
    bench.add_argument("--json", type=Path, metavar="FILE", help="write what was measured there too")
    bench.add_argument("--quick", action="store_true", help="fewer steps of scaling: within five minutes")
    bench.add_argument("--only", choices=PARTS, action="append", help="this part alone (may be repeated)")
    bench.add_argument("--seed", type=int, help="of the frames; default: NICOSIM_SEED, else a new one, printed")


def _common(parser: argparse.ArgumentParser) -> None:
    default = HostConfig()
    sim = parser.add_argument_group("simulation")
    sim.add_argument("--seed", type=int, help="of every random choice; default: NICOSIM_SEED, else a new one, printed")
    sim.add_argument("--waves", action="store_true", help="write dump.fst (as WAVES=1 does): 4 to 7 times slower")
    sim.add_argument("--trace", action="store_true", help="write trace.json, for ui.perfetto.dev")
    sim.add_argument(
        "--time-scale", type=int, metavar="N",
        help=f"divide the driver's delays and timers by N (default {TIME_SCALE}; 1, so none, for a replay at captured"
        " speed where idle time is skipped: elsewhere its 2 s timer takes minutes)",
    )  # fmt: skip
    sim.add_argument(
        "--schedule", choices=SCHEDULES, default=DriverConfig().schedule,
        help="first where Linux gives no promise: whoever the seed says (random, default), or came first (fifo)",
    )  # fmt: skip
    sim.add_argument("--cpus", type=int, default=DriverConfig().cpus, metavar="N", help="1 to 8, default 1")
    known = SimConfig()
    sim.add_argument(
        "--host", choices=HOSTS, default=known.host,
        help="how the card's buses are reached: compiled models (native, default) or cocotbext-axi's (axi)",
    )  # fmt: skip
    sim.add_argument(
        "--wire", choices=WIRES, default=known.wire,
        help="how its wire is: compiled (native, default) or cocotbext-eth's (cocotbext)",
    )  # fmt: skip
    sim.add_argument(
        "--main", choices=MAINS, default=known.main,
        help="whose loop drives the clocks: ours (nicosim, default) or cocotb's, with neither native",
    )  # fmt: skip
    sim.add_argument("--no-leap", action="store_true", help="simulate idle time cycle by cycle instead of skipping it")
    host = parser.add_argument_group("host memory, as the card sees it")
    host.add_argument(
        "--latency-ns", type=int, default=default.latency_ns, metavar="NS",
        help="from a request to its first response (default %(default)s)",
    )  # fmt: skip
    host.add_argument(
        "--latency-spread-ns", type=int, default=0, metavar="NS", help="each request waits up to this much longer"
    )
    host.add_argument("--reorder", action="store_true", help="answer requests of different IDs in random order")
    host.add_argument(
        "--backpressure", type=float, default=0.0, metavar="SHARE", help="share of bus cycles to withhold, 0 to 0.9"
    )
    wire = parser.add_argument_group("wire and driver")
    wire.add_argument("--gap", type=int, default=12, metavar="BYTES", help="between frames to the card (default 12)")
    wire.add_argument("--mtu", type=int, default=JUMBO_MTU, help="of eth0 (default %(default)s)")
    wire.add_argument(
        "--rings", type=int, default=1024, metavar="N", help="descriptors per ring, 64 to 4096 (default %(default)s)"
    )
    wire.add_argument(
        "--interrupt-rate", type=int, default=3, metavar="N",
        help="the driver's InterruptThrottleRate: 3 adaptive (default), 0 no limit, else interrupts a second",
    )  # fmt: skip


def _time_scale(arguments: argparse.Namespace, sim: SimConfig) -> int:
    """A capture's own times may span hours: then the driver's timers are as rare as they are in reality, and the time
    between them costs nothing."""
    if arguments.time_scale is not None:
        return int(arguments.time_scale)
    captured = arguments.command == "replay" and arguments.speed == "captured"
    return 1 if captured and sim.compiled and sim.leap else TIME_SCALE


def _seed(seed: int | None) -> int:
    """Raises: ConfigError."""
    if seed is None:
        given = os.environ.get("NICOSIM_SEED", "")
        if given and not given.isdecimal():
            raise ConfigError(f"NICOSIM_SEED={given} is not a number")
        seed = int(given) if given else secrets.randbits(31)
    if not 0 <= seed < 1 << 31:
        raise ConfigError("seed must be 0 to 2147483647")
    return seed


def _config(arguments: argparse.Namespace) -> BenchConfig:
    """Raises: ConfigError."""
    sim = SimConfig(host=arguments.host, wire=arguments.wire, main=arguments.main, leap=not arguments.no_leap)
    return BenchConfig(
        seed=_seed(arguments.seed),
        host=HostConfig(
            memory_bytes=256 << 20,
            latency_ns=arguments.latency_ns,
            latency_spread_ns=arguments.latency_spread_ns,
            reorder=arguments.reorder,
            backpressure=arguments.backpressure,
        ),
        wire=WireConfig(gap_bytes=arguments.gap),
        sim=sim,
        driver=DriverConfig(
            rx_ring=arguments.rings, tx_ring=arguments.rings, mtu=arguments.mtu,
            time_scale=_time_scale(arguments, sim), interrupt_throttle=arguments.interrupt_rate,
            schedule=arguments.schedule, cpus=arguments.cpus,
        ),
        trace=arguments.trace,
    )


def _run_spec(arguments: argparse.Namespace) -> Spec:
    if arguments.no_capture:
        return Spec()
    return Spec(captures=(ReplayFile(str(CAPTURES / RUN_CAPTURE)),))


def _replay_spec(arguments: argparse.Namespace) -> Spec:
    """The file is read here too, so that a bad one is told before anything is built.

    Raises: CaptureError, _WrongInput.
    """
    path = arguments.file.resolve()
    capture = load_replay(path, raw=arguments.raw)
    if not capture.frames:
        refused = ", ".join(f"{count} {reason}" for reason, count in capture.refused.items())
        raise _WrongInput(f"{arguments.file}: no frame to send{f' ({refused})' if refused else ''}")
    return Spec(captures=(ReplayFile(str(path), arguments.speed, arguments.filter, arguments.raw),))


_SPECS: dict[str, Callable[[argparse.Namespace], Spec]] = {
    "run": _run_spec,
    "replay": _replay_spec,
}


def _bench(seed: int, arguments: argparse.Namespace) -> int:
    """Raises: BuildFailed."""
    parts = tuple(arguments.only or PARTS)
    folder = new_run_folder("bench")
    try:
        result = run_bench(
            seed, folder, quick=arguments.quick, parts=parts, say=lambda text: print(f"  {text}", file=sys.stderr)
        )
    except SimulationFailed as failed:
        print(failed, file=sys.stderr)
        return FAILED
    print(f"seed {seed}, artefacts {folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder}/")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def _simulate(command: str, config: BenchConfig, spec: Spec, waves: bool, repeat: str) -> int:
    design = bench_design(config)
    print("building the card (a minute the first time, nothing later)", file=sys.stderr)
    build(design)
    folder = new_run_folder(command)
    failure = ""
    with shown(folder, sys.stderr):
        try:
            launch(
                config, f"sim.jobs.{command}", folder,
                environment={SPEC_VARIABLE: spec.to_json()}, waves=True if waves else None,
            )  # fmt: skip
        except SimulationFailed as failed:
            failure = str(failed)
    summary = Summary.read(folder)
    if summary is None:
        Summary(command, config.seed, error="the simulator ended without a summary").write(folder)
        print(f"{failure}\n  repeat          {repeat}", file=sys.stderr)
        return FAILED
    if config.trace:
        write_picture(folder)
    print(report(summary, folder))
    if failure or summary.result != "passed":
        print(f"  repeat          {repeat}")
        return FAILED
    return 0


def _repeat(words: Sequence[str], seed: int) -> str:
    """The command that does the same again: of two seeds the last one counts."""
    return shlex.join(["nicosim", *words, "--seed", str(seed)])


def _checked(arguments: argparse.Namespace, words: Sequence[str]) -> Callable[[], int]:
    """What the command will do, its input looked at.

    Raises: ConfigError, CaptureError, _WrongInput.
    """
    if arguments.command == "bench":
        seed = _seed(arguments.seed)
        if arguments.json is not None and not arguments.json.parent.is_dir():
            raise _WrongInput(f"{arguments.json}: no such folder")
        if arguments.json is not None and arguments.json.is_dir():
            raise _WrongInput(f"{arguments.json} is a folder")
        return lambda: _bench(seed, arguments)
    config, spec = _config(arguments), _SPECS[arguments.command](arguments)
    return lambda: _simulate(arguments.command, config, spec, arguments.waves, _repeat(words, config.seed))


def main(argv: Sequence[str] | None = None) -> int:
    """The nicosim command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(words)
    try:
        do = _checked(arguments, words)
    except (ConfigError, CaptureError, _WrongInput) as wrong:
        print(f"nicosim: {wrong}", file=sys.stderr)
        return WRONG_INPUT
    # Being terminated ends the simulator too, as an interrupt from the keyboard does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return do()
    except (BuildFailed, OSError) as failed:
        print(f"nicosim: {failed}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nnicosim: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
