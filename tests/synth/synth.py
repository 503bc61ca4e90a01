# SPDX-License-Identifier: MIT
"""`python synth.py TOP OUT.json FILE...`: synthesise for Lattice ECP5, write the netlist as JSON.

Fails on latches and on nets with no or several drivers (`check -assert`).
"""

import sys

from pyosys import libyosys as ys

SCRIPT = """
read_slang --top {top} --keep-hierarchy {files}
chformal -remove
hierarchy -check -top {top}
proc
check -assert
select -assert-none t:$dlatch t:$adlatch t:$dlatchsr
synth_ecp5 -top {top} -json {out}
"""


def main(top: str, out: str, files: list[str]) -> None:
    design = ys.Design()
    for line in SCRIPT.format(top=top, out=out, files=" ".join(files)).strip().splitlines():
        ys.run_pass(line, design)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
