/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause OR Apache-2.0) */
/* The frame that is measured, and where in it a flow's number stands. Shared with mutate.bpf.c. */
#ifndef SESSTAP_BENCH_MUTATE_H
#define SESSTAP_BENCH_MUTATE_H

#include "wire.h"

#define MUTATE_PORT_BITS 12
#define MUTATE_SRC_PORT  10000
#define MUTATE_SRC_ADDR  0x0a010000 /* 10.1.0.0 and up */
#define MUTATE_DST_ADDR  0x0a000002
#define MUTATE_DST_PORT  80
#define MUTATE_FRAME     128 /* bytes, as a link without preamble and checksum counts */
#define MUTATE_PAYLOAD   (MUTATE_FRAME - (int)sizeof(struct frame))

struct frame {
    struct eth_hdr eth;
    struct ipv4_hdr ip;
    struct tcp_hdr tcp;
    __u8 options[12]; /* timestamps, as nearly every segment has them */
} WIRE;

#endif
