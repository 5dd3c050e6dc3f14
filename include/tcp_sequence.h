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
#define TCP_STRAYS_BELIEVED  4

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

/* Bytes of [lo, hi) inside [from, to), each shorter than half the space, wherever they are. */
PACKET_INLINE __u32 tcp_overlap(__u32 lo, __u32 hi, __u32 from, __u32 to)
{
    __u32 have = hi - lo, want = to - from, into = from - lo, behind = lo - from;

    if (into < have)
        return want < have - into ? want : have - into;
    if (behind < want)
        return have < want - behind ? have : want - behind;
    return 0;
}

/* The window that this direction last offered, in bytes; at its widest when the scale is unknown. */
PACKET_INLINE __u32 tcp_window(const struct flow *flow, const struct flow_dir *dir)
{
    const __u32 both_syn = FLOW_SYN | FLOW_SYN << FLOW_ENDPOINT_SHIFT;
    __u32 shift = (flow->bits & both_syn) == both_syn ? dir->wscale & 15 : TCP_MAX_WINDOW_SHIFT;

    return (__u32)dir->wnd << shift;
}

/* Nothing of this direction waits for an acknowledgment, as far as was seen. */
PACKET_INLINE int tcp_all_acked(const struct flow_dir *me, const struct flow_dir *peer)
{
    return !(peer->known & FLOW_KNOWS_ACK) || !tcp_before(peer->ack, me->seq_nxt);
}

/* The same IPv4 packet as this direction's last one, at once: captured twice, not sent twice. */
PACKET_INLINE int tcp_is_repeat(const struct flow_dir *me, const struct packet *pkt, __u32 pkts,
                                __u64 now_ns)
{
    return pkt->ip_id && pkt->ip_id == me->ip_id && pkts == 1 &&
           now_ns - me->last_ns < TCP_REORDER_NS;
}

/* Karn: the next ACK would be ambiguous, or late. A timestamp's echo tells which sending it answers. */
PACKET_INLINE void tcp_rtt_doubt(struct flow_dir *me)
{
    if (me->rtt_ns && me->rtt_ts)
        me->known |= FLOW_RTT_DOUBT;
    else
        me->rtt_ns = 0;
}

/* Remember that [lo, hi) was jumped over; with no room left the oldest gap is forgotten. */
PACKET_COLD void tcp_gap_open(struct flow_dir *me, struct flow_quality *q, __u32 lo, __u32 hi)
{
    int drop = 0;

    if (me->gap_count >= FLOW_GAPS) {
        for (int i = 1; i < FLOW_GAPS; i++)
            if (q->gap[i].lo == q->gap[i].hi)
                drop = i;
        for (int i = 1; i < FLOW_GAPS; i++)
            if (i > drop)
                q->gap[i - 1] = q->gap[i];
        me->gap_count = FLOW_GAPS - 1;
    }
    q->gap[me->gap_count & (FLOW_GAPS - 1)].lo = lo;
    q->gap[me->gap_count & (FLOW_GAPS - 1)].hi = hi;
    me->gap_count++;
}

/*
 * Take [from, to) out of the gaps; returns how many bytes of it were missing until now. A gap that
 * is cut in two keeps its longer part, and the other becomes a gap of its own if there is room.
 * Emptied gaps stay, with no length. Nothing here begins as a constant: the verifier would go
 * through the rest of the loop again for each value it may have come to.
 */
PACKET_COLD __u32 tcp_gap_fill(struct flow_dir *me, struct flow_quality *q, __u32 from, __u32 to)
{
    struct flow_gap rest = {from, from};
    __u32 missed = to - from, shortest = to - from;

    for (int i = 0; i < FLOW_GAPS; i++) {
        struct flow_gap *gap = &q->gap[i];
        __u32 part = tcp_overlap(gap->lo, gap->hi, from, to), below, above;

        if (part) {
            below = from - gap->lo < gap->hi - gap->lo ? from - gap->lo : 0;
            above = gap->hi - gap->lo - below - part;
            missed -= part;
            if (below && above) {
                rest.lo = below < above ? gap->lo : to;
                rest.hi = below < above ? from : gap->hi;
            }
            if (below < above)
                gap->lo = gap->hi - above;
            else
                gap->hi = gap->lo + below;
        }
        if (gap->hi - gap->lo < shortest)
            shortest = gap->hi - gap->lo;
    }
    if (rest.lo != rest.hi && !shortest)
        tcp_gap_open(me, q, rest.lo, rest.hi);
    /* Numbers may have gone round since a gap was noted: then two of them may claim the same bytes. */
    return to - from - missed <= to - from ? to - from - missed : to - from;
}

/* Whether [seq, end) can be the sender's at all: within what the receiver's window allows, and not
 * from longer ago than any window. */
PACKET_INLINE int tcp_plausible(const struct flow *flow, const struct flow_dir *me,
                                const struct flow_dir *peer, __u32 seq, __u32 end)
{
    __u32 limit = me->seq_nxt + TCP_PLAUSIBLE_JUMP;

    if (!(me->known & FLOW_KNOWS_SEQ) || seq == me->seq_nxt)
        return 1;
    if (peer->known & FLOW_KNOWS_ACK)
        limit = tcp_max_seq(peer->ack + tcp_window(flow, peer), me->seq_nxt) + TCP_WINDOW_SLACK;
    return !tcp_before(limit, end) && !tcp_before(seq, me->seq_nxt - TCP_PLAUSIBLE_JUMP);
}

/* Whether an acknowledgment is of what seemed to be a stray of the peer's, or of a place near it. */
PACKET_INLINE int tcp_acks_stray(const struct flow *flow, const struct flow_dir *me,
                                 const struct flow_dir *peer, __u32 ack)
{
    __u32 reach = tcp_window(flow, me) + TCP_WINDOW_SLACK;

    const struct flow_quality *peer_q =
        peer == &flow->dir[1] ? &flow->quality[1] : &flow->quality[0];

    return peer->stray_count && ack - peer_q->stray_nxt + reach <= 2 * reach;
}

/*
 * Segments beyond the window are strays, unless several follow each other, or one acknowledges a stray
 * of the other side: then it is the session that went on while nobody looked.
 */
PACKET_INLINE int tcp_is_stray(struct flow *flow, struct flow_dir *me, const struct flow_dir *peer,
                               const struct packet *pkt)
{
    struct flow_quality *q = pkt->from & 1 ? &flow->quality[1] : &flow->quality[0];
    __u32 end = pkt->seq + pkt->payload_len + !!(pkt->tcp_flags & TCP_FIN);

    if (tcp_plausible(flow, me, peer, pkt->seq, end))
        return 0;
    me->stray_count = pkt->seq == q->stray_nxt ? me->stray_count + 1 : 1;
    q->stray_nxt = end;
    if (me->stray_count < TCP_STRAYS_BELIEVED &&
        !((pkt->tcp_flags & TCP_ACK) && tcp_acks_stray(flow, me, peer, pkt->ack)))
        return 1;
    me->stray_count = 0;
    if (pkt->seq - me->seq_nxt > TCP_PLAUSIBLE_JUMP) /* too far to be remembered as a gap */
        me->seq_nxt = pkt->seq;
    return 0;
}

/* Of a segment's wire packets, those that its first bytes came in. bytes <= payload_len, which is not 0. */
PACKET_INLINE __u32 tcp_pkts_of(__u32 pkts, __u32 bytes, __u32 payload_len)
{
    if (pkts == 1 || !payload_len)
        return pkts;
    return (__u32)(((__u64)bytes * pkts + payload_len - 1) / payload_len);
}

/*
 * Payload that does not begin where the last ended: returns how many of its bytes are old, and
 * counts it as retransmitted, out of order, keep-alive or captured twice.
 */
PACKET_INLINE __u32 tcp_track_unordered(struct flow_dir *me, const struct flow_dir *peer,
                                        struct flow_quality *q, const struct packet *pkt,
                                        __u32 pkts, __u32 seq, __u64 now_ns)
{
    __u32 end = seq + pkt->payload_len, nxt = me->seq_nxt, filled = 0, old;

    if (tcp_before(nxt, seq)) {
        tcp_gap_open(me, q, nxt, seq);
        q->gap_ns = now_ns;
        return 0;
    }
    old = tcp_before(nxt, end) ? nxt - seq : pkt->payload_len;
    if (me->gap_count)
        filled = tcp_gap_fill(me, q, seq, seq + old);
    if (filled && now_ns - q->gap_ns < TCP_REORDER_NS) {
        q->out_of_order += tcp_pkts_of(pkts, old, pkt->payload_len);
    } else if (!filled && pkt->payload_len == 1 && seq + 1 == nxt && tcp_all_acked(me, peer)) {
        q->keep_alives++;
    } else if (!filled && end == nxt && tcp_is_repeat(me, pkt, pkts, now_ns)) {
        q->capture_repeats++;
    } else {
        q->retransmits += tcp_pkts_of(pkts, old, pkt->payload_len);
        tcp_rtt_doubt(me);
    }
    old -= filled;
    q->retransmit_bytes += old;
    return old;
}

#endif
