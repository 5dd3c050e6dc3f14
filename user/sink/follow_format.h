/* SPDX-License-Identifier: Apache-2.0 */
/* A session's stream for people and programs, lot by lot: ascii, hex, raw bytes, or JSON. */
#ifndef SESSTAP_FOLLOW_FORMAT_H
#define SESSTAP_FOLLOW_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum follow_format {
    FOLLOW_ASCII, /* lines as they are, "." for what is not printable */
    FOLLOW_HEX,   /* offset, 16 bytes, text; the server's side indented */
    FOLLOW_RAW,   /* bytes and nothing else, nothing for a hole */
    FOLLOW_JSON,  /* an object a line: a lot, or a hole in it */
    FOLLOW_FORMATS,
};

/* A lot larger than this comes as several JSON objects with the same n. */
#define FOLLOW_PIECE_BYTES (1u << 20)
#define FOLLOW_HEX_BYTES   16

/* "ascii", "hex", "raw", "json"; -EINVAL for another word. */
int follow_format_parse(const char *name);

struct follow_conf {
    enum follow_format format;
    bool colour;
    bool client; /* sides that are shown */
    bool server;
    uint64_t first_ns; /* of the session; the times of ascii and hex count from it */
};

/* The lot in the making. */
struct follow {
    struct follow_conf conf;
    struct buf *out; /* borrowed; the caller empties it when it likes */
    struct buf piece;
    uint64_t lots;
    uint64_t offset;     /* of the first byte in piece or row */
    uint64_t first_ns;   /* since 1970, of the first packet of the lot */
    uint64_t hole_bytes; /* missing, of the sides shown */
    uint8_t row[FOLLOW_HEX_BYTES];
    uint8_t row_len;
    bool from_client;
    bool in_line;    /* ascii: the last byte written was no newline */
    bool held_cr;    /* ascii: a carriage return that a newline may follow */
    bool is_colored; /* an escape sequence is in force */
};

/* follow_fini is due. */
void follow_init(struct follow *follow, const struct follow_conf *conf, struct buf *out);
/* The stream, as dialog_output tells it. time_ns: since 1970, of the packet that brought it. */
void follow_data(struct follow *follow, bool from_client, uint64_t offset, const uint8_t *data,
                 size_t len, uint64_t time_ns);
void follow_hole(struct follow *follow, bool from_client, uint64_t offset, uint64_t length);
/* What is held goes to out. */
void follow_finish(struct follow *follow);
void follow_fini(struct follow *follow);

#endif
