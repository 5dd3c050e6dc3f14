/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers, times and addresses as text at a bare pointer: each writes at p, adds no NUL and returns
 * where it ended. The room is the caller's to have: at least TEXT_MAX bytes.
 */
#ifndef SESSTAP_TEXT_H
#define SESSTAP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The longest of all below: an IPv6 address that ends in an IPv4 one (45). */
#define TEXT_MAX 48

extern const char text_digit_pairs[200];

/* value < 10^digits, with leading zeros; digits is even or the value's first digit is written alone. */
static inline char *text_put_fixed(char *p, uint64_t value, unsigned int digits)
{
    char *at = p + digits;

    while (at - p >= 2) {
        at -= 2;
        memcpy(at, text_digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (at > p)
        *p = (char)('0' + value);
    return p + digits;
}

/* Of the number in decimal: 1 to 20. */
unsigned int text_count_digits(uint64_t value);

static inline char *text_put_u64(char *p, uint64_t value)
{
    if (value < 10) {
        *p = (char)('0' + value);
        return p + 1;
    }
    if (value < 100) {
        memcpy(p, text_digit_pairs + value * 2, 2);
        return p + 2;
    }
    return text_put_fixed(p, value, text_count_digits(value));
}

/* Seconds with 6 digits after the point, rounded down. ns >= 0. */
char *text_put_time(char *p, int64_t ns);
/* The same, with 9 digits when 6 would lose something. */
char *text_put_duration(char *p, int64_t ns);

/* The day that was written last, since most dates that follow are of the same one. Zeroed is none. */
struct text_day {
    int64_t days;  /* since 1970-01-01 */
    char text[12]; /* "2026-11-21T"; empty: none yet */
};
/* ISO 8601, UTC, milliseconds, rounded down: 2026-11-21T09:44:00.123Z. From 1970 to 9999. */
char *text_put_date(char *p, int64_t ns, struct text_day *day);

/* Dotted quad, or RFC 5952. addr: 16 bytes, IPv4 as mapped. */
char *text_put_ip(char *p, const uint8_t *addr, unsigned int ip_version);

/* Whether a JSON string of it needs no escape: printable ASCII without quote and backslash. */
bool text_is_plain(const char *text, size_t len);

#endif
