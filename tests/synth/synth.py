# SPDX-License-Identifier: MIT
"""`python synth.py TOP OUT.json FILE...`: synthesise for Xilinx 7-series up to LUT mapping, write what came out.

The JSON holds, for the flattened design: cells by type, the memory blocks inferred, and what must not be there
(latches, undriven or multiply driven nets as `check` counts them).
"""

import sys

from pyosys import libyosys as ys

SCRIPT = """
read_slang --top {top} --keep-hierarchy {files}
chformal -remove
hierarchy -check -top {top}
proc
check -assert
"""


def main(top: str, out: str, files: list[str]) -> None:
    design = ys.Design()
    for line in SCRIPT.format(top=top, files=" ".join(files)).strip().splitlines():
        ys.run_pass(line, design)
    ys.run_pass("select -assert-none t:$dlatch t:$adlatch t:$dlatchsr", design)
    ys.run_pass(f"synth_xilinx -family xc7 -noiopad -noclkbuf -top {top} -run begin:map_cells", design)
    ys.run_pass(f"tee -q -o {out} stat -json", design)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
