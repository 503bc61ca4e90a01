# SPDX-License-Identifier: MIT
"""The statistics registers in Python: which counters a frame moves."""

from __future__ import annotations

from collections import Counter
from random import Random

SIZES = ((64, "64"), (127, "127"), (255, "255"), (511, "511"), (1023, "1023"))
RX_OUTCOMES = {
    "crc_err": "CRCERRS",
    "sym_err": "RXERRC",
    "undersize": "RUC",
    "fragment": "RFC",
    "oversize": "ROC",
    "jabber": "RJC",
    "missed": "MPC",
    "filtered": None,
    "good": "GPRC",
}

PAUSE_OCTETS = 64
ILLEGAL_LENGTH = {"RUC", "RFC", "ROC", "RJC"}


def size_class(octets: int) -> str:
    return next((name for limit, name in SIZES if octets <= limit), "1522")


class StatsModel:
    """Totals since the start, by register name; octet pairs as "GORC", "TOR", "GOTC", "TOT"."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def rx(self, outcome: str, octets: int, multicast: bool, broadcast: bool) -> None:
        self.counts.update({"TPR": 1, "TOR": octets})
        counter = RX_OUTCOMES[outcome]
        if counter:
            self.counts[counter] += 1
        if counter in ILLEGAL_LENGTH:
            self.counts["RLEC"] += 1
        if outcome == "good":
            self.counts["GORC"] += octets
            self.counts["PRC" + size_class(octets)] += 1
            self._cast("RC", multicast, broadcast)

    def tx(self, octets: int, multicast: bool, broadcast: bool) -> None:
        self.counts.update({"TPT": 1, "TOT": octets, "GPTC": 1, "GOTC": octets, "PTC" + size_class(octets): 1})
        self._cast("TC", multicast, broadcast)

    def tx_pause(self) -> None:
        """The card's own frame: in the totals only."""
        self.counts.update({"TPT": 1, "TOT": PAUSE_OCTETS})

    def _cast(self, direction: str, multicast: bool, broadcast: bool) -> None:
        if broadcast:
            self.counts["BP" + direction] += 1
        elif multicast:
            self.counts["MP" + direction] += 1


def random_octets(random: Random) -> int:
    edges = [n + d for n, _ in SIZES for d in (0, 1)]
    return random.choice((random.choice(edges), random.randrange(64, 1523), random.randrange(1523, 9235)))
