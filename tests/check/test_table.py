# SPDX-License-Identifier: MIT
"""What the checkers check is told: every rule of each is in sim/README.md, and no other."""

from __future__ import annotations

import re

import pytest

from sim.runner import ROOT
from tests.check.pins import rules


@pytest.mark.parametrize("checker", ["axi4_checker", "axi4_lite_checker", "xgmii_checker"])
def test_every_rule_is_told_and_no_other(checker: str) -> None:
    text = (ROOT / "sim" / "README.md").read_text()
    table = text[text.index(f"`{checker}`, ") :].split("\n\n")[1]
    told = {
        rule.replace("xx_", f"{channel}_").replace("x_", f"{channel}_")
        for line in table.splitlines()[2:]
        for rule in re.findall(r"`(\w+)`", line.split("|")[1])
        for channel in re.findall(r"\w+", line.split("|")[2])
    }
    assert told == set(rules(checker))
