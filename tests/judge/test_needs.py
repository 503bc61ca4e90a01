# SPDX-License-Identifier: MIT
"""What the recordings need and the card lacks is what hdl/README.md says, no more and no less."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from sim.runner import ROOT
from tests.judge.needs import HARMLESS, NEEDS, kept_registers, missing_registers
from tests.judge.scenes import card_registers, kept_by_the_card
from tests.judge.trace import ADMIN, DRIVER, SELFTEST, Op, parse

_HEADING = "## What the stock driver's recordings need and this card lacks"
_OPS = [item for name in (DRIVER, SELFTEST, *ADMIN.values()) for item in parse(name) if isinstance(item, Op)]


def listed() -> list[str]:
    """The first column of the table."""
    section = (ROOT / "hdl" / "README.md").read_text().split(_HEADING)[1].split("\n## ")[0]
    return [row.split("|")[1].strip() for row in section.splitlines() if re.match(r"\| (?!what|-)", row)]


def test_the_list_is_complete() -> None:
    registers = {f"{offset:#07x}" for offset in missing_registers(_OPS, card_registers())}
    assert set(listed()) == set(NEEDS) | registers


@pytest.mark.parametrize("need", NEEDS)
def test_the_driver_asks_for_it(need: str) -> None:
    assert any(NEEDS[need](op) for op in _OPS)


def test_every_register_that_the_driver_was_seen_to_touch_is_known() -> None:
    text = gzip.decompress((Path(__file__).parent / "data" / "e1000e-registers-touched.txt.gz").read_bytes()).decode()
    touched = {int(line.split()[0], 16) for line in text.splitlines() if not line.startswith("#")}
    assert len(touched) == 462
    assert touched - card_registers() == set()


def test_a_missing_register_is_found() -> None:
    known = card_registers()
    assert {0xFC} == missing_registers(_OPS, known)
    assert {0xFC, 0x100} == missing_registers(_OPS, known - {0x100})


def test_what_is_written_and_only_kept_is_in_the_list_or_harmless() -> None:
    """A need that nobody thought of: its registers are written, and nothing comes of it."""
    named = {word for row in listed() for word in re.findall(r"\w+", row)}
    kept = kept_registers(_OPS, kept_by_the_card())
    assert kept - named - set(HARMLESS) == set()
    assert set(HARMLESS) <= kept - named  # nothing is excused that needs no excuse


def test_a_kept_register_is_found() -> None:
    kept = kept_registers(_OPS, kept_by_the_card())
    assert {"RXDCTL", "TXDCTL", "VET", "RSSRK", "TXDCTL1"} <= kept  # out of the CSR store and out of the ring's own
    assert not {"RCTL", "TDT", "ITR", "LEDCTL"} & kept  # what works, and what is kept but never written
    assert kept_registers(_OPS, kept_by_the_card() | {0x100: "RCTL"}) == kept | {"RCTL"}
