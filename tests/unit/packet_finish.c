/* SPDX-License-Identifier: Apache-2.0 */
/* The packet builder's second pass: next-protocol fields, lengths and checksums. */
#include "unit/packet_layers.h"

#include <string.h>

#include "net_order.h"
#include "wire.h"

static uint32_t sum_words(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++)
        sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    return sum;
}

/* RFC 1071 */
static uint16_t sum_fold(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* CRC32c, RFC 9260 appendix A, a bit at a time. */
static uint32_t crc32c(const uint8_t *p, size_t len)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < len; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

enum named_by layer_names_next_by(const struct layer *layer)
{
    if (layer->type == LAYER_PPPOE)
        return BY_PPP_PROTO;
    return layer->type <= LAYER_MPLS ? BY_ETH_TYPE : BY_IP_PROTO;
}

void layer_set_next(struct builder *b, const struct layer *layer, uint32_t code)
{
    uint8_t *p = b->frame + layer->at;

    if (layer->type == LAYER_ETH)
        put16(p + 12, code);
    else if (layer->type == LAYER_VLAN)
        put16(p + 2, code);
    else if (layer->type == LAYER_MPLS)
        p[2] |= code != ETH_TYPE_MPLS_UC; /* bottom of stack */
    else if (layer->type == LAYER_PPPOE)
        put16(p + 6, code);
    else if (layer->type == LAYER_IP)
        p[9] = (uint8_t)code;
    else if (layer->type == LAYER_IP6)
        p[6] = (uint8_t)code;
    else if (layer->type <= LAYER_FRAG)
        p[0] = (uint8_t)code;
}

/* RFC 9293 section 3.1, RFC 8200 section 8.1 */
static uint16_t sum_with_addresses(struct builder *b, const struct layer *layer, uint32_t proto)
{
    uint32_t len = (uint32_t)(b->len - layer->at), sum = proto + len;
    const struct layer *ip = layer;

    while (ip > b->layer && ip->type != LAYER_IP && ip->type != LAYER_IP6)
        ip--;
    if (ip->type == LAYER_IP)
        sum = sum_words(b->frame + ip->at + 12, 8, sum);
    else if (ip->type == LAYER_IP6)
        sum = sum_words(b->frame + ip->at + 8, 32, sum);
    return sum_fold(sum_words(b->frame + layer->at, len, sum));
}

static void finish_udp(struct builder *b, const struct layer *layer, uint32_t len)
{
    uint8_t *p = b->frame + layer->at;
    uint16_t sum;

    put16(p + 4, layer->len >= 0 ? (uint32_t)layer->len : len);
    sum = sum_with_addresses(b, layer, IP_PROTO_UDP);
    put16(p + 6, layer->sum >= 0 ? (uint32_t)layer->sum : sum ? sum : 0xffff);
}

static void finish_ip(struct builder *b, const struct layer *layer, uint32_t len)
{
    uint8_t *p = b->frame + layer->at;
    size_t hdr_len = (p[0] & 15u) * 4;

    put16(p + 2, layer->len >= 0 ? (uint32_t)layer->len : len);
    if (hdr_len > len)
        hdr_len = len;
    put16(p + 10, layer->sum >= 0 ? (uint32_t)layer->sum : sum_fold(sum_words(p, hdr_len, 0)));
}

static void layer_finish(struct builder *b, const struct layer *layer)
{
    uint8_t *p = b->frame + layer->at;
    uint32_t len = (uint32_t)(b->len - layer->at);

    switch (layer->type) {
    case LAYER_PPPOE:
        put16(p + 4, layer->len >= 0 ? (uint32_t)layer->len : len - 6);
        break;
    case LAYER_IP:
        finish_ip(b, layer, len);
        break;
    case LAYER_IP6:
        put16(p + 4, layer->len >= 0 ? (uint32_t)layer->len : len - 40);
        break;
    case LAYER_TCP:
        put16(p + 16,
              layer->sum >= 0 ? (uint32_t)layer->sum : sum_with_addresses(b, layer, IP_PROTO_TCP));
        break;
    case LAYER_UDP:
        finish_udp(b, layer, len);
        break;
    case LAYER_ICMP:
        put16(p + 2, layer->sum >= 0 ? (uint32_t)layer->sum : sum_fold(sum_words(p, len, 0)));
        break;
    case LAYER_ICMP6:
        put16(p + 2, layer->sum >= 0 ? (uint32_t)layer->sum
                                     : sum_with_addresses(b, layer, IP_PROTO_ICMPV6));
        break;
    case LAYER_SCTP: {
        uint32_t crc = crc32c(p, len);

        memcpy(p + 8,
               (uint8_t[4]){(uint8_t)crc, (uint8_t)(crc >> 8), (uint8_t)(crc >> 16),
                            (uint8_t)(crc >> 24)},
               4);
        break;
    }
    default:
        break;
    }
}

void layers_finish(struct builder *b)
{
    for (unsigned i = b->layers; i-- > 0;)
        layer_finish(b, &b->layer[i]);
}
