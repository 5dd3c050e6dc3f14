/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* SYN, FIN and RST: how a session begins, is taken over, and ends (RFC 9293 section 3.10). */
#ifndef SESSTAP_TCP_FLAGS_H
#define SESSTAP_TCP_FLAGS_H

#include "tcp_ack.h"
#include "tcp_options.h"

#define TCP_QUIET_NS 120000000000ULL /* two minutes (RFC 9293's MSL): a SYN now starts anew */

/*
 * Both offered a scale: it holds from now on (RFC 7323 section 2.2). Later SYNs change nothing. One
 * that may be in options which were not captured is taken for the widest.
 */
PACKET_INLINE void tcp_agree_window_scale(struct flow *flow)
{
    for (int i = 0; i < 2; i++) {
        const struct flow_syn *syn = &flow->quality[i].syn;
        __u8 scale = syn->options & TCP_HAS_WINDOW_SCALE ? syn->window_scale : 0;

        if ((syn->options & (TCP_HAS_WINDOW_SCALE | TCP_OPTIONS_CUT)) == TCP_OPTIONS_CUT)
            scale = TCP_MAX_WINDOW_SHIFT;
        if (!(flow->quality[!i].syn.options & (TCP_HAS_WINDOW_SCALE | TCP_OPTIONS_CUT)))
            scale = 0;
        flow->dir[i].wscale = scale > TCP_MAX_WINDOW_SHIFT ? TCP_MAX_WINDOW_SHIFT : scale;
    }
}

/* A SYN on an entry in use starts a new session when the old one is over, or was silent long. */
PACKET_INLINE int tcp_is_restart(const struct flow *flow, const struct packet *pkt, __u64 now_ns)
{
    __u32 from = pkt->from & 1;
    const __u32 both_fin = FLOW_FIN | FLOW_FIN << FLOW_ENDPOINT_SHIFT;
    __u32 mine = flow->bits >> (from ? FLOW_ENDPOINT_SHIFT : 0);
    const struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    int is_synack = !!(pkt->tcp_flags & TCP_ACK);
    __u64 last =
        flow->dir[0].last_ns > flow->dir[1].last_ns ? flow->dir[0].last_ns : flow->dir[1].last_ns;

    if ((pkt->tcp_flags & (TCP_SYN | TCP_RST | TCP_FIN)) != TCP_SYN)
        return 0;
    if ((mine & FLOW_SYN) && pkt->seq == me->first_seq)
        return 0; /* the same SYN again */
    if (is_synack && (me->known & FLOW_KNOWS_SEQ) && pkt->seq == me->seq_nxt)
        return 0; /* goes on where the session was: the flag is wrong */
    if ((flow->bits & FLOW_CLOSED) || (flow->bits & both_fin) == both_fin)
        return 1;
    if (mine & FLOW_FIN)
        return tcp_before(me->seq_nxt - 1, pkt->seq);
    if (is_synack && !(flow->bits & (FLOW_ESTABLISHED | FLOW_MISSED_SYN)))
        return 0;
    return last && now_ns > last && now_ns - last > TCP_QUIET_NS;
}

/* The numbers begin at this SYN, unless they did already when it was seen late. */
PACKET_INLINE void tcp_first_syn(struct flow *flow, const struct packet *pkt, __u32 from,
                                 const struct flow_syn *syn)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    struct flow_quality *q = &flow->quality[from];
    __u32 end = pkt->seq + 1 + pkt->payload_len;

    if (!(me->known & FLOW_KNOWS_SEQ) || pkt->seq != me->first_seq) {
        me->seq_nxt = end;
        me->wnd = pkt->wnd;
        me->rtt_ns = 0;
        me->gap_count = 0;
        for (int i = 0; i < FLOW_GAPS; i++)
            q->gap[i].lo = q->gap[i].hi;
    }
    me->seq_nxt = tcp_max_seq(me->seq_nxt, end);
    me->first_seq = pkt->seq;
    me->known |= FLOW_KNOWS_SEQ;
    if (syn)
        q->syn = *syn;
}

/*
 * A SYN or SYN-ACK. Retries may carry another initial sequence number as long as nobody answered.
 * Sets *valid when the segment's acknowledgment is to be believed. Returns new bits.
 */
PACKET_INLINE __u32 tcp_track_syn(struct flow *flow, const struct packet *pkt, __u32 from,
                                  const struct flow_syn *syn, __u64 now_ns, int *valid)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];
    struct flow_quality *q = &flow->quality[from];
    __u32 bits = flow->bits, mine = bits >> (from ? FLOW_ENDPOINT_SHIFT : 0);
    int is_synack = !!(pkt->tcp_flags & TCP_ACK), repeat = 0;
    __u32 set = FLOW_BIT(from, FLOW_SYN | (is_synack ? FLOW_SYNACK : 0));

    *valid = is_synack;
    if (is_synack && (peer->known & FLOW_KNOWS_SEQ) && !tcp_acks_syn(pkt, peer, 0)) {
        q->out_of_window++;
        *valid = 0;
        return 0;
    }
    if ((me->known & FLOW_KNOWS_SEQ) && pkt->seq != me->first_seq &&
        ((mine & FLOW_SYN_ACKED) || (bits & (FLOW_ESTABLISHED | FLOW_MISSED_SYN)))) {
        q->out_of_window++;
        *valid = is_synack && pkt->seq == me->seq_nxt;
        return 0;
    }
    if ((mine & FLOW_SYN) && pkt->seq == me->first_seq) {
        repeat = tcp_is_repeat(me, pkt, 1, now_ns);
        if (repeat)
            q->capture_repeats++;
        else if (is_synack == !!(mine & FLOW_SYNACK) && !pkt->payload_len)
            q->retransmits++;
    } else {
        tcp_first_syn(flow, pkt, from, syn);
    }
    if (is_synack && (mine & (FLOW_SYN | FLOW_SYNACK)) == FLOW_SYN)
        repeat = 1; /* SYNs that crossed: it answers now, it does not try again */
    q->syn_count += !repeat || pkt->payload_len;
    if (!is_synack && !flow->syn_ns && !(mine & FLOW_SYN))
        flow->syn_ns = now_ns;
    if (is_synack) {
        if (!flow->synack_ns)
            flow->synack_ns = now_ns;
        if (!(peer->known & FLOW_KNOWS_SEQ)) {
            peer->first_seq = pkt->ack - 1;
            peer->seq_nxt = pkt->ack;
            peer->known |= FLOW_KNOWS_SEQ;
        }
        set |= FLOW_BIT(!from, FLOW_SYN_ACKED);
    }
    if (bits & FLOW_ESTABLISHED) /* seen after what it began */
        set |= FLOW_BIT(from, FLOW_SYN_ACKED);
    tcp_agree_window_scale(flow);
    return set;
}

/* RFC 5961 section 3, as a third party can check it. Returns new bits. */
PACKET_INLINE __u32 tcp_track_rst(struct flow *flow, const struct packet *pkt, __u32 from)
{
    const struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    const struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];
    __u32 bits = flow->bits, mine = bits >> (from ? FLOW_ENDPOINT_SHIFT : 0),
          theirs = bits >> (from ? 0 : FLOW_ENDPOINT_SHIFT);
    int good;

    if ((theirs & FLOW_SYN) && !(theirs & FLOW_SYN_ACKED) && !(mine & FLOW_SYN)) /* refused */
        good = tcp_acks_syn(pkt, peer, 0);
    else if (peer->known & FLOW_KNOWS_ACK)
        good = ((me->known & FLOW_KNOWS_SEQ) && pkt->seq == me->seq_nxt) ||
               pkt->seq - peer->ack <= tcp_window(flow, peer);
    else if (!(me->known & FLOW_KNOWS_SEQ))
        good = 1;
    else if (theirs & FLOW_SEEN)
        good = pkt->seq == me->seq_nxt || pkt->seq - me->first_seq <= 1;
    else /* one side only: all that is known is what it sent */
        good = !tcp_before(pkt->seq, me->seq_nxt - TCP_WINDOW_SLACK) &&
               !tcp_before(me->seq_nxt + TCP_PLAUSIBLE_JUMP, pkt->seq);
    if (!good) {
        flow->quality[from].out_of_window++;
        return 0;
    }
    return FLOW_BIT(from, FLOW_RST) | (from && !(theirs & FLOW_RST) ? FLOW_RST_FIRST_1 : 0);
}

/*
 * A FIN that is not from before the highest byte sent; what it jumps over is a gap. Returns new bits,
 * with the acknowledgment too if that was seen first.
 */
PACKET_INLINE __u32 tcp_track_fin(struct flow *flow, const struct packet *pkt, __u32 from,
                                  __u32 end, __u64 now_ns)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    const struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];
    struct flow_quality *q = &flow->quality[from];
    __u32 mine = flow->bits >> (from ? FLOW_ENDPOINT_SHIFT : 0),
          theirs = flow->bits >> (from ? 0 : FLOW_ENDPOINT_SHIFT), set = FLOW_FIN;

    if (mine & FLOW_FIN) {
        if (end + 1 == q->fin_seq && !pkt->payload_len) {
            if (tcp_is_repeat(me, pkt, 1, now_ns))
                q->capture_repeats++;
            else
                q->retransmits++;
        }
        return 0;
    }
    if (tcp_before(end, me->seq_nxt)) {
        q->out_of_window++;
        return 0;
    }
    if (end != me->seq_nxt) {
        tcp_gap_open(me, q, me->seq_nxt, end);
        q->gap_ns = now_ns;
    }
    q->fin_seq = end + 1;
    me->seq_nxt = end + 1;
    if ((peer->known & FLOW_KNOWS_ACK) && !tcp_before(peer->ack, end + 1))
        set |= FLOW_FIN_ACKED;
    set = FLOW_BIT(from, set);
    if (!(theirs & FLOW_FIN))
        return set | (from ? FLOW_FIN_FIRST_1 : 0);
    if (!(pkt->tcp_flags & TCP_ACK) || tcp_before(pkt->ack, flow->quality[!from].fin_seq))
        set |= FLOW_CLOSE_BOTH;
    return set;
}

#endif
