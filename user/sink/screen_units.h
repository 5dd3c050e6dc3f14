/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers for people: short, with a unit, rounded down. Each writes at p, adds no NUL and returns
 * where it ended; UNITS_MAX bytes are enough room for all but units_put_short.
 */
#ifndef SESSTAP_SCREEN_UNITS_H
#define SESSTAP_SCREEN_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_MAX 24

/* "0B", "1023B", "1.0KiB", "1023KiB" ... "15.9EiB": at most 7 wide. */
char *units_put_bytes(char *p, uint64_t bytes);
/* "9999", "10.0k", "999k", "1.00M" ...: at most 5 wide. */
char *units_put_count(char *p, uint64_t count);
/* "0us", "999us", "1.00ms", "59.9s", "1m00s", "23h59m", "1d00h". */
char *units_put_duration(char *p, uint64_t ns);
/*
 * An address, with or without port, in at most width bytes: its middle gives way to "..", at a dot or
 * colon, then its beginning; the port stays: "[2001:db8:..5]:443", "[..5]:443". Returns where it ended.
 */
char *units_put_short(char *p, const char *address, size_t len, size_t width);

#endif
