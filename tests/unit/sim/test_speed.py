# SPDX-License-Identifier: MIT
import json

from sim.observe.speed import medians, speed_table

WHAT = {"host": "axi", "wire": "cocotbext", "main": "cocotb"}
UNITS = ("frames_per_s", "cycles_per_s", "us_per_frame", "hardware_frames_per_s")


def one(size, speed):
    return WHAT | {"size": size, "direction": "tx"} | dict.fromkeys(UNITS, speed)


def test_each_cell_is_the_median_of_its_own_rounds(tmp_path):
    rounds = tmp_path / "rounds.json"
    rounds.write_text(json.dumps([one(64, 5), one(1518, 1), one(64, 7), one(1518, 2), one(64, 100), one(1518, 9)]))
    assert medians(rounds) == [one(64, 7), one(1518, 2)]


def test_the_table_has_a_line_for_each_cell():
    lines = speed_table([one(64, 7_000_000), one(1518, 2)]).splitlines()
    assert [line.split()[0] for line in lines] == ["bytes", "64", "1518"]
    assert lines[1].split()[-1] == "7.000"
