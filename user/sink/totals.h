/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over sessions by who talked, or how: what `sesstap stats` tells. Memory grows with keys, not sessions. */
#ifndef SESSTAP_TOTALS_H
#define SESSTAP_TOTALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct record;
struct totals;

enum totals_by {
    TOTALS_CONVERSATION, /* two addresses: a is the lower one */
    TOTALS_HOST,         /* an address; both ends of a session count, each for its own part */
    TOTALS_SERVICE,      /* the server's port and the transport protocol */
    TOTALS_PROTOCOL, /* what app/ found or guessed, over all transports; else the transport protocol */
};

/* What went one way. wire: with IP and layer-4 headers, without the link layer. */
struct totals_way {
    uint64_t pkts;
    uint64_t payload_bytes;
    uint64_t wire_bytes;
    uint64_t retransmits; /* TCP segments sent again */
};

/*
 * Conversations: ways are a's and b's. Hosts: what it sent, and what it was sent. Else: the clients' and the
 * servers'. Each number of all rows adds up to the total's; of hosts each session is in two rows, and so
 * counts twice in the total.
 */
struct totals_row {
    uint8_t ip_version; /* 0: the key has no address */
    uint8_t l4_proto;   /* 0: any, or app */
    uint16_t port;      /* host order; 0: none */
    uint8_t addr[2][16];
    uint32_t app; /* for totals_app; 0: none was identified */
    uint64_t sessions;
    uint64_t begun[2]; /* as client: by a, by b; hosts: as client, as server */
    struct totals_way way[2];
    int64_t first_ns; /* since 1970 */
    int64_t last_ns;
    char *name; /* of a host, owned by the totals; NULL: none known */
};

/* -EINVAL when there is no such word: conversation, host, service, protocol. */
int totals_by_parse(enum totals_by *by, const char *word);

/* NULL with errno. */
struct totals *totals_new(enum totals_by by);
/* NULL is fine. */
void totals_free(struct totals *totals);
/* 0 or -ENOMEM: then it is in no sum. */
int totals_add(struct totals *totals, const struct record *record);
/*
 * All rows, most bytes on the wire first; the total over all sessions. Borrowed until the next add; rows
 * are found no more after it.
 */
const struct totals_row *totals_finish(struct totals *totals, size_t *count,
                                       const struct totals_row **total);

/*
 * Append a table with a line for the total, or a JSON object; newline at the end. Returns how many columns were left
 * out so that lines fit.
 */
size_t totals_write_table(struct buf *out, struct totals *totals, size_t line_width);
void totals_write_json(struct buf *out, struct totals *totals);

enum totals_by totals_by(const struct totals *totals);
/* The identified protocol of a row's app; guessed: only by port or address. */
struct totals_app {
    char *name;
    bool guessed;
};

/* app: a row's, and not 0. Borrowed until the next totals_add. */
const struct totals_app *totals_app(const struct totals *totals, uint32_t app);

#endif
