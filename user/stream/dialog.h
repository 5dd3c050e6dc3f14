/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reassembly: the two directions of a session rebuilt from segments in any order, and the order in
 * which the two sides spoke (packet lots).
 */
#ifndef SESSTAP_DIALOG_H
#define SESSTAP_DIALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/session.h"

/* Who wins where two segments carry different bytes for the same place. */
enum overlap_policy {
    OVERLAP_FIRST,
    OVERLAP_LAST,
    OVERLAP_BSD,
    OVERLAP_LINUX,
    OVERLAP_WINDOWS,
    OVERLAP_SOLARIS,
    OVERLAP_POLICIES,
};

/* Memory held for bytes that wait for others, over all dialogs. */
struct dialog_budget {
    size_t used_bytes;
    size_t max_bytes;         /* over all dialogs; e.g. 64 MB */
    size_t max_session_bytes; /* of one dialog; e.g. 4 MB */
};

/* One piece of payload as it came off the wire. */
struct segment {
    uint32_t seq;  /* of the first byte, in host order; a SYN's payload begins at its number + 1 */
    uint32_t wire_len; /* payload bytes it had on the wire */
    uint32_t cap_len;  /* bytes at data; the rest was cut off */
    uint32_t old_bytes; /* bytes at its start that the tracker had seen before */
    const uint8_t *data;
    uint64_t time_ns;
    uint64_t pkt_index; /* of the session's packets, from 1 */
    uint32_t pkts;      /* wire packets */
    uint16_t ip_id;
    uint8_t from; /* endpoint, 0 or 1 */
    uint8_t tcp_flags;
};

/* Where the bytes go, in stream order, each once; a hole is told at its place. */
struct dialog_output {
    void (*data)(void *ctx, unsigned int from, uint64_t offset, const uint8_t *data, size_t len,
                 const struct segment *seg);
    void (*hole)(void *ctx, unsigned int from, uint64_t offset, uint64_t length);
    void *ctx;
};

struct dialog_conf {
    enum overlap_policy policy;
    bool keep_lots;  /* keep every lot, not just their number */
    bool is_tcp;     /* else datagrams, delivered as they come */
    struct dialog_budget *budget;
    struct dialog_output output;
};

/* NULL with errno on no memory. The budget and output.ctx outlive the dialog. */
struct dialog *dialog_new(const struct dialog_conf *conf);
/* NULL is fine. Does not finish: what waits is forgotten (and given back to the budget). */
void dialog_free(struct dialog *dialog);

/*
 * Where a direction's stream begins: the number of its first byte (initial sequence number + 1). Until
 * it is told, the first segment's number is taken; one that begins earlier then moves it while nothing
 * was delivered, else its early part counts as dropped.
 */
void dialog_begin(struct dialog *dialog, unsigned int from, uint32_t first_byte_seq);
/* Payload of the session, in the order it was seen. Datagrams: seq is not looked at. */
void dialog_segment(struct dialog *dialog, const struct segment *seg);
/*
 * The side `from` has acknowledged everything before ack: what is missing below it in the other
 * direction will not be sent again, so it may be declared a hole.
 */
void dialog_ack(struct dialog *dialog, unsigned int from, uint32_t ack, uint64_t time_ns);
/* The end: what is missing becomes holes, what waits is delivered after them. */
void dialog_finish(struct dialog *dialog);

const struct stream_tally *dialog_tally(const struct dialog *dialog); /* [2], by endpoint */
/* *count lots, in order; NULL unless keep_lots. Borrowed until the next segment. */
const struct packet_lot *dialog_lots(const struct dialog *dialog, size_t *count);
/* *count holes, in order of being declared. Borrowed until the next segment. */
const struct stream_hole *dialog_holes(const struct dialog *dialog, size_t *count);

#endif
