/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Makes one test-run frame the next segment of one of many flows, and tail-calls the program to be
 * measured: slot 0 the tracker, slot 1 a program that does nothing. Both pay the same for this.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "mutate.h"
#include "wire.h"

#define TC_NEXT  (-1)
#define XDP_PASS 2

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

/* A short session, packet by packet: flags, sender, and how far each side's sequence has come. */
struct step {
    __u8 flags;
    __u8 from_server;
    __u8 payload; /* all of MUTATE_PAYLOAD, or none */
    __u32 seq;
    __u32 ack;
};

static const struct step steps[] = {
    {TCP_SYN, 0, 0, 0, 0},
    {TCP_SYN | TCP_ACK, 1, 0, 0, 1},
    {TCP_ACK, 0, 0, 1, 1},
    {TCP_ACK | TCP_PSH, 0, 1, 1, 1},
    {TCP_ACK, 1, 0, 1, 1 + MUTATE_PAYLOAD},
    {TCP_ACK | TCP_PSH, 1, 1, 1, 1 + MUTATE_PAYLOAD},
    {TCP_ACK | TCP_FIN, 1, 0, 1 + MUTATE_PAYLOAD, 1 + MUTATE_PAYLOAD},
    {TCP_ACK, 0, 0, 1 + MUTATE_PAYLOAD, 1 + MUTATE_PAYLOAD},
    {TCP_ACK | TCP_FIN, 0, 0, 1 + MUTATE_PAYLOAD, 2 + MUTATE_PAYLOAD},
    {TCP_ACK, 1, 0, 2 + MUTATE_PAYLOAD, 2 + MUTATE_PAYLOAD},
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Whole sessions one after the other, numbered as above. */
static __always_inline void next_of_session(struct __sk_buff *skb, __u32 slot)
{
    struct frame *frame = (void *)(long)skb->data;
    __u64 run = runs[slot]++;
    __u32 session = (__u32)(run / STEPS), at = run % STEPS;
    const struct step *step;
    __be32 client = WIRE_BE32(MUTATE_SRC_ADDR + (session >> MUTATE_PORT_BITS));
    __be16 port = WIRE_BE16(MUTATE_SRC_PORT + (session & ((1 << MUTATE_PORT_BITS) - 1)));
    __u32 len = sizeof(*frame) - sizeof(frame->eth);

    asm volatile("" : "+r"(at)); /* the verifier sees the bound of what is compared here */
    if (at >= STEPS || (void *)(frame + 1) > (void *)(long)skb->data_end)
        return;
    step = &steps[at];
    if (step->payload)
        len += MUTATE_PAYLOAD;
    frame->ip.src = step->from_server ? WIRE_BE32(MUTATE_DST_ADDR) : client;
    frame->ip.dst = step->from_server ? client : WIRE_BE32(MUTATE_DST_ADDR);
    frame->ip.total_length = WIRE_BE16(len);
    frame->tcp.src_port = step->from_server ? WIRE_BE16(MUTATE_DST_PORT) : port;
    frame->tcp.dst_port = step->from_server ? port : WIRE_BE16(MUTATE_DST_PORT);
    frame->tcp.seq = WIRE_BE32(step->seq);
    frame->tcp.ack = WIRE_BE32(step->ack);
    frame->tcp.flags = step->flags;
}

SEC("tc")
int session_tracker(struct __sk_buff *skb)
{
    next_of_session(skb, 0);
    bpf_tail_call(skb, &targets, 0);
    return TC_NEXT;
}

SEC("tc")
int session_nothing(struct __sk_buff *skb)
{
    next_of_session(skb, 1);
    bpf_tail_call(skb, &targets, 1);
    return TC_NEXT;
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

SEC("xdp.frags")
int nothing_xdp(struct xdp_md *xdp)
{
    (void)xdp;
    return XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
