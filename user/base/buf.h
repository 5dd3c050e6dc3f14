/* SPDX-License-Identifier: Apache-2.0 */
/* A growing run of bytes, and the fast ways to append numbers as text. */
#ifndef SESSTAP_BUF_H
#define SESSTAP_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Zeroed is empty. failed: an allocation failed and something is missing; stays until buf_clear. */
struct buf {
    char *data;
    size_t len;
    size_t cap;
    bool failed;
};

void buf_fini(struct buf *buf);
/* Forget the content, keep the memory. */
static inline void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->failed = false;
}
/* Room for extra more bytes; false (and failed set) when there is no memory. */
bool buf_grow(struct buf *buf, size_t extra);

static inline bool buf_reserve(struct buf *buf, size_t extra)
{
    return buf->cap - buf->len >= extra || buf_grow(buf, extra);
}

static inline void buf_add(struct buf *buf, const void *data, size_t len)
{
    if (len && buf_reserve(buf, len)) {
        memcpy(buf->data + buf->len, data, len);
        buf->len += len;
    }
}

static inline void buf_add_char(struct buf *buf, char c)
{
    if (buf_reserve(buf, 1))
        buf->data[buf->len++] = c;
}

static inline void buf_add_str(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

/* Decimal digits. */
void buf_add_u64(struct buf *buf, uint64_t value);
void buf_add_i64(struct buf *buf, int64_t value);
/* Nanoseconds as seconds with exactly places (0..9) digits after the point; rounded down. */
void buf_add_seconds(struct buf *buf, int64_t ns, unsigned int places);
/* Lower-case hex, two digits a byte. */
void buf_add_hex(struct buf *buf, const void *data, size_t len);
/* Text for a terminal, in UTF-8: what is not, control characters and those of direction become question marks. */
void buf_add_printable(struct buf *buf, const char *text, size_t len);
/* A JSON string in quotes, escaped; bytes that are not UTF-8 become U+FFFD. */
void buf_add_json_str(struct buf *buf, const char *text, size_t len);
/* Whether all of it is well-formed UTF-8 (RFC 3629 section 4). */
bool buf_is_utf8(const char *text, size_t len);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
