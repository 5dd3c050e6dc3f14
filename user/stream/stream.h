/* SPDX-License-Identifier: Apache-2.0 */
/* Inside stream/: one direction of a dialog, and what the two share. */
#ifndef SESSTAP_STREAM_H
#define SESSTAP_STREAM_H

#include "stream/dialog.h"
#include "stream/waiting.h"

#define STREAM_RANGE_BYTES (1 << 30) /* what is further from its place belongs to no stream */

#define HISTORY_FIRST 4
#define HISTORY_MORE  28

struct history_piece {
    const uint8_t *data; /* borrowed: segment.stays */
    uint64_t begin;
    uint32_t len;
};

/* The last segments delivered, in a ring: of 4, and when there are more of 32. */
struct history {
    struct history_piece first[HISTORY_FIRST];
    struct history_piece *more; /* [HISTORY_MORE]; NULL: no need, or no room */
    uint32_t count;
};

/* Offsets count the bytes of the wire from the stream's first. */
struct stream {
    uint64_t next;           /* all before is settled: delivered, cut or a hole */
    uint64_t told;           /* all before was handed to the output; less than next behind a cut */
    uint64_t acked;          /* the other side has acknowledged all before */
    uint64_t fin;            /* where it ends, valid with has_fin */
    uint64_t gap_seen_ns;    /* when the gap before the first piece that waits was seen */
    uint64_t last_pkt_index; /* of the newest packet delivered */
    struct waiting waiting;
    struct history history;
    struct doubted *doubted; /* NULL: nothing is */
    uint32_t origin_seq;     /* of offset 0 */
    bool has_origin;
    bool origin_told; /* by dialog_begin, so nothing is before it */
    bool has_fin;
};

struct dialog {
    struct dialog_conf conf;
    struct stream stream[2];
    struct stream_tally tally[2];
    struct stream_memory memory;
    struct stream_hole *holes;
    struct packet_lot *lots;
    uint32_t hole_count;
    uint32_t hole_cap;
    uint32_t lot_cap;
    uint32_t lots_kept;
    uint64_t lot_count;
    uint8_t last_from; /* who spoke last, valid when lot_count > 0 */
};

/* ---- delivery.c: what leaves */

/* Bytes at the stream's next place; len > 0. */
void stream_deliver(struct dialog *dialog, unsigned int from, const uint8_t *data, size_t len,
                    uint64_t old_end, const struct segment *seg);
/* The stream's next bytes, up to end, were cut off. */
void stream_pass_cut(struct dialog *dialog, unsigned int from, uint64_t end, uint64_t old_end);
/* The stream's next bytes, up to end, are given up. */
void stream_pass_gap(struct dialog *dialog, unsigned int from, uint64_t end);
/* Hand on the pieces that wait at the stream's next place. */
void stream_drain(struct dialog *dialog, unsigned int from);
/* Put [begin, end) into the books: what was seen before is a duplicate, the rest counts in term. */
void stream_account(struct dialog *dialog, unsigned int from, uint64_t begin, uint64_t end,
                    uint64_t old_end, uint64_t *term);
/* Bytes of a place that the stream has passed. */
void stream_account_passed(struct dialog *dialog, unsigned int from, const struct stretch *stretch);

/* ---- stream.c: one segment, to its place */

/* A segment of TCP with payload, or with a FIN or RST. */
void stream_segment(struct dialog *dialog, unsigned int from, const struct segment *seg);
/* Offset of a sequence number, which is at most STREAM_RANGE_BYTES from stream->next; else INT64_MIN. */
int64_t stream_offset(const struct stream *stream, uint32_t seq);
/* Declare gaps below the other side's acknowledgment holes, if it is time to. */
void stream_give_up_acked(struct dialog *dialog, unsigned int from, uint64_t time_ns);

/* ---- doubted.c: what the tracker did not believe, until more is known */

/* Keep a segment with payload or a FIN. */
void doubted_keep(struct dialog *dialog, unsigned int from, const struct segment *seg);
/* A believed segment begins at seq: what leads up to it, without a gap, was the session's too. */
void doubted_followed(struct dialog *dialog, unsigned int from, uint32_t seq);
/* The other side has acknowledged all before ack: what begins before it was taken. */
void doubted_acked(struct dialog *dialog, unsigned int from, uint32_t ack);
/* Nothing more will be known. */
void doubted_finish(struct dialog *dialog, unsigned int from);

/* ---- lots.c */

/* len bytes of side `from` were delivered, by seg: they go on with its lot, or begin the next one. */
void lots_add(struct dialog *dialog, unsigned int from, size_t len, const struct segment *seg);

/* ---- history.c: bytes delivered, to compare what comes again */

/* What is delivered next of side `from`; data is borrowed until history_fini. */
void history_add(struct dialog *dialog, unsigned int from, const uint8_t *data, size_t len);
/* Bytes of data, which belong at offset, that differ from what was delivered there; those that can't be
 * compared any more are added to *unchecked. */
uint64_t history_conflicts(const struct dialog *dialog, unsigned int from, uint64_t offset,
                           const uint8_t *data, size_t len, uint64_t *unchecked);
void history_fini(struct dialog *dialog, unsigned int from);

/* ---- overlap.c: what comes again while its first copy waits */

/*
 * Settle a new stretch against each piece that it covers: afterwards what waits is right, and only the
 * places of the stretch that no piece has are left to be put. Returns true for an overlap that is not
 * an exact repeat.
 */
bool overlap_settle(struct dialog *dialog, unsigned int from, const struct stretch *stretch,
                    struct segment *seg);

#endif
