/* SPDX-License-Identifier: Apache-2.0 */
#include "app/repeats.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "app/parser.h"
#include "wire.h"

#define SLOTS         512  /* a power of two */
#define PAYLOAD_BYTES 2048 /* of a packet that is kept, at most */
#define MOST_USES     15   /* so many others a packet that was found often outlives */
#define PLAIN_IPV4    0x45 /* version, and a header without options */

struct slot {
    struct repeat_key key; /* its payload is owned; NULL: the slot is free */
    struct identity identity;
    unsigned int uses;
};

struct repeats {
    struct slot slots[SLOTS];
};

struct repeats *repeats_new(void)
{
    return calloc(1, sizeof(struct repeats));
}

void repeats_free(struct repeats *repeats)
{
    for (size_t i = 0; repeats && i < SLOTS; i++)
        free((void *)repeats->slots[i].key.payload);
    free(repeats);
}

/* Eight bytes at a time: it only has to spread packets over the slots, and tell most of them apart. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    while (len) {
        size_t some = len < sizeof(uint64_t) ? len : sizeof(uint64_t);
        uint64_t word = 0;

        memcpy(&word, at, some);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 32;
        at += some;
        len -= some;
    }
    return hash;
}

/* The length of the IP header; 0: more than that is before the TCP header, or it gives another length than the packet's. */
static size_t read_ip(struct repeat_key *key, const struct app_packet *packet, size_t len)
{
    const struct ipv4_hdr *v4 = (const struct ipv4_hdr *)packet->l3;
    const struct ipv6_hdr *v6 = (const struct ipv6_hdr *)packet->l3;

    if (packet->ip_version == 4) {
        if (v4->version_ihl != PLAIN_IPV4 || v4->proto != IP_PROTO_TCP ||
            (WIRE_HOST16(v4->frag_off) & (IPV4_FRAG_MORE | IPV4_FRAG_OFFSET)) ||
            WIRE_HOST16(v4->total_length) != len)
            return 0;
        memcpy(key->headers.addr[0], &v4->src, sizeof(v4->src));
        memcpy(key->headers.addr[1], &v4->dst, sizeof(v4->dst));
        return sizeof(*v4);
    }
    if (v6->next_header != IP_PROTO_TCP || WIRE_HOST16(v6->payload_length) + sizeof(*v6) != len)
        return 0;
    memcpy(key->headers.addr, v6->src, sizeof(key->headers.addr));
    return sizeof(*v6);
}

bool repeat_key_of(struct repeat_key *key, const struct app_packet *packet)
{
    size_t len = (size_t)packet->headers_len + packet->payload_len;
    size_t smallest = packet->ip_version == 4 ? sizeof(struct ipv4_hdr) : sizeof(struct ipv6_hdr);
    const struct tcp_hdr *tcp;
    size_t ip_len;

    if (packet->l4_proto != IP_PROTO_TCP || packet->cap_len < len ||
        packet->payload_len > PAYLOAD_BYTES || packet->headers_len < smallest + sizeof(*tcp))
        return false;
    memset(key, 0, sizeof(*key));
    ip_len = read_ip(key, packet, len);
    if (!ip_len)
        return false;
    tcp = (const struct tcp_hdr *)(packet->l3 + ip_len);
    if (ip_len + (size_t)(tcp->data_offset >> 4) * 4 != packet->headers_len)
        return false;
    key->headers.payload_len = packet->payload_len;
    key->headers.port = WIRE_HOST16(tcp->dst_port);
    key->headers.ip_version = packet->ip_version;
    key->headers.tcp_flags = tcp->flags;
    key->payload = packet->l3 + packet->headers_len;
    key->client_port = WIRE_HOST16(tcp->src_port);
    key->hash = hash_bytes(hash_bytes(0, &key->headers, sizeof(key->headers)), key->payload,
                           packet->payload_len);
    return true;
}

static struct slot *slot_of(struct repeats *repeats, const struct repeat_key *key)
{
    return &repeats->slots[key->hash % SLOTS];
}

const struct identity *repeats_find(struct repeats *repeats, const struct repeat_key *key)
{
    struct slot *slot = slot_of(repeats, key);

    if (slot->key.hash != key->hash || !slot->key.payload ||
        memcmp(&slot->key.headers, &key->headers, sizeof(key->headers)) != 0 ||
        memcmp(slot->key.payload, key->payload, key->headers.payload_len) != 0)
        return NULL;
    slot->uses += slot->uses < MOST_USES;
    return &slot->identity;
}

void repeats_keep(struct repeats *repeats, const struct repeat_key *key,
                  const struct identity *identity)
{
    struct slot *slot = slot_of(repeats, key);
    uint8_t *payload;

    if (slot->uses) {
        slot->uses--;
        return;
    }
    payload = malloc(key->headers.payload_len);
    if (!payload)
        return;
    memcpy(payload, key->payload, key->headers.payload_len);
    free((void *)slot->key.payload);
    slot->key = *key;
    slot->key.payload = payload;
    slot->identity = *identity;
}
