/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reassembly: the two directions of a session rebuilt from segments in any order, and the order in
 * which the two sides spoke (packet lots).
 *
 * Data in order is handed on at once, from the caller's memory; what comes beyond a gap is copied and
 * waits. The books (struct stream_tally): each payload byte of each segment lands in exactly one of
 * delivered, duplicate, cut, dropped and out_of_window; a byte that waits is in none of them yet, and after
 * dialog_finish none waits. A byte that is not delivered counts as duplicate when the tracker had
 * seen it before (segment.old_bytes): its first copy is in the books already.
 */
#ifndef SESSTAP_DIALOG_H
#define SESSTAP_DIALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/session.h"

/*
 * Who wins where two segments carry different bytes for the same place; what was delivered stays.
 * Novak and Sturges, Target-Based TCP Stream Reassembly, 2007, as Snort 3 and Suricata have them.
 * The first copy wins, unless the new segment
 */
enum overlap_policy {
    OVERLAP_FIRST,   /* never */
    OVERLAP_LAST,    /* always */
    OVERLAP_BSD,     /* begins before the old one */
    OVERLAP_LINUX,   /* begins before it, or begins with it and ends after it */
    OVERLAP_WINDOWS, /* begins before it: for TCP as BSD, unlike for IP fragments */
    OVERLAP_SOLARIS, /* ends after it, or begins no later and ends with it */
    OVERLAP_POLICIES,
};

/*
 * Memory held for bytes that wait for others, over all dialogs, with what keeping them costs. When a
 * bound is reached the dialog's oldest gap is declared a hole and what waits behind it delivered; only
 * what still does not fit is dropped and counted.
 */
struct dialog_budget {
    size_t used_bytes;
    size_t max_bytes;         /* over all dialogs; e.g. 64 MB */
    size_t max_session_bytes; /* of one dialog; e.g. 4 MB */
    size_t hole_list_bytes;   /* apart from used_bytes: the lists of holes, at most max_bytes / 4 */
    size_t
        history_used_bytes; /* apart too: what remembers segments that were delivered, 400 bytes a direction */
    size_t history_max_bytes; /* of these, over all dialogs; 0: none is remembered */
};

/* One piece of payload as it came off the wire. */
struct segment {
    uint32_t seq; /* of the first byte, in host order; a SYN's payload begins at its number + 1 */
    uint32_t wire_len;  /* payload bytes it had on the wire */
    uint32_t cap_len;   /* bytes at data; the rest was cut off */
    uint32_t old_bytes; /* bytes at its start that the tracker had seen before */
    const uint8_t *data;
    uint64_t time_ns;
    uint64_t pkt_index; /* of the session's packets, from 1 */
    uint64_t number;    /* of the packet in its capture, from 1; 0: live */
    uint32_t pkts;      /* wire packets */
    uint16_t ip_id;
    uint8_t from; /* endpoint, 0 or 1 */
    uint8_t tcp_flags;
    bool stays;   /* data is there as long as segments come: what comes again is compared with it */
    bool doubted; /* TCP alone: the tracker does not believe that the receiver took it */
};

/*
 * Where the bytes go, in stream order, each once; a hole is told at its place, when something follows
 * it, if only a FIN: bytes cut off at the end of a stream are no hole. seg: the segment that the bytes came with, for its
 * times and numbers; seg->data is not to be read. The functions do not call the dialog.
 */
struct dialog_output {
    void (*data)(void *ctx, unsigned int from, uint64_t offset, const uint8_t *data, size_t len,
                 const struct segment *seg);
    void (*hole)(void *ctx, unsigned int from, uint64_t offset, uint64_t length);
    void *ctx;
};

struct dialog_conf {
    enum overlap_policy policy;
    bool keep_lots; /* keep every lot, not just their number */
    bool is_tcp;    /* else datagrams, delivered as they come; their holes are told, not listed */
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
 * was delivered, else its early part counts as dropped. Told again, or after data, it is ignored.
 */
void dialog_begin(struct dialog *dialog, unsigned int from, uint32_t first_byte_seq);
/*
 * Payload of the session, in the order it was seen. Datagrams: seq is not looked at. A FIN (also one
 * without payload) ends its direction: bytes beyond the first FIN, bytes on a RST, and bytes more than
 * 1 GB from their place are dropped. seg->data is only read during the call.
 * A segment that is doubted (beyond the receiver's window) waits apart until it is acknowledged, or one
 * that is believed goes on from it; else its bytes are out_of_window, and never in the stream.
 * overlaps counts segments that cover bytes already there and others that are not, or bytes that wait
 * with other boundaries or other content; overlap_conflicts counts bytes that differ from those
 * that wait, or from the last 32 segments delivered whose data stays; what came again and could not be
 * compared is in overlap_unchecked.
 */
void dialog_segment(struct dialog *dialog, const struct segment *seg);
/* Of datagrams: bytes of `from` on the wire that came twice, fragments sent or captured again. */
void dialog_came_twice(struct dialog *dialog, unsigned int from, uint64_t bytes);
/*
 * The side `from` has acknowledged everything before ack, and is believed: what is missing below it in the other
 * direction will not be sent again. It is declared a hole when bytes wait behind it, and either more
 * than 256 KB of them or for a second: captures reorder packets.
 */
void dialog_ack(struct dialog *dialog, unsigned int from, uint32_t ack, uint64_t time_ns);
/* Of TCP: both directions have ended, and no byte or hole of them is to come any more. */
bool dialog_is_over(const struct dialog *dialog);
/*
 * The end: what is missing becomes holes, what waits is delivered after them. flow: the session's entry, which
 * knows the last acknowledgments also when their segments were not sampled; NULL: dialog_ack was told of all.
 */
void dialog_finish(struct dialog *dialog, const struct flow *flow);

const struct stream_tally *dialog_tally(const struct dialog *dialog); /* [2], by endpoint */
/*
 * With keep_lots the lots in order, *count of them (at most the first 2^20); else NULL, and *count is
 * their number. Borrowed until the next segment.
 */
const struct packet_lot *dialog_lots(const struct dialog *dialog, size_t *count);
/*
 * *count holes, in order of being declared. Borrowed until the next segment. At most 1024, and fewer
 * when the lists of all dialogs are at their bound; the tally counts all of them.
 */
const struct stream_hole *dialog_holes(const struct dialog *dialog, size_t *count);

#endif
