/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of one file, or of several in the order of time. */
#include "source/capfile/capfile.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "source/capfile/capfile_internal.h"

/* A file that was left is opened where it began. */
static int open_again(struct slot *slot)
{
    enum input_way way = INPUT_FILE;
    int err;

    if (slot->state == SLOT_OPEN)
        return 0;
    if (slot->once)
        return -ESPIPE;
    err = slot_open(slot, &way);
    if (!err && way != INPUT_FILE)
        err = -ESTALE;
    if (err)
        return err;
    if (slot->began)
        return 0;
    if (reader_begin(&slot->reader) != READER_OK)
        return -ESTALE;
    slot->began = true;
    return 0;
}

static bool any_open(const struct heap *heap)
{
    for (size_t i = 0; i < heap->count; i++) {
        if (heap->all[i]->state == SLOT_OPEN)
            return true;
    }
    return false;
}

/* A waiting file's turn has come; its first frame is in slot->frame. false: it has none. */
static bool enter(struct slot *slot)
{
    int err = slot->began ? open_again(slot) : 0;

    if (slot->began && !err)
        err = reader_seek(&slot->reader, slot->first_offset);
    else if (!err)
        err = open_again(slot);
    if (err)
        reader_damage(&slot->reader, 0, "it could be read before, and not now: %s", strerror(-err));
    if (err || !reader_next(&slot->reader, &slot->frame)) {
        slot_close(slot, SLOT_DONE);
        return false;
    }
    slot->time_ns = slot->frame.time_ns;
    return true;
}

static void set_rival(struct capfile *capfile)
{
    const struct slot *rival = capfile->heap.count ? capfile->heap.all[0] : NULL;

    capfile->rival_ns = UINT64_MAX;
    if (rival) {
        /* At the same time the file named first goes first. */
        bool first = capfile->current->reader.file < rival->reader.file;

        capfile->rival_ns = rival->time_ns + (first && rival->time_ns != UINT64_MAX);
    }
}

/* The first frame of all files in the heap. */
static int take_first(struct capfile *capfile, struct frame *frame)
{
    struct slot *slot;

    while ((slot = heap_pop(&capfile->heap))) {
        if (slot->state == SLOT_WAITING) {
            if (enter(slot)) {
                slot->reader.input.run_ahead = !any_open(&capfile->heap);
                heap_push(&capfile->heap, slot);
            }
            continue;
        }
        capfile->current = slot;
        set_rival(capfile);
        *frame = slot->frame;
        frame->number = ++capfile->number;
        return 1;
    }
    return 0;
}

static bool after_sought(const struct capfile *capfile, uint64_t time_ns, uint32_t file)
{
    if (time_ns != capfile->sought_ns)
        return time_ns > capfile->sought_ns;
    return file > capfile->current->reader.file;
}

/* A file other than the one sought in: its next frame is its first behind the one sought. */
static bool catch_up(const struct capfile *capfile, struct slot *slot)
{
    if (slot->once && slot->state != SLOT_OPEN)
        return false;
    /* Read before, and found without frames: its first can't be at the very start. */
    if (!slot->once && slot->began && !slot->first_offset)
        return false;
    if (!slot->once) {
        slot_close(slot, SLOT_WAITING);
        slot->time_ns = slot->first_ns;
        if (after_sought(capfile, slot->first_ns, slot->reader.file))
            return true;
        if (!enter(slot))
            return false;
    }
    while (!after_sought(capfile, slot->frame.time_ns, slot->reader.file)) {
        if (!reader_next(&slot->reader, &slot->frame)) {
            slot_close(slot, SLOT_DONE);
            return false;
        }
    }
    slot->time_ns = slot->frame.time_ns;
    return true;
}

static void gather(struct capfile *capfile)
{
    capfile->scattered = false;
    capfile->heap.count = 0;
    for (size_t i = 0; i < capfile->slot_count; i++) {
        struct slot *slot = &capfile->slots[i];

        if (slot != capfile->current && catch_up(capfile, slot))
            heap_push(&capfile->heap, slot);
    }
}

/* The frame, if any, of the current file is not the next one, or a seek was made. */
static __attribute__((noinline)) int next_slow(struct capfile *capfile, struct frame *frame,
                                               bool have)
{
    struct slot *current = capfile->current;

    if (capfile->choice.places)
        return capfile_next_chosen(capfile, frame);
    if (capfile->sought) {
        capfile->sought = false;
        capfile->scattered = true;
        capfile->sought_ns = have ? frame->time_ns : UINT64_MAX;
        frame->number = capfile->number += have;
        return have;
    }
    if (capfile->scattered)
        gather(capfile);
    if (have) {
        current->frame = *frame;
        current->time_ns = frame->time_ns;
        heap_push(&capfile->heap, current);
    } else if (current && capfile->slot_count == 1) {
        current->state = SLOT_DONE; /* its frames are there until capfile_close */
    } else if (current) {
        slot_close(current, SLOT_DONE);
    }
    capfile->current = NULL;
    return take_first(capfile, frame);
}

int capfile_next(struct capfile *capfile, struct frame *frame)
{
    struct slot *current = capfile->current;
    bool have = current && reader_next(&current->reader, frame);

    if (__builtin_expect(!have || frame->time_ns >= capfile->rival_ns, 0))
        return next_slow(capfile, frame, have);
    frame->number = ++capfile->number;
    return 1;
}

int capfile_seek(struct capfile *capfile, uint32_t file, uint64_t offset)
{
    struct slot *slot;
    int err;

    if (file >= capfile->slot_count)
        return -EINVAL;
    slot = &capfile->slots[file];
    err = open_again(slot);
    if (!err)
        err = reader_seek(&slot->reader, offset);
    if (err == -ESPIPE && !slot->once) {
        slot_close(slot, SLOT_WAITING);
        err = open_again(slot);
        if (!err)
            err = reader_seek(&slot->reader, offset);
    }
    if (err)
        return err;
    capfile->current = slot;
    capfile->sought = true;
    capfile->rival_ns = 0;
    return 0;
}

uint64_t capfile_damaged(const struct capfile *capfile)
{
    return capfile->finds.damaged;
}

size_t capfile_file_count(const struct capfile *capfile)
{
    return capfile->slot_count;
}

const char *capfile_path(const struct capfile *capfile, uint32_t file)
{
    return capfile->slots[file].reader.path;
}

const struct capfile_interface *capfile_interface(const struct capfile *capfile, uint32_t interface)
{
    return &capfile->finds.interfaces[interface];
}

const struct capfile_name *capfile_names(const struct capfile *capfile, size_t *count)
{
    *count = capfile->finds.name_count;
    return capfile->finds.names;
}

const struct capfile_secrets *capfile_secrets(const struct capfile *capfile, size_t *count)
{
    *count = capfile->finds.secrets_count;
    return capfile->finds.secrets;
}

void capfile_progress(const struct capfile *capfile, uint64_t *done, uint64_t *total)
{
    bool unknown = false;

    *done = *total = 0;
    for (size_t i = 0; i < capfile->slot_count; i++) {
        const struct slot *slot = &capfile->slots[i];

        unknown = unknown || slot->once;
        *total += slot->size_bytes;
        if (slot->state == SLOT_OPEN)
            *done += input_done(&slot->reader.input);
        else if (slot->state == SLOT_DONE)
            *done += slot->size_bytes;
    }
    if (unknown)
        *total = 0;
}
