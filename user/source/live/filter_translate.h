/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet filters from classic BPF, which libpcap compiles to, to the eBPF of the kernel programs. Pure:
 * instructions in, instructions out.
 */
#ifndef SESSTAP_FILTER_TRANSLATE_H
#define SESSTAP_FILTER_TRANSLATE_H

#include <linux/bpf.h>
#include <stddef.h>

#include "source/live/filter_code.h"

/* The same filter for frames with an Ethernet header and for those that begin with the IP header. */
struct filter_pair {
    struct filter_code eth;
    struct filter_code raw;
};

enum filter_context { FILTER_SKB, FILTER_XDP };

struct filter_insns {
    struct bpf_insn *insns; /* owned; freed by the caller */
    size_t count;
};

/*
 * The body of `__u32 filter(context, __u32 l3_only, __u32 frame_bytes)`: the number, from 1, of the first filter
 * that the frame matches, 0: none. A load beyond the end of the frame makes a filter not match. A tag that
 * was taken out of the frame (FILTER_SKB) is where it was on the wire. What is not in the linear part is read by
 * calls, BPF_PSEUDO_CALL with imm 0 for the caller to fill in, of filter_load_skb or _xdp (bpf/filter.bpf.h).
 * 0; -EINVAL: no valid classic program; -E2BIG: too long for eBPF's jumps; -ENOMEM.
 */
int filter_translate(const struct filter_pair *filters, size_t count, enum filter_context context,
                     struct filter_insns *out);

#endif
