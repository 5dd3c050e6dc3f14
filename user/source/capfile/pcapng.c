/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pcapng format (draft-ietf-opsawg-pcapng): the way from block to block, and the three blocks that
 * carry a packet.
 *   enhanced: interface(4) time high(4) low(4) captured(4) wire(4) data options
 *   packet:   interface(2) drops(2), the rest the same; obsolete
 *   simple:   wire(4) data, on interface 0
 */
#include "source/capfile/pcapng.h"

#include <errno.h>
#include <stdlib.h>

#define ENHANCED_BYTES 20
#define SIMPLE_BYTES   4
#define EPB_FLAGS      2 /* and pack_flags of the obsolete block */

bool pcapng_is_magic(const uint8_t *head)
{
    return pcapng_u32(head, false) == BLOCK_SECTION;
}

/* The two lowest bits of the flags: 1 inbound, 2 outbound. */
static __attribute__((noinline)) uint8_t direction_of(const uint8_t *at, const uint8_t *end,
                                                      bool swapped)
{
    struct pcapng_option option;

    while (pcapng_take_option(&at, end, swapped, &option)) {
        if (option.code == EPB_FLAGS && option.len == 4) {
            uint32_t direction = pcapng_u32(option.value, swapped) & 3;

            return direction == 3 ? 0 : (uint8_t)direction;
        }
    }
    return 0;
}

static inline __attribute__((always_inline)) bool take_packet(struct reader *reader,
                                                              const struct pcapng_block *block,
                                                              bool swapped, struct frame *frame)
{
    const struct pcapng_state *state = &reader->pcapng;
    const uint8_t *body = block->body;
    const struct pcapng_interface *interface;
    uint32_t id, cap_len, wire_len, padded;
    uint64_t ticks;

    if (block->body_len < ENHANCED_BYTES)
        return false;
    id = block->type == BLOCK_PACKET ? pcapng_u16(body, swapped) : pcapng_u32(body, swapped);
    cap_len = pcapng_u32(body + 12, swapped);
    wire_len = pcapng_u32(body + 16, swapped);
    if (id >= state->mine_count || cap_len > block->body_len - ENHANCED_BYTES ||
        cap_len > PACKET_BYTES_MAX)
        return false;
    interface = &state->mine[id];
    ticks = (uint64_t)pcapng_u32(body + 4, swapped) << 32 | pcapng_u32(body + 8, swapped);
    if (__builtin_expect(interface->multiplier != 0, 1))
        frame->time_ns = ticks * interface->multiplier + interface->base_time_ns;
    else
        frame->time_ns = pcapng_time_ns(interface, ticks);
    frame->data = body + ENHANCED_BYTES;
    frame->cap_len = cap_len;
    frame->wire_len = wire_len < cap_len ? cap_len : wire_len;
    frame->interface = interface->global;
    frame->linktype = interface->linktype;
    padded = ENHANCED_BYTES + ((cap_len + 3) & ~3u);
    frame->inbound = 0;
    if (padded < block->body_len)
        frame->inbound = direction_of(body + padded, body + block->body_len, swapped);
    return true;
}

static bool take_simple(struct reader *reader, const struct pcapng_block *block,
                        struct frame *frame)
{
    const struct pcapng_state *state = &reader->pcapng;
    uint32_t wire_len, cap_len;

    if (block->body_len < SIMPLE_BYTES || !state->mine_count)
        return false;
    wire_len = pcapng_u32(block->body, state->swapped);
    cap_len = block->body_len - SIMPLE_BYTES;
    if (cap_len > wire_len)
        cap_len = wire_len;
    if (state->mine->snaplen && cap_len > state->mine->snaplen)
        cap_len = state->mine->snaplen;
    if (cap_len > PACKET_BYTES_MAX)
        return false;
    frame->data = block->body + SIMPLE_BYTES;
    frame->cap_len = cap_len;
    frame->wire_len = wire_len;
    frame->time_ns = 0;
    frame->interface = state->mine->global;
    frame->linktype = state->mine->linktype;
    frame->inbound = 0;
    return true;
}

/*
 * The block at pos, which moves behind it. 1; 0: the file ends here, cut short or not; -1: no block, as
 * *why says, and pos stays.
 */
static inline __attribute__((always_inline)) int take_block(struct reader *reader,
                                                            struct pcapng_block *block,
                                                            const char **why)
{
    struct pcapng_state *state = &reader->pcapng;
    struct input *input = &reader->input;
    const uint8_t *at = input_need(input, BLOCK_MIN_BYTES);
    bool swapped = state->swapped;
    uint32_t len;

    if (__builtin_expect(!at, 0))
        return 0;
    if (__builtin_expect(pcapng_is_magic(at), 0) && !pcapng_section_order(at, &swapped)) {
        *why = "a section without byte order magic";
        return -1;
    }
    len = pcapng_u32(at + 4, swapped);
    *why = "a block of impossible length";
    if (__builtin_expect(len < BLOCK_MIN_BYTES || len % 4 || len > BLOCK_MAX_BYTES, 0))
        return -1;
    at = input_need(input, len);
    if (__builtin_expect(!at, 0))
        return 0;
    *why = "a block whose two lengths differ";
    if (__builtin_expect(pcapng_u32(at + len - 4, swapped) != len, 0))
        return -1;
    state->swapped = swapped;
    block->type = pcapng_u32(at, swapped);
    block->body = at + BLOCK_HEAD_BYTES;
    block->body_len = len - BLOCK_MIN_BYTES;
    block->offset = input_offset(input);
    input_take(input, len);
    return 1;
}

/* A block that does not end where the file does may be the damage, with good blocks behind it. */
static bool recover(struct reader *reader, int taken, const char *why)
{
    if (taken < 0 && !input_cut(&reader->input))
        reader_damage(reader, input_offset(&reader->input), "%s", why);
    else if (!reader_cut_short(reader, "a block"))
        return false;
    if (pcapng_resync(reader))
        return true;
    reader_cut_short(reader, "a block");
    return false;
}

/* Where the state is that the blocks before offset have left. */
static void place(struct pcapng_state *state, uint64_t offset)
{
    size_t section = state->section_count, first, end;

    while (section && state->sections[section - 1].offset >= offset)
        section--;
    first = section ? state->sections[section - 1].first_interface : 0;
    end = section < state->section_count ? state->sections[section].first_interface
                                         : state->interface_count;
    while (end > first && state->interfaces[end - 1].offset >= offset)
        end--;
    state->swapped = section ? state->sections[section - 1].swapped : false;
    state->mine = end > first ? state->interfaces + first : NULL;
    state->mine_count = (uint32_t)(end - first);
}

static __attribute__((noinline)) void learn(struct reader *reader, const struct pcapng_block *block)
{
    struct pcapng_state *state = &reader->pcapng;

    /* Read a second time, after a seek, it has left its finds before. */
    if (block->offset < state->known) {
        place(state, block->offset + 1);
        return;
    }
    pcapng_learn(reader, block);
    state->known = input_offset(&reader->input);
}

static inline __attribute__((always_inline)) bool take_any_packet(struct reader *reader,
                                                                  const struct pcapng_block *block,
                                                                  struct frame *frame)
{
    if (block->type == BLOCK_SIMPLE_PACKET)
        return take_simple(reader, block, frame);
    if (reader->pcapng.swapped)
        return take_packet(reader, block, true, frame);
    return take_packet(reader, block, false, frame);
}

static int next_block(struct reader *reader, struct frame *frame)
{
    for (;;) {
        struct pcapng_block block;
        const char *why;
        int taken = take_block(reader, &block, &why);

        if (__builtin_expect(taken <= 0, 0)) {
            if (!recover(reader, taken, why))
                return reader_stop(reader);
            continue;
        }
        if (__builtin_expect(block.type != BLOCK_ENHANCED_PACKET && block.type != BLOCK_PACKET &&
                                 block.type != BLOCK_SIMPLE_PACKET,
                             0)) {
            learn(reader, &block);
            continue;
        }
        if (__builtin_expect(!take_any_packet(reader, &block, frame), 0)) {
            reader_damage(reader, block.offset,
                          "a packet larger than its block, or of an interface not described");
            continue;
        }
        frame->offset = block.offset;
        frame->file = reader->file;
        return 1;
    }
}

reader_next_fn pcapng_begin(struct reader *reader)
{
    /* The first block is read like all others, and may be damaged. */
    (void)reader;
    return next_block;
}

void pcapng_pause(struct reader *reader)
{
    /* All blocks up to here have been read, either before the last seek or since. */
    if (input_offset(&reader->input) > reader->pcapng.known)
        reader->pcapng.known = input_offset(&reader->input);
}

void pcapng_end(struct reader *reader)
{
    free(reader->pcapng.interfaces);
    free(reader->pcapng.sections);
    free(reader->pcapng.landmarks);
    memset(&reader->pcapng, 0, sizeof(reader->pcapng));
}

/* Walk over blocks up to offset for what they tell. */
static int learn_up_to(struct reader *reader, uint64_t offset)
{
    struct pcapng_state *state = &reader->pcapng;
    int err = input_seek(&reader->input, state->known);

    if (err)
        return err;
    place(state, state->known);
    while (input_offset(&reader->input) < offset) {
        struct pcapng_block block;
        const char *why;
        int taken = take_block(reader, &block, &why);

        if (taken <= 0) {
            if (!recover(reader, taken, why))
                return -ERANGE;
            continue;
        }
        if (block.type != BLOCK_ENHANCED_PACKET && block.type != BLOCK_PACKET &&
            block.type != BLOCK_SIMPLE_PACKET)
            pcapng_learn(reader, &block);
    }
    state->known = input_offset(&reader->input);
    return 0;
}

int pcapng_learn_at(struct reader *reader, uint64_t offset)
{
    struct pcapng_state *state = &reader->pcapng;
    struct pcapng_block block;
    const char *why;

    if (offset < state->known)
        return 0;
    if (take_block(reader, &block, &why) <= 0)
        return -EBADMSG;
    pcapng_learn(reader, &block);
    state->known = input_offset(&reader->input);
    return 0;
}

int pcapng_seek(struct reader *reader, uint64_t offset)
{
    struct pcapng_state *state = &reader->pcapng;
    int err = 0;

    pcapng_pause(reader);
    if (offset > state->known)
        err = learn_up_to(reader, offset);
    if (!err)
        err = input_seek(&reader->input, offset);
    if (!err)
        place(state, offset);
    return err;
}
