/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Another program's tc filter, for stop_anytime.sh: counts packets and lets the chain go on.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#define TC_ACT_UNSPEC (-1)

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} bystander SEC(".maps");

SEC("tc")
int count_and_go_on(struct __sk_buff *skb)
{
    __u32 zero = 0;
    __u64 *packets = bpf_map_lookup_elem(&bystander, &zero);

    (void)skb;
    if (packets)
        __sync_fetch_and_add(packets, 1);
    return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
