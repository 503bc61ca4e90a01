# SPDX-License-Identifier: MIT
"""Which tests a mutant has to survive, nearest and fastest first: the one table of it.

A stage is what pytest is told. A mutant goes through the stages of the longest fitting path in NEAREST, then through
those of its language in REST; the first test that fails ends it.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["NATIVE_ONLY", "NEAREST", "REST", "SYSTEM", "Stage", "stages"]

Stage = tuple[str, ...]

# The compiled models alone: the reference models tell the same and take ten times as long.
NATIVE_ONLY: Stage = ("-k", "not axi and not cocotbext and not reference_models")
# Of tests/system what reaches most of card and driver in the least time: a mutant that survives runs through all of it.
SYSTEM: Stage = (
    *(f"tests/system/test_{name}.py" for name in ("selftest", "filters", "moderation", "faults_host", "faults_driver")),
    *NATIVE_ONLY,
)  # fmt: skip

_TRAFFIC: Stage = ("tests/system/test_life.py", "tests/system/test_traffic.py", *NATIVE_ONLY)
_TOP: Stage = ("tests/hdl/top",)
_JUDGE: Stage = ("tests/judge/test_driver_trace.py", *NATIVE_ONLY)
# Only the proofs: that they kill mutants of their own is no verdict on ours.
_PROOF: Stage = ("tests/formal", "-k", "it_holds")
_UNIT: Stage = ("tests/unit/linux", "tests/unit/e1000e", "tests/unit/sim")
_AXI: Stage = ("tests/hdl/axi",)
_DMA: Stage = ("tests/hdl/dma",)
_MAC: Stage = ("tests/hdl/mac",)
_CSR: Stage = ("tests/hdl/csr",)

NEAREST: dict[str, tuple[Stage, ...]] = {
    "driver": (),
    "driver/e1000e": (("tests/unit/e1000e",),),
    "driver/linux": (("tests/unit/linux",),),
    "driver/linux/inet": (("tests/unit/linux/net",),),
    "driver/linux/net": (("tests/unit/linux/net",),),
    "hdl/common": (("tests/hdl/common",), _PROOF, _MAC, _DMA),
    "hdl/csr": (_CSR,),
    "hdl/csr/nic_intr": (("tests/hdl/csr/test_interrupts.py",), _PROOF, _CSR),
    "hdl/csr/nic_stats": (("tests/hdl/csr/test_stats.py",), _CSR),
    "hdl/csr/nic_nvm": (("tests/hdl/csr/test_nvm_phy.py",), _CSR),
    "hdl/csr/nic_phy": (("tests/hdl/csr/test_nvm_phy.py",), _CSR),
    "hdl/csr/nic_mdio": (("tests/hdl/csr/test_nvm_phy.py",), _CSR),
    "hdl/csr/nic_time": (("tests/hdl/csr/test_reset_time.py",), _PROOF, _CSR),
    "hdl/csr/nic_reset": (("tests/hdl/csr/test_reset_time.py",), _CSR),
    "hdl/dma": (_DMA,),
    "hdl/dma/nic_axi": (_AXI, _DMA),
    "hdl/dma/nic_axi_bursts": (_AXI, _PROOF, _DMA),
    "hdl/dma/nic_axi_rd": (("tests/hdl/axi/test_axi_rd.py",), _DMA),
    "hdl/dma/nic_axi_wr": (("tests/hdl/axi/test_axi_wr.py",), _DMA),
    "hdl/dma/nic_axi_wdata": (("tests/hdl/axi/test_axi_wr.py",), _DMA),
    "hdl/dma/nic_axi_realign": (("tests/hdl/axi/test_axi_rd.py",), _DMA),
    "hdl/dma/nic_desc_wb": (("tests/hdl/dma/test_desc_wb.py",), _DMA),
    "hdl/dma/nic_desc_fetch": (("tests/hdl/dma/test_desc_fetch.py",), _PROOF, _DMA),
    "hdl/mac": (_MAC,),
    "hdl/mac/nic_mac_loop": (("tests/hdl/mac/test_loopback.py",), _MAC),
    "hdl/mac/nic_mac_rx": (("tests/hdl/mac/test_nic_mac_rx.py",), _MAC),
    "hdl/mac/nic_mac_tx": (("tests/hdl/mac/test_nic_mac_tx.py",), _MAC),
    "hdl/mac/nic_rx": (("tests/hdl/mac/test_nic_rx_front.py",), _MAC),
    "hdl/pkg": (_CSR, _MAC, _DMA),
    "hdl/top": (),
}
REST: dict[str, tuple[Stage, ...]] = {"driver": (_UNIT, _TRAFFIC, SYSTEM), "hdl": (_TOP, _TRAFFIC, _JUDGE, SYSTEM)}


def stages(file: str, tree: Path) -> list[Stage]:
    """For a mutant of `file`, in order. A Python file's own test file, tests/unit/.../test_<name>.py, comes first."""
    near = NEAREST[max((path for path in NEAREST if file.startswith(path)), key=len)]
    own: list[Stage] = []
    if file.endswith(".py"):
        own = [(str(path.relative_to(tree)),) for path in (tree / "tests/unit").rglob(f"test_{Path(file).stem}.py")]
    return list(dict.fromkeys([*own, *near, *REST[file.split("/")[0]]]))
