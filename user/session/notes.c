/* SPDX-License-Identifier: Apache-2.0 */
#include "session/notes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One of an earlier process that was not recalled yet. */
struct old_note {
    uint64_t id;
    struct session_note *note; /* NULL: was recalled */
};

struct notes {
    struct session_note *slots;
    uint32_t *free_slots; /* a stack, the lowest on top at first */
    size_t free_count;
    struct old_note *old; /* by id */
    size_t old_count;
};

static int compare_ids(const void *a, const void *b)
{
    const struct old_note *one = a, *other = b;

    return one->id < other->id ? -1 : one->id > other->id;
}

struct notes *notes_new(struct session_note *slots, size_t count)
{
    struct notes *notes = calloc(1, sizeof(*notes));

    if (!notes)
        return NULL;
    notes->slots = slots;
    notes->free_slots = calloc(count + 1, sizeof(*notes->free_slots));
    notes->old = calloc(count + 1, sizeof(*notes->old));
    if (!notes->free_slots || !notes->old) {
        notes_free(notes);
        errno = ENOMEM;
        return NULL;
    }
    for (size_t i = count; i-- > 0;) {
        if (slots[i].id)
            notes->old[notes->old_count++] = (struct old_note){slots[i].id, &slots[i]};
        else
            notes->free_slots[notes->free_count++] = (uint32_t)i;
    }
    qsort(notes->old, notes->old_count, sizeof(*notes->old), compare_ids);
    return notes;
}

void notes_free(struct notes *notes)
{
    if (!notes)
        return;
    free(notes->free_slots);
    free(notes->old);
    free(notes);
}

struct session_note *notes_recall(struct notes *notes, uint64_t flow_id)
{
    const struct old_note wanted = {.id = flow_id};
    struct old_note *old =
        bsearch(&wanted, notes->old, notes->old_count, sizeof(wanted), compare_ids);
    struct session_note *note = old ? old->note : NULL;

    if (old)
        old->note = NULL;
    return note;
}

/* Kills come between stores: the compiler must leave them in order. */
static void store_id(struct session_note *note, uint64_t id)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *(volatile __u64 *)&note->id = id;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

struct session_note *notes_take(struct notes *notes, const struct session *session)
{
    struct session_note *note;

    if (!notes->free_count)
        return NULL;
    note = &notes->slots[notes->free_slots[--notes->free_count]];
    note->number = session->number;
    note->stream_index = session->stream_index;
    notes_update(note, session);
    store_id(note, session->id);
    return note;
}

void notes_update(struct session_note *note, const struct session *session)
{
    note->updates = session->updates;
    note->created_ns = session->created_ns;
    note->recorded_ns = session->recorded_ns;
    memcpy(note->instance, session->instance, sizeof(note->instance));
}

void notes_release(struct notes *notes, struct session_note *note)
{
    if (!note)
        return;
    store_id(note, 0);
    notes->free_slots[notes->free_count++] = (uint32_t)(note - notes->slots);
}

void notes_forget_rest(struct notes *notes)
{
    for (size_t i = 0; i < notes->old_count; i++)
        notes_release(notes, notes->old[i].note);
    notes->old_count = 0;
}

uint32_t notes_index(const struct notes *notes, const struct session_note *note)
{
    return note ? (uint32_t)(note - notes->slots) + 1 : 0;
}
