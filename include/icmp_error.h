/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP and ICMPv6 errors: which session the packet that they quote belongs to, and the list of errors
 * that a session's note keeps. The error's own packet is counted to a session of its own, as any ICMP is.
 */
#ifndef SESSTAP_ICMP_ERROR_H
#define SESSTAP_ICMP_ERROR_H

#include "tcp_sequence.h"

#define ICMPV6_OPTION_REDIRECTED 4
#define ICMP_QUOTE_OFFSET_MASK   0x3fff /* no headers before a quote are longer */
#define ICMP_REDIRECT_OPTIONS    4      /* of an ICMPv6 redirect, that are looked at */

/* In the kernel two CPUs may find the same free place. */
#ifdef __bpf__
#define ICMP_ERROR_CLAIM(ptr) (__sync_val_compare_and_swap((ptr), 0, 1) == 0)
#else
#define ICMP_ERROR_CLAIM(ptr) (*(ptr) == 0 && (*(ptr) = 1))
#endif

/* RFC 792, RFC 4443 section 3, RFC 4861 section 4.5: whether messages of this type quote a packet. */
PACKET_INLINE int icmp_is_error(__u8 type, int is_v6)
{
    if (is_v6)
        return (type >= ICMPV6_UNREACHABLE && type <= ICMPV6_PARAMETER) || type == ICMPV6_REDIRECT;
    return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
           type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER;
}

PACKET_INLINE int icmp_pkt_is_error(const struct packet *pkt)
{
    if (pkt->frag_off)
        return 0;
    if (pkt->key.l4_proto == IP_PROTO_ICMP)
        return icmp_is_error(pkt->icmp_type, 0);
    return pkt->key.l4_proto == IP_PROTO_ICMPV6 && icmp_is_error(pkt->icmp_type, 1);
}

/* The first 8 bytes of a quoted packet's layer 4: all that RFC 792 promises. */
struct icmp_quoted_l4 {
    __be16 src_port;
    __be16 dst_port;
    __be32 seq;
} WIRE;

/* Ports, or an ICMP message's type and identifier, into the key's order. */
PACKET_INLINE int icmp_quoted_ports(struct packet *quoted, struct packet_cursor *cur)
{
    const struct icmp_quoted_l4 *l4 = packet_take(cur, sizeof(*l4));
    __u8 proto = quoted->key.l4_proto;

    if (!l4)
        return 0;
    if (proto == IP_PROTO_ICMP || proto == IP_PROTO_ICMPV6) {
        const struct icmp_hdr *icmp = (const struct icmp_hdr *)l4;

        packet_icmp_key(quoted, icmp->type, icmp->id);
        return 1;
    }
    if (proto != IP_PROTO_TCP && proto != IP_PROTO_UDP && proto != IP_PROTO_SCTP)
        return 0;
    quoted->seq = WIRE_HOST32(l4->seq);
    packet_order_key(quoted, l4->src_port, l4->dst_port);
    return 1;
}

PACKET_INLINE int icmp_quoted_ipv4(struct packet *quoted, struct packet_cursor *cur)
{
    const struct ipv4_hdr *ip = packet_take(cur, sizeof(*ip));
    __u32 hdr_len;

    if (!ip || (ip->version_ihl >> 4) != 4)
        return 0;
    hdr_len = (ip->version_ihl & 0x0f) * 4;
    if (hdr_len < sizeof(*ip) || (WIRE_HOST16(ip->frag_off) & IPV4_FRAG_OFFSET))
        return 0;
    packet_ipv4_key(quoted, ip);
    cur->pos += hdr_len - sizeof(*ip);
    return icmp_quoted_ports(quoted, cur);
}

PACKET_INLINE int icmp_quoted_ipv6(struct packet *quoted, struct packet_cursor *cur)
{
    const struct ipv6_hdr *ip = packet_take(cur, sizeof(*ip));

    if (!ip || (WIRE_HOST32(ip->version_class_flow) >> 28) != 6)
        return 0;
    packet_ipv6_key(quoted, ip);
    quoted->l3_hdr_len = sizeof(*ip);
    if (packet_is_ext_header(ip->next_header) && packet_walk_ext_headers(quoted, cur))
        return 0;
    return quoted->frag_off ? 0 : icmp_quoted_ports(quoted, cur);
}

/* RFC 4861 section 4.6.3: the packet stands in an option behind two addresses. */
PACKET_INLINE int icmp_enter_redirect(struct packet_cursor *cur)
{
    if (!packet_take(cur, 32))
        return 0;
    for (int i = 0; i < ICMP_REDIRECT_OPTIONS; i++) {
        const __u8 *option = packet_take(cur, 8);

        if (!option || !option[1])
            return 0;
        if (option[0] == ICMPV6_OPTION_REDIRECTED)
            return 1;
        cur->pos +=
            ((option[1] - 1u) & 0xff) * 8; /* of its length in units of 8, the first is behind */
    }
    return 0;
}

/*
 * The packet that an error quotes: its session's key (scope as the error's), which endpoint had sent it,
 * and, of TCP, its sequence number. error: as the parser left it, icmp_pkt_is_error; cur: the same frame;
 * its position does not matter. *quoted must be zeroed. 1, or 0 when it can't be told.
 */
PACKET_COLD int icmp_quoted(const struct packet *error, struct packet_cursor *cur,
                            struct packet *quoted)
{
    int is_v6 = error->key.l4_proto == IP_PROTO_ICMPV6;

    cur->pos = cur->start + (error->payload_off & ICMP_QUOTE_OFFSET_MASK);
    quoted->key.scope = error->key.scope;
    if (is_v6 && error->icmp_type == ICMPV6_REDIRECT && !icmp_enter_redirect(cur))
        return 0;
    return is_v6 ? icmp_quoted_ipv6(quoted, cur) : icmp_quoted_ipv4(quoted, cur);
}

/* Whether the session can have sent what was quoted (RFC 5927 section 4.1): anybody can make an error up. */
PACKET_INLINE int icmp_quote_plausible(const struct flow *flow, const struct packet *quoted)
{
    const struct flow_dir *dir = quoted->from & 1 ? &flow->dir[1] : &flow->dir[0];

    return quoted->key.l4_proto != IP_PROTO_TCP || !(dir->known & FLOW_KNOWS_SEQ) ||
           dir->seq_nxt - quoted->seq <= TCP_PLAUSIBLE_JUMP;
}

/* Count an error to a session's note: with its like, as a new kind, or, with no room left, as one more. */
PACKET_COLD int icmp_error_add(struct flow_note *note, const struct packet *error)
{
    const __u64 *from = error->from & 1 ? error->key.addr[1].half : error->key.addr[0].half;

    for (int i = 0; i < NOTE_ICMP_ERRORS; i++) {
        struct icmp_error_kind *kind = &note->icmp_errors[i];

        if (kind->count && kind->type == error->icmp_type && kind->code == error->icmp_code &&
            kind->from[0] == from[0] && kind->from[1] == from[1]) {
            FLOW_ADD(&kind->count, 1);
            return 0;
        }
        if (ICMP_ERROR_CLAIM(&kind->count)) {
            kind->from[0] = from[0];
            kind->from[1] = from[1];
            kind->ip_version = error->key.ip_version;
            kind->type = error->icmp_type;
            kind->code = error->icmp_code;
            return 0;
        }
    }
    FLOW_ADD(&note->icmp_errors_more, 1);
    return 0;
}

#endif
