/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of files. */
#include "source/capfile/merge.h"

void heap_push(struct heap *heap, struct slot *slot)
{
    size_t at = heap->count++;

    while (at && slot_before(slot, heap->all[(at - 1) / 2])) {
        heap->all[at] = heap->all[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->all[at] = slot;
}

struct slot *heap_pop(struct heap *heap)
{
    struct slot *top, *last;
    size_t at = 0, child;

    if (!heap->count)
        return NULL;
    top = heap->all[0];
    last = heap->all[--heap->count];
    while ((child = 2 * at + 1) < heap->count) {
        if (child + 1 < heap->count && slot_before(heap->all[child + 1], heap->all[child]))
            child++;
        if (slot_before(last, heap->all[child]))
            break;
        heap->all[at] = heap->all[child];
        at = child;
    }
    if (heap->count)
        heap->all[at] = last;
    return top;
}
