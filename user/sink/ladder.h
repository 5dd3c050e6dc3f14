/* SPDX-License-Identifier: Apache-2.0 */
/* The packets of one session, one a row: when, from whom, flags, numbers, first bytes. */
#ifndef SESSTAP_LADDER_H
#define SESSTAP_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "packet.h"

#define LADDER_BYTES 24 /* of each packet's payload that are kept */

/* What the tracker made of a packet: which of its counters moved. */
enum ladder_mark {
    LADDER_RETRANSMIT = 1 << 0,
    LADDER_OUT_OF_ORDER = 1 << 1,
    LADDER_DUPLICATE_ACK = 1 << 2,
    LADDER_ZERO_WINDOW = 1 << 3,
    LADDER_KEEP_ALIVE = 1 << 4,
    LADDER_REPEAT = 1 << 5,        /* captured twice */
    LADDER_OUT_OF_WINDOW = 1 << 6, /* not believed */
};

struct ladder_row {
    uint64_t number; /* in the input, from 1 */
    uint64_t time_ns;
    int64_t seq; /* from the first number seen of its side */
    int64_t ack; /* from the first number seen of the other side */
    uint32_t payload_len;
    uint32_t window; /* bytes, scaled */
    uint8_t from;    /* endpoint */
    uint8_t flags;   /* TCP */
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint8_t marks; /* enum ladder_mark */
    uint8_t byte_count;
    uint8_t bytes[LADDER_BYTES];
};

/* Counters of a side, as they stood before the packet. */
struct ladder_counts {
    uint32_t retransmits;
    uint32_t out_of_order;
    uint32_t duplicate_acks;
    uint32_t zero_windows;
    uint32_t keep_alives;
    uint32_t capture_repeats;
    uint32_t out_of_window;
};

/* The numbers of one side's stream, without their wrap-around. */
struct ladder_space {
    bool is_known;
    uint32_t first;
    uint32_t last;
    int64_t at; /* last - first */
};

/* Zeroed is empty. */
struct ladder {
    struct ladder_row *rows;
    size_t count;
    size_t cap;
    struct ladder_counts before[2];
    struct ladder_space space[2];
};

struct ladder_packet {
    uint64_t number;
    uint64_t time_ns;
    const uint8_t *data; /* where the offsets of pkt count from */
    uint32_t cap_len;
};

/* A packet that the tracker has counted into flow just now. 0; -ENOMEM. */
int ladder_add(struct ladder *ladder, const struct flow *flow, const struct packet *pkt,
               const struct ladder_packet *packet);
void ladder_fini(struct ladder *ladder);

/*
 * Rows for people, no wider than width (at least 80) as long as the numbers allow; flow: the session's at its
 * end. out may be emptied by drain (NULL: never), which returns false to stop.
 */
void ladder_write_text(struct buf *out, const struct ladder *ladder, const struct flow *flow,
                       uint8_t l4_proto, unsigned int width, bool (*drain)(void *ctx), void *ctx);
/* A JSON array: packet, time (s since 1970), direction, flags, seq, ack, length, window, marks, bytes (hex). */
void ladder_write_json(struct buf *out, const struct ladder *ladder, const struct flow *flow,
                       uint8_t l4_proto, int64_t wall_offset_ns);

#endif
