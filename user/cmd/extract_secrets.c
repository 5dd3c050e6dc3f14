/* SPDX-License-Identifier: Apache-2.0 */
/* A key log line is LABEL CLIENT_RANDOM SECRET (draft-ietf-tls-keylogfile); the random is in the clear. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/keylog.h"
#include "cmd/extract.h"

#define RANDOMS_AT_ONCE 8
/* TLS record: type 22, version 3.x, length; handshake: type 1, length, version 3.x; then the random. */
#define HELLO_BYTES    11
#define TLS_HANDSHAKE  22
#define CLIENT_HELLO   1
#define TLS_MAJOR      3
#define COMPARED_BYTES (16u << 10)

static int add_random(struct randoms *randoms, const uint8_t *random)
{
    size_t cap = randoms->cap ? randoms->cap * 2 : RANDOMS_AT_ONCE;

    if (randoms->count == randoms->cap) {
        void *items = realloc(randoms->items, cap * sizeof(*randoms->items));

        if (!items)
            return -ENOMEM;
        randoms->items = items;
        randoms->cap = cap;
    }
    memcpy(randoms->items[randoms->count++], random, CLIENT_RANDOM_BYTES);
    return 0;
}

static bool is_hello(const uint8_t *at)
{
    return at[0] == TLS_HANDSHAKE && at[1] == TLS_MAJOR && at[5] == CLIENT_HELLO &&
           at[9] == TLS_MAJOR;
}

int randoms_find(struct randoms *randoms, const uint8_t *data, size_t len)
{
    const uint8_t *end = data + len;
    int err = 0;

    while (!err && end - data >= HELLO_BYTES + CLIENT_RANDOM_BYTES) {
        data = memchr(data, TLS_HANDSHAKE,
                      (size_t)(end - data) - (HELLO_BYTES + CLIENT_RANDOM_BYTES - 1));
        if (!data)
            break;
        if (is_hello(data))
            err = add_random(randoms, data + HELLO_BYTES);
        data++;
    }
    return err;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The second word of a line, CLIENT_RANDOM_BYTES in hex. */
static bool parse_random(const char *line, size_t len, uint8_t *random)
{
    const char *space = memchr(line, ' ', len);
    const char *hex = space ? space + 1 : line;

    if (!space || (size_t)(line + len - hex) < CLIENT_RANDOM_BYTES * 2)
        return false;
    for (int i = 0; i < CLIENT_RANDOM_BYTES; i++) {
        int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        random[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool is_wanted(const struct randoms *randoms, const char *line, size_t len)
{
    uint8_t random[CLIENT_RANDOM_BYTES];

    if (!parse_random(line, len, random))
        return false;
    if (randoms->all)
        return true;
    for (size_t i = 0; i < randoms->count; i++)
        if (!memcmp(randoms->items[i], random, sizeof(random)))
            return true;
    return false;
}

/* A few lines said twice are not written twice; many are not compared. */
static bool is_in(const struct buf *out, const char *line, size_t len)
{
    return out->len && out->len < COMPARED_BYTES && memmem(out->data, out->len, line, len);
}

static bool is_told(const struct keylog *told, const char *text, size_t len)
{
    struct keylog_line line;

    return told && keylog_line_parse(&line, text, len) == KEYLOG_TAKEN &&
           keylog_find(told, (enum keylog_label)line.label, line.id, sizeof(line.id));
}

void randoms_filter(const struct randoms *randoms, const struct keylog *told, struct buf *out,
                    const char *log, size_t len)
{
    const char *end = log + len;

    while (log < end) {
        const char *newline = memchr(log, '\n', (size_t)(end - log));
        size_t line_len = (size_t)((newline ? newline : end) - log);

        if (is_wanted(randoms, log, line_len) && !is_told(told, log, line_len) &&
            !is_in(out, log, line_len)) {
            buf_add(out, log, line_len);
            buf_add_char(out, '\n');
        }
        log += line_len + 1;
    }
}

void randoms_fini(struct randoms *randoms)
{
    free(randoms->items);
    *randoms = (struct randoms){0};
}
