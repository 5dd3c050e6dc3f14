/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TLS secrets of a run: lines of key logs (SSLKEYLOGFILE), from a file that may grow and from capture
 * files' own secrets, found by client random.
 *
 *   LABEL CLIENT_RANDOM VALUE                      in hex; draft-ietf-tls-keylogfile
 *   RSA Session-ID:ID Master-Key:SECRET            by session id
 *   TLS_VERSION CLIENT_RANDOM TLSv1.2              ours, with CIPHER_NAME (IANA's), CLIENT_ENCRYPT_THEN_MAC and
 *                                                  SERVER_ENCRYPT_THEN_MAC (0, 1), SERVER_RANDOM (hex): what the
 *                                                  handshake said, for a session whose handshake is not there
 */
#ifndef SESSTAP_KEYLOG_H
#define SESSTAP_KEYLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define KEYLOG_ID_BYTES    32 /* of a client random; session ids are filled up with zeros */
#define KEYLOG_VALUE_BYTES 48

enum keylog_label {
    KEYLOG_MASTER, /* CLIENT_RANDOM: the master secret of TLS 1.2 and before */
    KEYLOG_CLIENT_EARLY,
    KEYLOG_CLIENT_HANDSHAKE,
    KEYLOG_SERVER_HANDSHAKE,
    KEYLOG_CLIENT_TRAFFIC,
    KEYLOG_SERVER_TRAFFIC,
    KEYLOG_SESSION,       /* RSA Session-ID: the master secret, by session id */
    KEYLOG_VERSION,       /* 2 bytes, as in the protocol */
    KEYLOG_CIPHER,        /* 2 bytes: the suite */
    KEYLOG_CLIENT_ETM,    /* 1 byte */
    KEYLOG_SERVER_ETM,    /* 1 byte */
    KEYLOG_SERVER_RANDOM, /* 32 bytes */
    KEYLOG_LABELS,
};

struct keylog_line {
    uint8_t id[KEYLOG_ID_BYTES];
    uint8_t value[KEYLOG_VALUE_BYTES];
    uint8_t label; /* enum keylog_label */
    uint8_t len;   /* of value */
};

struct keylog_counts {
    uint64_t lines;     /* taken, each once */
    uint64_t ignored;   /* well formed, of a label that deciphers no record: exporters, QUIC ... */
    uint64_t bad;       /* of the file: neither comment nor any of these */
    uint64_t bad_given; /* the same of texts for keylog_add: captures' own secrets */
    uint64_t forgotten; /* the oldest, when there were too many */
    uint64_t restarts;  /* the file was cut or replaced, and read from its start */
};

struct keylog;

/*
 * held_bytes: of records that wait for their secrets, over all sessions. max_lines: 0: KEYLOG_MAX_LINES. NULL with errno.
 */
struct keylog *keylog_new(size_t held_bytes, size_t max_lines);
void keylog_free(struct keylog *keylog);
#define KEYLOG_MAX_LINES (1u << 20)

/* All of a text, also a last line without its newline. */
void keylog_add(struct keylog *keylog, const char *text, size_t len);

/* One line, in place of one with its label and id. */
void keylog_put(struct keylog *keylog, const struct keylog_line *line);

/*
 * Read a file, and go on as it grows; once for a log. It may begin later when may_be_missing. A pipe is read to its end here.
 * 0 or -errno.
 */
int keylog_follow(struct keylog *keylog, const char *path, bool may_be_missing);
/* Read what the file has got more. force: even if that was looked after a moment ago. */
void keylog_poll(struct keylog *keylog, bool force);

/* Whether there are secrets, or a file from which some may come. */
bool keylog_is_active(const struct keylog *keylog);
/* Counts each change, so that who waits for a secret can tell whether to look again. */
uint64_t keylog_generation(const struct keylog *keylog);
const struct keylog_counts *keylog_counts(const struct keylog *keylog);
/* The file that is followed; NULL: none. Borrowed. */
const char *keylog_path(const struct keylog *keylog);

/* The line, or NULL. Borrowed until the next keylog_add or keylog_poll. */
const struct keylog_line *keylog_find(const struct keylog *keylog, enum keylog_label label,
                                      const uint8_t *id, size_t id_len);
/* Line after line of a label, the newest first; *at begins at 0. NULL at the end. */
const struct keylog_line *keylog_next(const struct keylog *keylog, enum keylog_label label,
                                      size_t *at);
/* Append the secrets of a client random, as lines of a key log. */
void keylog_write(const struct keylog *keylog, const uint8_t *random, struct buf *out);

/* Take part of held_bytes; false when there is not that much. */
bool keylog_hold(struct keylog *keylog, size_t bytes);
void keylog_release(struct keylog *keylog, size_t bytes);

/* ---- keylog_line.c */

enum keylog_verdict { KEYLOG_TAKEN, KEYLOG_EMPTY, KEYLOG_IGNORED, KEYLOG_BAD };
/* One line without its newline. */
enum keylog_verdict keylog_line_parse(struct keylog_line *line, const char *text, size_t len);
/* With a newline. */
void keylog_line_write(struct buf *out, const struct keylog_line *line);

#endif
