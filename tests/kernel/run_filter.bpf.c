/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A filter alone: returns what it says of the packet. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "filter.bpf.h"

const volatile __u32 l3_only = 0;
__u16 vlan_tci;

SEC("tc")
int run_filter_skb(struct __sk_buff *skb)
{
    return (int)filter_skb(skb, l3_only, skb->len);
}

/* With a tag where a network card would put it, beside the frame. */
SEC("tc")
int run_filter_tagged(struct __sk_buff *skb)
{
    if (bpf_skb_vlan_push(skb, WIRE_BE16(ETH_TYPE_VLAN), vlan_tci))
        return -1;
    return (int)filter_skb(skb, l3_only, skb->len);
}

SEC("xdp.frags")
int run_filter_xdp(struct xdp_md *xdp)
{
    return (int)filter_xdp(xdp, l3_only, (__u32)bpf_xdp_get_buff_len(xdp));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
