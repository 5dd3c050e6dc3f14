/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What acknowledgments tell: the round-trip time, what the peer has, and whether they are to be believed. */
#ifndef SESSTAP_TCP_ACK_H
#define SESSTAP_TCP_ACK_H

#include "tcp_sequence.h"
#include "tcp_state.h"

/* Time the segment that ends at me->seq_nxt, if none is being timed. */
PACKET_INLINE void tcp_rtt_begin(struct flow_dir *me, const struct packet *pkt, __u64 now_ns)
{
    if (me->rtt_ns)
        return;
    me->rtt_seq = me->seq_nxt;
    me->rtt_ts = pkt->ts_val;
    me->rtt_ns = now_ns;
}

/*
 * The peer's timed segment is acknowledged: one sample of the way from here to me and back. RFC 7323 section 4:
 * an echo of its timestamp answers it, also when it was sent again; a later one answers something
 * later. An earlier one (of two segments acknowledged together, the first) says no more than none does.
 */
PACKET_INLINE void tcp_rtt_sample(struct flow_dir *peer, struct flow_quality *q,
                                  const struct packet *pkt, __u64 now_ns)
{
    __u64 rtt = now_ns - peer->rtt_ns;

    peer->rtt_ns = 0;
    if (PACKET_UNLIKELY(pkt->ts_ecr != peer->rtt_ts) && peer->rtt_ts) {
        __u8 known = peer->known;

        peer->known &= (__u8)~FLOW_RTT_DOUBT;
        if ((known & FLOW_RTT_DOUBT) || (pkt->ts_ecr && tcp_before(peer->rtt_ts, pkt->ts_ecr)))
            return;
    } else if (PACKET_UNLIKELY(peer->known & FLOW_RTT_DOUBT)) {
        peer->known &= (__u8)~FLOW_RTT_DOUBT;
    }
    q->rtt_sum_ns += rtt;
    if (q->rtt_samples == 0 || rtt < q->rtt_min_ns)
        q->rtt_min_ns = rtt;
    if (rtt > q->rtt_max_ns)
        q->rtt_max_ns = rtt;
    q->rtt_samples++;
}

/* The bits of the peer that an acknowledgment of its SYN or FIN sets. */
PACKET_INLINE __u32 tcp_acked_bits(__u32 bits, const struct flow_dir *peer,
                                   const struct flow_quality *peer_q, __u32 ack)
{
    __u32 set = 0;

    if ((bits & FLOW_SYN) && tcp_before(peer->first_seq, ack))
        set |= FLOW_SYN_ACKED;
    if ((bits & FLOW_FIN) && !tcp_before(ack, peer_q->fin_seq))
        set |= FLOW_FIN_ACKED;
    return set & ~bits;
}

/*
 * Whether an acknowledgment can be: of something sent, not longer ago than any window, or, where
 * packets were missed, in the window that this side offered, or of what seemed to be a stray.
 */
PACKET_INLINE int tcp_ack_plausible(const struct flow *flow, const struct flow_dir *me,
                                    const struct flow_dir *peer, __u32 ack)
{
    __u32 base = me->known & FLOW_KNOWS_ACK ? me->ack : peer->seq_nxt;

    if (!(peer->known & FLOW_KNOWS_SEQ) || peer->seq_nxt - ack <= TCP_PLAUSIBLE_JUMP ||
        tcp_acks_stray(flow, me, peer, ack))
        return 1;
    return ack - base <= tcp_window(flow, me) + TCP_WINDOW_SLACK;
}

/* Whether a segment acknowledges the peer's SYN, with no more than slack bytes that were not seen. */
PACKET_INLINE int tcp_acks_syn(const struct packet *pkt, const struct flow_dir *peer, __u32 slack)
{
    return (pkt->tcp_flags & TCP_ACK) &&
           pkt->ack - peer->first_seq - 1 <= peer->seq_nxt - peer->first_seq - 1 + slack;
}

#endif
