/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * IP fragments and their session: what the first fragment, which has the ports, says of the later ones.
 * The table that remembers first fragments is the caller's: a map in the kernel, session/firsts.c offline.
 */
#ifndef SESSTAP_FRAGMENT_H
#define SESSTAP_FRAGMENT_H

#include "flow.h"

#define FRAGMENT_IPV4_NS 30000000000ULL /* RFC 791 section 3.2; Linux's ipfrag_time */
#define FRAGMENT_IPV6_NS 60000000000ULL /* RFC 8200 section 4.5 */

/* A fragment that others follow, and that says whose they are. */
PACKET_INLINE int fragment_is_first(const struct packet *pkt)
{
    return pkt->is_fragment && !pkt->frag_off && pkt->frag_more;
}

/* The packet's fragments have this key. RFC 791 has the protocol in it, RFC 8200 has not. */
PACKET_INLINE void fragment_key(struct fragment_key *key, const struct packet *pkt)
{
    __u32 src =
        pkt->frag_off ? 0 : pkt->from & 1; /* the addresses of a later one are in no order */

    for (int i = 0; i < 2; i++) {
        key->src[i] = src ? pkt->key.addr[1].half[i] : pkt->key.addr[0].half[i];
        key->dst[i] = src ? pkt->key.addr[0].half[i] : pkt->key.addr[1].half[i];
    }
    key->id = pkt->frag_id;
    key->scope = pkt->key.scope;
    key->ip_version = pkt->key.ip_version;
    key->l4_proto = pkt->key.ip_version == 4 ? pkt->key.l4_proto : 0;
}

/*
 * Keep what the later ones need of a first fragment; *first is zeroed. Then the FIN is taken from it: it
 * stands behind the payload that is still to come.
 */
PACKET_INLINE void fragment_keep(struct fragment_first *first, struct packet *pkt, __u64 now_ns)
{
    first->key = pkt->key;
    first->time_ns = now_ns;
    first->seq = pkt->seq;
    first->ack = pkt->ack;
    first->wnd = pkt->wnd;
    first->l3_hdr_len = pkt->l3_hdr_len;
    first->l4_hdr_len = pkt->l4_hdr_len;
    first->from = pkt->from;
    first->tcp_flags = pkt->tcp_flags;
    if (pkt->frag_more)
        pkt->tcp_flags &= (__u8)~TCP_FIN;
}

/*
 * A later fragment becomes a packet of its first one's session: a TCP segment's piece is a segment with
 * the rest of the payload, and the FIN is the last one's. 0, or UNACCOUNTED_FRAGMENT_NO_FIRST when the
 * first one is too old for it: its number was given again.
 */
PACKET_INLINE int fragment_join(struct packet *pkt, const struct fragment_first *first,
                                __u64 now_ns)
{
    __u64 lives_ns = pkt->key.ip_version == 4 ? FRAGMENT_IPV4_NS : FRAGMENT_IPV6_NS;
    __u32 at = pkt->frag_off, ext = 0;

    if (now_ns > first->time_ns && now_ns - first->time_ns > lives_ns)
        return UNACCOUNTED_FRAGMENT_NO_FIRST;
    /* Extension headers between the fragment header and layer 4 are part of what was cut. */
    if (pkt->key.ip_version == 6 && first->l3_hdr_len > pkt->l3_hdr_len)
        ext = first->l3_hdr_len - pkt->l3_hdr_len;
    at -= ext + first->l4_hdr_len;
    pkt->key = first->key;
    pkt->from = first->from;
    pkt->l4_hdr_len = 0;
    if (first->key.l4_proto != IP_PROTO_TCP)
        return 0;
    pkt->ack = first->ack;
    pkt->wnd = first->wnd;
    pkt->tcp_flags = first->tcp_flags & (__u8) ~(TCP_SYN | TCP_FIN);
    pkt->seq = first->seq;
    if (!(first->tcp_flags & TCP_RST))
        pkt->seq += at + !!(first->tcp_flags & TCP_SYN);
    if (!pkt->frag_more)
        pkt->tcp_flags |= first->tcp_flags & TCP_FIN;
    return 0;
}

#endif
