/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pages of a mapped file that is read from its front to its end: brought in some way ahead of the reader and
 * given back behind it, by a thread of its own. Without it the reader's own faults do the first, at the same cost
 * but in its own time.
 */
#ifndef SESSTAP_CAPFILE_AHEAD_H
#define SESSTAP_CAPFILE_AHEAD_H

#include <stddef.h>
#include <stdint.h>

struct ahead;

/*
 * For a reader that is at byte `at`. map stays the caller's, and mapped until ahead_end. NULL: there is but one CPU
 * for us, or no thread can be had: nothing is wrong, the file is read without.
 */
struct ahead *ahead_begin(uint8_t *map, size_t len, size_t at);
/* The reader is at this byte now. Offsets do not fall; call every few hundred kilobytes. */
void ahead_move(struct ahead *ahead, size_t at);
/* End the thread. Pages before the offset returned were given back. NULL is fine. */
size_t ahead_end(struct ahead *ahead);

#endif
