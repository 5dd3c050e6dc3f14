/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Protocol headers as they are on the wire, fields named and ordered as in their standards. All
 * are packed. In the kernel with an alignment of two, since an IP header begins at offset 14 of an
 * Ethernet frame; in a capture file a frame begins anywhere.
 */
#ifndef SESSTAP_WIRE_H
#define SESSTAP_WIRE_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

#ifdef __bpf__
#define WIRE __attribute__((packed, aligned(2)))
#else
#define WIRE __attribute__((packed))
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WIRE_BE16(x) ((__be16)__builtin_bswap16(x))
#define WIRE_BE32(x) ((__be32)__builtin_bswap32(x))
#else
#define WIRE_BE16(x) ((__be16)(x))
#define WIRE_BE32(x) ((__be32)(x))
#endif
/* The same swap read the other way: network order to host order. */
#define WIRE_HOST16(x) ((__u16)WIRE_BE16((__u16)(x)))
#define WIRE_HOST32(x) ((__u32)WIRE_BE32((__u32)(x)))

/* IEEE 802.3, IEEE 802 numbers (IANA) */
enum eth_type {
    ETH_TYPE_IPV4 = 0x0800,
    ETH_TYPE_VLAN = 0x8100,
    ETH_TYPE_IPV6 = 0x86dd,
    ETH_TYPE_MPLS_UC = 0x8847,
    ETH_TYPE_MPLS_MC = 0x8848,
    ETH_TYPE_PPPOE = 0x8864,
    ETH_TYPE_QINQ = 0x88a8,
    ETH_TYPE_QINQ_OLD = 0x9100,
};

struct eth_hdr {
    __u8 dst[6];
    __u8 src[6];
    __be16 eth_type;
} WIRE;

/* IEEE 802.1Q, after the two bytes of the tag protocol id */
struct vlan_tag {
    __be16 tci;
    __be16 eth_type;
} WIRE;
#define VLAN_ID_MASK 0x0fff

/* RFC 2516 section 4, then the two-byte PPP protocol of RFC 1661 */
struct pppoe_hdr {
    __u8 version_type;
    __u8 code;
    __be16 session_id;
    __be16 length;
    __be16 ppp_proto;
} WIRE;
#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057

/* IANA protocol numbers */
enum ip_proto {
    IP_PROTO_HOPOPTS = 0,
    IP_PROTO_ICMP = 1,
    IP_PROTO_IPIP = 4,
    IP_PROTO_TCP = 6,
    IP_PROTO_UDP = 17,
    IP_PROTO_IPV6 = 41,
    IP_PROTO_ROUTING = 43,
    IP_PROTO_FRAGMENT = 44,
    IP_PROTO_GRE = 47,
    IP_PROTO_ESP = 50,
    IP_PROTO_AH = 51,
    IP_PROTO_ICMPV6 = 58,
    IP_PROTO_NONE = 59,
    IP_PROTO_DSTOPTS = 60,
    IP_PROTO_SCTP = 132,
    IP_PROTO_MOBILITY = 135,
};

/* RFC 791 section 3.1 */
struct ipv4_hdr {
    __u8 version_ihl;
    __u8 tos;
    __be16 total_length;
    __be16 id;
    __be16 frag_off;
    __u8 ttl;
    __u8 proto;
    __sum16 checksum;
    __be32 src;
    __be32 dst;
} WIRE;
#define IPV4_FRAG_MORE   0x2000
#define IPV4_FRAG_OFFSET 0x1fff /* in units of 8 bytes */

/* RFC 8200 section 3 */
struct ipv6_hdr {
    __be32 version_class_flow;
    __be16 payload_length;
    __u8 next_header;
    __u8 hop_limit;
    __be32 src[4];
    __be32 dst[4];
} WIRE;

/* RFC 8200 section 4: hop-by-hop, routing and destination options; AH counts in other units */
struct ipv6_ext {
    __u8 next_header;
    __u8 length;
} WIRE;

/* RFC 8200 section 4.5 */
struct ipv6_frag {
    __u8 next_header;
    __u8 reserved;
    __be16 offset_more; /* bits 15..3 the offset in bytes, bit 0: more fragments */
    __be32 id;
} WIRE;
#define IPV6_FRAG_MORE   0x0001
#define IPV6_FRAG_OFFSET 0xfff8

/* RFC 9293 section 3.1 */
struct tcp_hdr {
    __be16 src_port;
    __be16 dst_port;
    __be32 seq;
    __be32 ack;
    __u8 data_offset; /* upper four bits, in units of 4 bytes */
    __u8 flags;
    __be16 window;
    __sum16 checksum;
    __be16 urgent;
} WIRE;

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_PSH = 0x08,
    TCP_ACK = 0x10,
    TCP_URG = 0x20,
    TCP_ECE = 0x40,
    TCP_CWR = 0x80,
};

/* IANA TCP option kinds */
enum tcp_option_kind {
    TCP_OPT_END = 0,
    TCP_OPT_NOP = 1,
    TCP_OPT_MSS = 2,
    TCP_OPT_WINDOW_SCALE = 3,
    TCP_OPT_SACK_PERMITTED = 4,
    TCP_OPT_SACK = 5,
    TCP_OPT_TIMESTAMPS = 8,
    TCP_OPT_MPTCP = 30,
    TCP_OPT_FAST_OPEN = 34,
    TCP_OPT_EXPERIMENT = 254, /* RFC 6994: fast open before its own number was 254 with 0xf989 */
};

/* RFC 768 */
struct udp_hdr {
    __be16 src_port;
    __be16 dst_port;
    __be16 length;
    __sum16 checksum;
} WIRE;

/* RFC 792 and RFC 4443: the first eight bytes, as echo messages use them */
struct icmp_hdr {
    __u8 type;
    __u8 code;
    __sum16 checksum;
    __be16 id;
    __be16 sequence;
} WIRE;

enum icmp_type {
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACHABLE = 3,
    ICMP_SOURCE_QUENCH = 4,
    ICMP_REDIRECT = 5,
    ICMP_ECHO_REQUEST = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER = 12,
    ICMP_TIMESTAMP = 13,
    ICMP_TIMESTAMP_REPLY = 14,
    ICMPV6_UNREACHABLE = 1,
    ICMPV6_TOO_BIG = 2,
    ICMPV6_TIME_EXCEEDED = 3,
    ICMPV6_PARAMETER = 4,
    ICMPV6_ECHO_REQUEST = 128,
    ICMPV6_ECHO_REPLY = 129,
    ICMPV6_ROUTER_SOLICIT = 133,
    ICMPV6_ROUTER_ADVERT = 134,
    ICMPV6_NEIGHBOR_SOLICIT = 135,
    ICMPV6_NEIGHBOR_ADVERT = 136,
    ICMPV6_REDIRECT = 137,
};

/* RFC 9260 section 3.1: the common header; chunks follow */
struct sctp_hdr {
    __be16 src_port;
    __be16 dst_port;
    __be32 verification_tag;
    __be32 checksum;
} WIRE;

#endif
