/* SPDX-License-Identifier: Apache-2.0 */
/* A fragment's IP header: where its payload belongs, and what of the header the whole packet keeps. */
#include <errno.h>
#include <string.h>

#include "stream/datagram.h"

static int refuse(uint64_t *reason, int err)
{
    (*reason)++;
    return err;
}

/* len: payload bytes by the header, avail: bytes there from the IP header on. */
static int place(struct fragment_head *head, uint32_t begin, uint32_t len, uint32_t avail,
                 struct fragment_counts *counts)
{
    uint32_t captured = avail - head->hdr_len;

    if (len == 0 || (head->more && len % FRAGMENT_UNIT_BYTES))
        return refuse(&counts->malformed, -EINVAL);
    head->begin = begin;
    head->end = begin + len;
    head->cap_end = begin + (captured < len ? captured : len);
    if (head->end > IP_PACKET_MAX_BYTES - (head->key.ip_version == 4 ? sizeof(struct ipv4_hdr) : 0))
        return refuse(&counts->too_large, -EMSGSIZE);
    return 0;
}

static int read_ipv4(struct fragment_head *head, uint32_t avail, struct fragment_counts *counts)
{
    const struct ipv4_hdr *ip = (const struct ipv4_hdr *)head->l3;
    uint32_t total_len;
    uint16_t frag;

    if (avail < sizeof(*ip))
        return refuse(&counts->truncated, -EINVAL);
    head->hdr_len = head->keep_len = (uint16_t)((ip->version_ihl & 0x0f) * 4);
    total_len = WIRE_HOST16(ip->total_length);
    if (head->hdr_len < sizeof(*ip) || total_len < head->hdr_len)
        return refuse(&counts->malformed, -EINVAL);
    if (avail < head->hdr_len)
        return refuse(&counts->truncated, -EINVAL);
    memcpy(head->key.src, &ip->src, sizeof(ip->src));
    memcpy(head->key.dst, &ip->dst, sizeof(ip->dst));
    head->key.id = ip->id;
    head->key.l4_proto = ip->proto;
    frag = WIRE_HOST16(ip->frag_off);
    head->more = !!(frag & IPV4_FRAG_MORE);
    return place(head, (frag & IPV4_FRAG_OFFSET) * FRAGMENT_UNIT_BYTES, total_len - head->hdr_len,
                 avail, counts);
}

/* The first fragment header behind others that all fragments repeat; NULL: not there, or cut off. */
static const struct ipv6_frag *find_ipv6_frag(struct fragment_head *head, uint32_t avail)
{
    uint32_t at = sizeof(struct ipv6_hdr);
    uint8_t next = head->l3[6];

    head->next_at = 6;
    for (int i = 0; i < PACKET_EXT_HEADERS && at + sizeof(struct ipv6_frag) <= avail; i++) {
        const struct ipv6_ext *ext = (const struct ipv6_ext *)(head->l3 + at);

        if (next == IP_PROTO_FRAGMENT) {
            head->keep_len = (uint16_t)at;
            return (const struct ipv6_frag *)ext;
        }
        if (!packet_is_ext_header(next))
            return NULL;
        head->next_at = (uint16_t)at;
        at += (next == IP_PROTO_AH ? ext->length * 4u : ext->length * 8u) + 8;
        next = ext->next_header;
    }
    return NULL;
}

static int read_ipv6(struct fragment_head *head, uint32_t avail, struct fragment_counts *counts)
{
    const struct ipv6_hdr *ip = (const struct ipv6_hdr *)head->l3;
    const struct ipv6_frag *frag;
    uint32_t total_len;
    uint16_t offset_more;

    if (avail < sizeof(*ip))
        return refuse(&counts->truncated, -EINVAL);
    frag = find_ipv6_frag(head, avail);
    if (!frag)
        return refuse(&counts->truncated, -EINVAL);
    head->hdr_len = (uint16_t)(head->keep_len + sizeof(*frag));
    total_len = WIRE_HOST16(ip->payload_length) + (uint32_t)sizeof(*ip);
    if (total_len < head->hdr_len)
        return refuse(&counts->malformed, -EINVAL);
    memcpy(head->key.src, ip->src, sizeof(ip->src));
    memcpy(head->key.dst, ip->dst, sizeof(ip->dst));
    head->key.id = frag->id;
    head->next_proto = frag->next_header;
    offset_more = WIRE_HOST16(frag->offset_more);
    head->more = offset_more & IPV6_FRAG_MORE;
    return place(head, offset_more & IPV6_FRAG_OFFSET, total_len - head->hdr_len, avail, counts);
}

int fragment_read(struct fragment_head *head, const struct packet *pkt, const uint8_t *frame_data,
                  uint32_t cap_len, struct fragment_counts *counts)
{
    memset(head, 0, sizeof(*head));
    if (cap_len < pkt->l3_off)
        return refuse(&counts->truncated, -EINVAL);
    head->l3 = frame_data + pkt->l3_off;
    head->key.scope = pkt->key.scope;
    head->key.ip_version = pkt->key.ip_version;
    return pkt->key.ip_version == 4 ? read_ipv4(head, cap_len - pkt->l3_off, counts)
                                    : read_ipv6(head, cap_len - pkt->l3_off, counts);
}

size_t fragment_bytes(const struct fragment_head *head)
{
    return sizeof(struct fragment) + (head->begin == 0 ? head->keep_len : 0) + head->cap_end -
           head->begin;
}
