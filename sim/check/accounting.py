# SPDX-License-Identifier: MIT
"""Where every frame went: sent = delivered + filtered + each counted error, or the run has failed.

Sent is what the wire model put on the wire, delivered what the host's stack was given, filtered what an independent
filter (sim/check/filter.py) says the card is not to pass; only the errors are the card's and the driver's own counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["RECEIVE_DROP_REGISTERS", "Account"]

# Statistics register -> what it means for the frame, in words fit for a table. Without RCTL.SBP
# each bad frame counts in exactly one; with it, one that is missed does in two.
RECEIVE_DROP_REGISTERS: Mapping[str, str] = {
    "crcerrs": "bad FCS",
    "rxerrc": "symbol error",
    "ruc": "undersize",
    "rfc": "fragment",
    "roc": "oversize",
    "rjc": "jabber",
    "mpc": "missed: no room in the card",
}


@dataclass(slots=True)
class Account:
    """One direction. drops: reason -> frames, only nonzero ones."""

    sent: int
    delivered: int
    filtered: int = 0
    drops: dict[str, int] = field(default_factory=dict)

    @property
    def unaccounted(self) -> int:
        """Frames that are nowhere (positive) or counted twice (negative)."""
        return self.sent - self.delivered - self.filtered - sum(self.drops.values())

    @property
    def closed(self) -> bool:
        return self.unaccounted == 0

    def __str__(self) -> str:
        parts = [f"{self.delivered} delivered"]
        parts += [f"{self.filtered} filtered"] if self.filtered else []
        parts += [f"{count} {reason}" for reason, count in self.drops.items()]
        parts += [f"{self.unaccounted} UNACCOUNTED"] if not self.closed else []
        return f"{self.sent} sent = " + " + ".join(parts)
