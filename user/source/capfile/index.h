/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index beside a capture file, FILE.stidx: each session as it was when it ended, and where its frames
 * lie, so that one session can be read again without the rest of the file. Format: docs/index-format.md.
 */
#ifndef SESSTAP_CAPFILE_INDEX_H
#define SESSTAP_CAPFILE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/session.h"
#include "source/capfile/capfile.h"

#define INDEX_SUFFIX ".stidx"

/* What a capture was read with; sessions are others when it differs. */
struct index_reading {
    uint32_t overlap; /* enum overlap_policy */
    bool tunnels;
    /*
     * What told of sessions besides their packets: a number that differs when it would tell otherwise. 0: nothing
     * did; wanted of an index: never mind.
     */
    uint32_t told_by;
};

/* What a reading found besides sessions. */
struct index_sums {
    uint64_t frames;
    uint64_t damaged;
    bool seekable;             /* not compressed: frames can be read by their offset */
    const uint64_t *landmarks; /* blocks that tell how to read those behind them (pcapng) */
    size_t landmark_count;
};

/* ---- writing ---------------------------------------------------------------------------------- */

struct index_writer;

/*
 * An index for this capture, which is about to be read from its start. NULL with errno: EINVAL, it is no
 * regular file; EACCES, its folder is not to be written to (also for root, when no one may by its mode).
 */
struct index_writer *index_writer_new(const char *capture, const struct index_reading *reading);
/* Frames of a session, in the order read. Hangs what it keeps on session->places. */
void index_writer_places(struct index_writer *writer, struct session *session,
                         const struct frame_place *places, size_t count);
/* It has no more frames: from here on index_writer_session may be called for it (or a copy) in one other thread. */
void index_writer_let_go(struct index_writer *writer, struct session *session);
/*
 * A session's end, after its last frame. tally: [2] or NULL; now_ns: the time it ended at, clock of the
 * flow. Releases session->places.
 */
void index_writer_session(struct index_writer *writer, struct session *session,
                          const struct flow *flow, const struct stream_tally *tally,
                          const struct stream_hole *holes, size_t hole_count, uint64_t now_ns);
/* What else is told of the session that index_writer_session is called for next: kept as it is. */
void index_writer_told(struct index_writer *writer, const void *told, size_t len);
/*
 * All was read: the file takes its name. Frees the writer. 0 or -errno, also of an earlier call; -ESTALE: the
 * capture was changed meanwhile. Then there is no new file.
 */
int index_writer_commit(struct index_writer *writer, const struct index_sums *sums);
/* Free, and write nothing. NULL is fine. */
void index_writer_abort(struct index_writer *writer);

/* ---- reading ---------------------------------------------------------------------------------- */

struct index;

/*
 * The index of this capture. 0; -ENOENT: it has none, or none made by such a reading (nothing is logged);
 * -ESTALE: the capture has changed since; -EBADMSG: damaged, or of another version. The last two
 * after a warning that says so.
 */
int index_open(struct index **index, const char *capture, const struct index_reading *reading);
/* The same from memory, borrowed, at a multiple of 8, without a capture to compare with. Silent. */
int index_open_memory(struct index **index, const uint8_t *data, size_t len);
void index_close(struct index *index);

/* Sessions; their numbers are 1 to this. */
uint64_t index_count(const struct index *index);
/* Number of the session with this stream index; 0: there is none. ICMPv6 counts as ICMP. */
uint64_t index_find(const struct index *index, uint8_t l4_proto, uint64_t stream_index);
/* The session that ended as the n-th, from 0. 0: damaged. */
uint64_t index_ended(const struct index *index, uint64_t nth);
/* What the reading found. Borrowed until index_close. */
const struct index_sums *index_sums(const struct index *index);

/* A session as it was when it ended. */
struct index_session {
    struct session session; /* without dialog, files, places */
    struct flow flow;
    struct stream_tally tally[2];
    bool has_tally;
    bool has_places; /* of all its frames */
    uint64_t now_ns;
    uint64_t place_count;
    struct stream_hole *holes; /* owned */
    size_t hole_count;
    const uint8_t *told; /* of index_writer_told, borrowed until index_close; NULL: nothing */
    size_t told_len;
    /* Within the file, for index_places. */
    uint64_t chunk_offset;
    const uint8_t *tail;
    const uint8_t *tail_end;
    uint64_t tail_count;
};

/* 0; -EBADMSG: damaged; -ENOMEM. index_session_fini is due after 0. */
int index_session(const struct index *index, uint64_t number, struct index_session *out);
void index_session_fini(struct index_session *session);
/* Fill in places[place_count], in the order read. 0, -EBADMSG or -ENODATA (has_places is false). */
int index_places(const struct index *index, const struct index_session *session,
                 struct frame_place *places);

#endif
