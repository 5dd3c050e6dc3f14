/* SPDX-License-Identifier: Apache-2.0 */
/* Growing by doubling, digits two at a time, JSON strings in runs that need no escape. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_MIN_BYTES 256
#define U64_DIGITS    20

static const uint64_t power_of_ten[] = {1,      10,      100,      1000,      10000,
                                        100000, 1000000, 10000000, 100000000, 1000000000};

void buf_fini(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

bool buf_grow(struct buf *buf, size_t extra)
{
    size_t cap = buf->cap ? buf->cap : BUF_MIN_BYTES, need;
    char *data;

    if (__builtin_add_overflow(buf->len, extra, &need)) {
        buf->failed = true;
        return false;
    }
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    data = realloc(buf->data, cap);
    if (!data) {
        buf->failed = true;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

/* Writes the digits so that they end before end; returns where they begin. */
static char *digits_before(char *end, uint64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";

    while (value >= 100) {
        end -= 2;
        memcpy(end, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        end -= 2;
        memcpy(end, pairs + value * 2, 2);
    } else {
        *--end = (char)('0' + value);
    }
    return end;
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
    char text[U64_DIGITS];
    char *end = text + sizeof(text), *begin = digits_before(end, value);

    buf_add(buf, begin, (size_t)(end - begin));
}

void buf_add_i64(struct buf *buf, int64_t value)
{
    char text[U64_DIGITS + 1];
    char *end = text + sizeof(text);
    char *begin = digits_before(end, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);

    if (value < 0)
        *--begin = '-';
    buf_add(buf, begin, (size_t)(end - begin));
}

void buf_add_seconds(struct buf *buf, int64_t ns, unsigned int places)
{
    char text[2 * U64_DIGITS];
    char *end = text + sizeof(text), *begin, *point;
    int64_t unit, rounded;
    uint64_t size;

    if (places > 9)
        places = 9;
    unit = (int64_t)power_of_ten[9 - places];
    rounded = ns / unit - (ns % unit < 0);
    size = rounded < 0 ? 0 - (uint64_t)rounded : (uint64_t)rounded;
    begin = end;
    if (places) {
        point = end - places;
        begin = digits_before(end, size % power_of_ten[places]);
        while (begin > point)
            *--begin = '0';
        *--begin = '.';
    }
    begin = digits_before(begin, size / power_of_ten[places]);
    if (rounded < 0)
        *--begin = '-';
    buf_add(buf, begin, (size_t)(end - begin));
}

void buf_add_hex(struct buf *buf, const void *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;

    if (len > SIZE_MAX / 2 || !buf_reserve(buf, len * 2)) {
        buf->failed = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        buf->data[buf->len++] = digits[bytes[i] >> 4];
        buf->data[buf->len++] = digits[bytes[i] & 15];
    }
}

/* Bytes of the well-formed UTF-8 character (RFC 3629 section 4) at text, 0: none is there. */
static size_t utf8_char_len(const uint8_t *text, size_t len)
{
    uint8_t first = text[0], low = 0x80, high = 0xbf;
    size_t need;

    if (first >= 0xc2 && first <= 0xdf)
        need = 2;
    else if (first >= 0xe0 && first <= 0xef)
        need = 3;
    else if (first >= 0xf0 && first <= 0xf4)
        need = 4;
    else
        return first < 0x80;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (len < need || text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return need;
}

bool buf_is_utf8(const char *text, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)text;

    for (size_t i = 0, step; i < len; i += step) {
        step = utf8_char_len(bytes + i, len - i);
        if (!step)
            return false;
    }
    return true;
}

static void add_json_escape(struct buf *buf, uint8_t c)
{
    static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (const char *name = names; *name; name += 2) {
        if ((uint8_t)*name == c) {
            buf_add_char(buf, '\\');
            buf_add_char(buf, name[1]);
            return;
        }
    }
    buf_add_str(buf, "\\u00");
    buf_add_hex(buf, &c, 1);
}

/* What a terminal takes for a command though it is no control character of ASCII: C1 (ECMA-48), and the direction of text. */
static bool is_command(const uint8_t *c, size_t len)
{
    unsigned int code = len == 2   ? (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu)
                        : len == 3 ? (c[0] & 0xfu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu)
                                   : 0;

    return (code >= 0x80 && code < 0xa0) || code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void buf_add_printable(struct buf *buf, const char *text, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)text;

    for (size_t i = 0, step; i < len; i += step) {
        bool fits;

        step = utf8_char_len(bytes + i, len - i);
        fits =
            step == 1 ? bytes[i] >= 0x20 && bytes[i] != 0x7f : step && !is_command(bytes + i, step);
        step = step ? step : 1;
        if (fits)
            buf_add(buf, text + i, step);
        else
            buf_add_char(buf, '?');
    }
}

/* 0 when, and only when, none of a word's bytes is a control character, a quote, a backslash or beyond ASCII. */
static uint64_t not_plain(uint64_t word)
{
    const uint64_t ones = UINT64_MAX / 0xff, tops = ones * 0x80;
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');

    return (word | (word - ones * 0x20) | (quote - ones) | (backslash - ones)) & tops;
}

/* How many bytes of a text surely go into a JSON string as they are: not always all of them. */
static size_t plain_bytes(const uint8_t *text, size_t len)
{
    size_t at = 0;
    uint64_t word;

    for (; len - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, text + at, sizeof(word));
        if (not_plain(word))
            break;
    }
    return at;
}

void buf_add_json_str(struct buf *buf, const char *text, size_t len)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t plain = 0, i = plain_bytes(bytes, len);

    buf_add_char(buf, '"');
    while (i < len) {
        uint8_t c = bytes[i];
        size_t step = c < 0x80 ? 1 : utf8_char_len(bytes + i, len - i);

        if (step > 1 || (step && c >= 0x20 && c != '"' && c != '\\')) {
            i += step;
            continue;
        }
        buf_add(buf, bytes + plain, i - plain);
        if (step)
            add_json_escape(buf, c);
        else
            buf_add_str(buf, "\xef\xbf\xbd");
        plain = ++i;
        i += plain_bytes(bytes + i, len - i);
    }
    buf_add(buf, bytes + plain, len - plain);
    buf_add_char(buf, '"');
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0 || !buf_reserve(buf, (size_t)len + 1)) {
        buf->failed = true;
        return;
    }
    va_start(args, fmt);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
}
