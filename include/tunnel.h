/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * One level of encapsulation: what a packet, parsed by packet.h, carries inside. As packet.h, for the
 * kernel programs and user space alike.
 *
 *   VXLAN    RFC 7348           UDP 4789, 8472 (Linux before the number was assigned)
 *   Geneve   RFC 8926           UDP 6081, options skipped
 *   GRE      RFC 2784, RFC 2890 protocol 47, version 0; RFC 7637 (NVGRE) is GRE with a key
 *   IPIP     RFC 2003           IPv4 in IPv4
 *   SIT      RFC 4213           IPv6 in IPv4 (6in4, 6to4, ISATAP)
 *   IP6TNL   RFC 2473           IPv4 or IPv6 in IPv6
 */
#ifndef SESSTAP_TUNNEL_H
#define SESSTAP_TUNNEL_H

#include "packet.h"

#define TUNNEL_KINDS(X) \
    X(NONE, none)       \
    X(VXLAN, vxlan)     \
    X(GENEVE, geneve)   \
    X(GRE, gre)         \
    X(IPIP, ipip)       \
    X(SIT, sit)         \
    X(IP6TNL, ip6tnl)

enum tunnel_kind {
#define X(upper, lower) TUNNEL_##upper,
    TUNNEL_KINDS(X)
#undef X
        TUNNEL_KIND_COUNT,
};

/* What was found. The inner packet's lengths and offsets count from the start of the whole frame. */
struct tunnel {
    __u32 wire_len; /* of the frame, as far as the outer packet's payload goes */
    __u32 id;       /* VNI of VXLAN and Geneve, GRE key (of NVGRE: VSID and FlowID); 0: none */
    __u16 eth_type; /* what cur stands at; 0: an Ethernet header */
    __u8 kind;      /* enum tunnel_kind */
    __u8 pad;
};

#define TUNNEL_VXLAN_PORT     4789
#define TUNNEL_VXLAN_PORT_OLD 8472
#define TUNNEL_GENEVE_PORT    6081
#define TUNNEL_ETHERNET       0x6558 /* transparent Ethernet bridging, as Geneve and GRE name it */

/* RFC 7348 section 5 */
struct vxlan_hdr {
    __be32 flags; /* 0x08000000: the VNI is valid */
    __be32 vni;   /* upper 24 bits */
} WIRE;
#define VXLAN_HAS_VNI 0x08000000

/* RFC 8926 section 3.4; options follow */
struct geneve_hdr {
    __u8 version_opt_len; /* upper two bits, lower six in units of 4 bytes */
    __u8 flags;           /* 0x80: control, no packet inside */
    __be16 eth_type;
    __be32 vni; /* upper 24 bits */
} WIRE;
#define GENEVE_OPT_LEN 0x3f
#define GENEVE_CONTROL 0x80

/* RFC 2784 section 2.1; checksum, key and sequence number follow, each 4 bytes and in this order */
struct gre_hdr {
    __be16 flags_version;
    __be16 eth_type;
} WIRE;
#define GRE_CHECKSUM 0x8000
#define GRE_ROUTING  0x4000 /* RFC 1701, long gone */
#define GRE_KEY      0x2000
#define GRE_SEQUENCE 0x1000
#define GRE_VERSION  0x0007 /* 1 is PPTP's */

struct gre_key {
    __be32 key;
} WIRE;

#define TUNNEL_OFFSET_MASK 0x3fff /* no outer headers are longer */

PACKET_INLINE const char *tunnel_kind_name(__u32 kind)
{
    switch (kind) {
#define X(upper, lower)  \
    case TUNNEL_##upper: \
        return #lower;
        TUNNEL_KINDS(X)
#undef X
    default:
        return "none";
    }
}

/* The Ethernet type of Geneve or GRE to tunnel->eth_type; 0 when nothing we can read is inside. */
PACKET_INLINE int tunnel_set_type(struct tunnel *tunnel, __u16 eth_type)
{
    tunnel->eth_type = eth_type == TUNNEL_ETHERNET ? 0 : eth_type;
    return eth_type == TUNNEL_ETHERNET || eth_type == ETH_TYPE_IPV4 || eth_type == ETH_TYPE_IPV6 ||
           eth_type == ETH_TYPE_MPLS_UC;
}

PACKET_INLINE int tunnel_enter_vxlan(struct packet_cursor *cur, struct tunnel *tunnel)
{
    const struct vxlan_hdr *vxlan = packet_take(cur, sizeof(*vxlan));

    if (!vxlan || !(vxlan->flags & WIRE_BE32(VXLAN_HAS_VNI)))
        return 0;
    tunnel->kind = TUNNEL_VXLAN;
    tunnel->id = WIRE_HOST32(vxlan->vni) >> 8;
    return 1;
}

PACKET_INLINE int tunnel_enter_geneve(struct packet_cursor *cur, struct tunnel *tunnel)
{
    const struct geneve_hdr *geneve = packet_take(cur, sizeof(*geneve));

    if (!geneve || (geneve->version_opt_len & ~GENEVE_OPT_LEN) || (geneve->flags & GENEVE_CONTROL))
        return 0;
    tunnel->kind = TUNNEL_GENEVE;
    tunnel->id = WIRE_HOST32(geneve->vni) >> 8;
    cur->pos += (geneve->version_opt_len & GENEVE_OPT_LEN) * 4;
    return tunnel_set_type(tunnel, WIRE_HOST16(geneve->eth_type));
}

PACKET_INLINE int tunnel_enter_gre(struct packet_cursor *cur, struct tunnel *tunnel)
{
    const struct gre_hdr *gre = packet_take(cur, sizeof(*gre));
    __u16 flags;

    if (!gre)
        return 0;
    flags = WIRE_HOST16(gre->flags_version);
    if (flags & (GRE_VERSION | GRE_ROUTING))
        return 0;
    tunnel->kind = TUNNEL_GRE;
    if ((flags & GRE_CHECKSUM) && !packet_take(cur, 4))
        return 0;
    if (flags & GRE_KEY) {
        const struct gre_key *key = packet_take(cur, sizeof(*key));

        if (!key)
            return 0;
        tunnel->id = WIRE_HOST32(key->key);
    }
    if ((flags & GRE_SEQUENCE) && !packet_take(cur, 4))
        return 0;
    return tunnel_set_type(tunnel, WIRE_HOST16(gre->eth_type));
}

/* UDP to a port of tunnels, whatever is inside. */
PACKET_INLINE int tunnel_is_port(const struct packet *outer)
{
    __be16 dst_port = outer->from ? outer->key.port[0] : outer->key.port[1];

    return dst_port == WIRE_BE16(TUNNEL_VXLAN_PORT) ||
           dst_port == WIRE_BE16(TUNNEL_VXLAN_PORT_OLD) ||
           dst_port == WIRE_BE16(TUNNEL_GENEVE_PORT);
}

/* UDP whose destination port is a tunnel's: replies have other source ports, but the same destination. */
PACKET_INLINE int tunnel_enter_udp(const struct packet *outer, struct packet_cursor *cur,
                                   struct tunnel *tunnel)
{
    __be16 dst_port = outer->from ? outer->key.port[0] : outer->key.port[1];

    tunnel->wire_len = outer->payload_off + outer->payload_len;
    if (dst_port == WIRE_BE16(TUNNEL_VXLAN_PORT) || dst_port == WIRE_BE16(TUNNEL_VXLAN_PORT_OLD))
        return tunnel_enter_vxlan(cur, tunnel);
    return dst_port == WIRE_BE16(TUNNEL_GENEVE_PORT) ? tunnel_enter_geneve(cur, tunnel) : 0;
}

/*
 * Whether *outer is a tunnel's packet. outer: as packet_parse_eth and the like left it, with verdict 0 (UDP)
 * or UNACCOUNTED_L4_UNSUPPORTED (the others); cur: the same frame, of wire_len bytes; its position does
 * not matter. 1: *tunnel is filled in and cur stands at what is inside, for tunnel_parse_inner.
 * 0: it is none, or cut off, malformed, a fragment: *outer is all there is.
 */
PACKET_COLD int tunnel_inner(const struct packet *outer, struct packet_cursor *cur, __u32 wire_len,
                             struct tunnel *tunnel)
{
    __u8 l4_proto = outer->key.l4_proto;

    *tunnel = (struct tunnel){.wire_len = wire_len};
    if (outer->is_fragment || !outer->l4_off || outer->l4_off > TUNNEL_OFFSET_MASK)
        return 0;
    cur->pos = cur->start + ((outer->l4_off + outer->l4_hdr_len) & TUNNEL_OFFSET_MASK);
    if (l4_proto == IP_PROTO_UDP && outer->l4_hdr_len)
        return tunnel_enter_udp(outer, cur, tunnel);
    if (l4_proto == IP_PROTO_GRE)
        return tunnel_enter_gre(cur, tunnel);
    if (l4_proto != IP_PROTO_IPIP && l4_proto != IP_PROTO_IPV6)
        return 0;
    tunnel->eth_type = l4_proto == IP_PROTO_IPV6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4;
    tunnel->kind = outer->key.ip_version == 6  ? TUNNEL_IP6TNL
                   : l4_proto == IP_PROTO_IPV6 ? TUNNEL_SIT
                                               : TUNNEL_IPIP;
    return 1;
}

/* As packet_forget_offset: the verifier need not look at the inner packet once for each kind of tunnel. */
PACKET_INLINE void tunnel_forget_offset(struct packet *inner, struct packet_cursor *cur)
{
#ifdef __bpf__
    inner->l3_off = (__u16)packet_offset(cur);
    PACKET_REREAD(inner);
    cur->pos = cur->start + (inner->l3_off & TUNNEL_OFFSET_MASK);
#else
    (void)inner;
    (void)cur;
#endif
}

/*
 * Parse what tunnel_inner found; result as packet_parse_l3, offsets from the start of the whole frame.
 * *inner must be zeroed. Unless it is 0 (or UNACCOUNTED_FRAGMENT_NO_FIRST) the packet is best taken as the outer one.
 */
PACKET_INLINE int tunnel_parse_inner(struct packet *inner, struct packet_cursor *cur,
                                     const struct tunnel *tunnel)
{
    int verdict;

    tunnel_forget_offset(inner, cur);
    verdict = tunnel->eth_type
                  ? packet_parse_eth_type(inner, cur, tunnel->eth_type, tunnel->wire_len)
                  : packet_parse_eth(inner, cur, tunnel->wire_len);
    return inner->l3_off > tunnel->wire_len ? UNACCOUNTED_MALFORMED : verdict;
}

#endif
