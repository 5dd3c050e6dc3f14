/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/ordered.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line that waits: in memory, or at a place of the temporary file, or none. */
struct held {
    char *line; /* NULL: not here yet, or in the file */
    uint64_t offset;
    uint32_t len;
    uint8_t state; /* enum held_state */
};

enum held_state { HELD_MISSING, HELD_MEMORY, HELD_FILE, HELD_NOTHING };

/* A ring of slots: slot of number n is n modulo its size, a power of two. */
struct ordered {
    struct linefile *out;
    struct held *slots;
    size_t slot_count;
    uint64_t next;    /* the number that goes out next */
    uint64_t highest; /* that came */
    size_t held_bytes;
    size_t max_bytes;
    FILE *file; /* NULL: not needed so far; has no name */
    uint64_t file_bytes;
    uint64_t lost;
    char *room; /* for reading back */
    size_t room_bytes;
};

struct ordered *ordered_new(struct linefile *out, size_t held_bytes)
{
    struct ordered *ordered = calloc(1, sizeof(*ordered));

    if (!ordered)
        return NULL;
    ordered->slot_count = 1024;
    ordered->slots = calloc(ordered->slot_count, sizeof(struct held));
    if (!ordered->slots) {
        free(ordered);
        errno = ENOMEM;
        return NULL;
    }
    ordered->out = out;
    ordered->next = 1;
    ordered->max_bytes = held_bytes;
    return ordered;
}

static struct held *slot(const struct ordered *ordered, uint64_t number)
{
    return &ordered->slots[number & (ordered->slot_count - 1)];
}

static int make_room(struct ordered *ordered, uint64_t number)
{
    size_t count = ordered->slot_count;
    struct held *slots;

    while (number - ordered->next >= count)
        count *= 2;
    if (count == ordered->slot_count)
        return 0;
    slots = calloc(count, sizeof(struct held));
    if (!slots)
        return -ENOMEM;
    for (uint64_t at = ordered->next; at <= ordered->highest; at++)
        slots[at & (count - 1)] = *slot(ordered, at);
    free(ordered->slots);
    ordered->slots = slots;
    ordered->slot_count = count;
    return 0;
}

static int hold_in_file(struct ordered *ordered, struct held *held, const char *line, size_t len)
{
    if (!ordered->file)
        ordered->file = tmpfile();
    if (!ordered->file)
        return -errno;
    if (fseeko(ordered->file, (off_t)ordered->file_bytes, SEEK_SET) ||
        fwrite(line, 1, len, ordered->file) != len)
        return errno ? -errno : -EIO;
    held->offset = ordered->file_bytes;
    ordered->file_bytes += len;
    held->state = HELD_FILE;
    return 0;
}

static int hold(struct ordered *ordered, struct held *held, const char *line, size_t len)
{
    held->len = (uint32_t)len;
    held->state = HELD_NOTHING;
    if (!line)
        return 0;
    if (ordered->held_bytes + len > ordered->max_bytes)
        return hold_in_file(ordered, held, line, len);
    held->line = malloc(len ? len : 1);
    if (!held->line)
        return -ENOMEM;
    memcpy(held->line, line, len);
    held->state = HELD_MEMORY;
    ordered->held_bytes += len;
    return 0;
}

static void release_from_file(struct ordered *ordered, const struct held *held)
{
    if (held->len > ordered->room_bytes) {
        char *room = realloc(ordered->room, held->len);

        if (!room) {
            ordered->lost++;
            return;
        }
        ordered->room = room;
        ordered->room_bytes = held->len;
    }
    if (fseeko(ordered->file, (off_t)held->offset, SEEK_SET) ||
        fread(ordered->room, 1, held->len, ordered->file) != held->len) {
        ordered->lost++;
        return;
    }
    linefile_write(ordered->out, ordered->room, held->len);
}

static void release(struct ordered *ordered)
{
    struct held *held = slot(ordered, ordered->next);

    if (held->state == HELD_MEMORY) {
        linefile_write(ordered->out, held->line, held->len);
        ordered->held_bytes -= held->len;
        free(held->line);
    } else if (held->state == HELD_FILE) {
        release_from_file(ordered, held);
    }
    memset(held, 0, sizeof(*held));
    ordered->next++;
}

int ordered_write(struct ordered *ordered, uint64_t number, const char *line, size_t len)
{
    int err;

    if (number == ordered->next) {
        if (line)
            linefile_write(ordered->out, line, len);
        memset(slot(ordered, number), 0, sizeof(struct held));
        ordered->next++;
        if (ordered->highest < number)
            ordered->highest = number;
        while (ordered->next <= ordered->highest && slot(ordered, ordered->next)->state)
            release(ordered);
        return 0;
    }
    err = make_room(ordered, number);
    if (!err) {
        if (ordered->highest < number)
            ordered->highest = number;
        err = hold(ordered, slot(ordered, number), line, len);
    }
    if (err)
        ordered->lost++;
    return err;
}

uint64_t ordered_lost(const struct ordered *ordered)
{
    return ordered->lost;
}

void ordered_free(struct ordered *ordered)
{
    if (!ordered)
        return;
    while (ordered->next <= ordered->highest)
        release(ordered);
    if (ordered->file)
        fclose(ordered->file);
    free(ordered->room);
    free(ordered->slots);
    free(ordered);
}
