/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packet filters. What is here in C is what all filters share; the filters themselves are translated by user
 * space (user/source/live/filter_translate.h) and put in the place of filter_skb and filter_xdp, which
 * are never called as they stand.
 */
#ifndef SESSTAP_FILTER_BPF_H
#define SESSTAP_FILTER_BPF_H

#include "filter.h"
#include "frame.bpf.h"

#define ETH_TAG_AT 12 /* after the two addresses */

/* One byte of the frame as it was on the wire, its offloaded tag in its place. 0 or -errno. */
static __always_inline long filter_load_tagged(struct __sk_buff *skb, __u32 off, __u8 *to)
{
    __u16 tag[2] = {(__u16)skb->vlan_proto, WIRE_BE16((__u16)skb->vlan_tci)};

    if (off < ETH_TAG_AT)
        return bpf_skb_load_bytes(skb, off, to, 1);
    if (off >= ETH_TAG_AT + sizeof(tag))
        return bpf_skb_load_bytes(skb, off - (__u32)sizeof(tag), to, 1);
    off -= ETH_TAG_AT;
    *to = (__u8)(tag[(off >> 1) & 1] >> (off & 1 ? 8 : 0));
    return 0;
}

/*
 * Bytes from anywhere in the frame, as a number; how: FILTER_LOAD_*. Byte by byte: it is for what
 * is not in the linear part. FILTER_LOAD_FAILED: the frame ends before.
 */
static __always_inline __u64 filter_load(void *ctx, enum frame_kind kind, __u64 off, __u32 how)
{
    __u64 value = 0;

    for (__u32 i = 0; i < 4 && i < (how & FILTER_LOAD_SIZE); i++) {
        __u8 byte = 0;
        long err;

        if (off + i > 0x7fffffff)
            return FILTER_LOAD_FAILED;
        if (kind == FRAME_SKB && (how & FILTER_LOAD_TAGGED))
            err = filter_load_tagged(ctx, (__u32)off + i, &byte);
        else
            err = frame_load(ctx, kind, (__u32)off + i, &byte, 1, 1);
        if (err)
            return FILTER_LOAD_FAILED;
        value = value << 8 | byte;
    }
    return value;
}

__noinline __u64 filter_load_skb(struct __sk_buff *skb, __u64 off, __u32 how)
{
    return filter_load(skb, FRAME_SKB, off, how);
}

__noinline __u64 filter_load_xdp(struct xdp_md *xdp, __u64 off, __u32 how)
{
    return filter_load(xdp, FRAME_XDP, off, how);
}

/*
 * The number, from 1, of the first filter that the frame matches, 0: none. l3_only: it has no link-layer header. The
 * call is there so that the loader takes that function along, and the arithmetic so that nothing is folded.
 */
__noinline __u32 filter_skb(struct __sk_buff *skb, __u32 l3_only, __u32 frame_bytes)
{
    return (__u32)filter_load_skb(skb, l3_only, frame_bytes) + l3_only;
}

__noinline __u32 filter_xdp(struct xdp_md *xdp, __u32 l3_only, __u32 frame_bytes)
{
    return (__u32)filter_load_xdp(xdp, l3_only, frame_bytes) + l3_only;
}

/* The same for --depth-for. */
__noinline __u32 depth_filter_skb(struct __sk_buff *skb, __u32 l3_only, __u32 frame_bytes)
{
    return (__u32)filter_load_skb(skb, l3_only, frame_bytes) + frame_bytes;
}

__noinline __u32 depth_filter_xdp(struct xdp_md *xdp, __u32 l3_only, __u32 frame_bytes)
{
    return (__u32)filter_load_xdp(xdp, l3_only, frame_bytes) + frame_bytes;
}

/* Whether the filter of -f lets the frame through. */
static __always_inline int filter_passes(const struct frame *frame, __u32 l3_only)
{
    if (frame->kind == FRAME_XDP)
        return filter_xdp(frame->ctx, l3_only, frame->size.bytes) != 0;
    return filter_skb(frame->ctx, l3_only, frame->size.bytes) != 0;
}

/* Which filter of --depth-for the frame matches, from 1; 0: none. */
static __always_inline __u32 filter_depth_choice(const struct frame *frame, __u32 l3_only)
{
    if (frame->kind == FRAME_XDP)
        return depth_filter_xdp(frame->ctx, l3_only, frame->size.bytes);
    return depth_filter_skb(frame->ctx, l3_only, frame->size.bytes);
}

#endif
