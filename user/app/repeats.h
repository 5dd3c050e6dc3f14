/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First packets of TCP sessions that were identified at once, to find their like again: the same bytes, sent from the same
 * address to the same service. Health checks, scrapes and load tests are such, session by session.
 */
#ifndef SESSTAP_APP_REPEATS_H
#define SESSTAP_APP_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "session/facts.h"

struct app_packet;
struct repeats;

/* A packet without what differs from one session to the next: client's port, sequence numbers, options, checksums. */
struct repeat_key {
    struct {
        uint8_t addr[2][16]; /* from, to; of IPv4 the first four bytes, the others 0 */
        uint32_t payload_len;
        uint16_t port; /* to; host order */
        uint8_t ip_version;
        uint8_t tcp_flags;
    } headers;
    const uint8_t *payload; /* borrowed */
    uint64_t hash;
    uint16_t client_port; /* from; not part of the key */
};

/* False: not all of a TCP packet right behind an IP header without options, or a large one. */
bool repeat_key_of(struct repeat_key *key, const struct app_packet *packet);

/* NULL on no memory. */
struct repeats *repeats_new(void);
/* NULL is fine. */
void repeats_free(struct repeats *repeats);
/* What was kept for such a packet; NULL: nothing. Until the next repeats_keep. */
const struct identity *repeats_find(struct repeats *repeats, const struct repeat_key *key);
/* For a packet that is not found. It may be forgotten, or not kept, for others. */
void repeats_keep(struct repeats *repeats, const struct repeat_key *key,
                  const struct identity *identity);

#endif
