/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Community ID v1: "1:" and the base64 of the SHA-1 of seed, addresses, protocol and ports, the
 * smaller end first, so that both directions have the same. https://github.com/corelight/community-id-spec
 */
#include "sink/record.h"

#include <string.h>

/* The low-level functions take a fifth of the time of EVP, which looks the algorithm up each time. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "wire.h"

#define SEED_BYTES 2
#define INPUT_MAX  (SEED_BYTES + 16 + 16 + 2 + 4)

struct icmp_pair {
    uint8_t request;
    uint8_t reply;
};

/* The other message of an exchange, by the specification; -1: a message with no answer. */
static int icmp_counterpart(uint8_t l4_proto, uint8_t type)
{
    static const struct icmp_pair v4[] = {{8, 0}, {10, 9}, {13, 14}, {15, 16}, {17, 18}};
    static const struct icmp_pair v6[] = {{128, 129}, {130, 131}, {133, 134},
                                          {135, 136}, {139, 140}, {144, 145}};
    const struct icmp_pair *pairs = l4_proto == IP_PROTO_ICMP ? v4 : v6;
    size_t count =
        l4_proto == IP_PROTO_ICMP ? sizeof(v4) / sizeof(v4[0]) : sizeof(v6) / sizeof(v6[0]);

    for (size_t i = 0; i < count; i++) {
        if (type == pairs[i].request)
            return pairs[i].reply;
        if (type == pairs[i].reply)
            return pairs[i].request;
    }
    return -1;
}

/* The ends as the hash takes them: address pointers and ports of source and destination. */
struct ends {
    const uint8_t *addr[2];
    __be16 port[2];
};

/* A message with no answer keeps source and destination apart; every other pair is put in order. */
static void order_ends(struct ends *ends, size_t addr_bytes)
{
    int order = memcmp(ends->addr[0], ends->addr[1], addr_bytes);

    if (order == 0)
        order = memcmp(&ends->port[0], &ends->port[1], sizeof(__be16));
    if (order > 0) {
        const uint8_t *addr = ends->addr[0];
        __be16 port = ends->port[0];

        ends->addr[0] = ends->addr[1];
        ends->addr[1] = addr;
        ends->port[0] = ends->port[1];
        ends->port[1] = port;
    }
}

static void put_base64(char *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < len; i += 3) {
        uint32_t word = (uint32_t)data[i] << 16 | (i + 1 < len ? data[i + 1] << 8 : 0) |
                        (i + 2 < len ? data[i + 2] : 0);

        *out++ = digits[word >> 18];
        *out++ = digits[word >> 12 & 63];
        *out++ = i + 1 < len ? digits[word >> 6 & 63] : '=';
        *out++ = i + 2 < len ? digits[word & 63] : '=';
    }
    *out = '\0';
}

static void hash_ends(uint8_t *digest, const struct ends *ends, size_t addr_bytes, uint8_t l4_proto)
{
    uint8_t input[INPUT_MAX] = {0}, *p = input + SEED_BYTES;
    SHA_CTX sha;

    for (int i = 0; i < 2; i++, p += addr_bytes)
        memcpy(p, ends->addr[i], addr_bytes);
    *p = l4_proto;
    p += 2;
    memcpy(p, ends->port, sizeof(ends->port));
    p += sizeof(ends->port);
    SHA1_Init(&sha);
    SHA1_Update(&sha, input, (size_t)(p - input));
    SHA1_Final(digest, &sha);
}

void record_community_id(char *out, const struct flow_key *key, unsigned int client,
                         uint8_t icmp_type, uint8_t icmp_code)
{
    size_t skipped = key->ip_version == 4 ? 12 : 0, addr_bytes = 16 - skipped;
    struct ends ends = {
        {key->addr[0].bytes + skipped, key->addr[1].bytes + skipped},
        {key->port[0], key->port[1]},
    };
    uint8_t digest[SHA_DIGEST_LENGTH];
    bool answered = true;

    if (key->l4_proto == IP_PROTO_ICMP || key->l4_proto == IP_PROTO_ICMPV6) {
        bool is_reply = icmp_type != WIRE_HOST16(key->port[1]);
        unsigned int sender = client ^ is_reply;
        int counterpart = icmp_counterpart(key->l4_proto, icmp_type);

        answered = counterpart >= 0;
        ends.addr[0] = key->addr[sender].bytes + skipped;
        ends.addr[1] = key->addr[!sender].bytes + skipped;
        ends.port[0] = WIRE_BE16(icmp_type);
        ends.port[1] = WIRE_BE16(answered ? counterpart : icmp_code);
    }
    if (answered)
        order_ends(&ends, addr_bytes);
    hash_ends(digest, &ends, addr_bytes, key->l4_proto);
    memcpy(out, "1:", 2);
    put_base64(out + 2, digest, sizeof(digest));
}
