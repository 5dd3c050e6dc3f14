/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted array of pointers: most pieces come last and leave first, and both cost nothing to move. */
#include "stream/waiting.h"

#include <stdlib.h>
#include <string.h>

#define MALLOC_OVERHEAD_BYTES 16
#define MIN_SLOTS             8

bool stream_memory_take(struct stream_memory *memory, size_t bytes)
{
    struct dialog_budget *budget = memory->budget;

    if (memory->used_bytes + bytes > budget->max_session_bytes ||
        budget->used_bytes + bytes > budget->max_bytes)
        return false;
    memory->used_bytes += bytes;
    budget->used_bytes += bytes;
    return true;
}

void stream_memory_give(struct stream_memory *memory, size_t bytes)
{
    memory->used_bytes -= bytes;
    memory->budget->used_bytes -= bytes;
}

uint32_t waiting_find(const struct waiting *waiting, uint64_t offset)
{
    uint32_t low = 0, high = waiting->count;

    if (!high || waiting_at(waiting, high - 1)->end <= offset)
        return high;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (waiting_at(waiting, middle)->end <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Room for one more slot after the last. */
static bool waiting_reserve(struct waiting *waiting, struct stream_memory *memory)
{
    uint32_t cap = waiting->cap ? waiting->cap * 2 : MIN_SLOTS;
    size_t more_bytes = (cap - waiting->cap) * sizeof(*waiting->slot);
    struct piece **slot;

    if (waiting->head + waiting->count < waiting->cap)
        return true;
    if (waiting->head > waiting->cap / 2) {
        memmove(waiting->slot, waiting->slot + waiting->head,
                waiting->count * sizeof(*waiting->slot));
        waiting->head = 0;
        return true;
    }
    if (!stream_memory_take(memory, more_bytes))
        return false;
    slot = realloc(waiting->slot, cap * sizeof(*slot));
    if (!slot) {
        stream_memory_give(memory, more_bytes);
        return false;
    }
    waiting->slot = slot;
    waiting->cap = cap;
    return true;
}

static struct piece *piece_new(struct stream_memory *memory, const struct stretch *stretch,
                               const struct segment *seg)
{
    size_t len = stretch->end <= stretch->cap_end ? (size_t)(stretch->end - stretch->begin) : 0;
    size_t charge = sizeof(struct piece) + len + MALLOC_OVERHEAD_BYTES;
    struct piece *piece;

    if (!stream_memory_take(memory, charge))
        return NULL;
    piece = malloc(sizeof(*piece) + len);
    if (!piece) {
        stream_memory_give(memory, charge);
        return NULL;
    }
    *piece = (struct piece){
        .begin = stretch->begin,
        .end = stretch->end,
        .old_end = stretch->old_end,
        .seg_begin = stretch->seg_begin,
        .seg_end = stretch->seg_end,
        .data = len ? piece->bytes : NULL,
        .charged_bytes = charge,
        .seg = *seg,
    };
    piece->seg.data = NULL;
    piece->seg.stays = false;
    if (len)
        memcpy(piece->bytes, stretch->data, len);
    return piece;
}

struct piece *waiting_add(struct waiting *waiting, struct stream_memory *memory,
                          const struct stretch *stretch, const struct segment *seg)
{
    uint32_t index = waiting_find(waiting, stretch->begin);
    struct piece *piece, **slot;

    if (!waiting_reserve(waiting, memory))
        return NULL;
    piece = piece_new(memory, stretch, seg);
    if (!piece)
        return NULL;
    slot = waiting->slot + waiting->head + index;
    if (waiting->head && index < waiting->count / 2) {
        memmove(slot - index - 1, slot - index, index * sizeof(*slot));
        waiting->head--;
        slot--;
    } else {
        memmove(slot + 1, slot, (waiting->count - index) * sizeof(*slot));
    }
    *slot = piece;
    waiting->count++;
    waiting->bytes += piece->end - piece->begin;
    return piece;
}

static void waiting_release(struct waiting *waiting, struct stream_memory *memory)
{
    stream_memory_give(memory, waiting->cap * sizeof(*waiting->slot));
    free(waiting->slot);
    *waiting = (struct waiting){0};
}

void waiting_remove(struct waiting *waiting, struct stream_memory *memory, uint32_t index)
{
    struct piece **slot = waiting->slot + waiting->head + index;
    struct piece *piece = *slot;

    waiting->bytes -= piece->end - piece->begin;
    waiting->count--;
    if (index)
        memmove(slot, slot + 1, (waiting->count - index) * sizeof(*slot));
    else
        waiting->head++;
    stream_memory_give(memory, piece->charged_bytes);
    free(piece);
    if (!waiting->count)
        waiting_release(waiting, memory);
}

bool waiting_split(struct waiting *waiting, struct stream_memory *memory, uint64_t offset)
{
    uint32_t index = waiting_find(waiting, offset);
    struct piece *piece = index < waiting->count ? waiting_at(waiting, index) : NULL, *tail;
    struct stretch rest;

    if (!piece || piece->begin >= offset)
        return true;
    rest = (struct stretch){.begin = offset,
                            .end = piece->end,
                            .cap_end = piece->data ? piece->end : 0,
                            .old_end = piece->old_end,
                            .seg_begin = piece->seg_begin,
                            .seg_end = piece->seg_end,
                            .data = piece->data ? piece->data + (offset - piece->begin) : NULL};
    piece->end = offset;
    waiting->bytes -= rest.end - offset;
    tail = waiting_add(waiting, memory, &rest, &piece->seg);
    if (!tail) {
        piece->end = rest.end;
        waiting->bytes += rest.end - offset;
        return false;
    }
    tail->seg.pkts = 0;
    return true;
}

void waiting_fini(struct waiting *waiting, struct stream_memory *memory)
{
    while (waiting->count)
        waiting_remove(waiting, memory, waiting->count - 1);
    if (waiting->slot)
        waiting_release(waiting, memory);
}
