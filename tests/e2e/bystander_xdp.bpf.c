/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Another program's XDP hook, for xdp.sh: counts packets and lets them go on.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define XDP_PASS 2

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} bystander_xdp SEC(".maps");

SEC("xdp")
int count_and_pass(struct xdp_md *xdp)
{
    __u32 zero = 0;
    __u64 *packets = bpf_map_lookup_elem(&bystander_xdp, &zero);

    (void)xdp;
    if (packets)
        __sync_fetch_and_add(packets, 1);
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
