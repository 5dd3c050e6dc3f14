/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the objects in a record's lists, as JSON; each adds the comma that it needs. */
#ifndef SESSTAP_RECORD_ITEMS_H
#define SESSTAP_RECORD_ITEMS_H

#include "sink/record_view.h"

/* The next key of an object that was begun with its brace. */
static inline void item_add_key(struct buf *out, const char *key)
{
    size_t len = strlen(key);
    char *end;

    if (!buf_reserve(out, len + sizeof(",\"\":")))
        return;
    end = out->data + out->len;
    if (out->len && end[-1] != '{')
        *end++ = ',';
    *end++ = '"';
    memcpy(end, key, len);
    end += len;
    *end++ = '"';
    *end++ = ':';
    out->len = (size_t)(end - out->data);
}

static inline void item_add_u64(struct buf *out, const char *key, uint64_t value)
{
    item_add_key(out, key);
    buf_add_u64(out, value);
}

static inline void item_add_some(struct buf *out, const char *key, uint64_t value)
{
    if (value)
        item_add_u64(out, key, value);
}

/* A word of ours: it needs no escape. */
static inline void item_add_word(struct buf *out, const char *key, const char *word)
{
    item_add_key(out, key);
    buf_add_char(out, '"');
    buf_add_str(out, word);
    buf_add_char(out, '"');
}

static inline void item_add_flag(struct buf *out, const char *key, bool flag)
{
    if (!flag)
        return;
    item_add_key(out, key);
    buf_add_str(out, "true");
}

static inline void item_add_text(struct buf *out, const char *key, struct fact_text text)
{
    if (!text.at)
        return;
    item_add_key(out, key);
    buf_add_json_str(out, text.at, text.len);
}

static inline void item_add_hex(struct buf *out, const char *key, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    item_add_key(out, key);
    buf_add_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        buf_add_char(out, digits[data[i] >> 4]);
        buf_add_char(out, digits[data[i] & 0xf]);
    }
    buf_add_char(out, '"');
}

static inline void item_add_time(struct buf *out, const char *key, uint64_t ns,
                                 int64_t wall_offset_ns)
{
    item_add_key(out, key);
    buf_add_seconds(out, (int64_t)ns + wall_offset_ns, 6);
}

/* From one moment to a later one, when both are known. */
static inline void item_add_span(struct buf *out, const char *key, uint64_t from_ns, uint64_t to_ns)
{
    if (!from_ns || to_ns < from_ns)
        return;
    item_add_key(out, key);
    buf_add_seconds(out, (int64_t)(to_ns - from_ns), (to_ns - from_ns) % 1000 ? 9 : 6);
}

#endif
