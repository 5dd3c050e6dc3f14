/* SPDX-License-Identifier: Apache-2.0 */
/* Link layers: each a function that finds the Ethernet type and hands over to packet.h. */
#include "source/capfile/linktype.h"

#include <stddef.h>

#define LINK_HEADERS_MAX_BYTES 16384 /* struct packet has offsets of 16 bits */

#define ARPHRD_RADIOTAP    803
#define ARPHRD_NETLINK     824
#define SLL_PROTO_8022     4 /* an LLC header follows */
#define PPP_ADDRESS        0xff
#define PPP_MPLS_UC        0x0281
#define PPP_MPLS_MC        0x0283
#define CISCO_HDLC_UNICAST 0x0f
#define CISCO_HDLC_BCAST   0x8f

typedef int linktype_parser(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len);

static uint16_t be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[1] << 8 | p[0]);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)le16(p + 2) << 16 | le16(p);
}

/* Pass len bytes of headers; false when the frame ends before. */
static bool skip(struct packet_cursor *cur, uint32_t len)
{
    if (len > (size_t)(cur->end - cur->pos))
        return false;
    cur->pos += len;
    return true;
}

/* The first nibble tells the version. */
static int parse_raw(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    uint8_t version;

    if (cur->pos == cur->end)
        return UNACCOUNTED_TRUNCATED;
    version = *cur->pos >> 4;
    return packet_parse_eth_type(pkt, cur,
                                 version == 4   ? ETH_TYPE_IPV4
                                 : version == 6 ? ETH_TYPE_IPV6
                                                : 0,
                                 wire_len);
}

static int parse_ipv4(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    return packet_parse_eth_type(pkt, cur, ETH_TYPE_IPV4, wire_len);
}

static int parse_ipv6(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    return packet_parse_eth_type(pkt, cur, ETH_TYPE_IPV6, wire_len);
}

/* An address family as the capturing system numbers it: AF_INET6 is 10 on Linux, 23 Windows,
 * 24 NetBSD, OpenBSD and AIX, 26 Solaris, 28 FreeBSD, 30 Darwin. */
static uint16_t family_eth_type(uint32_t family)
{
    switch (family) {
    case 2:
        return ETH_TYPE_IPV4;
    case 10:
    case 23:
    case 24:
    case 26:
    case 28:
    case 30:
        return ETH_TYPE_IPV6;
    default:
        return 0;
    }
}

/* NULL has the family in the capturing host's byte order, LOOP in network order: either is taken. */
static int parse_loopback(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    const uint8_t *p = packet_take(cur, 4);
    uint32_t family;

    if (!p)
        return UNACCOUNTED_TRUNCATED;
    family = be32(p);
    return packet_parse_eth_type(pkt, cur, family_eth_type(family < 0x10000 ? family : le32(p)),
                                 wire_len);
}

/* IEEE 802.2 with the SNAP of RFC 1042, or the bridge tunnel's of 802.1H */
static int parse_llc(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    const uint8_t *p = packet_take(cur, 3);

    if (!p)
        return UNACCOUNTED_TRUNCATED;
    if (p[0] != 0xaa || p[1] != 0xaa || p[2] != 0x03)
        return UNACCOUNTED_NOT_IP;
    p = packet_take(cur, 5);
    if (!p)
        return UNACCOUNTED_TRUNCATED;
    if (p[0] || p[1] || (p[2] && p[2] != 0xf8))
        return UNACCOUNTED_NOT_IP;
    return packet_parse_eth_type(pkt, cur, be16(p + 3), wire_len);
}

/* IEEE 802.11-2020 section 9.2 and 9.3.2: frame control and sequence control are little-endian */
#define DOT11_VERSION_TYPE   0x0f /* of the first byte */
#define DOT11_DATA           0x08
#define DOT11_SUBTYPE_NODATA 0x40
#define DOT11_SUBTYPE_QOS    0x80
#define DOT11_TO_DS          0x01 /* of the second */
#define DOT11_FROM_DS        0x02
#define DOT11_MORE_FRAGMENTS 0x04
#define DOT11_PROTECTED      0x40
#define DOT11_HT_CONTROL     0x80
#define DOT11_HDR_BYTES      24
#define DOT11_FRAGMENT       0x0f /* of the sequence control's first byte */
#define DOT11_QOS_AGGREGATE  0x80 /* of the QoS control's first byte */

/* pad: the header is filled up to a multiple of four bytes. */
static int parse_dot11(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len, bool pad)
{
    const uint8_t *p = cur->pos, *qos;
    uint32_t len = DOT11_HDR_BYTES;

    if (cur->end - p < 2)
        return UNACCOUNTED_TRUNCATED;
    if ((p[0] & DOT11_VERSION_TYPE) != DOT11_DATA || (p[0] & DOT11_SUBTYPE_NODATA) ||
        (p[1] & (DOT11_PROTECTED | DOT11_MORE_FRAGMENTS)))
        return UNACCOUNTED_NOT_IP;
    if ((p[1] & DOT11_TO_DS) && (p[1] & DOT11_FROM_DS))
        len += 6;
    qos = p + len;
    if (p[0] & DOT11_SUBTYPE_QOS)
        len += p[1] & DOT11_HT_CONTROL ? 2 + 4 : 2;
    if (!skip(cur, pad ? (len + 3) & ~3u : len))
        return UNACCOUNTED_TRUNCATED;
    if ((p[DOT11_HDR_BYTES - 2] & DOT11_FRAGMENT) ||
        ((p[0] & DOT11_SUBTYPE_QOS) && (*qos & DOT11_QOS_AGGREGATE)))
        return UNACCOUNTED_NOT_IP;
    return parse_llc(pkt, cur, wire_len);
}

static int parse_ieee802_11(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    return parse_dot11(pkt, cur, wire_len, false);
}

#define RADIOTAP_HDR_BYTES 8
#define RADIOTAP_HAS_TSFT  (1u << 0)
#define RADIOTAP_HAS_FLAGS (1u << 1)
#define RADIOTAP_HAS_MORE  (1u << 31)
#define RADIOTAP_FLAG_PAD  0x20

/* radiotap.org: words that say what is there, then the fields, each aligned to its size. */
static bool radiotap_has_pad(const uint8_t *start, uint32_t len)
{
    uint32_t present = le32(start + 4), at = RADIOTAP_HDR_BYTES;

    if (!(present & RADIOTAP_HAS_FLAGS))
        return false;
    for (uint32_t word = present; word & RADIOTAP_HAS_MORE; at += 4) {
        if (at + 4 > len)
            return false;
        word = le32(start + at);
    }
    if (present & RADIOTAP_HAS_TSFT)
        at = ((at + 7) & ~7u) + 8;
    return at < len && (start[at] & RADIOTAP_FLAG_PAD);
}

static int parse_radiotap(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    const uint8_t *p = cur->pos;
    uint32_t len;

    if (cur->end - p < RADIOTAP_HDR_BYTES)
        return UNACCOUNTED_TRUNCATED;
    len = le16(p + 2);
    if (p[0] != 0 || len < RADIOTAP_HDR_BYTES || len > LINK_HEADERS_MAX_BYTES)
        return UNACCOUNTED_MALFORMED;
    if (!skip(cur, len))
        return UNACCOUNTED_TRUNCATED;
    return parse_dot11(pkt, cur, wire_len, radiotap_has_pad(p, len));
}

/* The second word is the length: of AVS in network order, of Prism in the capturing host's. */
static int parse_prism(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    const uint8_t *p = cur->pos;
    uint32_t len;

    if (cur->end - p < 8)
        return UNACCOUNTED_TRUNCATED;
    len = be32(p + 4);
    if (len > LINK_HEADERS_MAX_BYTES)
        len = le32(p + 4);
    if (len < 8 || len > LINK_HEADERS_MAX_BYTES)
        return UNACCOUNTED_MALFORMED;
    return skip(cur, len) ? parse_dot11(pkt, cur, wire_len, false) : UNACCOUNTED_TRUNCATED;
}

static int parse_cooked(struct packet *pkt, struct packet_cursor *cur, uint16_t arphrd,
                        uint16_t proto, uint32_t wire_len)
{
    if (arphrd == ARPHRD_RADIOTAP)
        return parse_radiotap(pkt, cur, wire_len);
    if (arphrd == ARPHRD_NETLINK)
        return UNACCOUNTED_NOT_IP;
    if (proto == SLL_PROTO_8022)
        return parse_llc(pkt, cur, wire_len);
    return packet_parse_eth_type(pkt, cur, proto, wire_len);
}

/* Packet type, ARPHRD, address length, address (8), protocol */
static int parse_sll(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    const uint8_t *p = packet_take(cur, 16);

    return p ? parse_cooked(pkt, cur, be16(p + 2), be16(p + 14), wire_len) : UNACCOUNTED_TRUNCATED;
}

/* Protocol, reserved (2), interface (4), ARPHRD, packet type (1), address length (1), address (8) */
static int parse_sll2(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    const uint8_t *p = packet_take(cur, 20);

    return p ? parse_cooked(pkt, cur, be16(p + 8), be16(p), wire_len) : UNACCOUNTED_TRUNCATED;
}

/* A PPP protocol number, of one byte when that is odd (RFC 1661 section 6.5) */
static int parse_ppp_proto(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    const uint8_t *p = packet_take(cur, 1);
    uint16_t proto;

    if (!p)
        return UNACCOUNTED_TRUNCATED;
    proto = *p;
    if (!(proto & 1)) {
        p = packet_take(cur, 1);
        if (!p)
            return UNACCOUNTED_TRUNCATED;
        proto = (uint16_t)(proto << 8 | *p);
    }
    switch (proto) {
    case PPP_IPV4:
        return parse_ipv4(pkt, cur, wire_len);
    case PPP_IPV6:
        return parse_ipv6(pkt, cur, wire_len);
    case PPP_MPLS_UC:
    case PPP_MPLS_MC:
        return packet_parse_eth_type(pkt, cur, ETH_TYPE_MPLS_UC, wire_len);
    default:
        return UNACCOUNTED_NOT_IP;
    }
}

/* With or without the address (all stations) and control bytes of RFC 1662 */
static int parse_ppp(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    if (cur->pos < cur->end && *cur->pos == PPP_ADDRESS && !packet_take(cur, 2))
        return UNACCOUNTED_TRUNCATED;
    return parse_ppp_proto(pkt, cur, wire_len);
}

/* RFC 1547: address, control, then an Ethernet type */
static int parse_cisco_hdlc(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    const uint8_t *p = packet_take(cur, 4);

    return p ? packet_parse_eth_type(pkt, cur, be16(p + 2), wire_len) : UNACCOUNTED_TRUNCATED;
}

static int parse_ppp_hdlc(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    if (cur->pos < cur->end && (*cur->pos == CISCO_HDLC_UNICAST || *cur->pos == CISCO_HDLC_BCAST))
        return parse_cisco_hdlc(pkt, cur, wire_len);
    return parse_ppp(pkt, cur, wire_len);
}

static int parse_pppoe(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    return packet_parse_eth_type(pkt, cur, ETH_TYPE_PPPOE, wire_len);
}

static int parse_ethernet(struct packet *pkt, struct packet_cursor *cur, uint32_t wire_len)
{
    return packet_parse_eth(pkt, cur, wire_len);
}

/* The frequent ones first. Without a parser: only named. */
static const struct {
    uint16_t linktype;
    const char *name;
    linktype_parser *parse;
} linktypes[] = {
    {LINKTYPE_ETHERNET, "ETHERNET", parse_ethernet},
    {LINKTYPE_LINUX_SLL, "LINUX_SLL", parse_sll},
    {LINKTYPE_LINUX_SLL2, "LINUX_SLL2", parse_sll2},
    {LINKTYPE_RAW, "RAW", parse_raw},
    {LINKTYPE_NULL, "NULL", parse_loopback},
    {LINKTYPE_IEEE802_11_RADIOTAP, "IEEE802_11_RADIOTAP", parse_radiotap},
    {LINKTYPE_IEEE802_11, "IEEE802_11", parse_ieee802_11},
    {LINKTYPE_IPV4, "IPV4", parse_ipv4},
    {LINKTYPE_IPV6, "IPV6", parse_ipv6},
    {LINKTYPE_RAW_BSD, "RAW", parse_raw},
    {LINKTYPE_RAW_OPENBSD, "RAW", parse_raw},
    {LINKTYPE_LOOP, "LOOP", parse_loopback},
    {LINKTYPE_PPP, "PPP", parse_ppp},
    {LINKTYPE_PPP_HDLC, "PPP_HDLC", parse_ppp_hdlc},
    {LINKTYPE_PPP_ETHER, "PPP_ETHER", parse_pppoe},
    {LINKTYPE_C_HDLC, "C_HDLC", parse_cisco_hdlc},
    {LINKTYPE_IEEE802_11_PRISM, "IEEE802_11_PRISM", parse_prism},
    {LINKTYPE_IEEE802_11_AVS, "IEEE802_11_AVS", parse_prism},
    {6, "IEEE802_5", NULL},
    {7, "ARCNET_BSD", NULL},
    {8, "SLIP", NULL},
    {10, "FDDI", NULL},
    {100, "ATM_RFC1483", NULL},
    {107, "FRELAY", NULL},
    {117, "PFLOG", NULL},
    {122, "IP_OVER_FC", NULL},
    {138, "APPLE_IP_OVER_IEEE1394", NULL},
    {140, "MTP2", NULL},
    {141, "MTP3", NULL},
    {142, "SCCP", NULL},
    {143, "DOCSIS", NULL},
    {144, "LINUX_IRDA", NULL},
    {177, "LINUX_LAPD", NULL},
    {187, "BLUETOOTH_HCI_H4", NULL},
    {189, "USB_LINUX", NULL},
    {192, "PPI", NULL},
    {195, "IEEE802_15_4_WITHFCS", NULL},
    {197, "ERF", NULL},
    {201, "BLUETOOTH_HCI_H4_WITH_PHDR", NULL},
    {220, "USB_LINUX_MMAPPED", NULL},
    {226, "IPNET", NULL},
    {227, "CAN_SOCKETCAN", NULL},
    {230, "IEEE802_15_4_NOFCS", NULL},
    {239, "NFLOG", NULL},
    {240, "NETANALYZER", NULL},
    {247, "INFINIBAND", NULL},
    {248, "SCTP", NULL},
    {249, "USBPCAP", NULL},
    {251, "BLUETOOTH_LE_LL", NULL},
    {253, "NETLINK", NULL},
    {254, "BLUETOOTH_LINUX_MONITOR", NULL},
    {256, "BLUETOOTH_LE_LL_WITH_PHDR", NULL},
    {271, "VSOCK", NULL},
};

#define LINKTYPES (sizeof(linktypes) / sizeof(linktypes[0]))

/* LINKTYPES when it is not there. */
static size_t linktype_find(uint16_t linktype)
{
    size_t i = 0;

    while (i < LINKTYPES && linktypes[i].linktype != linktype)
        i++;
    return i;
}

int linktype_parse_other(uint16_t linktype, struct packet *pkt, struct packet_cursor *cur,
                         uint32_t wire_len)
{
    size_t i = linktype_find(linktype);

    if (i == LINKTYPES || !linktypes[i].parse)
        return UNACCOUNTED_NOT_IP;
    return linktypes[i].parse(pkt, cur, wire_len);
}

const char *linktype_name(uint16_t linktype)
{
    size_t i = linktype_find(linktype);

    return i < LINKTYPES ? linktypes[i].name : "unknown";
}

bool linktype_is_known(uint16_t linktype)
{
    size_t i = linktype_find(linktype);

    return i < LINKTYPES && linktypes[i].parse;
}
