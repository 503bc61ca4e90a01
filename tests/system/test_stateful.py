# SPDX-License-Identifier: MIT
"""Random scripts on driver and card against a small model; one that fails is shrunk, and printed as text to repeat.

    NICOSIM_SCRIPT='up; receive me 1 60' make test ARGS='tests/system/test_stateful.py -k repeated'
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

from sim.config import BenchConfig, DriverConfig, HostConfig, SimConfig
from tests.system.driver_bugs import BUGS
from tests.system.helpers import AXI, NATIVE, on_any_cpus
from tests.system.script import Model, Observed, judged, scripts, scripts_of
from tests.system.script_player import Broken, Player

SCRIPT_VARIABLE, REPEAT = "NICOSIM_SCRIPT", "tests/system/test_stateful.py -k repeated"
Play = Callable[[list[str]], list[Observed]]


class ScriptFailed(AssertionError):
    """The shrunk script, as it can be repeated."""


def check(script: list[str], play: Play, bench_seed: int, model: Model | None = None) -> None:
    """Raises: ScriptFailed."""
    try:
        wrong = judged(script, play(script), model or Model())
    except Broken as broken:
        wrong = str(broken)
    if wrong:
        text = "; ".join(script)
        steps = "".join(f"    {step}\n" for step in script)
        repeat = f"NICOSIM_SEED={bench_seed} {SCRIPT_VARIABLE}='{text}' make test ARGS='{REPEAT}'"
        raise ScriptFailed(f"{wrong}\n  script\n{steps}  seed    {bench_seed}\n  repeat  {repeat}")


def hunt(
    play: Play, examples: int, bench_seed: int, among: SearchStrategy[list[str]], model: type[Model] = Model
) -> None:
    """Play random scripts. Raises: ScriptFailed, with the simplest script that fails."""

    @seed(bench_seed)
    @settings(
        max_examples=examples, deadline=None, database=None, report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink),
    )  # fmt: skip
    @given(among)
    def plays_right(script: list[str]) -> None:
        check(script, play, bench_seed, model())

    plays_right()


def config_of(sim: SimConfig, bench_seed: int) -> BenchConfig:
    host = HostConfig(memory_bytes=16 << 20, latency_ns=100, latency_spread_ns=300, reorder=True)
    driver = on_any_cpus(DriverConfig(time_scale=4000, rx_ring=64, tx_ring=64), bench_seed, "stateful")
    return BenchConfig(bench_seed, host=host, driver=driver, sim=sim)


@pytest.fixture
def player(request: pytest.FixtureRequest, tmp_path: Path, bench_seed: int) -> Iterator[Player]:
    playing = Player(config_of(getattr(request, "param", NATIVE), bench_seed), tmp_path)
    yield playing
    playing.close()


# ------------------------------------------------------------------ the real thing
def test_random_scripts(player: Player, bench_seed: int) -> None:
    hunt(player.play, 40, bench_seed, scripts(12))


@pytest.mark.parametrize("player", [AXI], ids=["axi"], indirect=True)
def test_random_scripts_on_the_reference_models(player: Player, bench_seed: int) -> None:
    hunt(player.play, 3, bench_seed, scripts(5))


@pytest.mark.skipif(SCRIPT_VARIABLE not in os.environ, reason=f"repeats the script that {SCRIPT_VARIABLE} holds")
def test_a_script_is_repeated(player: Player, bench_seed: int) -> None:
    script = [step.strip() for step in os.environ[SCRIPT_VARIABLE].split(";")]
    check(script, player.play, bench_seed)


def test_every_step_once(player: Player, bench_seed: int) -> None:
    script = [
        "up", "send 3 60", "receive me 3 300", "receive all 2 60", "receive other 2 60", "promisc on",
        "receive other 2 60", "promisc off", "receive 1 2 60", "join 1", "receive 1 2 60", "receive 2 2 60",
        "allmulti on", "receive 2 2 60", "allmulti off", "leave 1", "receive 1 2 60", "receive me 2 1600", "mtu 9000",
        "receive me 2 5000", "send 2 5000", "mtu 1500", "reset", "receive me 70 60", "send 70 1514", "cable out",
        "send 2 60", "receive me 2 60", "cable in", "send 2 60", "down", "receive me 2 60", "send 2 60", "up",
        "receive me 2 60", "reload", "up", "send 1 60", "pull", "up", "receive me 1 60",
        "storm promisc on", "storm promisc off", "storm join 2", "receive 2 2 60", "storm allmulti on", "storm leave 2",
        "storm mtu 9000", "receive me 2 5000", "storm reset", "send 2 5000", "storm cable out", "cable in", "send 1 60",
        "storm reload", "up", "storm down", "up", "storm pull", "up", "receive me 1 60",
    ]  # fmt: skip
    check(script, player.play, bench_seed)
    seen = player.play(script)
    assert sum(step["at_host"] for step in seen) > 80 and sum(step["on_wire"] for step in seen) > 75


# ------------------------------------------------------------------ the hunt finds bugs, and shrinks them
@dataclass(slots=True)
class Deaf(Model):
    """A card that receives nothing any more, once it was reset with a large MTU."""

    bad: bool = False

    def do_reset(self) -> None:
        self.bad = self.bad or self.mtu > 4000

    def do_receive(self, who: str, frames: str, length: str) -> tuple[int, int]:
        return (0, 0) if self.bad else Model.do_receive(self, who, frames, length)


@dataclass(slots=True)
class Forgetful(Model):
    """One that forgets its groups when the interface goes down."""

    def do_down(self) -> None:
        self.up = False
        self.groups.clear()


def play_on(model: type[Model]) -> Play:
    """A model in the place of driver and card."""

    def play(script: list[str]) -> list[Observed]:
        device = model()
        return [dict(device.step(step)) for step in script]

    return play


# The simplest script, and the kinds of steps to look among: which examples Hypothesis draws for a seed depends on
# the constants of every module that is loaded, so what is looked for must be likely.
SIMPLEST = {
    Forgetful: (["join 1", "down", "up", "receive 1 1 60"], ("up", "down", "groups", "receive")),
    Deaf: (["mtu 9000", "reset", "up", "receive me 1 60"], ("up", "mtu", "reset", "receive")),
}


@pytest.mark.parametrize("buggy", SIMPLEST, ids=lambda buggy: buggy.__name__)
def test_a_bug_is_found_and_shrunk(buggy: type[Model], bench_seed: int) -> None:
    simplest, kinds = SIMPLEST[buggy]
    with pytest.raises(ScriptFailed, match="at_host is 0, not") as failed:
        hunt(play_on(buggy), 2000, bench_seed, scripts_of(kinds, most=12))
    # Any order in which it happens, and either group, is as simple.
    assert sorted(step.replace("2", "1") for step in shown(failed.value)) == sorted(simplest)
    assert f"{SCRIPT_VARIABLE}='" in str(failed.value)


def shown(failure: ScriptFailed) -> list[str]:
    """The steps of the script that it shows."""
    return [step.strip() for step in str(failure).split("  script\n")[1].split("  seed")[0].splitlines()]


# What the hunt must come to with driver and card themselves, and what is seen to be wrong.
PLANTED = {
    "long_frames_are_refused": (["mtu", "receive", "up"], ("up", "mtu", "receive"), "at_host is 0, not 1"),
    "groups_are_not_counted": (["join", "receive", "up"], ("up", "groups", "receive"), "multicast is 0, not 1"),
    "buffers_are_taken_back_too_early": (["storm", "up"], ("up", "reset"), "dma-fault"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_of_the_driver_is_found_and_shrunk(bug: str, tmp_path: Path, bench_seed: int) -> None:
    simplest, kinds, wrong = PLANTED[bug]
    playing = Player(config_of(NATIVE, bench_seed), tmp_path, bug)
    with pytest.raises(ScriptFailed, match=wrong) as failed:
        hunt(playing.play, 200, bench_seed, scripts_of(kinds, most=8))
    playing.close()
    steps = shown(failed.value)
    words = sorted(step.split()[0] for step in steps)
    if "storm" in simplest:  # a race: the first storm may miss the moment, and is needed for the next to meet it
        assert sorted(set(words)) == simplest and len(words) <= 5
    else:
        assert words == simplest and " 1 " in " ".join(steps)


def test_no_bug_is_found_where_there_is_none() -> None:
    hunt(play_on(Model), 300, 1, scripts(20))


def test_a_wrong_model_is_found_out_by_driver_and_card(player: Player, bench_seed: int) -> None:
    """The other way round, with the real player: the device remembers what this model says it forgets."""
    check(["join 1", "up", "receive 1 1 60"], player.play, bench_seed, Forgetful())
    with pytest.raises(ScriptFailed, match=r"after step 4.*at_host is 1, not 0"):
        check(["join 1", "down", "up", "receive 1 1 60"], player.play, bench_seed, Forgetful())
