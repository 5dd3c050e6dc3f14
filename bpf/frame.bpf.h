/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The packet in hand, be it a socket buffer (TC) or a driver's buffer (XDP). Its kind is a constant in
 * each program and each function below is in line, so no branch on it is left.
 */
#ifndef SESSTAP_FRAME_BPF_H
#define SESSTAP_FRAME_BPF_H

#include "count.bpf.h"

enum frame_kind {
    FRAME_SKB, /* ctx is a struct __sk_buff */
    FRAME_XDP, /* ctx is a struct xdp_md: link-layer header there, nothing offloaded */
};

struct frame {
    void *ctx;
    enum frame_kind kind;
    enum hook_direction hook;
    struct frame_size size;
    __u32 ifindex;
};

/* Length with link-layer header and all that is not linear. */
static __always_inline __u32 frame_bytes(void *ctx, enum frame_kind kind)
{
    return kind == FRAME_XDP ? (__u32)bpf_xdp_get_buff_len(ctx) : ((struct __sk_buff *)ctx)->len;
}

static __always_inline struct frame frame_of_skb(struct __sk_buff *skb, enum hook_direction hook)
{
    __u32 segs = skb->gso_segs;

    return (struct frame){
        .ctx = skb,
        .kind = FRAME_SKB,
        .hook = hook,
        .size = {.bytes = frame_bytes(skb, FRAME_SKB), .pkts = segs ? segs : 1},
        .ifindex = skb->ifindex,
    };
}

static __always_inline struct frame frame_of_xdp(struct xdp_md *xdp)
{
    return (struct frame){
        .ctx = xdp,
        .kind = FRAME_XDP,
        .hook = HOOK_INGRESS,
        .size = {.bytes = frame_bytes(xdp, FRAME_XDP), .pkts = 1},
        .ifindex = xdp->ingress_ifindex,
    };
}

/*
 * The linear part: what can be read through pointers. The barrier is there since the compiler would keep
 * the address of a member for a second call, and the verifier wants the context itself.
 */
static __always_inline struct packet_cursor frame_linear(const struct frame *frame)
{
    void *ctx = frame->ctx;

    asm volatile("" : "+r"(ctx));
    const struct __sk_buff *skb = ctx;
    const struct xdp_md *xdp = ctx;
    long start = frame->kind == FRAME_XDP ? xdp->data : skb->data;
    long end = frame->kind == FRAME_XDP ? xdp->data_end : skb->data_end;

    return (struct packet_cursor){
        .start = (const __u8 *)start,
        .pos = (const __u8 *)start,
        .end = (const __u8 *)end,
    };
}

static __always_inline int frame_is_scattered(const struct frame *frame)
{
    const struct packet_cursor linear = frame_linear(frame);

    return (__u64)(linear.end - linear.start) < frame->size.bytes;
}

/* For an interface with no link-layer header: what the packet is, host order. Else 0. */
static __always_inline __u16 frame_l3_type(const struct frame *frame, int l3_only)
{
    const struct __sk_buff *skb = frame->ctx;

    return frame->kind == FRAME_SKB && l3_only ? WIRE_HOST16(skb->protocol) : 0;
}

/* The tag that was taken out of the frame; -1: none. */
static __always_inline int frame_offloaded_vlan(const void *ctx, enum frame_kind kind)
{
    const struct __sk_buff *skb = ctx;

    return kind == FRAME_SKB && skb->vlan_present ? (__u16)skb->vlan_tci : -1;
}

/* Payload bytes of each wire packet but the last; 0: there is one. */
static __always_inline __u32 frame_gso_size(const void *ctx, enum frame_kind kind)
{
    return kind == FRAME_SKB ? ((const struct __sk_buff *)ctx)->gso_size : 0;
}

/*
 * 1 to room bytes from anywhere in the frame. 0 or negative; room is a constant. The barrier keeps the
 * compiler from deducing a bound that the verifier does not see, and `len - 1` is what is compared
 * since kernels before 6.8 do not conclude from `len != 0` that len is 1 at least.
 */
static __always_inline long frame_load(void *ctx, enum frame_kind kind, __u32 off, void *to,
                                       __u32 len, const __u32 room)
{
    __u32 last = len - 1;

    asm volatile("" : "+r"(last));
    if (last >= room)
        return -1;
    return kind == FRAME_XDP ? bpf_xdp_load_bytes(ctx, off, to, last + 1)
                             : bpf_skb_load_bytes(ctx, off, to, last + 1);
}

#endif
