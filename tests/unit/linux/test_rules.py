# SPDX-License-Identifier: MIT
"""Every rule that the kernel raises is in the table of driver/README.md, and the table has no others."""

from __future__ import annotations

import re
from pathlib import Path

DRIVER = Path(__file__).parents[3] / "driver"
RAISED = re.compile(r'(?:violation|Violation|skb_bug)\(\s*(?:\w+, )?"([a-z]+(?:-[a-z]+)+|livelock)"')


def test_the_table_of_rules_is_complete() -> None:
    raised = {rule for file in DRIVER.glob("linux/**/*.py") for rule in RAISED.findall(file.read_text())}
    assert len(raised) > 50
    table = (DRIVER / "README.md").read_text().split("| rule | broken by |")[1].split("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| ")]
    assert {rule.strip() for row in rows for rule in row.split(",")} == raised


def test_every_drop_reason_is_used() -> None:
    text = "".join(file.read_text() for file in DRIVER.glob("linux/**/*.py"))
    reasons = re.findall(r"^    ([A-Z_]+) = ", (DRIVER / "linux/skb_drop_reason.py").read_text(), re.MULTILINE)
    assert len(reasons) > 10
    assert [reason for reason in reasons if f"SkbDropReason.{reason}" not in text] == []
