/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Makes one test-run frame the next segment of one of many flows, and tail-calls the program to be
 * measured: slot 0 the tracker, slot 1 a program that does nothing. Both pay the same for this.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "mutate.h"
#include "wire.h"

#define TC_NEXT (-1)

struct {
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 2);
    __type(key, __u32);
    __type(value, __u32);
} targets SEC(".maps");

__u64 runs[2]; /* frames made for each slot; one CPU at a time */
__u32 flows_log2;
__u32 stride; /* odd, so that each flow comes once a round */

/* The flow's number is in its source address and port; its sequence number grows once a round. */
static __always_inline void next_frame(struct __sk_buff *skb, __u32 slot)
{
    struct frame *frame = (void *)(long)skb->data;
    __u64 run = runs[slot]++;
    __u32 flow = (__u32)run * stride & ((1u << flows_log2) - 1);

    if ((void *)(frame + 1) > (void *)(long)skb->data_end)
        return;
    frame->ip.src = WIRE_BE32(MUTATE_SRC_ADDR + (flow >> MUTATE_PORT_BITS));
    frame->tcp.src_port = WIRE_BE16(MUTATE_SRC_PORT + (flow & ((1 << MUTATE_PORT_BITS) - 1)));
    frame->tcp.seq = WIRE_BE32(1 + (__u32)(run >> flows_log2) * MUTATE_PAYLOAD);
}

SEC("tc")
int mutate_tracker(struct __sk_buff *skb)
{
    next_frame(skb, 0);
    bpf_tail_call(skb, &targets, 0);
    return TC_NEXT;
}

SEC("tc")
int mutate_nothing(struct __sk_buff *skb)
{
    next_frame(skb, 1);
    bpf_tail_call(skb, &targets, 1);
    return TC_NEXT;
}

SEC("tc")
int nothing(struct __sk_buff *skb)
{
    (void)skb;
    return TC_NEXT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
