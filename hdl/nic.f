# SPDX-License-Identifier: MIT
# The card's sources in dependency order, relative to hdl/. Runner, lint, synthesis and tests read only this list.
# packages
csr/gen/nic_regs_pkg.sv
pkg/nic_pkg.sv
# common
common/nic_fifo.sv
common/nic_sync.sv
common/nic_rst_sync.sv
common/nic_fifo_async.sv
# mac
mac/nic_crc32_pkg.sv
mac/nic_xgmii_pkg.sv
mac/nic_mac_tx_fcs.sv
mac/nic_mac_tx_xgmii.sv
mac/nic_mac_tx.sv
mac/nic_mac_loop.sv
mac/nic_mac_rx_xgmii.sv
mac/nic_mac_rx.sv
mac/nic_mac.sv
mac/nic_rx_filter.sv
mac/nic_rx_control.sv
mac/nic_flow.sv
mac/nic_rx_front.sv
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
dma/nic_dma_pkg.sv
dma/nic_desc_fetch.sv
dma/nic_desc_wb.sv
dma/nic_rx_buf.sv
dma/nic_tx_buf.sv
dma/nic_dma_rx.sv
dma/nic_dma_tx.sv
dma/nic_dma.sv
# csr
csr/nic_csr_pkg.sv
csr/nic_time.sv
csr/nic_reset.sv
csr/nic_intr.sv
csr/nic_intr_delay.sv
csr/nic_nvm.sv
csr/nic_mdio.sv
csr/nic_phy.sv
csr/nic_stats_bank.sv
csr/nic_stats_octets.sv
csr/nic_stats_total.sv
csr/nic_stats.sv
csr/nic_csr_axil.sv
csr/nic_csr_dev.sv
csr/nic_csr_queue.sv
csr/nic_csr_flow.sv
csr/nic_csr_addr.sv
csr/nic_csr_store.sv
csr/nic_csr.sv
# top
top/nic_top.sv
