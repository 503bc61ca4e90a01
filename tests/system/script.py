# SPDX-License-Identifier: MIT
"""Scripts for driver and card, one step a line, and a small model of what must come of them.

    up / down                       ifup, ifdown
    send N L                        N frames of L bytes (without FCS) from the host, or as long as the MTU allows
    receive WHO N L                 N frames from the partner: to me, all (broadcast), other, or group 1 or 2
    mtu M                           promisc on / off       allmulti on / off       join G / leave G
    cable out / in                  the partner is silent without it
    reset                           the driver's own reset       reload  the driver is removed and loaded
    pull                            surprise removal; the card is put back, and the driver loaded again
    storm STEP                      a step that changes something, while frames go both ways (none without link)

The model knows nothing of rings, interrupts or registers. Whatever a script says is legal, in any state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

__all__ = ["GROUPS", "HEADER_BYTES", "STANDARD_MTU", "Model", "Observed", "judged", "scripts"]

FCS_BYTES, HEADER_BYTES, STANDARD_MTU, LONGEST_STANDARD_BYTES = 4, 14, 1500, 1518
GROUPS = ("1", "2")
# Of these the card forgets what is on its way, and the counts begin anew with another driver.
FORGETTING, RESTARTING = ("mtu", "reset", "down", "cable", "reload", "pull"), ("reload", "pull")
# What is seen after each step: name -> number; see Model.step.
Observed = Mapping[str, int]


@dataclass(slots=True)
class Model:
    """One device. Counts are of the present driver, from its probe on."""

    up: bool = False
    cable: bool = True
    mtu: int = STANDARD_MTU
    promisc: bool = False
    allmulti: bool = False
    groups: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "multicast"), 0)
    )

    def step(self, text: str) -> Observed:
        """What must be seen after it: frames `at_host` and `on_wire` by this step, `carrier`, and the counts so far."""
        word, *arguments = text.split()
        action: Callable[..., tuple[int, int] | None] = getattr(self, f"do_{word}")
        at_host, on_wire = action(*arguments) or (0, 0)
        return {"at_host": at_host, "on_wire": on_wire, "carrier": int(self.up and self.cable), **self.counts}

    def storm(self, text: str, seen: Observed) -> Observed:
        """`step`, with traffic meanwhile that nobody has counted: what was `seen` of it must agree with itself."""
        word, before, quiet = text.split()[0], dict(self.counts), not (self.up and self.cable)
        expected = dict(self.step(text))
        if quiet:
            return expected
        told = {"carrier": expected["carrier"], "multicast": expected["multicast"]}
        if word not in FORGETTING:
            told["rx_packets"] = before["rx_packets"] + seen["at_host"]
            told["tx_packets"] = before["tx_packets"] + seen["on_wire"]
        if word not in RESTARTING:
            self.counts |= {name: seen[name] for name in self.counts}
        return told

    # ------------------------------------------------------------------ frames
    def _count(self, way: str, frames: int, length: int) -> None:
        self.counts[f"{way}_packets"] += frames
        self.counts[f"{way}_bytes"] += frames * (length + FCS_BYTES)

    def do_send(self, frames: str, length: str) -> tuple[int, int]:
        if not (self.up and self.cable):
            return 0, 0
        self._count("tx", int(frames), min(int(length), self.mtu + HEADER_BYTES))
        return 0, int(frames)

    def do_receive(self, who: str, frames: str, length: str) -> tuple[int, int]:
        nbytes = int(length)
        if self.mtu > STANDARD_MTU:
            nbytes = min(nbytes, self.mtu + HEADER_BYTES)
        elif nbytes > LONGEST_STANDARD_BYTES:
            return 0, 0
        if not (self.up and self.cable and self.wants(who)):
            return 0, 0
        self._count("rx", int(frames), nbytes)
        self.counts["multicast"] += int(frames) * (who in GROUPS)
        return int(frames), 0

    def wants(self, who: str) -> bool:
        if who in GROUPS:
            return self.promisc or self.allmulti or who in self.groups
        return self.promisc or who != "other"

    # ------------------------------------------------------------------ state
    def do_storm(self, word: str, *arguments: str) -> tuple[int, int] | None:
        action: Callable[..., tuple[int, int] | None] = getattr(self, f"do_{word}")
        return action(*arguments)

    def do_up(self) -> None:
        self.up = True

    def do_down(self) -> None:
        self.up = False

    def do_mtu(self, mtu: str) -> None:
        self.mtu = int(mtu)

    def do_promisc(self, how: str) -> None:
        self.promisc = how == "on"

    def do_allmulti(self, how: str) -> None:
        self.allmulti = how == "on"

    def do_join(self, group: str) -> None:
        self.groups.add(group)

    def do_leave(self, group: str) -> None:
        self.groups.discard(group)

    def do_cable(self, how: str) -> None:
        self.cable = how == "in"

    def do_reset(self) -> None:
        pass

    def do_reload(self) -> None:
        cable = self.cable
        self.__init__()  # type: ignore[misc]
        self.cable = cable

    do_pull = do_reload


def judged(script: Sequence[str], observed: Sequence[Observed], model: Model) -> str | None:
    """The first step after which something else was observed than the model says; None: all is as it must be."""
    for number, (step, seen) in enumerate(zip(script, observed, strict=True), 1):
        word, _, rest = step.partition(" ")
        expected = model.storm(rest, seen) if word == "storm" else model.step(step)
        wrong = [f"{name} is {seen[name]}, not {expected[name]}" for name in expected if seen[name] != expected[name]]
        if wrong:
            return f"after step {number}, {step!r}: {', '.join(wrong)}"
    return None


# ------------------------------------------------------------------ random ones
_LENGTHS = st.sampled_from((60, 300, 1514, 1600, 5000))
_STEPS: Mapping[str, st.SearchStrategy[str]] = {
    "up": st.just("up"),
    "receive": st.builds(
        "receive {} {} {}".format, st.sampled_from(("me", "all", "other", *GROUPS)), st.integers(1, 70), _LENGTHS
    ),
    "send": st.builds("send {} {}".format, st.integers(1, 70), _LENGTHS),
    "down": st.just("down"),
    "promisc": st.sampled_from(("promisc on", "promisc off")),
    "allmulti": st.sampled_from(("allmulti on", "allmulti off")),
    "mtu": st.sampled_from(("mtu 9000", "mtu 1500", "mtu 4000")),
    "groups": st.builds("{} {}".format, st.sampled_from(("join", "join", "leave")), st.sampled_from(GROUPS)),
    "cable": st.sampled_from(("cable out", "cable in")),
    "reset": st.just("reset"),
    "reload": st.just("reload"),
    "pull": st.just("pull"),
}
_CHANGES = ("promisc", "allmulti", "mtu", "groups", "cable", "reset", "down", "reload", "pull")


def _steps(kind: str) -> st.SearchStrategy[str]:
    """Of a kind; what changes something now and then in a storm."""
    if kind not in _CHANGES:
        return _STEPS[kind]
    return st.builds("{}{}".format, st.sampled_from(("", "", "storm ")), _STEPS[kind])


def scripts_of(kinds: Sequence[str], most: int) -> st.SearchStrategy[list[str]]:
    """Scripts of these kinds of steps."""
    return st.lists(st.one_of(*(_steps(kind) for kind in kinds)), max_size=most)


@st.composite
def scripts(draw: st.DrawFn, most: int = 20) -> list[str]:
    """A script has a few kinds of steps only, so that what belongs together meets; frames to the card are one."""
    kinds = draw(st.lists(st.sampled_from(list(_STEPS)), min_size=3, max_size=6, unique=True))
    step = st.one_of(*(_steps(kind) for kind in dict.fromkeys(("up", "receive", *kinds))))
    return draw(st.lists(step, min_size=draw(st.integers(0, most)), max_size=most))
