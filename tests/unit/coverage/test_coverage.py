# SPDX-License-Identifier: MIT
"""Counts add up, holes are named, assertions do not count, and bins say what software saw."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from sim.observe.bins import ANSWERS, Bins, moderation, ring_state, size_class
from sim.wire import Frame
from tests.coverage.points import lcov, read
from tests.coverage.tables import bin_pairs, bin_products, bins_table, python_rows, rtl_rows, sums, table

RTL = """module m;
  always_ff @(posedge clk) begin
    if (a) b <= 1;
    c <= d;
  end
  // ------ promises
  always_ff @(posedge clk) if (e) $error("no");
endmodule
"""


def point(file: Path, kind: str, line: int, column: int, way: str, lines: str, place: str, count: int) -> str:
    values = {"f": file, "l": line, "n": column, "t": kind, "page": f"v_{kind}/m", "o": way, "S": lines, "h": place}
    return "C '" + "".join(f"\x01{name}\x02{value}" for name, value in values.items() if value != "") + f"' {count}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("hdl/m.sv", "hdl/m_check.sv", "hdl/csr/gen/g.sv", "sim/s.sv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(RTL)
    return tmp_path


def counts(tree: Path, name: str, taken: int) -> Path:
    file = tree / "hdl/m.sv"
    others = [tree / other for other in ("hdl/m_check.sv", "hdl/csr/gen/g.sv", "sim/s.sv")]
    text = "# SystemC::Coverage-3\n"
    for place in ("top.u_a", "top.u_b"):
        text += point(file, "line", 2, 3, "block", "2,4", place, 5)
        text += point(file, "branch", 3, 5, "if", "3", place, taken)
        text += point(file, "branch", 3, 6, "else", "", place, 5 - taken)
        text += point(file, "branch", 7, 5, "if", "7", place, 0)
    text += "".join(point(other, "line", 2, 3, "block", "2", "top", 0) for other in others)
    (tree / name).write_text(text)
    return tree / name


def test_counts_add_up_over_instances_and_runs(tree: Path) -> None:
    files = read([counts(tree, "a.dat", 0), counts(tree, "b.dat", 2)], tree)
    assert list(files) == ["hdl/m.sv"]  # nothing else is the card's own text
    cover = files["hdl/m.sv"]
    assert cover.lines == {2: 20, 4: 20, 3: 4}
    assert cover.branches == {(3, 5, "if"): 4, (3, 6, "else"): 16}


def test_holes_are_named(tree: Path) -> None:
    rows = rtl_rows(read([counts(tree, "a.dat", 0)], tree), tree)
    assert rows == [("hdl/m.sv", 2, 3, 1, 2, ["3: if (a) b <= 1;"])]
    assert sums(rows * 2) == (4, 6, 2, 4) and sums([]) == (0, 0, 0, 0)
    text = table("RTL", rows)
    assert "2/3" in text and "66.7" in text and "50.0" in text and "3: if (a) b <= 1;" in text


def test_a_branch_that_is_never_taken_is_a_hole_of_a_line_that_is_reached(tree: Path) -> None:
    assert rtl_rows(read([counts(tree, "a.dat", 5)], tree), tree)[0][5] == ["3: never else: if (a) b <= 1;"]


def test_a_branch_that_only_returns_cannot_be_counted(tree: Path) -> None:
    (tree / "hdl/m.sv").write_text(RTL.replace("if (a) b <= 1;", "if (a) return 3'd1;"))
    cover = read([counts(tree, "a.dat", 0)], tree)["hdl/m.sv"]
    assert cover.line_holes == [] and cover.branches == {(3, 6, "else"): 10}


def test_lcov(tree: Path) -> None:
    text = lcov(read([counts(tree, "a.dat", 0)], tree), tree)
    assert f"SF:{tree}/hdl/m.sv\n" in text and "DA:3,0\n" in text and "DA:2,10\n" in text
    assert "BRDA:3,0,0,-\n" in text and "BRDA:3,0,1,10\n" in text and "LF:3\nLH:2\nend_of_record\n" in text


def test_python_holes() -> None:
    summary = {"covered_lines": 6, "num_statements": 9, "covered_branches": 1, "num_branches": 3}
    missing = {"missing_lines": [4, 5, 9], "missing_branches": [[3, -1], [5, 7]]}
    report = {"files": {"driver/x.py": {"summary": summary, **missing}}}
    assert python_rows(report) == [("driver/x.py", 6, 9, 1, 3, ["4-5", "9", "3->end"])]


# ---------------------------------------------------------------------- bins
@pytest.mark.parametrize(
    ("nbytes", "name"),
    [(63, "runt"), (64, "64"), (65, "65-127"), (1518, "1024-1522"), (1523, "jumbo"), (9234, "jumbo"), (9235, "giant")],
)
def test_sizes(nbytes: int, name: str) -> None:
    assert size_class(nbytes) == name


@pytest.mark.parametrize(
    ("held", "first", "state"),
    [(0, 5, "empty"), (8, 5, "low"), (9, 0, "part"), (30, 34, "part"), (30, 35, "wrapped"), (55, 0, "full")],
)
def test_rings(held: int, first: int, state: str) -> None:
    assert ring_state(64, held, first) == state


def test_moderation() -> None:
    assert [moderation(setting) for setting in (0, 1, 3, 8000)] == ["off", "adaptive", "adaptive", "fixed"]


class OneWire:
    """Whoever listens hears what `send` is told."""

    def __init__(self) -> None:
        self.send = self.receive = lambda *_: None

    def on_sent(self, listener) -> None:
        self.send = listener

    def on_received(self, listener) -> None:
        self.receive = listener


@pytest.fixture
def bench() -> SimpleNamespace:
    """As much of a bench as bins look at: nothing is wrong with it."""
    rings = {
        name: SimpleNamespace(count=64, next_to_use=use, next_to_clean=0) for name, use in (("rx", 40), ("tx", 0))
    }  # fmt: skip
    device = SimpleNamespace(carrier_off=False)
    adapter = SimpleNamespace(
        rx_ring=rings["rx"], tx_ring=rings["tx"], itr_setting=3, params=SimpleNamespace(RxIntDelay=32), resetting=False,
        down=False, netdev=device, alloc_rx_buff_failed=0, rx_dma_failed=0, tx_dma_failed=0,
    )  # fmt: skip
    device.priv = adapter
    host = SimpleNamespace(trouble="", dma=SimpleNamespace(faults=0))
    sent: list[bytes] = []
    books = SimpleNamespace(device=device, receive=SimpleNamespace(outstanding=0), host_sent=sent.append, sent=sent)
    return SimpleNamespace(wire=OneWire(), host=host, books=books, adapter=adapter)


def faults(bins: Bins) -> list[str]:
    return [place[5] for place in bins.counts]


def test_a_frame_is_counted_by_what_software_saw(bench: SimpleNamespace) -> None:
    bins = Bins(bench)
    bench.wire.send(Frame(bytes(60)), 0)
    bench.books.receive.outstanding = 40
    bench.wire.send(Frame(bytes(1514)), 0)
    bins.host_sent(bytes(20))
    assert bins.counts == {
        ("rx", "64", "part", "adaptive", "on", "none"): 1,
        ("rx", "1024-1522", "empty", "adaptive", "on", "none"): 1,
        ("tx", "64", "empty", "adaptive", "on", "none"): 1,
    }
    assert bench.books.sent == [bytes(20)]  # the books hear of it all the same


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (Frame(bytes(60), bad_fcs=True), "bad FCS"),
        (Frame(bytes(60), error_at=3), "symbol error"),
        (Frame(bytes(60), truncated=True), "truncated"),
    ],
)
def test_what_is_wrong_with_a_frame(bench: SimpleNamespace, frame: Frame, fault: str) -> None:
    bins = Bins(bench)
    bench.wire.send(frame, 0)
    assert faults(bins) == [fault]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda bench: setattr(bench.host, "trouble", "unplugged"), "unplugged"),
        (lambda bench: setattr(bench.adapter, "resetting", True), "reset"),
        (lambda bench: setattr(bench.adapter, "down", True), "interface down"),
        (lambda bench: setattr(bench.adapter.netdev, "carrier_off", True), "no link"),
        (lambda bench: setattr(bench.adapter, "alloc_rx_buff_failed", 1), "no memory"),
        (lambda bench: setattr(bench.adapter, "rx_dma_failed", 1), "no mapping"),
        (lambda bench: setattr(bench.adapter, "tx_dma_failed", 1), "no mapping"),
        (lambda bench: setattr(bench.host.dma, "faults", 1), "DMA refused"),
    ],
)
def test_what_is_wrong_around_a_frame(bench: SimpleNamespace, change, fault: str) -> None:
    bins = Bins(bench)
    change(bench)
    bench.wire.send(Frame(bytes(60)), 0)
    assert faults(bins) == [fault] and fault in ANSWERS["fault"]


def test_bins_of_many_simulations_add_up(bench: SimpleNamespace, tmp_path: Path) -> None:
    for _ in range(2):
        bins = Bins(bench)
        bench.wire.send(Frame(bytes(60)), 0)
        bins.write(tmp_path)
    told = [json.loads(path.read_text()) for path in tmp_path.glob("bins-*.json")]
    assert told == [[["rx", "64", "part", "adaptive", "on", "none", 1]]] * 2


def test_pairs_that_never_met_are_named() -> None:
    counts = {("rx", "64", "full", "off", "on", "none"): 3}
    met, possible, holes = bin_pairs(counts)
    assert met == 15 and len(holes) == possible - 15
    assert "direction tx with ring full" in holes and "direction rx with ring full" not in holes
    assert not any("direction tx" in hole and "runt" in hole for hole in holes)
    assert "3 frames in 1 different bins" in bins_table(counts)


def test_the_whole_product_counts_both_directions_as_one() -> None:
    counts = {
        ("rx", "64", "full", "off", "on", "none"): 3,
        ("tx", "64", "full", "off", "on", "none"): 1,
        ("tx", "64", "full", "off", "off", "none"): 1,
        ("tx", "64", "full", "fixed", "off", "none"): 0,
    }
    assert bin_products(counts) == (2, 9 * 5 * 3 * 2 * 14)
    assert "2 of 3780" in bins_table(counts)
