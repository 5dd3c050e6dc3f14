/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Payload into the ring: a size class a record, large frames in several records. What is not in line
 * is there once for each kind of frame.
 */
#ifndef SESSTAP_SAMPLE_BPF_H
#define SESSTAP_SAMPLE_BPF_H

#include "track.bpf.h"

/* Where a piece of a frame lies: bytes [payload_at + chunk_off, + cap_len) go after its headers. */
struct sample {
    void *ctx;
    const struct packet *pkt;
    struct flow *flow;
    __u64 now_ns;
    __u32 hook;
    __u32 pkts;
    __u32 old_bytes;
    __u32 left;      /* payload bytes still to be sampled */
    __u32 chunk_off; /* where in the payload */
    __u32 chunk_len;
    __u32 cap_len;
    __u32 headers_len;
    __u16 flags;
    __u8 l3_only;
    __u8 extra; /* SAMPLE_INNER, SAMPLE_DATA_DOUBTED, SAMPLE_ACK_DOUBTED */
};
_Static_assert(SAMPLE_DATA_DOUBTED *TCP_DOUBT_DATA == SAMPLE_DATA_DOUBTED &&
                   SAMPLE_DATA_DOUBTED * TCP_DOUBT_ACK == SAMPLE_ACK_DOUBTED,
               "flags from enum tcp_doubt");

static __always_inline void sample_describe(struct record_sample *record, const struct sample *s,
                                            enum frame_kind kind)
{
    const struct flow *flow = s->flow;
    int vlan = frame_offloaded_vlan(s->ctx, kind);

    record->flow_id = flow->id;
    record->time_ns = s->now_ns;
    record->ifindex = flow->ifindex;
    record->skb_len = frame_bytes(s->ctx, kind);
    record->payload_len = s->pkt->payload_len;
    record->chunk_off = s->chunk_off;
    record->chunk_len = s->chunk_len;
    record->cap_len = s->cap_len;
    record->old_bytes = s->old_bytes;
    record->headers_len = (__u16)s->headers_len;
    record->gso_size = (__u16)frame_gso_size(s->ctx, kind);
    record->gso_segs = (__u16)s->pkts;
    record->vlan_tci = vlan < 0 ? 0 : (__u16)vlan;
    record->from = s->pkt->from;
    record->flags = (__u8)s->flags;
    record->hook = (__u8)s->hook;
    record->l3_only = (__u8)s->l3_only;
    record->pkt_index = flow->pkts[0] + flow->pkts[1];
    record->key = s->pkt->key;
}

/* Headers and the payload right after them, in one copy. room is the class's constant size. */
static __always_inline int sample_first(const struct sample *s, enum frame_kind kind,
                                        const __u32 room)
{
    struct record_sample *record = bpf_ringbuf_reserve(&payload_ring, sizeof(*record) + room, 0);

    if (!record) {
        count_event(EVENT_PAYLOAD_RING_FULL);
        return -1;
    }
    if (frame_load(s->ctx, kind, 0, record + 1, s->headers_len + s->cap_len, room)) {
        count_event(EVENT_PAYLOAD_LOAD_FAILED);
        bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
        return -1;
    }
    sample_describe(record, s, kind);
    bpf_ringbuf_submit(record, ring_wake_flags(&payload_ring, sizeof(*record) + room + 8,
                                               conf.payload_wake_bytes));
    return 0;
}

/* A later piece: headers again, and at a fixed place after them the payload. */
static __always_inline int sample_next(const struct sample *s, enum frame_kind kind)
{
    const __u32 room = SAMPLE_HEADERS_MAX + SAMPLE_CHUNK_BYTES;
    struct record_sample *record = bpf_ringbuf_reserve(&payload_ring, sizeof(*record) + room, 0);
    __u8 *data = (__u8 *)(record + 1);

    if (!record) {
        count_event(EVENT_PAYLOAD_RING_FULL);
        return -1;
    }
    if (frame_load(s->ctx, kind, 0, data, s->headers_len, SAMPLE_HEADERS_MAX) ||
        frame_load(s->ctx, kind, s->headers_len + s->chunk_off, data + SAMPLE_HEADERS_MAX,
                   s->cap_len, SAMPLE_CHUNK_BYTES)) {
        count_event(EVENT_PAYLOAD_LOAD_FAILED);
        bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
        return -1;
    }
    sample_describe(record, s, kind);
    bpf_ringbuf_submit(record, ring_wake_flags(&payload_ring, sizeof(*record) + room + 8,
                                               conf.payload_wake_bytes));
    return 0;
}

/* The smallest record that holds the piece: a class a call, since a reservation's size is a constant. */
static __always_inline int sample_emit(const struct sample *s, enum frame_kind kind)
{
    __u32 len = s->headers_len + s->cap_len;

    if (s->flags & SAMPLE_NEXT)
        return sample_next(s, kind);
    if (len <= 88)
        return sample_first(s, kind, 88);
    if (len <= 280)
        return sample_first(s, kind, 280);
    if (len <= 664)
        return sample_first(s, kind, 664);
    if (len <= 1560)
        return sample_first(s, kind, 1560);
    if (len <= 4096)
        return sample_first(s, kind, 4096);
    return sample_first(s, kind, SAMPLE_HEADERS_MAX + SAMPLE_CHUNK_BYTES);
}

static __noinline int sample_emit_skb(const struct sample *s)
{
    return sample_emit(s, FRAME_SKB);
}

static __noinline int sample_emit_xdp(const struct sample *s)
{
    return sample_emit(s, FRAME_XDP);
}

/* Of the bytes that were seen before (taken as the first ones), those in this piece. */
static __always_inline __u32 sample_old_in_chunk(const struct sample *s)
{
    __u32 old = s->old_bytes > s->chunk_off ? s->old_bytes - s->chunk_off : 0;

    return old < s->chunk_len ? old : s->chunk_len;
}

static __always_inline void sample_book(const struct sample *s, int lost)
{
    struct flow_quality *q = &s->flow->quality[s->pkt->from & 1];
    __u32 old = sample_old_in_chunk(s);

    if (lost) {
        FLOW_ADD(&q->samples_dropped, 1);
        FLOW_ADD(&q->lost_bytes, s->chunk_len);
        if (old)
            FLOW_ADD(&q->lost_retransmit_bytes, old);
    } else {
        FLOW_ADD(&q->sampled_bytes, s->chunk_len);
        if (old)
            FLOW_ADD(&q->sampled_retransmit_bytes, old);
    }
}

/* The size of all pieces but the last: whole wire packets, so that each can be written as such. */
static __always_inline __u32 sample_piece_bytes(const void *ctx, enum frame_kind kind)
{
    __u32 gso = frame_gso_size(ctx, kind);

    return gso && gso <= SAMPLE_CHUNK_BYTES ? SAMPLE_CHUNK_BYTES / gso * gso : SAMPLE_CHUNK_BYTES;
}

/* Sample one frame of a session; `wanted` payload bytes from its start. Every byte is booked. */
static __always_inline int sample_frame(struct sample *s, enum frame_kind kind, __u32 wanted)
{
    __u32 payload_len = s->pkt->payload_len, piece = sample_piece_bytes(s->ctx, kind);

    s->left = wanted;
    for (int i = 0; i < SAMPLE_CHUNKS; i++) {
        int last = i == SAMPLE_CHUNKS - 1 || s->left <= piece;
        int lost;

        s->cap_len = s->left < piece ? s->left : piece;
        s->chunk_len = s->left <= piece ? payload_len - s->chunk_off : piece;
        s->flags = s->extra | (i ? SAMPLE_NEXT : 0) | (last ? 0 : SAMPLE_MORE);
        lost = s->headers_len > SAMPLE_HEADERS_MAX ||
               (kind == FRAME_XDP ? sample_emit_xdp(s) : sample_emit_skb(s));
        sample_book(s, lost);
        s->chunk_off += s->chunk_len;
        s->left -= s->cap_len;
        if (last)
            break;
    }
    if (s->chunk_off < payload_len) { /* more than SAMPLE_CHUNKS hold */
        s->chunk_len = payload_len - s->chunk_off;
        sample_book(s, 1);
    }
    return 0;
}

static __noinline int sample_skb(struct sample *s, __u32 wanted)
{
    return sample_frame(s, FRAME_SKB, wanted);
}

static __noinline int sample_xdp(struct sample *s, __u32 wanted)
{
    return sample_frame(s, FRAME_XDP, wanted);
}

/* How much of each direction of this session is sampled. */
static __always_inline __u64 session_depth(const struct flow *flow, const struct packet *pkt)
{
    __u32 depth;

    if (!conf.depth_filters)
        return conf.depth_bytes;
    depth = (pkt->from & 1) ? flow->dir[1].depth_bytes : flow->dir[0].depth_bytes;
    return depth == FLOW_DEPTH_ALL ? DEPTH_ALL : depth;
}

/* A packet with no payload is worth a sample while its session's streams are within the depth. */
static __always_inline int sample_wants_headers(const struct flow *flow, const struct packet *pkt,
                                                __u64 depth_bytes)
{
    const struct flow_dir *peer = (pkt->from & 1) ? &flow->dir[0] : &flow->dir[1];

    if (!conf.sample_headers || !depth_bytes)
        return 0;
    if (depth_bytes == DEPTH_ALL || pkt->key.l4_proto != IP_PROTO_TCP ||
        (pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)))
        return 1;
    return pkt->ack - peer->first_seq - 1 <= depth_bytes && peer->payload_bytes < (1u << 31);
}

/*
 * Whether the overall budget allows these bytes. It does as long as it is not used up, and may then be
 * overdrawn by one frame a CPU, which the following ones make good.
 */
static __always_inline int budget_take(__u32 bytes, __u64 now_ns)
{
    __u32 zero = 0;
    __u64 *used_until = bpf_map_lookup_elem(&payload_budget, &zero), until;

    if (!used_until)
        return 0;
    until = *(volatile __u64 *)used_until;
    if (until > now_ns)
        return 0;
    if (until + RATE_BURST_NS < now_ns)
        __sync_val_compare_and_swap(used_until, until, now_ns - RATE_BURST_NS);
    __sync_fetch_and_add(used_until, (bytes * conf.rate_ns_per_byte) >> RATE_SHIFT);
    return 1;
}

#endif
