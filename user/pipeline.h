/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a session through all stages: samples into stream/, what they rebuild into sink/, and
 * at its end one record that says everything. Read this first.
 */
#ifndef SESSTAP_PIPELINE_H
#define SESSTAP_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/app.h"
#include "base/outfile.h"
#include "session/facts_pack.h"
#include "session/names.h"
#include "session/session.h"
#include "session/table.h"
#include "sink/capture.h"
#include "sink/record_queue.h"
#include "sink/prom.h"
#include "sink/record.h"
#include "sink/screen.h"
#include "sink/streams.h"
#include "sink/tcpsession.h"
#include "tcp.h"

struct segment;
struct where;

/* What a command wants of the sessions besides files; each may be NULL. Offline only, but for record and line. */
struct pipeline_hooks {
    /* Stream bytes in order, each once; from: endpoint. */
    void (*data)(void *ctx, const struct session *session, const struct flow *flow,
                 unsigned int from, uint64_t offset, const uint8_t *data, size_t len,
                 const struct segment *seg);
    void (*hole)(void *ctx, const struct session *session, const struct flow *flow,
                 unsigned int from, uint64_t offset, uint64_t length);
    /* A session's last record. */
    void (*record)(void *ctx, const struct record *record);
    /* Before its line is written: how long sessions.ndjson is with it; 0: there is no line. */
    void (*line)(void *ctx, const struct record *record, uint64_t end_bytes);
    void *ctx;
};

struct pipeline_conf {
    const char *whisperer;      /* the capturing host */
    int64_t wall_offset_ns;     /* to add to the flows' clock */
    struct linefile *records;   /* NULL: none are written */
    struct record_queue *queue; /* the same by session number, in another thread; NULL: at once */
    const char *dir;            /* of captures and streams; NULL: neither */
    bool captures;              /* a capture file a session */
    enum capture_format format;
    bool streams; /* two files of bytes a session */
    struct filebatch
        *stream_batch; /* that they are in; NULL: each session's are there at its end */
    bool tcpsession;   /* a JSON file of payload a TCP session; offline only */
    enum hole_policy holes;
    bool lots;           /* in records */
    bool whole_sessions; /* every packet is sampled: a jump in their numbers is a loss */
    uint32_t
        sample_one_in; /* of the sessions that there were, so many are one here; 0, 1: all are */
    struct prom *prom; /* NULL: no metrics */
    struct screen *screen; /* NULL: no table */
    size_t held_bytes;     /* of payload that waits for other payload, over all sessions */
    int overlap;           /* enum overlap_policy */
    const struct where
        *where; /* sessions that it does not describe get no line and no files; NULL: all get */
    struct alerts *alerts; /* of an intrusion detection system, borrowed; NULL: none */
    struct names *names;   /* of addresses, borrowed; NULL: none are told */
    const struct app_conf
        *app; /* what is asked of sessions' content; NULL: nothing is looked into */
    struct pipeline_hooks hooks;
    /* What an interface is called, and what is known of the side behind it. host may be left as it is. */
    const char *(*interface_name)(void *ctx, uint32_t ifindex);
    void (*describe_host)(void *ctx, uint32_t ifindex, struct record_host *host);
    /* What was captured: NULL, or no name: the interface. */
    const char *(*instance_name)(void *ctx, const struct flow *flow);
    void *ctx;
};

/* Sums over the sessions that are finished, and what could not be written. */
struct pipeline_totals {
    uint64_t sessions;
    uint64_t left_out; /* of these, by conf.where */
    uint64_t skbs;
    uint64_t pkts;
    uint64_t payload_lost_bytes;
    uint64_t sessions_with_loss;
    uint64_t over_rate_bytes; /* payload that --payload-rate cut off */
    uint64_t sessions_over_rate;
    uint64_t sink_errors[PROM_SINK_COUNT];
    int first_error; /* -errno of the first of these, 0: none */
};

struct pipeline;

/* conf is copied, what it points to is borrowed. NULL with errno. */
struct pipeline *pipeline_new(const struct pipeline_conf *conf);
void pipeline_free(struct pipeline *pipeline);

/* True when samples are of use: without captures, streams, lots and app nobody reads them. */
bool pipeline_reads_payload(const struct pipeline_conf *conf);

/*
 * A sample of a session. flow: its entry as it is known now, for where its streams begin; only looked
 * at when pipeline_wants_flow.
 */
void pipeline_sample(struct pipeline *pipeline, struct session *session, const struct flow *flow,
                     const struct record_sample *sample, const uint8_t *headers,
                     const uint8_t *payload);
/* True before the first sample of a session. */
bool pipeline_wants_flow(const struct session *session);

/* Of fragments, each is counted as it comes, and what they make is read when it is whole. */
enum pipeline_part {
    PIPELINE_PACKET,
    PIPELINE_FRAGMENT, /* its payload waits for the others' */
    PIPELINE_JOINED,   /* of which each fragment was given before */
};

/* A packet of a capture file, parsed, tracked and counted. */
struct pipeline_frame {
    enum pipeline_part part;
    const struct packet *pkt;
    const uint8_t *data; /* the frame from its first byte */
    uint32_t cap_len;
    uint32_t wire_len;
    uint64_t time_ns;
    bool stays; /* data is there until pipeline_flush after the last session's end */
    struct tcp_verdict verdict; /* TCP, else zero; PIPELINE_JOINED: of all its fragments */
    uint32_t fragment_bytes; /* PIPELINE_JOINED: payload of its fragments, those too many as well */
    uint32_t pkts;           /* wire packets */
    uint64_t number;         /* in its capture, from 1 */
};

/* Like pipeline_sample, for a packet from a file; counts into flow what was read of its payload. */
void pipeline_frame(struct pipeline *pipeline, struct session *session, struct flow *flow,
                    const struct pipeline_frame *frame);
/* The same packet into the session's capture file, as it was in the input. */
void pipeline_copy_frame(struct pipeline *pipeline, struct session *session,
                         const struct flow *flow, const struct capture_interface *iface,
                         const struct pipeline_frame *frame);

/* What a file tells besides packets, for those that follow: names, and secrets of TLS (lines of a key log). */
void pipeline_take_name(struct pipeline *pipeline, const uint8_t addr[16], const char *name,
                        enum name_source source);
void pipeline_take_secrets(struct pipeline *pipeline, const uint8_t *lines, size_t len);

/* The record of a session that goes on (--interval). */
void pipeline_update(struct pipeline *pipeline, struct session *session, const struct flow *flow,
                     uint64_t now_ns);
/* A session that goes on, for the picture on the terminal. */
void pipeline_show(struct pipeline *pipeline, struct session *session, const struct flow *flow,
                   uint64_t now_ns);
/*
 * A session's end, with its entry's last content: its last record and files. The session itself stays for
 * the caller to remove. reason is used when TCP itself did not end it.
 */
void pipeline_finish(struct pipeline *pipeline, struct session *session, const struct flow *flow,
                     enum close_reason reason, uint64_t now_ns);
/*
 * A session that ended in an earlier reading, as it was then (from an index): its record, no files. tally,
 * holes: what stream/ had made of it.
 */
struct pipeline_ended {
    struct session *session;
    const struct flow *flow;
    const struct stream_tally *tally; /* [2] or NULL */
    const struct stream_hole *holes;
    size_t hole_count;
    uint64_t now_ns;
    const struct told *told; /* what app/ had found; its names where nobody knows better */
};
void pipeline_restore(struct pipeline *pipeline, const struct pipeline_ended *ended);
/* A session that another process goes on with: its files end here, with no record. */
void pipeline_leave(struct pipeline *pipeline, struct session *session, const struct flow *flow);
/* A session whose entry is lost: its files are removed, nothing is written. */
void pipeline_drop(struct pipeline *pipeline, struct session *session);

/* No session will be told of any more: what is done aside comes to its end, while the caller goes on. */
void pipeline_rest(struct pipeline *pipeline);
/* What was held goes out. Called regularly. */
void pipeline_flush(struct pipeline *pipeline);
/* A metrics file, or another sink of the caller's, could not be written. */
void pipeline_note_error(struct pipeline *pipeline, enum prom_sink sink, int err, const char *path);

/* So far. Borrowed. */
const struct pipeline_totals *pipeline_totals(const struct pipeline *pipeline);

#endif
