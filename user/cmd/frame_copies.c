/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/frame_copies.h"

#include <stdlib.h>
#include <string.h>

#define COPIES_MAX (1u << 14)

struct frame_copies {
    size_t max_bytes;
    size_t bytes;
    uint64_t first; /* the oldest one kept, and one past the newest */
    uint64_t end;
    struct frame frames[COPIES_MAX]; /* a ring, by number; data is its own or NULL */
};

struct frame_copies *frame_copies_new(size_t max_bytes)
{
    struct frame_copies *copies = calloc(1, sizeof(*copies));

    if (copies)
        copies->max_bytes = max_bytes;
    return copies;
}

static void drop_first(struct frame_copies *copies)
{
    struct frame *frame = &copies->frames[copies->first++ % COPIES_MAX];

    if (frame->data)
        copies->bytes -= frame->cap_len;
    free((void *)(uintptr_t)frame->data);
    frame->data = NULL;
}

void frame_copies_free(struct frame_copies *copies)
{
    if (!copies)
        return;
    while (copies->first < copies->end)
        drop_first(copies);
    free(copies);
}

void frame_copies_keep(struct frame_copies *copies, const struct frame *frame)
{
    struct frame *kept = &copies->frames[copies->end % COPIES_MAX];
    uint8_t *data;

    while (copies->first < copies->end && (copies->end - copies->first == COPIES_MAX ||
                                           copies->bytes + frame->cap_len > copies->max_bytes))
        drop_first(copies);
    data = malloc(frame->cap_len);
    if (data) {
        memcpy(data, frame->data, frame->cap_len);
        copies->bytes += frame->cap_len;
    }
    *kept = *frame;
    kept->data = data;
    copies->end++;
}

const struct frame *frame_copies_get(const struct frame_copies *copies, uint64_t number)
{
    const struct frame *frame = &copies->frames[number % COPIES_MAX];

    return number >= copies->first && number < copies->end && frame->data ? frame : NULL;
}
