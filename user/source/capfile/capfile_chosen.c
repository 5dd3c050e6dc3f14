/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a file by their places, without the rest of it. */
#include <errno.h>

#include "source/capfile/capfile_internal.h"

int capfile_choose(struct capfile *capfile, const struct capfile_choice *choice)
{
    if (capfile->slot_count != 1 || capfile->slots[0].state != SLOT_OPEN)
        return -EINVAL;
    if (!capfile_can_choose(capfile, 0))
        return -ESPIPE;
    capfile->choice = *choice;
    capfile->current = NULL; /* keeps capfile_next off its fast way */
    return 0;
}

/* What stands before offset must be known to read on there. */
static bool learn_before(struct capfile *capfile, uint64_t offset)
{
    const struct capfile_choice *choice = &capfile->choice;
    struct reader *reader = &capfile->slots[0].reader;

    while (capfile->learnt < choice->landmark_count &&
           choice->landmarks[capfile->learnt] < offset) {
        if (reader_learn_at(reader, choice->landmarks[capfile->learnt++]))
            return false;
    }
    return true;
}

int capfile_next_chosen(struct capfile *capfile, struct frame *frame)
{
    const struct capfile_choice *choice = &capfile->choice;
    struct reader *reader = &capfile->slots[0].reader;
    const struct frame_place *place;

    if (capfile->chosen == choice->count) {
        learn_before(capfile, UINT64_MAX);
        return 0;
    }
    place = &choice->places[capfile->chosen++];
    if (!learn_before(capfile, place->offset) || !reader_read_at(reader, place->offset, frame)) {
        reader_damage(reader, place->offset, "no packet, although the index knows one here");
        capfile->chosen = choice->count;
        return 0;
    }
    frame->number = place->number;
    return 1;
}

bool capfile_can_choose(const struct capfile *capfile, uint32_t file)
{
    const struct slot *slot = &capfile->slots[file];

    return slot->began && !slot->once && !slot->reader.input.decoder;
}

const uint64_t *capfile_landmarks(const struct capfile *capfile, uint32_t file, size_t *count)
{
    const struct reader *reader = &capfile->slots[file].reader;

    *count = reader->is_pcapng ? reader->pcapng.landmark_count : 0;
    return *count ? reader->pcapng.landmarks : NULL;
}
