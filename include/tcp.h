/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The one TCP tracker (RFC 9293): segment in, state and events out. It writes the direction of the
 * segment's sender, reads the other, and sets bits that are never cleared, so that two CPUs with the
 * two directions of a session need no lock and each event happens once.
 */
#ifndef SESSTAP_TCP_H
#define SESSTAP_TCP_H

#include "tcp_flags.h"

enum tcp_event {
    TCP_EV_ESTABLISHED = 1 << 0,
    TCP_EV_CLOSED = 1 << 1,
    TCP_EV_RESTART = 1 << 2, /* nothing was changed: give the entry to a new session, call again */
};

/* What of a segment the receiver can't have taken, as far as was seen of its window. */
enum tcp_doubt {
    TCP_DOUBT_DATA = 1 << 0, /* its payload and its FIN */
    TCP_DOUBT_ACK = 1 << 1,  /* its acknowledgment */
};

/* What tcp_track says of one segment. */
struct tcp_verdict {
    __u32 events;    /* enum tcp_event */
    __u32 old_bytes; /* payload bytes that were seen before */
    __u32 doubts;    /* enum tcp_doubt */
};

/* For flow_count: of a segment's payload, bytes that bring the session nothing new. */
PACKET_INLINE __u32 tcp_not_new(const struct tcp_verdict *verdict, const struct packet *pkt)
{
    return verdict->doubts & TCP_DOUBT_DATA ? pkt->payload_len : verdict->old_bytes;
}

/* ---- one segment ------------------------------------------------------------------------------ */

/* A session that was seen late learns its numbers from this segment. */
PACKET_INLINE void tcp_join(struct flow *flow, const struct packet *pkt, __u32 from)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];

    me->first_seq = pkt->seq - 1;
    me->seq_nxt = pkt->seq;
    me->wnd = pkt->wnd;
    me->known |= FLOW_KNOWS_SEQ;
}

/* An acknowledgment by this side: how far, whether it repeats, what of the peer's it settles. */
PACKET_INLINE __u32 tcp_track_ack(struct flow *flow, const struct packet *pkt, __u32 from,
                                  __u64 now_ns, struct tcp_verdict *verdict)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];
    struct flow_quality *q = &flow->quality[from];
    const __u32 both_syn = FLOW_SYN | FLOW_SYN << FLOW_ENDPOINT_SHIFT;
    const __u32 both_syn_acked = FLOW_SYN_ACKED | FLOW_SYN_ACKED << FLOW_ENDPOINT_SHIFT;
    __u32 theirs = flow->bits >> (from ? 0 : FLOW_ENDPOINT_SHIFT), set;

    if (!tcp_ack_plausible(flow, me, peer, pkt->ack)) {
        q->out_of_window++;
        verdict->doubts |= TCP_DOUBT_ACK;
        return 0;
    }
    if (!(me->known & FLOW_KNOWS_ACK) || tcp_before(me->ack, pkt->ack)) {
        me->ack = pkt->ack;
        me->known |= FLOW_KNOWS_ACK;
        if (peer->rtt_ns && !tcp_before(pkt->ack, peer->rtt_seq))
            tcp_rtt_sample(peer, &flow->quality[!from], pkt, now_ns);
    } else if (pkt->ack == me->ack && !pkt->payload_len && pkt->wnd == me->wnd && pkt->wnd &&
               pkt->seq == me->seq_nxt && peer->seq_nxt != pkt->ack &&
               !(pkt->tcp_flags & (TCP_SYN | TCP_FIN))) {
        if (tcp_is_repeat(me, pkt, 1, now_ns))
            q->capture_repeats++;
        else
            q->duplicate_acks++;
    }
    set = FLOW_BIT(!from, tcp_acked_bits(theirs, peer, &flow->quality[!from], pkt->ack));
    /* Of a SYN and its answer one was not seen: who goes on from there has both. */
    if (!(pkt->tcp_flags & TCP_SYN) && !(flow->bits & (FLOW_ESTABLISHED | FLOW_MISSED_SYN)) &&
        (flow->bits & both_syn) != both_syn)
        set |= both_syn_acked;
    return set;
}

/* Payload, or a segment with none: where it stands in the sender's stream. Returns old bytes. */
PACKET_INLINE __u32 tcp_track_payload(struct flow *flow, const struct packet *pkt, __u32 pkts,
                                      __u32 from, __u64 now_ns)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    const struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];
    struct flow_quality *q = &flow->quality[from];
    __u32 is_fin = flow->bits & FLOW_BIT(from, FLOW_FIN);
    __u32 seq = pkt->seq + !!(pkt->tcp_flags & TCP_SYN), end = seq + pkt->payload_len, old = 0;

    if (!pkt->payload_len) {
        if (seq + 1 == me->seq_nxt && !(pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) &&
            (flow->bits & FLOW_ESTABLISHED) && !is_fin && tcp_all_acked(me, peer))
            q->keep_alives++;
        return 0;
    }
    if (pkt->tcp_flags & TCP_RST)
        return 0; /* RFC 9293 section 3.5.3: text that explains the reset, not stream data */
    if ((pkt->tcp_flags & TCP_SYN) && end == me->seq_nxt && q->syn_count <= 1)
        return 0;
    if (is_fin && tcp_before(q->fin_seq - 1, end)) {
        q->out_of_window++;
        return 0;
    }
    if (seq != me->seq_nxt)
        old = tcp_track_unordered(me, peer, q, pkt, pkts, seq, now_ns);
    if (tcp_before(me->seq_nxt, end))
        me->seq_nxt = end;
    if (old == 0 && end == me->seq_nxt)
        tcp_rtt_begin(me, pkt, now_ns);
    return old;
}

/* Set bits, and say which events that makes; of two CPUs only one sets each. */
PACKET_INLINE __u32 tcp_set_bits(struct flow *flow, __u32 set, __u64 now_ns)
{
    const __u32 both_syn_acked = FLOW_SYN_ACKED | FLOW_SYN_ACKED << FLOW_ENDPOINT_SHIFT;
    const __u32 both_fin_acked = FLOW_FIN_ACKED | FLOW_FIN_ACKED << FLOW_ENDPOINT_SHIFT;
    const __u32 any_rst = FLOW_RST | FLOW_RST << FLOW_ENDPOINT_SHIFT;
    __u32 bits, derived = 0, before, events = 0;

    if (!(set & ~flow->bits))
        return 0;
    bits = FLOW_OR(&flow->bits, set) | set;
    if ((bits & both_syn_acked) == both_syn_acked)
        derived |= FLOW_ESTABLISHED;
    if ((bits & both_fin_acked) == both_fin_acked || (bits & any_rst))
        derived |= FLOW_CLOSED;
    if (!(derived & ~bits))
        return 0;
    before = FLOW_OR(&flow->bits, derived);
    derived &= ~before;
    if (derived & FLOW_ESTABLISHED) {
        flow->established_ns = now_ns;
        events |= TCP_EV_ESTABLISHED;
    }
    if (derived & FLOW_CLOSED) {
        flow->close_ns = now_ns;
        events |= TCP_EV_CLOSED;
    }
    return events;
}

/* Correct a guessed client: a SYN says for sure. */
PACKET_INLINE void tcp_settle_client(struct flow *flow, const struct packet *pkt, __u32 from)
{
    __u32 client = pkt->tcp_flags & TCP_ACK ? !from : from;

    if (flow->bits & FLOW_CLIENT_SURE)
        return;
    if (flow_client(flow) != client) {
        FLOW_XOR(&flow->bits, FLOW_CLIENT_1);
        FLOW_OR(&flow->bits, FLOW_LATE_CLIENT);
    }
    FLOW_OR(&flow->bits, FLOW_CLIENT_SURE);
}

/*
 * Whether a segment that is neither SYN nor RST has a place in the session: it must acknowledge the
 * peer's SYN if nobody did yet (RFC 9293 section 3.10.7.3), and stay within the window.
 */
PACKET_INLINE int tcp_belongs(struct flow *flow, const struct packet *pkt, __u32 from)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    const struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];
    __u32 theirs = flow->bits >> (from ? 0 : FLOW_ENDPOINT_SHIFT);

    if ((theirs & (FLOW_SYN | FLOW_SYN_ACKED)) == FLOW_SYN &&
        !tcp_acks_syn(pkt, peer, TCP_WINDOW_SLACK))
        return 0;
    return !tcp_is_stray(flow, me, peer, pkt);
}

/* What the flags, the payload and the acknowledgment of a segment change. Returns new bits. */
PACKET_INLINE __u32 tcp_track_parts(struct flow *flow, const struct packet *pkt, __u32 pkts,
                                    __u32 from, __u64 now_ns, struct tcp_verdict *verdict)
{
    __u8 flags = pkt->tcp_flags;
    __u32 set = 0;

    if (flags & TCP_RST) {
        set |= tcp_track_rst(flow, pkt, from);
        if (!set)
            verdict->doubts |= TCP_DOUBT_ACK;
    }
    verdict->old_bytes = tcp_track_payload(flow, pkt, pkts, from, now_ns);
    if (pkt->payload_len)
        set |= FLOW_BIT(from, FLOW_DATA);
    if ((flags & (TCP_FIN | TCP_SYN | TCP_RST)) == TCP_FIN)
        set |= tcp_track_fin(flow, pkt, from, pkt->seq + pkt->payload_len, now_ns);
    if ((flags & TCP_ACK) && !(verdict->doubts & TCP_DOUBT_ACK) && !(flags & TCP_RST))
        set |= tcp_track_ack(flow, pkt, from, now_ns, verdict);
    return set;
}

/* The window that a segment offers counts when no later acknowledgment has been seen. */
PACKET_INLINE void tcp_track_window(struct flow_dir *me, const struct packet *pkt, __u32 doubts)
{
    if (!(doubts & TCP_DOUBT_ACK) && !((pkt->tcp_flags & TCP_ACK) && tcp_before(pkt->ack, me->ack)))
        me->wnd = pkt->wnd;
}

/* Every segment that is not plain in-order data or acknowledgment of an open session. */
PACKET_INLINE struct tcp_verdict tcp_track_any(struct flow *flow, const struct packet *pkt,
                                               __u32 pkts, const struct flow_syn *syn, __u64 now_ns)
{
    struct tcp_verdict verdict = {0, 0, 0};
    __u32 from = pkt->from & 1, set = 0;
    __u32 theirs = flow->bits >> (from ? 0 : FLOW_ENDPOINT_SHIFT);
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    __u8 kind = pkt->tcp_flags & (TCP_SYN | TCP_RST | TCP_FIN);
    int ack_valid = 1, belongs = 1;

    if (tcp_is_restart(flow, pkt, now_ns)) {
        verdict.events = TCP_EV_RESTART;
        return verdict;
    }
    if (kind == TCP_SYN) {
        set = tcp_track_syn(flow, pkt, from, syn, now_ns, &ack_valid);
        if (set)
            tcp_settle_client(flow, pkt, from);
        belongs = set || ack_valid;
    } else if (!(kind & TCP_RST)) {
        belongs = !(kind & TCP_SYN) && tcp_belongs(flow, pkt, from);
        if (!belongs)
            flow->quality[from].out_of_window++;
        if (belongs && !(me->known & FLOW_KNOWS_SEQ)) {
            tcp_join(flow, pkt, from);
            if ((flow->bits & FLOW_MISSED_SYN) && !(theirs & FLOW_SYNACK))
                set = FLOW_ESTABLISHED;
        }
    }
    if (!belongs)
        verdict.doubts = TCP_DOUBT_DATA | TCP_DOUBT_ACK;
    else if (!ack_valid && (pkt->tcp_flags & TCP_ACK))
        verdict.doubts = TCP_DOUBT_ACK;
    if (belongs)
        set |= tcp_track_parts(flow, pkt, pkts, from, now_ns, &verdict);
    if (belongs && !(kind & (TCP_SYN | TCP_RST))) {
        if (!pkt->wnd && !pkt->frag_off)
            flow->quality[from].zero_windows++;
        tcp_track_window(me, pkt, verdict.doubts);
    }
    me->ip_id = pkt->ip_id;
    verdict.events = tcp_set_bits(flow, set, now_ns);
    return verdict;
}

/* Open, nobody has closed, and both sides are known: what plain segments may assume. */
PACKET_INLINE int tcp_is_open(__u32 bits)
{
    const __u32 one = FLOW_SEEN | FLOW_FIN | FLOW_RST;

    return (bits & (FLOW_ESTABLISHED | FLOW_CLOSED | one | one << FLOW_ENDPOINT_SHIFT)) ==
           (FLOW_ESTABLISHED | FLOW_SEEN | FLOW_SEEN << FLOW_ENDPOINT_SHIFT);
}

/*
 * In-order payload or an advancing acknowledgment of an open session: nine packets of ten. Returns
 * whether the segment was that and is dealt with.
 */
PACKET_INLINE int tcp_track_expected(struct flow *flow, const struct packet *pkt, __u64 now_ns)
{
    const __u8 both = FLOW_KNOWS_SEQ | FLOW_KNOWS_ACK;
    __u32 from = pkt->from & 1;
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];

    if ((pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) != TCP_ACK ||
        !tcp_is_open(flow->bits) || (me->known & both) != both || pkt->seq != me->seq_nxt ||
        !pkt->wnd)
        return 0;
    if (pkt->ack != me->ack) {
        if (tcp_before(pkt->ack, me->ack) || peer->seq_nxt - pkt->ack > TCP_PLAUSIBLE_JUMP)
            return 0;
        me->ack = pkt->ack;
        if (peer->rtt_ns && !tcp_before(pkt->ack, peer->rtt_seq))
            tcp_rtt_sample(peer, &flow->quality[!from], pkt, now_ns);
    } else if (!pkt->payload_len) {
        return 0;
    }
    me->wnd = pkt->wnd;
    me->ip_id = pkt->ip_id;
    if (pkt->payload_len) {
        me->seq_nxt += pkt->payload_len;
        if (!(flow->bits & FLOW_BIT(from, FLOW_DATA)))
            FLOW_OR(&flow->bits, FLOW_BIT(from, FLOW_DATA));
        tcp_rtt_begin(me, pkt, now_ns);
    }
    return 1;
}

/*
 * Track one segment of pkts wire packets at now_ns (any monotonic clock, the same for all). syn is
 * the parsed options of a SYN, else NULL. Call before flow_count, so that FLOW_SEEN still says
 * whether the sender was seen before.
 */
PACKET_INLINE struct tcp_verdict tcp_track(struct flow *flow, const struct packet *pkt, __u32 pkts,
                                           const struct flow_syn *syn, __u64 now_ns)
{
    struct tcp_verdict verdict = {0, 0, 0};

    if (PACKET_LIKELY(tcp_track_expected(flow, pkt, now_ns)))
        return verdict;
    return tcp_track_any(flow, pkt, pkts, syn, now_ns);
}

/*
 * Track and count one skb of any protocol. With TCP_EV_RESTART nothing was done: give the entry to a
 * new session (flow_begin) and call again. syn as for tcp_track.
 */
PACKET_INLINE struct tcp_verdict flow_track(struct flow *flow, const struct packet *pkt, __u32 pkts,
                                            const struct flow_syn *syn, __u64 now_ns)
{
    struct tcp_verdict verdict = {0, 0, 0};

    if (pkt->key.l4_proto == IP_PROTO_TCP)
        verdict = tcp_track(flow, pkt, pkts, syn, now_ns);
    if (!(verdict.events & TCP_EV_RESTART))
        flow_count(flow, pkt, pkts, tcp_not_new(&verdict, pkt), now_ns);
    return verdict;
}

#endif
