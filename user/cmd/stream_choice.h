/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions that a command line names, found while the input is read. */
#ifndef SESSTAP_STREAM_CHOICE_H
#define SESSTAP_STREAM_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cmd/replay.h"

struct index_use;

struct chosen_stream {
    struct stream_selector selector;
    const char *text; /* as it was named, borrowed */
    uint64_t number;  /* session.number, 0: not seen yet */
};

struct stream_choice {
    struct chosen_stream *streams; /* owned; each once: by protocol and index, then those by @id */
    size_t count;
    size_t index_count;     /* of these, named by an index */
    uint64_t sessions[256]; /* by l4_proto, ICMPv6 as ICMP; for the message */
    struct index_use *use;  /* owned; NULL: all is read */
};

/* -EINVAL after a line that names the wrong word, -ENOMEM. stream_choice_fini is due either way. */
int stream_choice_init(struct stream_choice *choice, const char *const *names, size_t count);
void stream_choice_fini(struct stream_choice *choice);

/*
 * Before reading. An @id is known when its session is over: if one was named, the input is read once to learn
 * which session has it. When an index of the input knows all the streams, conf is set to read their frames
 * only; it borrows from choice then. 0 or what replay_run returned; -EINVAL after a line when the input
 * can't be read twice.
 */
int stream_choice_resolve(struct stream_choice *choice, struct replay_conf *conf);

/* The choice that this session is, NULL: it was not named. Notes its number. */
struct chosen_stream *stream_choice_match(struct stream_choice *choice,
                                          const struct session *session);
/* Count a session that is over. */
void stream_choice_count(struct stream_choice *choice, const struct session *session);
/* After reading: the exit status is EXIT_FAILED, and a line says which is not there, when false. */
bool stream_choice_found_all(const struct stream_choice *choice, const char *path);

/* True when "-", which can be read once only, is among the paths; then said so in a line. */
bool stream_choice_reads_stdin(const struct replay_conf *conf, const char *why);

#endif
