# SPDX-License-Identifier: MIT
# The card's sources in dependency order, relative to hdl/. Runner, lint, synthesis and tests read only this list.
# packages
pkg/nic_pkg.sv
# common
common/nic_fifo.sv
# mac
# dma
dma/nic_axi_pkg.sv
dma/nic_axi_bursts.sv
dma/nic_axi_track.sv
dma/nic_axi_realign.sv
dma/nic_axi_rd_check.sv
dma/nic_axi_rd.sv
dma/nic_axi_wdata.sv
dma/nic_axi_wr_check.sv
dma/nic_axi_wr.sv
# csr
# top
top/nic_top.sv
