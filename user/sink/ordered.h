/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines that come in any order and go out by number, 1, 2, 3 ...: records of sessions that end in
 * another order than they began. What has to wait is held in memory up to a bound, and beyond it in a
 * temporary file.
 */
#ifndef SESSTAP_ORDERED_H
#define SESSTAP_ORDERED_H

#include <stddef.h>
#include <stdint.h>

#include "base/outfile.h"

struct ordered;

/* out is borrowed. held_bytes: lines in memory at most. NULL with errno. */
struct ordered *ordered_new(struct linefile *out, size_t held_bytes);
/*
 * A line without its newline, or NULL: no line has this number; each comes once. 0 or -errno: then the line is given up (and counted in
 * ordered_lost), and others do not wait for it.
 */
int ordered_write(struct ordered *ordered, uint64_t number, const char *line, size_t len);
uint64_t ordered_lost(const struct ordered *ordered);
/* What still waits goes out, numbers that never came are passed over. Free. NULL is fine. */
void ordered_free(struct ordered *ordered);

#endif
