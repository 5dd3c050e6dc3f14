/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The one TCP tracker (RFC 9293): segment in, state and events out. It writes the direction of the
 * segment's sender, reads the other, and sets bits that are never cleared, so that two CPUs with the
 * two directions of a session need no lock and each event happens once.
 */
#ifndef SESSTAP_TCP_H
#define SESSTAP_TCP_H

#include "flow.h"

#define TCP_MAX_WINDOW_SHIFT 14       /* RFC 7323 section 2.3 */
#define TCP_PLAUSIBLE_JUMP (1 << 30)  /* bytes ahead, when the receiver's window is unknown */
#define TCP_WINDOW_SLACK (1 << 16)    /* bytes beyond the window as last seen */
#define TCP_QUIET_NS 120000000000ULL  /* two minutes (RFC 9293's MSL): a SYN now starts anew */
#define TCP_REORDER_NS 3000000ULL     /* a gap filled later than this was a loss */

enum tcp_event {
    TCP_EV_ESTABLISHED = 1 << 0,
    TCP_EV_CLOSED = 1 << 1,
    TCP_EV_RESTART = 1 << 2, /* nothing was changed: give the entry to a new session, call again */
};

/* What tcp_track says of one segment. */
struct tcp_verdict {
    __u32 events;    /* enum tcp_event */
    __u32 old_bytes; /* payload bytes that were seen before */
};

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

/*
 * The options of a SYN. opts: len bytes, at most 40, in a buffer of 64 (the mask below lets the
 * verifier see the bound). A length that runs over the end stops the reading.
 */
PACKET_INLINE void tcp_parse_syn(struct flow_syn *syn, const __u8 *opts, __u32 len, __u8 flags)
{
    __u32 at = 0;

    syn->flags = flags;
    for (int i = 0; i < 40 && at < len; i++) {
        __u8 kind = opts[at & 63], size;

        if (kind == TCP_OPT_END)
            break;
        if (kind == TCP_OPT_NOP) {
            at++;
            continue;
        }
        size = opts[(at + 1) & 63];
        if (size < 2 || at + size > len)
            break;
        if (kind == TCP_OPT_MSS && size == 4) {
            syn->options |= TCP_HAS_MSS;
            syn->mss = (__u16)(opts[(at + 2) & 63] << 8 | opts[(at + 3) & 63]);
        } else if (kind == TCP_OPT_WINDOW_SCALE && size == 3) {
            syn->options |= TCP_HAS_WINDOW_SCALE;
            syn->window_scale = opts[(at + 2) & 63];
        } else if (kind == TCP_OPT_SACK_PERMITTED && size == 2) {
            syn->options |= TCP_HAS_SACK_PERMITTED;
        } else if (kind == TCP_OPT_TIMESTAMPS && size == 10) {
            syn->options |= TCP_HAS_TIMESTAMPS;
        } else if (kind == TCP_OPT_FAST_OPEN ||
                   (kind == TCP_OPT_EXPERIMENT && size >= 4 && opts[(at + 2) & 63] == 0xf9 &&
                    opts[(at + 3) & 63] == 0x89)) {
            syn->options |= TCP_HAS_FAST_OPEN;
        } else if (kind == TCP_OPT_MPTCP) {
            syn->options |= TCP_HAS_MPTCP;
        } else {
            if (syn->unknown_count < FLOW_UNKNOWN_OPTIONS)
                syn->unknown[syn->unknown_count & (FLOW_UNKNOWN_OPTIONS - 1)] = kind;
            syn->unknown_count++;
        }
        at += size;
    }
}

/* ---- sequence numbers ------------------------------------------------------------------------- */

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
                                        const struct packet *pkt, __u32 pkts, __u32 seq, __u64 now_ns)
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

/* ---- acknowledgments -------------------------------------------------------------------------- */

/* The peer's timed segment is acknowledged: one sample of the way from here to me and back. */
PACKET_INLINE void tcp_rtt_sample(struct flow_dir *peer, struct flow_quality *q, __u64 now_ns)
{
    __u64 rtt = now_ns - peer->rtt_ns;

    peer->rtt_ns = 0;
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

/* Whether an acknowledgment can be: of something sent, or, where packets were missed, in window. */
PACKET_INLINE int tcp_ack_plausible(const struct flow *flow, const struct flow_dir *me,
                                    const struct flow_dir *peer, __u32 peer_seen, __u32 ack)
{
    if (!peer_seen || !tcp_before(peer->seq_nxt, ack))
        return 1;
    return me->ack && !tcp_before(me->ack + tcp_window(flow, me) + TCP_WINDOW_SLACK, ack);
}

/* ---- flags ------------------------------------------------------------------------------------ */

/* Both offered a scale: it holds from now on (RFC 7323 section 2.2). Later SYNs change nothing. */
PACKET_INLINE void tcp_agree_window_scale(struct flow *flow)
{
    for (int i = 0; i < 2; i++) {
        __u8 scale = flow->quality[i].syn.window_scale;

        if (!(flow->quality[!i].syn.options & flow->quality[i].syn.options & TCP_HAS_WINDOW_SCALE))
            scale = 0;
        flow->dir[i].wscale = scale > TCP_MAX_WINDOW_SHIFT ? TCP_MAX_WINDOW_SHIFT : scale;
    }
}

/* A SYN on an entry in use starts a new session when the old one is over, or was silent long. */
PACKET_INLINE int tcp_is_restart(const struct flow *flow, const struct packet *pkt, __u32 from,
                                 __u64 now_ns)
{
    const __u32 both_fin = FLOW_FIN | FLOW_FIN << FLOW_ENDPOINT_SHIFT;
    __u32 mine = flow->bits >> (from ? FLOW_ENDPOINT_SHIFT : 0);
    const struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    __u64 last = flow->dir[0].last_ns > flow->dir[1].last_ns ? flow->dir[0].last_ns
                                                             : flow->dir[1].last_ns;

    if ((mine & FLOW_SYN) && pkt->seq == me->first_seq)
        return 0; /* the same SYN again */
    if ((flow->bits & FLOW_CLOSED) || (flow->bits & both_fin) == both_fin)
        return 1;
    if (mine & (FLOW_FIN | FLOW_RST))
        return tcp_before(me->seq_nxt - 1, pkt->seq) || (mine & FLOW_RST);
    return (flow->bits & (FLOW_ESTABLISHED | FLOW_MISSED_SYN)) && last && now_ns > last &&
           now_ns - last > TCP_QUIET_NS;
}

PACKET_INLINE void tcp_first_syn(struct flow *flow, const struct packet *pkt, __u32 from,
                                 const struct flow_syn *syn)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];

    me->first_seq = pkt->seq;
    me->seq_nxt = pkt->seq + 1 + pkt->payload_len;
    me->wnd = pkt->wnd;
    if (syn)
        flow->quality[from].syn = *syn;
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
    __u32 bits = flow->bits, mine = bits >> (from ? FLOW_ENDPOINT_SHIFT : 0),
          theirs = bits >> (from ? 0 : FLOW_ENDPOINT_SHIFT);
    int is_synack = !!(pkt->tcp_flags & TCP_ACK), known = !!(mine & (FLOW_SYN | FLOW_SEEN));
    __u32 set = FLOW_SYN | (is_synack ? FLOW_SYNACK : 0);

    *valid = 0;
    if (is_synack && (theirs & FLOW_SYN) &&
        (tcp_before(pkt->ack, peer->first_seq + 1) || tcp_before(peer->seq_nxt, pkt->ack))) {
        q->out_of_window++;
        return 0;
    }
    if (known && pkt->seq != me->first_seq && (bits & (FLOW_ESTABLISHED | FLOW_MISSED_SYN))) {
        q->out_of_window++;
        return 0;
    }
    if ((mine & FLOW_SYN) && pkt->seq == me->first_seq) {
        if (is_synack == !!(mine & FLOW_SYNACK) && !pkt->payload_len)
            q->retransmits++;
    } else {
        tcp_first_syn(flow, pkt, from, syn);
    }
    q->syn_count++;
    if (!is_synack && !flow->syn_ns && !(mine & FLOW_SYN))
        flow->syn_ns = now_ns;
    if (is_synack) {
        if (!flow->synack_ns)
            flow->synack_ns = now_ns;
        if (!(theirs & (FLOW_SYN | FLOW_SEEN))) {
            peer->first_seq = pkt->ack - 1;
            peer->seq_nxt = pkt->ack;
        }
        tcp_agree_window_scale(flow);
    }
    *valid = is_synack;
    return FLOW_BIT(from, set);
}

/* RFC 5961 section 3, as a third party can check it. Returns new bits. */
PACKET_INLINE __u32 tcp_track_rst(struct flow *flow, const struct packet *pkt, __u32 from)
{
    const struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    const struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];
    __u32 bits = flow->bits, mine = bits >> (from ? FLOW_ENDPOINT_SHIFT : 0),
          theirs = bits >> (from ? 0 : FLOW_ENDPOINT_SHIFT);
    int has_ack = !!(pkt->tcp_flags & TCP_ACK), good;

    if ((theirs & FLOW_SYN) && !(mine & FLOW_SEEN)) /* refused: answers a SYN */
        good = has_ack && tcp_before(peer->first_seq, pkt->ack) &&
               !tcp_before(peer->seq_nxt, pkt->ack);
    else if (!(theirs & FLOW_SEEN)) /* one side only: all that is known is what it sent */
        good = !(mine & FLOW_SEEN) || !tcp_before(pkt->seq, me->seq_nxt - TCP_WINDOW_SLACK);
    else if (!(theirs & FLOW_SYN_ACKED) && !(bits & FLOW_ESTABLISHED) && !peer->ack)
        good = pkt->seq - me->first_seq <= 1 || pkt->seq == me->seq_nxt;
    else
        good = ((mine & FLOW_SEEN) && pkt->seq == me->seq_nxt) ||
               pkt->seq - peer->ack <= tcp_window(flow, peer);
    if (!good) {
        flow->quality[from].out_of_window++;
        return 0;
    }
    return FLOW_BIT(from, FLOW_RST) | (from && !(theirs & FLOW_RST) ? FLOW_RST_FIRST_1 : 0);
}

/* A FIN that is not from before the highest byte sent. Returns new bits. */
PACKET_INLINE __u32 tcp_track_fin(struct flow *flow, const struct packet *pkt, __u32 from, __u32 end)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    __u32 mine = flow->bits >> (from ? FLOW_ENDPOINT_SHIFT : 0),
          theirs = flow->bits >> (from ? 0 : FLOW_ENDPOINT_SHIFT), set;

    if (mine & FLOW_FIN) {
        if (end + 1 == flow->quality[from].fin_seq && !pkt->payload_len)
            flow->quality[from].retransmits++;
        return 0;
    }
    if (tcp_before(end, me->seq_nxt)) {
        flow->quality[from].out_of_window++;
        return 0;
    }
    flow->quality[from].fin_seq = end + 1;
    me->seq_nxt = end + 1;
    set = FLOW_BIT(from, FLOW_FIN);
    if (!(theirs & FLOW_FIN))
        set |= from ? FLOW_FIN_FIRST_1 : 0;
    else if (tcp_before(pkt->ack, flow->quality[!from].fin_seq))
        set |= FLOW_CLOSE_BOTH;
    return set;
}

/* ---- one segment ------------------------------------------------------------------------------ */

/* A session that was seen late learns its numbers from this segment. */
PACKET_INLINE void tcp_join(struct flow *flow, const struct packet *pkt, __u32 from)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];

    me->first_seq = pkt->seq - 1;
    me->seq_nxt = pkt->seq;
    me->wnd = pkt->wnd;
}

/* An acknowledgment by this side: how far, whether it repeats, what of the peer's it settles. */
PACKET_INLINE __u32 tcp_track_ack(struct flow *flow, const struct packet *pkt, __u32 from,
                                  __u64 now_ns)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];
    struct flow_quality *q = &flow->quality[from];
    __u32 mine = flow->bits >> (from ? FLOW_ENDPOINT_SHIFT : 0),
          theirs = flow->bits >> (from ? 0 : FLOW_ENDPOINT_SHIFT);
    int advances = !(mine & FLOW_SEEN) || !me->ack || tcp_before(me->ack, pkt->ack);

    if (!tcp_ack_plausible(flow, me, peer, theirs & FLOW_SEEN, pkt->ack)) {
        q->out_of_window++;
        return 0;
    }
    if (advances) {
        me->ack = pkt->ack;
        if (peer->rtt_ns && !tcp_before(pkt->ack, peer->rtt_seq))
            tcp_rtt_sample(peer, &flow->quality[!from], now_ns);
    } else if (pkt->ack == me->ack && !pkt->payload_len && pkt->wnd == me->wnd &&
               pkt->seq == me->seq_nxt && peer->seq_nxt != pkt->ack &&
               !(pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST))) {
        q->duplicate_acks++;
    }
    return FLOW_BIT(!from, tcp_acked_bits(theirs, peer, &flow->quality[!from], pkt->ack));
}

/* Payload, or a segment with none: where it stands in the sender's stream. Returns old bytes. */
PACKET_INLINE __u32 tcp_track_payload(struct flow *flow, const struct packet *pkt, __u32 pkts,
                                      __u32 from, __u64 now_ns)
{
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    const struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];
    struct flow_quality *q = &flow->quality[from];
    __u32 theirs = flow->bits >> (from ? 0 : FLOW_ENDPOINT_SHIFT);
    __u32 seq = pkt->seq + !!(pkt->tcp_flags & TCP_SYN), end = seq + pkt->payload_len, old = 0;

    if (!pkt->payload_len) {
        if (seq + 1 == me->seq_nxt && !(pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) &&
            (flow->bits & FLOW_ESTABLISHED) && !(flow->bits & FLOW_BIT(from, FLOW_FIN)))
            q->keep_alives++;
        return 0;
    }
    if (pkt->tcp_flags & TCP_RST)
        return 0; /* RFC 9293 section 3.5.3: text that explains the reset, not stream data */
    if (pkt->tcp_flags & TCP_SYN) {
        if (end == me->seq_nxt && q->syn_count <= 1)
            return 0;
    }
    if (!tcp_plausible(flow, me, peer, theirs & FLOW_SEEN, end)) {
        q->out_of_window++;
        return 0;
    }
    if (seq != me->seq_nxt)
        old = tcp_track_unordered(me, q, pkt, pkts, seq, now_ns);
    if (tcp_before(me->seq_nxt, end))
        me->seq_nxt = end;
    if (!me->rtt_ns && old == 0 && end == me->seq_nxt) {
        me->rtt_seq = end;
        me->rtt_ns = now_ns;
    }
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

/* Every segment that is not plain in-order data or acknowledgment of an open session. */
PACKET_INLINE struct tcp_verdict tcp_track_any(struct flow *flow, const struct packet *pkt,
                                               __u32 pkts, const struct flow_syn *syn, __u64 now_ns)
{
    struct tcp_verdict verdict = {0, 0};
    __u32 from = pkt->from & 1, set = 0;
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    struct flow_quality *q = &flow->quality[from];
    __u8 flags = pkt->tcp_flags;
    int valid = 1;

    if ((flags & (TCP_SYN | TCP_RST | TCP_FIN)) == TCP_SYN) {
        if (tcp_is_restart(flow, pkt, from, now_ns)) {
            verdict.events = TCP_EV_RESTART;
            return verdict;
        }
        set = tcp_track_syn(flow, pkt, from, syn, now_ns, &valid);
        if (set)
            tcp_settle_client(flow, pkt, from);
    } else if (!(flow->bits & FLOW_BIT(from, FLOW_SEEN | FLOW_SYN))) {
        if (!(flags & TCP_RST) && !me->seq_nxt)
            tcp_join(flow, pkt, from);
        if ((flow->bits & FLOW_MISSED_SYN) && !(flags & TCP_RST))
            set = FLOW_ESTABLISHED;
    }
    if (flags & TCP_RST)
        set |= tcp_track_rst(flow, pkt, from);
    if (!(flags & TCP_SYN) || set)
        verdict.old_bytes = tcp_track_payload(flow, pkt, pkts, from, now_ns);
    if (pkt->payload_len)
        set |= FLOW_BIT(from, FLOW_DATA);
    if ((flags & (TCP_FIN | TCP_SYN | TCP_RST)) == TCP_FIN)
        set |= tcp_track_fin(flow, pkt, from, pkt->seq + pkt->payload_len);
    if ((flags & TCP_ACK) && valid && !(flags & TCP_RST))
        set |= tcp_track_ack(flow, pkt, from, now_ns);
    if (!(flags & (TCP_SYN | TCP_RST))) {
        if (!pkt->wnd)
            q->zero_windows++;
        me->wnd = pkt->wnd;
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
    __u32 from = pkt->from & 1;
    struct flow_dir *me = from ? &flow->dir[1] : &flow->dir[0];
    struct flow_dir *peer = from ? &flow->dir[0] : &flow->dir[1];

    if ((pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK)) != TCP_ACK ||
        !tcp_is_open(flow->bits) || pkt->seq != me->seq_nxt || !pkt->wnd)
        return 0;
    if (pkt->ack != me->ack) {
        if (tcp_before(pkt->ack, me->ack) || tcp_before(peer->seq_nxt, pkt->ack))
            return 0;
        me->ack = pkt->ack;
        if (peer->rtt_ns && !tcp_before(pkt->ack, peer->rtt_seq))
            tcp_rtt_sample(peer, &flow->quality[!from], now_ns);
    } else if (!pkt->payload_len) {
        return 0;
    }
    me->wnd = pkt->wnd;
    me->ip_id = pkt->ip_id;
    if (pkt->payload_len) {
        me->seq_nxt += pkt->payload_len;
        if (!(flow->bits & FLOW_BIT(from, FLOW_DATA)))
            FLOW_OR(&flow->bits, FLOW_BIT(from, FLOW_DATA));
        if (!me->rtt_ns) {
            me->rtt_seq = me->seq_nxt;
            me->rtt_ns = now_ns;
        }
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
    struct tcp_verdict verdict = {0, 0};

    if (PACKET_LIKELY(tcp_track_expected(flow, pkt, now_ns)))
        return verdict;
    return tcp_track_any(flow, pkt, pkts, syn, now_ns);
}

/* ---- states ----------------------------------------------------------------------------------- */

/* RFC 9293 section 3.3.2 */
enum tcp_state {
    TCP_STATE_CLOSED,
    TCP_STATE_LISTEN,
    TCP_STATE_SYN_SENT,
    TCP_STATE_SYN_RECEIVED,
    TCP_STATE_ESTABLISHED,
    TCP_STATE_FIN_WAIT_1,
    TCP_STATE_FIN_WAIT_2,
    TCP_STATE_CLOSE_WAIT,
    TCP_STATE_CLOSING,
    TCP_STATE_LAST_ACK,
    TCP_STATE_TIME_WAIT,
    TCP_STATE_COUNT,
};

PACKET_INLINE enum tcp_state tcp_state_of_opening(__u32 mine, __u32 theirs)
{
    if (mine & FLOW_SYNACK)
        return TCP_STATE_SYN_RECEIVED;
    if (mine & FLOW_SYN)
        return (theirs & (FLOW_SYN | FLOW_SYNACK)) == FLOW_SYN ? TCP_STATE_SYN_RECEIVED
                                                              : TCP_STATE_SYN_SENT;
    return TCP_STATE_LISTEN;
}

/* The state of an endpoint (0 or 1) as its packets, and the acknowledgments it got, show it. */
PACKET_INLINE enum tcp_state tcp_endpoint_state(__u32 bits, __u32 endpoint)
{
    __u32 mine = bits >> (endpoint ? FLOW_ENDPOINT_SHIFT : 0),
          theirs = bits >> (endpoint ? 0 : FLOW_ENDPOINT_SHIFT);
    int i_first = !!(bits & FLOW_FIN_FIRST_1) == !!endpoint;

    if ((mine | theirs) & FLOW_RST)
        return TCP_STATE_CLOSED;
    if (!(mine & FLOW_FIN)) {
        if (theirs & FLOW_FIN)
            return TCP_STATE_CLOSE_WAIT;
        return bits & FLOW_ESTABLISHED ? TCP_STATE_ESTABLISHED : tcp_state_of_opening(mine, theirs);
    }
    if (!(theirs & FLOW_FIN))
        return mine & FLOW_FIN_ACKED ? TCP_STATE_FIN_WAIT_2 : TCP_STATE_FIN_WAIT_1;
    if (bits & FLOW_CLOSE_BOTH)
        return mine & FLOW_FIN_ACKED ? TCP_STATE_TIME_WAIT : TCP_STATE_CLOSING;
    if (!i_first)
        return mine & FLOW_FIN_ACKED ? TCP_STATE_CLOSED : TCP_STATE_LAST_ACK;
    if (theirs & FLOW_FIN_ACKED)
        return mine & FLOW_FIN_ACKED ? TCP_STATE_TIME_WAIT : TCP_STATE_CLOSING;
    return mine & FLOW_FIN_ACKED ? TCP_STATE_FIN_WAIT_2 : TCP_STATE_FIN_WAIT_1;
}

/*
 * The session's one-word summary: SYN_SENT, SYN_RECEIVED, ESTABLISHED, CLOSE_WAIT (one FIN),
 * LAST_ACK (two), CLOSED (both acknowledged, or a RST).
 */
PACKET_INLINE enum tcp_state tcp_session_state(__u32 bits)
{
    const __u32 both_fin = FLOW_FIN | FLOW_FIN << FLOW_ENDPOINT_SHIFT;

    if (bits & FLOW_CLOSED)
        return TCP_STATE_CLOSED;
    if ((bits & both_fin) == both_fin)
        return TCP_STATE_LAST_ACK;
    if (bits & both_fin)
        return TCP_STATE_CLOSE_WAIT;
    if (bits & FLOW_ESTABLISHED)
        return TCP_STATE_ESTABLISHED;
    return bits & (FLOW_SYNACK | FLOW_SYNACK << FLOW_ENDPOINT_SHIFT) ? TCP_STATE_SYN_RECEIVED
                                                                     : TCP_STATE_SYN_SENT;
}

#endif
