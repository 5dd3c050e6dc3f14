/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Capture files through the same stages as live traffic: each frame parsed, tracked and reassembled, each
 * session's record made at its end. What a command wants of it, it says by hooks.
 */
#ifndef SESSTAP_REPLAY_H
#define SESSTAP_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "packet.h"
#include "pipeline.h"
#include "source/capfile/capfile.h"
#include "stream/dialog.h"

struct pcap_filter;
struct replay_result;

struct replay_hooks {
    /*
     * Every packet of a session after it was tracked and counted: frame is as read, pkt as parsed (offsets into
     * frame->data). A fragment is a packet; one whose session was known only when its packet was whole
     * comes then, with the whole packet's data. old_bytes: of its payload, seen before.
     */
    void (*packet)(void *ctx, const struct session *session, const struct flow *flow,
                   const struct packet *pkt, const struct frame *frame, uint32_t old_bytes);
    /* Stream bytes in order, each once; from: endpoint. */
    void (*data)(void *ctx, const struct session *session, const struct flow *flow,
                 unsigned int from, uint64_t offset, const uint8_t *data, size_t len,
                 const struct segment *seg);
    void (*hole)(void *ctx, const struct session *session, const struct flow *flow,
                 unsigned int from, uint64_t offset, uint64_t length);
    /* A frame that a packet of this session came in; for one put together from fragments, each of theirs. */
    void (*place)(void *ctx, struct session *session, const struct frame_place *place);
    /* All was read and told. */
    void (*done)(void *ctx, const struct capfile *capfile, const struct replay_result *result);
    /* A session's end. In no order that matters; conf.pipeline.records gets them by first packet. */
    void (*record)(void *ctx, const struct record *record);
    void *ctx;
};

/* A session whose frames alone are read: how the reading of the whole file saw it. */
struct replay_session {
    struct flow_key key;
    uint64_t number;
    uint64_t stream_index;
    uint64_t end_ns; /* when it ended, and why */
    enum close_reason reason;
    struct session_tunnel tunnel;
    bool has_told;
    struct told told;         /* what its record said besides; facts owned */
    struct flow_note *errors; /* owned: ICMP errors that quoted it; NULL: none */
};

/* The sessions that input.choice holds the frames of. */
struct replay_only {
    const struct replay_session *sessions;
    size_t count;
    const uint32_t *which; /* of each frame: index of its session, and REPLAY_LAST */
    uint64_t damaged;      /* places in the input, as found when all was read */
};
#define REPLAY_LAST 0x80000000u /* this session has no more frames */

struct replay_conf {
    struct capfile_conf input;
    struct pipeline_conf pipeline; /* whisperer, names are filled in here */
    struct replay_hooks hooks;     /* each may be NULL */
    struct pcap_filter *filter;    /* frames that it does not pass are not there; NULL: all pass */
    enum overlap_policy overlap;
    const struct replay_only *only; /* NULL: every session */
    bool no_index;                  /* read all, even if an index knows already */
    uint64_t number; /* a session whose record alone is wanted, if an index has it; 0: all */
    bool progress;   /* a bar on stderr, if it is a terminal, after a second */
};

/* How a reading went. */
struct replay_result {
    uint64_t frames;
    uint64_t filtered;     /* frames that the filter did not let through */
    uint64_t tracked;      /* frames that belong to sessions */
    uint64_t unknown_link; /* frames of a link type that can't be read */
    uint64_t unaccounted[UNACCOUNTED_COUNT];
    uint64_t sessions;
    uint64_t left_out; /* of these, by conf.pipeline.where */
    uint64_t damaged;  /* places in the input */
    bool seekable;     /* one plain file: its frames can be read by their places */
    int error;         /* first -errno of writing, 0: none */
};

/* Read it all. 0; -errno after a logged line when nothing could be read. */
int replay_run(const struct replay_conf *conf, struct replay_result *result);

/* The balance of a reading in one line on stderr. */
void replay_report(const struct replay_result *result);

/* One session as a person names it: "tcp:3", "udp:0", "7", or an @id. */
struct stream_selector {
    bool by_id;
    uint8_t l4_proto; /* 0: any ICMP for "icmp" */
    uint64_t index;
    const char *id; /* borrowed */
};

/* -EINVAL when it is none of these. */
int stream_selector_parse(struct stream_selector *selector, const char *text);
/* record_id: the session's @id, len bytes, or NULL where only an index can match. */
bool stream_selector_matches(const struct stream_selector *selector, const struct session *session,
                             const char *record_id, size_t len);

#endif
