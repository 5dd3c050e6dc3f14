/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of one direction that wait behind a gap: copied, sorted, none over another. */
#ifndef SESSTAP_WAITING_H
#define SESSTAP_WAITING_H

#include "stream/dialog.h"

/* What one dialog holds, within its own bound and that of all. */
struct stream_memory {
    struct dialog_budget *budget;
    size_t used_bytes;
};

/* False when a bound would be passed. */
bool stream_memory_take(struct stream_memory *memory, size_t bytes);
void stream_memory_give(struct stream_memory *memory, size_t bytes);

/* A place in a stream, as offsets from its first byte, and what of it there is. */
struct stretch {
    uint64_t begin;
    uint64_t end;
    uint64_t cap_end;   /* bytes before this were captured, the others were cut off */
    uint64_t old_end;   /* bytes before this had been seen before */
    uint64_t seg_begin; /* the whole segment that it came with */
    uint64_t seg_end;
    const uint8_t *data; /* of begin */
};

struct piece {
    uint64_t begin;
    uint64_t end;
    uint64_t old_end;
    uint64_t seg_begin; /* the whole segment that it came with */
    uint64_t seg_end;
    uint8_t *data; /* of begin; NULL: was cut off */
    size_t charged_bytes;
    struct segment seg;
    uint8_t bytes[];
};

struct waiting {
    struct piece **slot; /* slot[head] is the first */
    uint32_t head;
    uint32_t count;
    uint32_t cap;
    uint64_t bytes; /* of stream */
};

static inline struct piece *waiting_at(const struct waiting *waiting, uint32_t index)
{
    return waiting->slot[waiting->head + index];
}

/* Index of the first piece that ends after offset; count when there is none. */
uint32_t waiting_find(const struct waiting *waiting, uint64_t offset);
/*
 * Copy a stretch that is all captured or all cut, and that covers no piece. NULL when memory or a bound
 * forbids it. The segment's data is not kept.
 */
struct piece *waiting_add(struct waiting *waiting, struct stream_memory *memory,
                          const struct stretch *stretch, const struct segment *seg);
void waiting_remove(struct waiting *waiting, struct stream_memory *memory, uint32_t index);
/* Make two of the piece that covers offset, unless one begins there. False when memory forbids it. */
bool waiting_split(struct waiting *waiting, struct stream_memory *memory, uint64_t offset);
void waiting_fini(struct waiting *waiting, struct stream_memory *memory);

#endif
