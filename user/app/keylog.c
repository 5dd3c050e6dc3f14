/* SPDX-License-Identifier: Apache-2.0 */
/* The lines by their ids: a ring of the newest, each in the chain of its id's bucket. */
#include "app/keylog_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NONE       UINT32_MAX
#define FIRST_ROOM 64u

struct stored {
    struct keylog_line line;
    uint32_t next; /* in its bucket */
};

struct keylog {
    struct stored *lines; /* [room], used round and round */
    uint32_t *buckets;    /* [room]: a power of two */
    uint32_t room;
    uint32_t max_lines;
    uint64_t added; /* lines ever put: the next one's place is added % room */
    uint64_t generation;
    size_t held_bytes;
    size_t max_held_bytes;
    struct keylog_file file;
    struct keylog_counts counts;
};

/* Randoms are random; session ids mostly. */
static uint32_t bucket_of(const struct keylog *keylog, const uint8_t *id)
{
    uint64_t hash, more;

    memcpy(&hash, id, sizeof(hash));
    memcpy(&more, id + 16, sizeof(more));
    hash = (hash ^ more) * 0x9e3779b97f4a7c15u;
    return (uint32_t)(hash >> 32) & (keylog->room - 1);
}

static void link_line(struct keylog *keylog, uint32_t index)
{
    uint32_t *bucket = &keylog->buckets[bucket_of(keylog, keylog->lines[index].line.id)];

    keylog->lines[index].next = *bucket;
    *bucket = index;
}

static void unlink_line(struct keylog *keylog, uint32_t index)
{
    uint32_t *at = &keylog->buckets[bucket_of(keylog, keylog->lines[index].line.id)];

    while (*at != NONE && *at != index)
        at = &keylog->lines[*at].next;
    if (*at == index)
        *at = keylog->lines[index].next;
}

/* Twice the room, while the ring has not gone round. */
static int grow(struct keylog *keylog)
{
    uint32_t room = keylog->room ? keylog->room * 2 : FIRST_ROOM;
    struct stored *lines = realloc(keylog->lines, room * sizeof(*lines));
    uint32_t *buckets;

    if (!lines)
        return -ENOMEM;
    keylog->lines = lines;
    buckets = realloc(keylog->buckets, room * sizeof(*buckets));
    if (!buckets)
        return -ENOMEM;
    keylog->buckets = buckets;
    keylog->room = room;
    memset(buckets, 0xff, room * sizeof(*buckets));
    for (uint32_t i = 0; i < keylog->added; i++)
        link_line(keylog, i);
    return 0;
}

struct keylog *keylog_new(size_t held_bytes, size_t max_lines)
{
    struct keylog *keylog = calloc(1, sizeof(*keylog));

    if (!keylog)
        return NULL;
    keylog->max_held_bytes = held_bytes;
    keylog->max_lines = FIRST_ROOM;
    keylog->file.fd = -1;
    while (keylog->max_lines < (max_lines ? max_lines : KEYLOG_MAX_LINES))
        keylog->max_lines *= 2;
    return keylog;
}

void keylog_free(struct keylog *keylog)
{
    if (!keylog)
        return;
    keylog_file_close(&keylog->file);
    free(keylog->lines);
    free(keylog->buckets);
    free(keylog);
}

static struct keylog_line *find(const struct keylog *keylog, enum keylog_label label,
                                const uint8_t *id)
{
    uint32_t i = keylog->room ? keylog->buckets[bucket_of(keylog, id)] : NONE;

    for (; i != NONE; i = keylog->lines[i].next) {
        struct keylog_line *line = &keylog->lines[i].line;

        if (line->label == label && !memcmp(line->id, id, sizeof(line->id)))
            return line;
    }
    return NULL;
}

void keylog_put(struct keylog *keylog, const struct keylog_line *line)
{
    struct keylog_line *known = find(keylog, line->label, line->id);
    uint32_t place;

    if (known) {
        if (!memcmp(known, line, sizeof(*line)))
            return;
        *known = *line;
        keylog->generation++;
        return;
    }
    if (keylog->added == keylog->room && keylog->room < keylog->max_lines && grow(keylog) &&
        !keylog->room) {
        keylog->counts.forgotten++;
        return;
    }
    place = (uint32_t)(keylog->added & (keylog->room - 1));
    if (keylog->added >= keylog->room) {
        unlink_line(keylog, place);
        keylog->counts.forgotten++;
    }
    keylog->lines[place].line = *line;
    link_line(keylog, place);
    keylog->added++;
    keylog->counts.lines++;
    keylog->generation++;
}

/* *bad counts what is none; while it is not whole, nothing is said against it. */
static void add_line(struct keylog *keylog, const char *text, size_t len, bool whole, uint64_t *bad)
{
    struct keylog_line line;

    switch (keylog_line_parse(&line, text, len)) {
    case KEYLOG_TAKEN:
        keylog_put(keylog, &line);
        break;
    case KEYLOG_IGNORED:
        keylog->counts.ignored += whole;
        break;
    case KEYLOG_BAD:
        *bad += whole;
        break;
    case KEYLOG_EMPTY:
        break;
    }
}

static void add_text(struct keylog *keylog, const char *text, size_t len, bool whole, uint64_t *bad)
{
    const char *end = text + len;

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *stop = newline ? newline : end;

        add_line(keylog, text, (size_t)(stop - text), whole, bad);
        text = stop + 1;
    }
}

void keylog_add(struct keylog *keylog, const char *text, size_t len)
{
    add_text(keylog, text, len, true, &keylog->counts.bad_given);
}

static void take_text(void *ctx, const char *text, size_t len, bool whole)
{
    struct keylog *keylog = ctx;

    add_text(keylog, text, len, whole, &keylog->counts.bad);
}

int keylog_follow(struct keylog *keylog, const char *path, bool may_be_missing)
{
    int err = keylog_file_open(&keylog->file, path, may_be_missing);

    if (!err)
        err = keylog_file_read(&keylog->file, take_text, keylog);
    return err;
}

void keylog_poll(struct keylog *keylog, bool force)
{
    if (!keylog_file_is_due(&keylog->file, force))
        return;
    keylog_file_read(&keylog->file, take_text, keylog);
    keylog->counts.restarts = keylog->file.restarts;
}

bool keylog_is_active(const struct keylog *keylog)
{
    return keylog->added || keylog->file.path;
}

uint64_t keylog_generation(const struct keylog *keylog)
{
    return keylog->generation;
}

const struct keylog_counts *keylog_counts(const struct keylog *keylog)
{
    return &keylog->counts;
}

const char *keylog_path(const struct keylog *keylog)
{
    return keylog->file.path;
}

const struct keylog_line *keylog_find(const struct keylog *keylog, enum keylog_label label,
                                      const uint8_t *id, size_t id_len)
{
    uint8_t whole[KEYLOG_ID_BYTES] = {0};

    if (!id_len || id_len > sizeof(whole))
        return NULL;
    memcpy(whole, id, id_len);
    return find(keylog, label, whole);
}

const struct keylog_line *keylog_next(const struct keylog *keylog, enum keylog_label label,
                                      size_t *at)
{
    uint64_t kept = keylog->added < keylog->room ? keylog->added : keylog->room;

    while (*at < kept) {
        uint64_t place = (keylog->added - 1 - (*at)++) & (keylog->room - 1);

        if (keylog->lines[place].line.label == label)
            return &keylog->lines[place].line;
    }
    return NULL;
}

void keylog_write(const struct keylog *keylog, const uint8_t *random, struct buf *out)
{
    for (unsigned int label = 0; label < KEYLOG_SESSION; label++) {
        const struct keylog_line *line = find(keylog, (enum keylog_label)label, random);

        if (line)
            keylog_line_write(out, line);
    }
}

bool keylog_hold(struct keylog *keylog, size_t bytes)
{
    if (bytes > keylog->max_held_bytes - keylog->held_bytes)
        return false;
    keylog->held_bytes += bytes;
    return true;
}

void keylog_release(struct keylog *keylog, size_t bytes)
{
    keylog->held_bytes -= bytes;
}
