# SPDX-License-Identifier: MIT
"""The NVM image."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.nvm import NVM_WORDS, nvm_image, parse_mac, write_nvm

MAC = parse_mac("00:1b:21:0a:8b:01")


def test_words_add_up_and_hold_the_address() -> None:
    words = nvm_image(MAC)
    assert len(words) == NVM_WORDS and sum(words[:64]) & 0xFFFF == 0xBABA
    assert words[:3] == [0x1B00, 0x0A21, 0x018B]


def test_a_change_keeps_the_sum_unless_it_is_the_sum() -> None:
    assert sum(nvm_image(MAC, {3: 0x1234})[:64]) & 0xFFFF == 0xBABA
    assert sum(nvm_image(MAC, {0x3F: 0})[:64]) & 0xFFFF != 0xBABA


def test_file_is_one_word_a_line(tmp_path: Path) -> None:
    write_nvm(tmp_path / "nvm.hex", nvm_image(MAC))
    lines = (tmp_path / "nvm.hex").read_text().splitlines()
    assert len(lines) == NVM_WORDS and lines[:2] == ["1b00", "0a21"] and lines[-1] == "ffff"


@pytest.mark.parametrize(
    "text", ["", "00:1b:21:0a:8b", "01:00:5e:00:00:01", "00:00:00:00:00:00", "0:1:2:3:4:5", "zz:1b:21:0a:8b:01"]
)
def test_bad_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|hexadecimal"):
        parse_mac(text)
