# SPDX-License-Identifier: MIT
"""Every proof holds, is not empty, and kills its mutants."""

from dataclasses import replace

import pytest

from tests.formal.formal import Mutant, Proof, check

FIFO, FIFO_ASYNC = "common/nic_fifo.sv", "common/nic_fifo_async.sv"
PKG, REGS, CSR_PKG, AXI_PKG = "pkg/nic_pkg.sv", "csr/gen/nic_regs_pkg.sv", "csr/nic_csr_pkg.sv", "dma/nic_axi_pkg.sv"
TIME, INTR, DELAY, BURSTS = "csr/nic_time.sv", "csr/nic_intr.sv", "csr/nic_intr_delay.sv", "dma/nic_axi_bursts.sv"
FETCH, WRITE_BACK = "dma/nic_desc_fetch.sv", "dma/nic_desc_wb.sv"

FIFO_FLAG_MUTANTS = (
    Mutant(FIFO, "level_q + 1'b1 : level_q - 1'b1;\n      some_q", "level_q + 1'b1 : level_q;\n      some_q"),
    Mutant(FIFO, "push       = in_valid_i && in_ready_o", "push       = in_valid_i"),
    Mutant(FIFO, "pop || level_q != LevelBits'(Depth - 1)", "pop || level_q != LevelBits'(Depth - 2)"),
)
FIFO_SOME_MUTANT = Mutant(FIFO, "some_q  <= push || level_q != LevelBits'(1)", "some_q  <= push || level_q != '0")
FIFO_OUT_MUTANTS = (
    *FIFO_FLAG_MUTANTS,
    Mutant(FIFO, "push || stored_q != LevelBits'(1)", "push || stored_q != LevelBits'(2)"),
    Mutant(FIFO, "valid_q[0] <= fetch", "valid_q[0] <= fetch || valid_q[0]"),
    Mutant(FIFO, "!(&valid_q[OutRegisters-1:i]) || out_ready_i", "!(&valid_q[OutRegisters-1:i])"),
)
PROOFS = (
    Proof("fifo", "fv_fifo", (FIFO,), mode="prove", depth=0, reach=16, mutants=(
        *FIFO_FLAG_MUTANTS,
        FIFO_SOME_MUTANT,
        Mutant(FIFO, "a == addr_t'(Depth - 1) ? '0", "a == addr_t'(Depth - 2) ? '0"),
        Mutant(FIFO, "fetch       = pop;", "fetch       = out_ready_i;"),
    )),
    Proof("fifo-registers", "fv_fifo", (FIFO,), mode="prove", depth=0, reach=16, parameters="-G Depth=2", mutants=(
        *FIFO_FLAG_MUTANTS,
        FIFO_SOME_MUTANT,
        Mutant(FIFO, "if (!some_q || pop) first_q", "if (!some_q) first_q"),
        Mutant(FIFO, "room_q ? in_data_i : second_q", "in_data_i"),
        Mutant(FIFO, "if (push) second_q", "if (in_valid_i) second_q"),
    )),
    Proof("fifo-one-register", "fv_fifo", (FIFO,), mode="prove", depth=0, reach=16,
        parameters="-G Depth=5 -G OutRegisters=1", mutants=(
            *FIFO_OUT_MUTANTS,
            Mutant(FIFO, "a == addr_t'(Depth - 1) ? '0", "a == addr_t'(Depth - 3) ? '0"),
        )),
    Proof("fifo-two-registers", "fv_fifo", (FIFO,), mode="prove", depth=0, reach=16,
        parameters="-G Depth=5 -G OutRegisters=2", mutants=(
            *FIFO_OUT_MUTANTS,
            Mutant(FIFO, "a == addr_t'(Depth - 1) ? '0", "a == addr_t'(Depth - 4) ? '0"),
            Mutant(FIFO, "if (go[i]) data_q[i] <= data_q[i-1]", "data_q[i] <= data_q[i-1]"),
            Mutant(FIFO, "if (go[i]) valid_q[i] <= valid_q[i-1]", "if (go[i]) valid_q[i] <= go[0]"),
        )),
    Proof("fifo-async", "fv_fifo_async", ("fv_sync.sv", FIFO_ASYNC), mode="bmc", depth=31, reach=31, multiclock=True,
        mutants=(
        Mutant(FIFO_ASYNC, "return binary ^ (binary >> 1);", "return binary;"),
        Mutant(FIFO_ASYNC, "wr_at_full = rd_in_q ^ ptr_t'(Depth)", "wr_at_full = rd_in_q ^ ptr_t'(Depth + 1)"),
        Mutant(FIFO_ASYNC, "(in_push ? wr_next : wr_q) != wr_at_full", "wr_q != wr_at_full"),
        Mutant(FIFO_ASYNC, "wr_gray_out != fetched_gray_q", "wr_gray_out[AddrBits:1] != fetched_gray_q[AddrBits:1]"),
        Mutant(FIFO_ASYNC, "&& (!full_q || out_ready_i)", "&& 1'b1"),
        Mutant(FIFO_ASYNC, "rd_gray_q <= fetched_gray_q", "rd_gray_q <= to_gray(fetched_next)"),
        Mutant(FIFO_ASYNC, "full_q <= fetch || (full_q && !out_ready_i)", "full_q <= fetch || full_q"),
    )),
    Proof("arbiter", "fv_arbiter", (PKG, AXI_PKG, BURSTS), mode="bmc", depth=9, reach=9, mutants=(
        Mutant(BURSTS, "(Clients'(2) << served)", "(Clients'(1) << served)"),
        Mutant(BURSTS, "(lasts & taken)", "taken"),
        Mutant(BURSTS, "whole.bytes - 16'(gone)", "whole.bytes - 16'(gone) + 1'b1"),
    )),
    Proof("ring", "fv_ring", (PKG, FIFO, FETCH), mode="bmc", depth=14, reach=14, mutants=(
        Mutant(FETCH, "{1'b0, count} ? '0 : sum[15:0]", "{1'b0, count} ? 16'd1 : sum[15:0]"),
        Mutant(FETCH, "wrapped ? ring_i.count :", "wrapped ? ring_i.count + 16'd1 :"),
        Mutant(FETCH, "assign wrapped    = ring_i.tail < next_q", "assign wrapped    = ring_i.tail <= next_q"),
        Mutant(FETCH, "held_q + want_q <= count_t'(Depth)", "held_q + want_q <= count_t'(Depth + 1)"),
    )),
    Proof("write-back", "fv_write_back", (PKG, FIFO, WRITE_BACK), mode="bmc", depth=15, reach=15, mutants=(
        Mutant(WRITE_BACK, "if (accept && count_q == '0) first_q", "if (accept) first_q"),
        Mutant(WRITE_BACK, "17'd1 : {1'b0, next_q}) >=", "17'd1 : {1'b0, next_q}) >"),
        Mutant(WRITE_BACK, "done_i && !done_err_i && !failed_q", "done_i && !done_err_i"),
        Mutant(WRITE_BACK, "cause_q <= cause_q | in_cause_i", "cause_q <= in_cause_i"),
        Mutant(WRITE_BACK, "(!order.write || done_q != '0)", "1'b1"),
        Mutant(WRITE_BACK, "head_next >= {1'b0, count_i} ? '0", "head_next > {1'b0, count_i} ? '0"),
        Mutant(WRITE_BACK, "close = close_q && !stop_i", "close = close_q"),
        Mutant(WRITE_BACK, "close_q <= open_q && issue_free", "close_q <= open_q"),
        Mutant(WRITE_BACK, "|| age_q == AgeBits'(WindowCycles) ||", "||"),
    )),
    Proof("interrupt-delay", "fv_intr_delay", (REGS, CSR_PKG, TIME, DELAY), mode="induction", depth=3, reach=9,
        mutants=(
        Mutant(DELAY, "if (!packet_q.valid) absolute_q", "absolute_q"),
        Mutant(DELAY, "(packet_q.valid || event_i) && (flush", "packet_q.valid && (flush"),
        Mutant(DELAY, "absolute_expired_i || urgent_i", "absolute_expired_i"),
        Mutant(TIME, "now_q >= deadline_i[i].at", "now_q > deadline_i[i].at"),
        Mutant(TIME, "if (deadline_i[i].at < deadline_o)", "if (deadline_i[i].at > deadline_o)"),
    )),
    Proof("interrupt", "fv_intr", (REGS, CSR_PKG, TIME, INTR), mode="bmc", depth=9, reach=9, mutants=(
        Mutant(INTR, "icr_d = kept | set", "icr_d = (icr_q | set) & ~clear"),
        Mutant(INTR, "if (icr_wr) clear = req_i.wdata;", "if (icr_wr) clear = '1;"),
        Mutant(INTR, "      && !hold_q.valid;", ";"),
        Mutant(INTR, "(cycles_of_256ns(itr_q)) - 64'd1", "(cycles_of_256ns(itr_q))"),
        Mutant(INTR, "(cycles_of_256ns(itr_q)) - 64'd1", "(cycles_of_256ns(itr_q)) - 64'd2"),
        Mutant(INTR, "else if (throttle_expired_i) hold_q.valid <= 1'b0;", ""),
        Mutant(INTR, "(asserted_q || ims_q == '0)", "1'b1"),
    )),
)  # fmt: skip


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_it_holds(proof, tmp_path):
    verdict, said = check(proof, proof.mode, tmp_path)
    assert verdict == "PASS", said


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.name)
def test_it_is_not_empty(proof, tmp_path):
    verdict, said = check(proof, "cover", tmp_path)
    assert verdict == "PASS", said


@pytest.mark.parametrize(
    ("proof", "mutant"),
    [pytest.param(p, m, id=f"{p.name}-{i}") for p in PROOFS for i, m in enumerate(p.mutants)],
)
def test_it_kills_the_mutant(proof, mutant, tmp_path):
    verdict, said = check(proof, "bmc", tmp_path, mutant)
    assert verdict == "FAIL", said


def test_no_bounded_proof_is_shallower_than_its_covers_and_mutants():
    bounded = [proof for proof in PROOFS if proof.mode == "bmc"]
    assert bounded and all(p.steps("bmc", True) == p.steps("bmc", False) >= p.steps("cover", False) for p in bounded)
    with pytest.raises(AssertionError, match="not proven as deep"):
        replace(bounded[0], depth=bounded[0].reach - 1)
