/* SPDX-License-Identifier: Apache-2.0 */
/* Frames lie in the input, in order, of a known interface; and a seek gives the same frames again. */
#include "fuzz/frame_walk.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "source/capfile/capfile_internal.h"

enum { KEPT = 8 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_frame(const struct capfile *capfile, const struct frame *frame,
                        const uint8_t *data, size_t len)
{
    must(frame->data >= data && frame->data <= data + len);
    must(frame->cap_len <= (size_t)(data + len - frame->data));
    must(frame->wire_len >= frame->cap_len);
    must(frame->offset < len && data + frame->offset < frame->data);
    must(frame->interface < capfile->finds.interface_count);
    must(capfile_interface(capfile, frame->interface)->linktype == frame->linktype);
    must(frame->inbound <= 2 && frame->file == 0);
}

static bool same_frame(const struct frame *a, const struct frame *b)
{
    return a->data == b->data && a->cap_len == b->cap_len && a->wire_len == b->wire_len &&
           a->time_ns == b->time_ns && a->offset == b->offset && a->interface == b->interface &&
           a->linktype == b->linktype && a->inbound == b->inbound;
}

/* Forward, and back: what lies between must not matter. */
static void check_seeks(const uint8_t *data, size_t len, const struct frame *kept,
                        unsigned int count)
{
    struct capfile *capfile = capfile_open_memory(data, len, true);
    struct frame frame;

    if (!capfile)
        return;
    for (unsigned int i = 0; i < count; i++) {
        const struct frame *want = &kept[i * 5 % count];

        must(capfile_seek(capfile, 0, want->offset) == 0);
        must(capfile_next(capfile, &frame) == 1);
        must(same_frame(&frame, want));
    }
    capfile_close(capfile);
}

void walk_frames(const uint8_t *data, size_t len)
{
    struct capfile *capfile = capfile_open_memory(data, len, true);
    struct frame frame, kept[KEPT];
    uint64_t count = 0, last_offset = 0;
    uint64_t done, total;

    if (!capfile)
        return;
    while (capfile_next(capfile, &frame)) {
        check_frame(capfile, &frame, data, len);
        must(!count || frame.offset > last_offset);
        must(frame.number == count + 1);
        last_offset = frame.offset;
        if (count < KEPT)
            kept[count] = frame;
        count++;
    }
    capfile_progress(capfile, &done, &total);
    must(done == total && total == len);
    capfile_close(capfile);
    check_seeks(data, len, kept, count < KEPT ? (unsigned int)count : KEPT);
}
