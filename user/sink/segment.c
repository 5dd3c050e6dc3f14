/* SPDX-License-Identifier: Apache-2.0 */
/* Splits segmentation-offload packets and completes the checksums that were left to the card. */
#include "sink/segment.h"

#include <string.h>

#define IPV6_JUMBO_BYTES  8 /* hop-by-hop header with nothing but a jumbo payload option */
#define IPV6_JUMBO_OPTION 0xc2

static uint64_t add_carry(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word);
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *at = data;
    uint64_t other = 0, last = 0;

    for (; len >= 32; at += 32, len -= 32) {
        sum = add_carry(sum, load64(at));
        other = add_carry(other, load64(at + 8));
        sum = add_carry(sum, load64(at + 16));
        other = add_carry(other, load64(at + 24));
    }
    for (; len >= 8; at += 8, len -= 8)
        sum = add_carry(sum, load64(at));
    if (len)
        memcpy(&last, at, len);
    return add_carry(add_carry(sum, other), last);
}

uint16_t checksum_fold(uint64_t sum)
{
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 32) + (sum & 0xffffffff);
    sum = (sum >> 16) + (sum & 0xffff);
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t)sum;
}

/* Addresses, protocol and length: RFC 9293 section 3.1, RFC 8200 section 8.1. */
static uint64_t pseudo_header_sum(const struct segmenter *seg, uint32_t payload_len)
{
    uint64_t sum = WIRE_BE32(seg->parsed.l4_hdr_len + payload_len);
    const uint8_t *l3 = seg->headers + seg->l3_off;

    sum += WIRE_BE16((uint16_t)seg->parsed.key.l4_proto);
    if (seg->parsed.key.ip_version == 4)
        return checksum_add(sum, &((const struct ipv4_hdr *)l3)->src, 8);
    return checksum_add(sum, ((const struct ipv6_hdr *)l3)->src, 32);
}

/* A checksum field, which may lie at any address. */
struct checksum_field {
    __sum16 value;
} WIRE;

static struct checksum_field *l4_checksum(struct segmenter *seg)
{
    uint8_t *l4 = seg->headers + seg->l4_off;
    bool is_tcp = seg->parsed.key.l4_proto == IP_PROTO_TCP;

    return (struct checksum_field *)(l4 + (is_tcp ? offsetof(struct tcp_hdr, checksum)
                                                  : offsetof(struct udp_hdr, checksum)));
}

static void complete_l4_checksum(struct segmenter *seg, const uint8_t *payload, uint32_t len)
{
    struct checksum_field *checksum = l4_checksum(seg);
    bool is_udp = seg->parsed.key.l4_proto == IP_PROTO_UDP;
    uint64_t sum;

    if (is_udp && checksum->value == 0 && seg->parsed.key.ip_version == 4)
        return; /* RFC 768: the sender made none */
    checksum->value = 0;
    sum = pseudo_header_sum(seg, len);
    sum = checksum_add(sum, seg->headers + seg->l4_off, seg->parsed.l4_hdr_len);
    checksum->value = (__sum16)~checksum_fold(checksum_add(sum, payload, len));
    if (is_udp && checksum->value == 0)
        checksum->value = 0xffff;
}

/* Left to the network card: the field holds the sum of the pseudo header (CHECKSUM_PARTIAL). */
static bool is_checksum_partial(struct segmenter *seg)
{
    return l4_checksum(seg)->value == checksum_fold(pseudo_header_sum(seg, seg->from->payload_len));
}

static int parse_headers(struct segmenter *seg)
{
    const struct capture_packet *from = seg->from;
    struct packet_cursor cur = {from->headers, from->headers, from->headers + from->headers_len};
    uint32_t wire_len = from->headers_len + from->skb_payload_len + from->trailer_len;

    if (!from->l3_only)
        return packet_parse_eth(&seg->parsed, &cur, wire_len);
    if (!from->headers_len)
        return UNACCOUNTED_TRUNCATED;
    return packet_parse_l3(&seg->parsed, &cur,
                           from->headers[0] >> 4 == 6 ? ETH_TYPE_IPV6 : ETH_TYPE_IPV4, wire_len);
}

static bool know_headers(struct segmenter *seg)
{
    const struct packet *pkt = &seg->parsed;

    if (seg->from->verbatim || seg->from->headers_len > SEGMENT_HEADERS_MAX || parse_headers(seg))
        return false;
    return (pkt->key.l4_proto == IP_PROTO_TCP || pkt->key.l4_proto == IP_PROTO_UDP) &&
           !pkt->is_fragment && pkt->payload_off == seg->from->headers_len;
}

/* Copy the headers, with the offloaded VLAN tag back after the two MAC addresses. */
static void copy_headers(struct segmenter *seg)
{
    const struct capture_packet *from = seg->from;
    const struct vlan_tag tag = {WIRE_BE16(ETH_TYPE_VLAN), WIRE_BE16(from->vlan_tci)};
    uint32_t macs_len = offsetof(struct eth_hdr, eth_type);

    seg->l3_off = seg->parsed.l3_off;
    seg->l4_off = seg->parsed.l4_off;
    seg->headers_len = from->headers_len;
    if (from->l3_only || from->verbatim || !from->vlan_tci || from->headers_len < macs_len) {
        memcpy(seg->headers, from->headers, from->headers_len);
        return;
    }
    memcpy(seg->headers, from->headers, macs_len);
    memcpy(seg->headers + macs_len, &tag, sizeof(tag));
    memcpy(seg->headers + macs_len + sizeof(tag), from->headers + macs_len,
           from->headers_len - macs_len);
    seg->l3_off += sizeof(tag);
    seg->l4_off += sizeof(tag);
    seg->headers_len += sizeof(tag);
}

/* Beyond 64 KB the kernel adds a jumbo payload header (RFC 2675), and takes it off when it splits. */
static void remove_jumbo_header(struct segmenter *seg)
{
    uint8_t *l3 = seg->headers + seg->l3_off, *ext = l3 + sizeof(struct ipv6_hdr);
    struct ipv6_hdr *ip = (struct ipv6_hdr *)l3;

    if (seg->parsed.key.ip_version != 6 || ip->next_header != IP_PROTO_HOPOPTS || ext[1] != 0 ||
        ext[2] != IPV6_JUMBO_OPTION)
        return;
    ip->next_header = ext[0];
    seg->headers_len -= IPV6_JUMBO_BYTES;
    seg->l4_off -= IPV6_JUMBO_BYTES;
    memmove(ext, ext + IPV6_JUMBO_BYTES, seg->headers_len - (size_t)(ext - seg->headers));
}

void segment_begin(struct segmenter *seg, const struct capture_packet *packet)
{
    memset(seg, 0, offsetof(struct segmenter, headers));
    seg->from = packet;
    seg->is_known = know_headers(seg);
    seg->is_split = seg->is_known && packet->gso_size;
    if (packet->headers_len <= SEGMENT_HEADERS_MAX)
        copy_headers(seg);
    if (seg->is_known)
        seg->found_checksum = l4_checksum(seg)->value;
    if (seg->is_split)
        remove_jumbo_header(seg);
}

static void set_l3_header(struct segmenter *seg, uint32_t index, uint32_t payload_len)
{
    uint8_t *l3 = seg->headers + seg->l3_off;
    uint32_t l3_len = seg->headers_len - seg->l3_off + payload_len;
    struct ipv4_hdr *ipv4 = (struct ipv4_hdr *)l3;

    if (seg->parsed.key.ip_version == 6) {
        ((struct ipv6_hdr *)l3)->payload_length =
            WIRE_BE16((uint16_t)(l3_len - sizeof(struct ipv6_hdr)));
        return;
    }
    ipv4->total_length = WIRE_BE16((uint16_t)l3_len);
    ipv4->id = WIRE_BE16((uint16_t)(WIRE_HOST16(seg->parsed.ip_id) + index));
    ipv4->checksum = 0;
    ipv4->checksum = (__sum16)~checksum_fold(checksum_add(0, l3, seg->parsed.l3_hdr_len));
}

static void set_l4_header(struct segmenter *seg, uint32_t offset, uint32_t payload_len)
{
    uint8_t *l4 = seg->headers + seg->l4_off;
    struct tcp_hdr *tcp = (struct tcp_hdr *)l4;

    l4_checksum(seg)->value = seg->found_checksum;
    if (seg->parsed.key.l4_proto == IP_PROTO_UDP) {
        ((struct udp_hdr *)l4)->length =
            WIRE_BE16((uint16_t)(sizeof(struct udp_hdr) + payload_len));
        return;
    }
    tcp->seq = WIRE_BE32(seg->parsed.seq + offset);
    tcp->flags = seg->parsed.tcp_flags;
    if (offset)
        tcp->flags &= (uint8_t)~TCP_CWR;
    if (offset + payload_len < seg->from->skb_payload_len)
        tcp->flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
}

/* The headers of the payload that begins at done. */
static void make_headers(struct segmenter *seg, const struct wire_packet *wire, uint32_t len)
{
    uint32_t offset = seg->from->chunk_off + seg->done;

    if (seg->is_split) {
        set_l3_header(seg, offset / seg->from->gso_size, len);
        set_l4_header(seg, offset, len);
    } else if (!seg->is_known || len != seg->parsed.payload_len || !is_checksum_partial(seg)) {
        return;
    }
    if (wire->cap_len == len)
        complete_l4_checksum(seg, wire->payload, len);
}

bool segment_next(struct segmenter *seg, struct wire_packet *wire)
{
    const struct capture_packet *from = seg->from;
    uint32_t len = from->payload_len - seg->done, cap_left = 0;
    bool is_last;

    if (seg->finished)
        return false;
    if (seg->is_split && len > from->gso_size)
        len = from->gso_size;
    if (from->cap_len > seg->done)
        cap_left = from->cap_len - seg->done;
    is_last = from->chunk_off + seg->done + len >= from->skb_payload_len;
    wire->cap_len = cap_left < len ? cap_left : len;
    wire->payload = wire->cap_len ? from->payload + seg->done : NULL;
    if (from->headers_len <= SEGMENT_HEADERS_MAX) {
        make_headers(seg, wire, len);
        wire->headers = seg->headers;
        wire->headers_len = seg->headers_len;
    } else {
        wire->headers = from->headers;
        wire->headers_len = from->headers_len;
    }
    wire->wire_len = wire->headers_len + len + (is_last ? from->trailer_len : 0);
    seg->done += len;
    seg->finished = seg->done >= from->payload_len;
    return true;
}
