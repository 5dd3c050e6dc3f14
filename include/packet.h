/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The one packet parser: bytes in, key, offsets and header fields out. Pure functions that the
 * kernel programs and user space share: no map, no helper, no libc. Each step checks bounds,
 * advances the cursor and says what comes next.
 */
#ifndef SESSTAP_PACKET_H
#define SESSTAP_PACKET_H

#include "abi.h"
#include "wire.h"

#define PACKET_INLINE static inline __attribute__((always_inline, unused))
/* For the rare and bulky: a function of its own, so that its stack is not the caller's. */
#define PACKET_COLD        static __attribute__((noinline, unused))
#define PACKET_LIKELY(x)   __builtin_expect(!!(x), 1)
#define PACKET_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define PACKET_VLAN_TAGS   2
#define PACKET_MPLS_LABELS 4
#define PACKET_L2_MASK     0x3fff /* Ethernet, two tags, four labels: 38 bytes; behind a tunnel, more */
#define PACKET_EXT_HEADERS 8
#define PACKET_L3_HDR_MASK 0x7fff /* the fixed header and eight of 2048 bytes fit */

/* What the parser found. Lengths are wire lengths as the headers state them, in bytes. */
struct packet {
    struct flow_key key; /* scope is the caller's to fill in */
    __u32 payload_len;   /* layer-4 payload */
    __u32 frag_id;       /* of a fragment, as on the wire */
    __u32 seq;           /* TCP, host order, like ack, wnd */
    __u32 ack;
    __u32 ts_val; /* TCP timestamp and its echo (RFC 7323), 0: none */
    __u32 ts_ecr;
    __u16 wnd;
    __u16 l3_off; /* from the start of the frame */
    __u16 l4_off;
    __u16 payload_off;
    __u16 l3_hdr_len; /* IP header with options or extension headers */
    __u16 l4_hdr_len;
    __u16 frag_off;               /* bytes */
    __u16 vlan[PACKET_VLAN_TAGS]; /* tag control information, host order, outermost first */
    __u16 ip_id;                  /* IPv4, network order */
    __u8 vlan_count;
    __u8 is_fragment; /* also the first one */
    __u8 frag_more;
    __u8 from; /* endpoint of key that sent the packet */
    __u8 tcp_flags;
    __u8 tos; /* IPv4 TOS, IPv6 traffic class */
    __u8 icmp_type;
    __u8 icmp_code;
};

struct packet_cursor {
    const __u8 *start;
    const __u8 *pos;
    const __u8 *end;
};

#ifdef __bpf__
/* Keeps one register for a value: the verifier knows the bound of that one, not of a second copy. */
#define PACKET_ONE_COPY(ptr) asm volatile("" : "+r"(ptr))
/* What was written to *ptr is forgotten, and read again. */
#define PACKET_REREAD(ptr) asm volatile("" : : "r"(ptr) : "memory")
#else
#define PACKET_REREAD(ptr)   ((void)(ptr))
#define PACKET_ONE_COPY(ptr) ((void)(ptr))
#endif

/* How far the cursor is from the start of the frame. */
PACKET_INLINE __u32 packet_offset(const struct packet_cursor *cur)
{
    __u64 off = (__u64)(cur->pos - cur->start);

    PACKET_ONE_COPY(off);
    return (__u32)off;
}

/* The next len bytes (a constant), or NULL when the packet ends before. */
PACKET_INLINE const void *packet_take(struct packet_cursor *cur, __u32 len)
{
    const __u8 *here = cur->pos;

    PACKET_ONE_COPY(here);
    if (here + len > cur->end)
        return 0;
    cur->pos = here + len;
    return here;
}

/* Keep the last of two tags in vlan[1] when there are more than two. */
PACKET_INLINE void packet_add_vlan(struct packet *pkt, __u16 tci)
{
    if (pkt->vlan_count == 0)
        pkt->vlan[0] = tci;
    else
        pkt->vlan[1] = tci;
    pkt->vlan_count++;
}

/* Decide which address is endpoint 0; ports, where there are any, follow their address. */
PACKET_INLINE int packet_is_swapped(const struct packet *pkt, __be16 src_port, __be16 dst_port)
{
    const __u64 *src = pkt->key.addr[0].half, *dst = pkt->key.addr[1].half;

    if (src[1] != dst[1])
        return src[1] > dst[1];
    if (src[0] != dst[0])
        return src[0] > dst[0];
    return src_port > dst_port;
}

/* Put the key, filled in as source and destination, into its fixed order. */
PACKET_INLINE void packet_order_key(struct packet *pkt, __be16 src_port, __be16 dst_port)
{
    int swapped = packet_is_swapped(pkt, src_port, dst_port);

    pkt->from = (__u8)swapped;
    pkt->key.port[0] = swapped ? dst_port : src_port;
    pkt->key.port[1] = swapped ? src_port : dst_port;
    if (swapped) {
        __u64 high = pkt->key.addr[0].half[0], low = pkt->key.addr[0].half[1];

        pkt->key.addr[0].half[0] = pkt->key.addr[1].half[0];
        pkt->key.addr[0].half[1] = pkt->key.addr[1].half[1];
        pkt->key.addr[1].half[0] = high;
        pkt->key.addr[1].half[1] = low;
    }
}

/* Two NOPs and the timestamps: as RFC 7323 appendix A has it, and nearly every segment. */
struct packet_timestamps {
    __be32 head;
    __be32 val;
    __be32 ecr;
} WIRE;
#define PACKET_TIMESTAMPS_HEAD 0x0101080a

PACKET_INLINE void packet_parse_timestamps(struct packet *pkt, const struct packet_cursor *cur)
{
    const struct packet_timestamps *ts = (const struct packet_timestamps *)cur->pos;

    if ((const __u8 *)(ts + 1) > cur->end || ts->head != WIRE_BE32(PACKET_TIMESTAMPS_HEAD))
        return;
    pkt->ts_val = WIRE_HOST32(ts->val);
    pkt->ts_ecr = WIRE_HOST32(ts->ecr);
}

PACKET_INLINE int packet_parse_tcp(struct packet *pkt, struct packet_cursor *cur, __u32 l4_len)
{
    const struct tcp_hdr *tcp = packet_take(cur, sizeof(*tcp));

    if (!tcp)
        return UNACCOUNTED_TRUNCATED;
    pkt->l4_hdr_len = (tcp->data_offset >> 4) * 4;
    if (pkt->l4_hdr_len < sizeof(*tcp) || pkt->l4_hdr_len > l4_len)
        return UNACCOUNTED_MALFORMED;
    pkt->payload_len = l4_len - pkt->l4_hdr_len;
    pkt->tcp_flags = tcp->flags;
    pkt->seq = WIRE_HOST32(tcp->seq);
    pkt->ack = WIRE_HOST32(tcp->ack);
    pkt->wnd = WIRE_HOST16(tcp->window);
    if (pkt->l4_hdr_len >= sizeof(*tcp) + sizeof(struct packet_timestamps))
        packet_parse_timestamps(pkt, cur);
    packet_order_key(pkt, tcp->src_port, tcp->dst_port);
    return 0;
}

/* A UDP length of zero means "to the end" (RFC 2675 jumbograms, UDP segmentation offload). */
PACKET_INLINE int packet_parse_udp(struct packet *pkt, struct packet_cursor *cur, __u32 l4_len)
{
    const struct udp_hdr *udp = packet_take(cur, sizeof(*udp));
    __u32 udp_len;

    if (!udp)
        return UNACCOUNTED_TRUNCATED;
    udp_len = WIRE_HOST16(udp->length);
    if (udp_len == 0)
        udp_len = l4_len;
    if (udp_len < sizeof(*udp) || l4_len < sizeof(*udp))
        return UNACCOUNTED_MALFORMED;
    if (udp_len > l4_len) {
        if (!pkt->is_fragment)
            return UNACCOUNTED_MALFORMED;
        udp_len = l4_len;
    }
    pkt->l4_hdr_len = sizeof(*udp);
    pkt->payload_len = udp_len - sizeof(*udp);
    packet_order_key(pkt, udp->src_port, udp->dst_port);
    return 0;
}

PACKET_INLINE int packet_parse_sctp(struct packet *pkt, struct packet_cursor *cur, __u32 l4_len)
{
    const struct sctp_hdr *sctp = packet_take(cur, sizeof(*sctp));

    if (!sctp)
        return UNACCOUNTED_TRUNCATED;
    if (l4_len < sizeof(*sctp))
        return UNACCOUNTED_MALFORMED;
    pkt->l4_hdr_len = sizeof(*sctp);
    pkt->payload_len = l4_len - sizeof(*sctp);
    packet_order_key(pkt, sctp->src_port, sctp->dst_port);
    return 0;
}

/* The type of the message that begins the exchange that this type belongs to. */
PACKET_INLINE __u8 packet_icmp_request(__u8 type, int is_v6)
{
    if (!is_v6) {
        if (type == ICMP_ECHO_REPLY)
            return ICMP_ECHO_REQUEST;
        return type == ICMP_TIMESTAMP_REPLY ? ICMP_TIMESTAMP : type;
    }
    if (type == ICMPV6_ECHO_REPLY)
        return ICMPV6_ECHO_REQUEST;
    if (type == ICMPV6_ROUTER_ADVERT)
        return ICMPV6_ROUTER_SOLICIT;
    return type == ICMPV6_NEIGHBOR_ADVERT ? ICMPV6_NEIGHBOR_SOLICIT : type;
}

/* The key of an ICMP message, to itself: answers come from endpoint 1. id: behind the checksum. */
PACKET_INLINE void packet_icmp_key(struct packet *pkt, __u8 type, __be16 id)
{
    int is_v6 = pkt->key.l4_proto == IP_PROTO_ICMPV6;
    __u8 request = packet_icmp_request(type, is_v6);

    packet_order_key(pkt, type != request, 0);
    pkt->key.port[0] = 0;
    if (request == (is_v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST) ||
        (!is_v6 && request == ICMP_TIMESTAMP))
        pkt->key.port[0] = id;
    pkt->key.port[1] = WIRE_BE16(request);
}

PACKET_INLINE int packet_parse_icmp(struct packet *pkt, struct packet_cursor *cur, __u32 l4_len)
{
    const struct icmp_hdr *icmp = packet_take(cur, sizeof(*icmp));

    if (!icmp)
        return UNACCOUNTED_TRUNCATED;
    if (l4_len < sizeof(*icmp))
        return UNACCOUNTED_MALFORMED;
    pkt->l4_hdr_len = sizeof(*icmp);
    pkt->payload_len = l4_len - sizeof(*icmp);
    pkt->icmp_type = icmp->type;
    pkt->icmp_code = icmp->code;
    packet_icmp_key(pkt, icmp->type, icmp->id);
    return 0;
}

PACKET_INLINE int packet_is_l4(__u8 proto)
{
    return proto == IP_PROTO_TCP || proto == IP_PROTO_UDP || proto == IP_PROTO_ICMP ||
           proto == IP_PROTO_ICMPV6 || proto == IP_PROTO_SCTP;
}

/*
 * Layer 4, l4_len bytes long by the IP header. Later fragments have no layer-4 header; of IPv6 what they
 * name may be an extension header.
 */
PACKET_INLINE int packet_parse_l4(struct packet *pkt, struct packet_cursor *cur, __u32 l4_len)
{
    int err;

    pkt->l4_off = (__u16)packet_offset(cur);
    if (PACKET_UNLIKELY(pkt->frag_off)) {
        pkt->payload_len = l4_len;
        pkt->payload_off = pkt->l4_off;
        return pkt->key.ip_version == 6 || packet_is_l4(pkt->key.l4_proto)
                   ? UNACCOUNTED_FRAGMENT_NO_FIRST
                   : UNACCOUNTED_L4_UNSUPPORTED;
    }
    if (PACKET_LIKELY(pkt->key.l4_proto == IP_PROTO_TCP))
        err = packet_parse_tcp(pkt, cur, l4_len);
    else if (pkt->key.l4_proto == IP_PROTO_UDP)
        err = packet_parse_udp(pkt, cur, l4_len);
    else if (pkt->key.l4_proto == IP_PROTO_ICMP || pkt->key.l4_proto == IP_PROTO_ICMPV6)
        err = packet_parse_icmp(pkt, cur, l4_len);
    else if (pkt->key.l4_proto == IP_PROTO_SCTP)
        err = packet_parse_sctp(pkt, cur, l4_len);
    else
        err = UNACCOUNTED_L4_UNSUPPORTED;
    pkt->payload_off = pkt->l4_off + pkt->l4_hdr_len;
    return err;
}

/* Protocol and addresses of an IPv4 header, as source and destination. */
PACKET_INLINE void packet_ipv4_key(struct packet *pkt, const struct ipv4_hdr *ip)
{
    pkt->key.ip_version = 4;
    pkt->key.l4_proto = ip->proto;
    pkt->key.addr[0].half[0] = 0;
    pkt->key.addr[0].word[2] = WIRE_BE32(0xffff);
    pkt->key.addr[0].word[3] = ip->src;
    pkt->key.addr[1].half[0] = 0;
    pkt->key.addr[1].word[2] = WIRE_BE32(0xffff);
    pkt->key.addr[1].word[3] = ip->dst;
}

/* A total length of zero means "to the end": segmentation offload of packets over 64 KB. */
PACKET_INLINE int packet_parse_ipv4(struct packet *pkt, struct packet_cursor *cur, __u32 l3_len)
{
    const struct ipv4_hdr *ip = packet_take(cur, sizeof(*ip));
    __u32 hdr_len, total_len;
    __u16 frag;

    if (!ip)
        return UNACCOUNTED_TRUNCATED;
    hdr_len = (ip->version_ihl & 0x0f) * 4;
    total_len = WIRE_HOST16(ip->total_length);
    if (total_len == 0)
        total_len = l3_len;
    if ((ip->version_ihl >> 4) != 4 || hdr_len < sizeof(*ip) || total_len < hdr_len ||
        total_len > l3_len)
        return UNACCOUNTED_MALFORMED;
    packet_ipv4_key(pkt, ip);
    pkt->tos = ip->tos;
    pkt->ip_id = ip->id;
    pkt->l3_hdr_len = (__u16)hdr_len;
    frag = WIRE_HOST16(ip->frag_off);
    if (PACKET_UNLIKELY(frag & (IPV4_FRAG_MORE | IPV4_FRAG_OFFSET))) {
        pkt->is_fragment = 1;
        pkt->frag_more = !!(frag & IPV4_FRAG_MORE);
        pkt->frag_off = (frag & IPV4_FRAG_OFFSET) * 8;
        pkt->frag_id = ip->id;
    }
    cur->pos += hdr_len - sizeof(*ip);
    return packet_parse_l4(pkt, cur, total_len - hdr_len);
}

/* RFC 8200 section 4: whether this next header is an extension header that can be walked. */
PACKET_INLINE int packet_is_ext_header(__u8 next)
{
    return next == IP_PROTO_HOPOPTS || next == IP_PROTO_ROUTING || next == IP_PROTO_DSTOPTS ||
           next == IP_PROTO_FRAGMENT || next == IP_PROTO_AH || next == IP_PROTO_MOBILITY;
}

/*
 * Walk extension headers; the cursor stands after the fixed header, and at the end after the last one.
 * Units differ: AH counts 4-byte words less two, the others 8-byte units less one. Type and position
 * are read back from *pkt each time, so that the verifier looks at each step once.
 */
static __attribute__((noinline, unused)) int packet_walk_ext_headers(struct packet *pkt,
                                                                     struct packet_cursor *cur)
{
    const __u8 *l3 = cur->pos - sizeof(struct ipv6_hdr);

    for (int i = 0; i < PACKET_EXT_HEADERS; i++) {
        const struct ipv6_frag *frag;
        __u32 len = sizeof(*frag);
        __u8 next;

        PACKET_REREAD(pkt);
        next = pkt->key.l4_proto;
        if (!packet_is_ext_header(next) || pkt->frag_off)
            break;
        cur->pos = l3 + (pkt->l3_hdr_len & PACKET_L3_HDR_MASK);
        frag = packet_take(cur, sizeof(*frag));
        if (!frag)
            return UNACCOUNTED_TRUNCATED;
        pkt->key.l4_proto = frag->next_header;
        if (next == IP_PROTO_FRAGMENT) {
            __u16 off = WIRE_HOST16(frag->offset_more);

            pkt->is_fragment = 1;
            pkt->frag_more = off & IPV6_FRAG_MORE;
            pkt->frag_off = off & IPV6_FRAG_OFFSET;
            pkt->frag_id = frag->id;
        } else if (next == IP_PROTO_AH) {
            len = ((const struct ipv6_ext *)frag)->length * 4 + 8;
        } else {
            len = ((const struct ipv6_ext *)frag)->length * 8 + 8;
        }
        pkt->l3_hdr_len += (__u16)len;
    }
    PACKET_REREAD(pkt);
    cur->pos = l3 + (pkt->l3_hdr_len & PACKET_L3_HDR_MASK);
    if (pkt->frag_off)
        return 0;
    return packet_is_ext_header(pkt->key.l4_proto) ? UNACCOUNTED_EXTENSION_HEADERS : 0;
}

/* The same of an IPv6 header. */
PACKET_INLINE void packet_ipv6_key(struct packet *pkt, const struct ipv6_hdr *ip)
{
    pkt->key.ip_version = 6;
    pkt->key.l4_proto = ip->next_header;
    for (int i = 0; i < 4; i++) {
        pkt->key.addr[0].word[i] = ip->src[i];
        pkt->key.addr[1].word[i] = ip->dst[i];
    }
}

/* A payload length of zero means "to the end", as for IPv4 (and RFC 2675). */
PACKET_INLINE int packet_parse_ipv6(struct packet *pkt, struct packet_cursor *cur, __u32 l3_len)
{
    const struct ipv6_hdr *ip = packet_take(cur, sizeof(*ip));
    __u32 total_len;

    if (!ip)
        return UNACCOUNTED_TRUNCATED;
    total_len = WIRE_HOST16(ip->payload_length) + (__u32)sizeof(*ip);
    if (total_len == sizeof(*ip))
        total_len = l3_len;
    if ((WIRE_HOST32(ip->version_class_flow) >> 28) != 6 || total_len > l3_len)
        return UNACCOUNTED_MALFORMED;
    packet_ipv6_key(pkt, ip);
    pkt->tos = (__u8)(WIRE_HOST32(ip->version_class_flow) >> 20);
    pkt->l3_hdr_len = sizeof(*ip);
    if (PACKET_UNLIKELY(packet_is_ext_header(ip->next_header))) {
        int err = packet_walk_ext_headers(pkt, cur);

        if (err)
            return err;
        if (pkt->l3_hdr_len > total_len)
            return UNACCOUNTED_MALFORMED;
    }
    return packet_parse_l4(pkt, cur, total_len - pkt->l3_hdr_len);
}

/*
 * Parse from the network layer on. cur stands at the IP header; eth_type (host order) says which;
 * l3_len is the packet's length from there as it was on the wire, padding included.
 * 0: the packet belongs to a session and *pkt is complete; else the unaccounted_reason. With
 * UNACCOUNTED_FRAGMENT_NO_FIRST (a later fragment: fragment.h finds its session) the addresses are filled in but
 * in no order, and payload is the fragment's.
 */
PACKET_INLINE int packet_parse_l3(struct packet *pkt, struct packet_cursor *cur, __u16 eth_type,
                                  __u32 l3_len)
{
    pkt->l3_off = (__u16)packet_offset(cur);
    if (PACKET_LIKELY(eth_type == ETH_TYPE_IPV4))
        return packet_parse_ipv4(pkt, cur, l3_len);
    if (eth_type == ETH_TYPE_IPV6)
        return packet_parse_ipv6(pkt, cur, l3_len);
    return UNACCOUNTED_NOT_IP;
}

/*
 * The verifier looks at all that follows once for each place where the network layer may begin. After tags
 * and labels it is let go of which place it is, so that once is enough for all of them.
 */
PACKET_INLINE void packet_forget_offset(struct packet *pkt, struct packet_cursor *cur)
{
#ifdef __bpf__
    pkt->l3_off = (__u16)packet_offset(cur);
    PACKET_REREAD(pkt);
    cur->pos = cur->start + (pkt->l3_off & PACKET_L2_MASK);
#else
    (void)pkt;
    (void)cur;
#endif
}

PACKET_INLINE int packet_is_vlan(__u16 eth_type)
{
    return eth_type == ETH_TYPE_VLAN || eth_type == ETH_TYPE_QINQ || eth_type == ETH_TYPE_QINQ_OLD;
}

/* After the last MPLS label the first nibble tells IPv4 from IPv6 (RFC 4928 section 2). */
PACKET_INLINE int packet_skip_mpls(struct packet_cursor *cur, __u16 *eth_type)
{
    for (int i = 0; i < PACKET_MPLS_LABELS; i++) {
        const __be32 *label = packet_take(cur, sizeof(*label));
        const __u8 *next;

        if (!label || cur->pos + 1 > cur->end)
            return UNACCOUNTED_TRUNCATED;
        if (!(((const __u8 *)label)[2] & 1))
            continue;
        next = cur->pos;
        *eth_type = (*next >> 4) == 4 ? ETH_TYPE_IPV4 : (*next >> 4) == 6 ? ETH_TYPE_IPV6 : 0;
        return 0;
    }
    return UNACCOUNTED_NOT_IP;
}

PACKET_INLINE int packet_skip_pppoe(struct packet_cursor *cur, __u16 *eth_type)
{
    const struct pppoe_hdr *ppp = packet_take(cur, sizeof(*ppp));
    __u16 proto;

    if (!ppp)
        return UNACCOUNTED_TRUNCATED;
    proto = WIRE_HOST16(ppp->ppp_proto);
    *eth_type = proto == PPP_IPV4 ? ETH_TYPE_IPV4 : proto == PPP_IPV6 ? ETH_TYPE_IPV6 : 0;
    return 0;
}

/* From an Ethernet type on: VLAN tags, MPLS, PPPoE, then IP. wire_len is of the whole frame. */
PACKET_INLINE int packet_parse_eth_type(struct packet *pkt, struct packet_cursor *cur,
                                        __u16 eth_type, __u32 wire_len)
{
    int err = 0;

    if (PACKET_UNLIKELY(eth_type != ETH_TYPE_IPV4 && eth_type != ETH_TYPE_IPV6)) {
        for (int i = 0; i < PACKET_VLAN_TAGS && packet_is_vlan(eth_type); i++) {
            const struct vlan_tag *tag = packet_take(cur, sizeof(*tag));

            if (!tag)
                return UNACCOUNTED_TRUNCATED;
            packet_add_vlan(pkt, WIRE_HOST16(tag->tci));
            eth_type = WIRE_HOST16(tag->eth_type);
        }
        if (eth_type == ETH_TYPE_MPLS_UC || eth_type == ETH_TYPE_MPLS_MC)
            err = packet_skip_mpls(cur, &eth_type);
        else if (eth_type == ETH_TYPE_PPPOE)
            err = packet_skip_pppoe(cur, &eth_type);
        if (err)
            return err;
        packet_forget_offset(pkt, cur);
    }
    return packet_parse_l3(pkt, cur, eth_type, wire_len - packet_offset(cur));
}

/* Parse an Ethernet frame; result as packet_parse_l3. *pkt must be zeroed, wire_len no less than cur has. */
PACKET_INLINE int packet_parse_eth(struct packet *pkt, struct packet_cursor *cur, __u32 wire_len)
{
    const struct eth_hdr *eth = packet_take(cur, sizeof(*eth));

    if (!eth)
        return UNACCOUNTED_TRUNCATED;
    return packet_parse_eth_type(pkt, cur, WIRE_HOST16(eth->eth_type), wire_len);
}

#endif
