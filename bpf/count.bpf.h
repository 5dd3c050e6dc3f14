/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Counting what passes and what is given up. Per CPU: the programs do not nest, so ++ is exact. */
#ifndef SESSTAP_COUNT_BPF_H
#define SESSTAP_COUNT_BPF_H

#include "maps.bpf.h"

/* One frame as the counters see it: a socket buffer, or in XDP a driver's buffer. */
struct frame_size {
    __u32 bytes; /* link-layer header included */
    __u32 pkts;  /* wire packets */
};

static __always_inline void traffic_add(struct traffic *traffic, const struct frame_size *size)
{
    traffic->skbs++;
    traffic->pkts += size->pkts;
    traffic->bytes += size->bytes;
}

static __always_inline void count_seen(__u32 slot, enum hook_direction hook,
                                       const struct frame_size *size)
{
    struct iface_seen *seen_here = bpf_map_lookup_elem(&seen, &slot);

    if (seen_here)
        traffic_add(&seen_here->dir[hook], size);
}

static __always_inline void count_unaccounted(__u32 reason, const struct frame_size *size)
{
    struct traffic *traffic = bpf_map_lookup_elem(&unaccounted, &reason);

    if (traffic)
        traffic_add(traffic, size);
}

static __always_inline void count_event(__u32 event)
{
    __u64 *count = bpf_map_lookup_elem(&events, &event);

    if (count)
        (*count)++;
}

#endif
