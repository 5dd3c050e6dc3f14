/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of `sesstap extract` share: which packets of the input are wanted, and what goes with them. */
#ifndef SESSTAP_EXTRACT_H
#define SESSTAP_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cmd/file_options.h"
#include "cmd/stream_choice.h"

/* ---- extract_picks.c: numbers of frames */

struct pick {
    uint64_t number; /* frame.number */
    uint32_t stream; /* index of the choice */
};

/* Zeroed is empty. */
struct picks {
    struct pick *items;
    size_t count;
    size_t cap;
};

/* 0; -ENOMEM. */
int picks_add(struct picks *picks, uint64_t number, uint32_t stream);
/* By number, each once. */
void picks_sort(struct picks *picks);
void picks_fini(struct picks *picks);

/* ---- extract_secrets.c: which lines of a TLS key log concern the sessions */

#define CLIENT_RANDOM_BYTES 32

struct keylog;

/* Zeroed is none. */
struct randoms {
    uint8_t (*items)[CLIENT_RANDOM_BYTES];
    size_t count;
    size_t cap;
    bool all; /* a session may hide its own (QUIC, DTLS): keep every line */
};

/* Note the client random of each TLS ClientHello that begins in these bytes. 0; -ENOMEM. */
int randoms_find(struct randoms *randoms, const uint8_t *data, size_t len);
/*
 * Append the lines of a key log (SSLKEYLOGFILE) that have one of the randoms; no comments, and none twice. told: lines that are
 * written another way, and left out here; NULL: none.
 */
void randoms_filter(const struct randoms *randoms, const struct keylog *told, struct buf *out,
                    const char *log, size_t len);
void randoms_fini(struct randoms *randoms);

/* ---- extract_objects.c: the bodies that HTTP carried */

struct extract_objects {
    const struct file_options *options;
    const struct replay_conf *conf; /* with the options applied */
    struct stream_choice *choice;   /* none in it: all sessions */
    const char *dir;
    const char *type; /* NULL: every content type */
};

/* The exit status. */
int extract_objects(const struct extract_objects *what);

#endif
