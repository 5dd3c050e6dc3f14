/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Places in the sequence space: what comes before what, which numbers a segment may have, which were
 * jumped over and which were seen before.
 */
#ifndef SESSTAP_TCP_SEQUENCE_H
#define SESSTAP_TCP_SEQUENCE_H

#include "flow.h"

#define TCP_MAX_WINDOW_SHIFT 14         /* RFC 7323 section 2.3 */
#define TCP_PLAUSIBLE_JUMP   (1 << 30)  /* bytes ahead, when the receiver's window is unknown */
#define TCP_WINDOW_SLACK     (1 << 16)  /* bytes beyond the window as last seen */
#define TCP_REORDER_NS       3000000ULL /* a gap filled later than this was a loss */

PACKET_INLINE int tcp_before(__u32 a, __u32 b)
{
    return (__s32)(a - b) < 0;
}

PACKET_INLINE __u32 tcp_max_seq(__u32 a, __u32 b)
{
    return tcp_before(a, b) ? b : a;
}

PACKET_INLINE __u32 tcp_min_seq(__u32 a, __u32 b)
{
    return tcp_before(a, b) ? a : b;
}

/* Bytes of [lo, hi) inside [from, to). */
PACKET_INLINE __u32 tcp_overlap(__u32 lo, __u32 hi, __u32 from, __u32 to)
{
    __u32 begin = tcp_max_seq(lo, from), end = tcp_min_seq(hi, to);

    return tcp_before(begin, end) ? end - begin : 0;
}

/* The window that this direction last offered, in bytes; at its widest when the scale is unknown. */
PACKET_INLINE __u32 tcp_window(const struct flow *flow, const struct flow_dir *dir)
{
    __u32 shift = flow->bits & FLOW_MISSED_SYN ? TCP_MAX_WINDOW_SHIFT : dir->wscale & 15;

    return (__u32)dir->wnd << shift;
}

/* Remember that [lo, hi) was jumped over; with no room left the oldest gap is forgotten. */
PACKET_INLINE void tcp_gap_open(struct flow_dir *me, struct flow_quality *q, __u32 lo, __u32 hi,
                                __u64 now_ns)
{
    if (me->gap_count >= FLOW_GAPS) {
        for (int i = 1; i < FLOW_GAPS; i++)
            q->gap[i - 1] = q->gap[i];
        me->gap_count = FLOW_GAPS - 1;
    }
    q->gap[me->gap_count & (FLOW_GAPS - 1)].lo = lo;
    q->gap[me->gap_count & (FLOW_GAPS - 1)].hi = hi;
    q->gap_ns = now_ns;
    me->gap_count++;
}

/*
 * Take [from, to) out of the gaps; returns how many bytes of it were missing until now. A segment
 * inside a gap leaves the longer rest of it as the gap. Emptied gaps stay, with no length.
 */
PACKET_INLINE __u32 tcp_gap_fill(struct flow_quality *q, __u32 from, __u32 to)
{
    __u32 filled = 0;

    for (int i = 0; i < FLOW_GAPS; i++) {
        struct flow_gap *gap = &q->gap[i];
        __u32 part = tcp_overlap(gap->lo, gap->hi, from, to);
        __u32 below = from - gap->lo, above = gap->hi - to;

        if (!part)
            continue;
        filled += part;
        if (tcp_before(from, gap->lo))
            below = 0;
        if (tcp_before(gap->hi, to))
            above = 0;
        if (below >= above)
            gap->hi = gap->lo + below;
        else
            gap->lo = gap->hi - above;
    }
    return filled;
}

/* Whether a segment can be the sender's at all: not beyond what the receiver's window allows. */
PACKET_INLINE int tcp_plausible(const struct flow *flow, const struct flow_dir *me,
                                const struct flow_dir *peer, __u32 peer_seen, __u32 end)
{
    __u32 window = tcp_window(flow, peer);

    if (!peer_seen)
        return !tcp_before(me->seq_nxt + TCP_PLAUSIBLE_JUMP, end);
    return !tcp_before(tcp_max_seq(peer->ack + window, me->seq_nxt) + TCP_WINDOW_SLACK, end);
}

/*
 * Payload that does not begin where the last ended: returns how many of its bytes are old, and
 * counts it as retransmitted, out of order, keep-alive or captured twice.
 */
PACKET_INLINE __u32 tcp_track_unordered(struct flow_dir *me, struct flow_quality *q,
                                        const struct packet *pkt, __u32 pkts, __u32 seq,
                                        __u64 now_ns)
{
    __u32 end = seq + pkt->payload_len, nxt = me->seq_nxt, filled = 0, old;

    if (tcp_before(nxt, seq)) {
        tcp_gap_open(me, q, nxt, seq, now_ns);
        return 0;
    }
    old = tcp_before(nxt, end) ? nxt - seq : pkt->payload_len;
    if (me->gap_count)
        filled = tcp_gap_fill(q, seq, seq + old);
    if (filled > old)
        filled = old;
    if (filled && now_ns - q->gap_ns < TCP_REORDER_NS) {
        q->out_of_order += pkts;
    } else if (!filled && pkt->payload_len == 1 && seq + 1 == nxt) {
        q->keep_alives++;
    } else if (!filled && end == nxt && pkt->ip_id && pkt->ip_id == me->ip_id && pkts == 1) {
        q->capture_repeats++;
    } else {
        q->retransmits += pkts;
        if (!tcp_before(me->rtt_seq, seq))
            me->rtt_ns = 0; /* Karn: an ACK would be ambiguous */
    }
    old -= filled;
    q->retransmit_bytes += old;
    return old;
}

#endif
