/* SPDX-License-Identifier: Apache-2.0 */
/* The newest frames of a reading, kept whole: fragments, until the packet that they make up has a session. */
#ifndef SESSTAP_FRAME_COPIES_H
#define SESSTAP_FRAME_COPIES_H

#include <stddef.h>
#include <stdint.h>

#include "source/capfile/capfile.h"

struct frame_copies;

/* max_bytes: of their data; the oldest frames go. NULL with errno. */
struct frame_copies *frame_copies_new(size_t max_bytes);
/* NULL is fine. */
void frame_copies_free(struct frame_copies *copies);
/* Numbers count from 0, one up each call. Without memory the frame is passed over. */
void frame_copies_keep(struct frame_copies *copies, const struct frame *frame);
/* NULL when it is gone. Borrowed until the next keep. */
const struct frame *frame_copies_get(const struct frame_copies *copies, uint64_t number);

#endif
