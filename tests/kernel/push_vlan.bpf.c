/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Puts a VLAN tag where a network card would, beside the frame, and hands the packet to the tracker. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "wire.h"

#define TC_NEXT (-1)

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u32);
} target SEC(".maps");

__u16 vlan_tci;

SEC("tc")
int push_vlan(struct __sk_buff *skb)
{
    if (!bpf_skb_vlan_push(skb, WIRE_BE16(ETH_TYPE_VLAN), vlan_tci))
        bpf_tail_call(skb, &target, 0);
    return TC_NEXT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
