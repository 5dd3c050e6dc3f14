/* SPDX-License-Identifier: Apache-2.0 */
/* Files in the order of their next frames: a heap by time, then by the order in which they were named. */
#ifndef SESSTAP_CAPFILE_MERGE_H
#define SESSTAP_CAPFILE_MERGE_H

#include "source/capfile/reader.h"

enum slot_state {
    SLOT_WAITING, /* not opened for reading yet, or again */
    SLOT_OPEN,    /* frame is its next one */
    SLOT_DONE,
};

/* A file among others. */
struct slot {
    struct reader reader;
    enum slot_state state;
    bool once;         /* can't be opened again */
    bool began;        /* reader knows its format */
    uint64_t time_ns;  /* its place in the heap */
    uint64_t first_ns; /* time and place of its first frame; several files only */
    uint64_t first_offset;
    uint64_t size_bytes;
    struct frame frame;
};

struct heap {
    struct slot **all; /* room for all files */
    size_t count;
};

static inline bool slot_before(const struct slot *a, const struct slot *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->reader.file < b->reader.file;
}

/* There must be room. */
void heap_push(struct heap *heap, struct slot *slot);
/* The one that goes before all others; NULL: empty. */
struct slot *heap_pop(struct heap *heap);

#endif
