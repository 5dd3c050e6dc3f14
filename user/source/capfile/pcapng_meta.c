/* SPDX-License-Identifier: Apache-2.0 */
/* pcapng blocks that carry no packet: sections, interfaces, names, secrets; and the options of blocks. */
#include <stdlib.h>

#include "source/capfile/pcapng.h"

#define OPTION_HEAD_BYTES 4
#define OPTION_END        0
#define IF_NAME           2
#define IF_TSRESOL        9
#define IF_TSOFFSET       14

#define NAME_IPV4 1
#define NAME_IPV6 2

#define DEFAULT_RESOLUTION 6 /* microseconds */
#define BINARY_RESOLUTION  0x80
#define NS_DIGITS          9
#define U64_DIGITS         19
#define NS_PER_SEC         1000000000ull

bool pcapng_take_option(const uint8_t **at, const uint8_t *end, bool swapped,
                        struct pcapng_option *option)
{
    size_t left = (size_t)(end - *at);
    size_t padded;

    if (left < OPTION_HEAD_BYTES)
        return false;
    option->code = pcapng_u16(*at, swapped);
    option->len = pcapng_u16(*at + 2, swapped);
    option->value = *at + OPTION_HEAD_BYTES;
    left -= OPTION_HEAD_BYTES;
    if (option->code == OPTION_END || option->len > left)
        return false;
    padded = ((size_t)option->len + 3) & ~(size_t)3;
    *at = option->value + (padded < left ? padded : left);
    return true;
}

static uint64_t power_of_ten(unsigned int exponent)
{
    uint64_t value = 1;

    while (exponent--)
        value *= 10;
    return value;
}

/* Ticks are 10^-n seconds, or 2^-n with the highest bit set. */
static void set_resolution(struct pcapng_interface *interface, uint8_t resolution)
{
    interface->resolution = resolution;
    interface->multiplier = resolution <= NS_DIGITS ? power_of_ten(NS_DIGITS - resolution) : 0;
}

uint64_t pcapng_time_ns(const struct pcapng_interface *interface, uint64_t ticks)
{
    unsigned int n = interface->resolution & ~BINARY_RESOLUTION;
    uint64_t ns = 0;

    if (interface->multiplier)
        ns = ticks * interface->multiplier;
    else if (interface->resolution & BINARY_RESOLUTION)
        ns = (uint64_t)(((unsigned __int128)ticks * NS_PER_SEC) >> n);
    else if (n - NS_DIGITS <= U64_DIGITS)
        ns = ticks / power_of_ten(n - NS_DIGITS);
    return ns + interface->base_time_ns;
}

static void no_memory(struct reader *reader, const struct pcapng_block *block)
{
    reader_damage(reader, block->offset, "no memory to keep what this block tells");
}

static void learn_section(struct reader *reader, const struct pcapng_block *block)
{
    struct pcapng_state *state = &reader->pcapng;
    struct pcapng_section *all;

    state->mine = NULL;
    state->mine_count = 0;
    all = array_grow(state->sections, state->section_count, sizeof(*all));
    if (!all) {
        no_memory(reader, block);
        return;
    }
    state->sections = all;
    all[state->section_count++] =
        (struct pcapng_section){block->offset, (uint32_t)state->interface_count, state->swapped};
}

static void interface_options(struct pcapng_interface *interface, const struct pcapng_block *block,
                              bool swapped, struct pcapng_option *name)
{
    const uint8_t *at = block->body + 8, *end = block->body + block->body_len;
    struct pcapng_option option;
    uint64_t seconds;

    while (pcapng_take_option(&at, end, swapped, &option)) {
        if (option.code == IF_NAME)
            *name = option;
        if (option.code == IF_TSRESOL && option.len == 1)
            set_resolution(interface, option.value[0]);
        if (option.code == IF_TSOFFSET && option.len == 8) {
            memcpy(&seconds, option.value, sizeof(seconds));
            interface->base_time_ns = (swapped ? __builtin_bswap64(seconds) : seconds) * NS_PER_SEC;
        }
    }
}

static void learn_interface(struct reader *reader, const struct pcapng_block *block)
{
    struct pcapng_state *state = &reader->pcapng;
    struct pcapng_interface one = {.offset = block->offset};
    struct pcapng_option name = {0};
    struct pcapng_interface *all;
    int64_t global;

    if (block->body_len < 8) {
        reader_damage(reader, block->offset, "an interface block of %u bytes", block->body_len);
        return;
    }
    one.linktype = pcapng_u16(block->body, state->swapped);
    one.snaplen = pcapng_u32(block->body + 4, state->swapped);
    set_resolution(&one, DEFAULT_RESOLUTION);
    interface_options(&one, block, state->swapped, &name);
    global = finds_add_interface(reader->finds, reader, one.linktype, one.snaplen,
                                 (const char *)name.value, name.len);
    all = array_grow(state->interfaces, state->interface_count, sizeof(*all));
    if (all)
        state->interfaces = all;
    if (!all || global < 0) {
        no_memory(reader, block);
        return;
    }
    one.global = (uint32_t)global;
    all[state->interface_count++] = one;
    state->mine_count++;
    state->mine = all + (state->interface_count - state->mine_count);
}

/* The names of an address: texts that each end in a zero. */
static int add_names(struct reader *reader, unsigned int addr_len,
                     const struct pcapng_option *record)
{
    const char *at = (const char *)record->value + addr_len;
    const char *end = (const char *)record->value + record->len;

    while (at < end) {
        size_t len = strnlen(at, (size_t)(end - at));

        if (len && finds_add_name(reader->finds, record->value, addr_len, at, len) < 0)
            return -1;
        at += len + 1;
    }
    return 0;
}

static void learn_names(struct reader *reader, const struct pcapng_block *block)
{
    const uint8_t *at = block->body, *end = block->body + block->body_len;
    struct pcapng_option record;

    /* Records have the form of options, and are followed by these. */
    while (pcapng_take_option(&at, end, reader->pcapng.swapped, &record)) {
        unsigned int addr_len = record.code == NAME_IPV4 ? 4 : record.code == NAME_IPV6 ? 16 : 0;

        if (addr_len && record.len > addr_len && add_names(reader, addr_len, &record) < 0) {
            no_memory(reader, block);
            return;
        }
    }
}

static void learn_secrets(struct reader *reader, const struct pcapng_block *block)
{
    bool swapped = reader->pcapng.swapped;
    uint32_t len = block->body_len < 8 ? 0 : pcapng_u32(block->body + 4, swapped);

    if (block->body_len < 8 || len > block->body_len - 8) {
        reader_damage(reader, block->offset, "secrets of %u bytes in a block of %u", len,
                      block->body_len);
        return;
    }
    if (finds_add_secrets(reader->finds, pcapng_u32(block->body, swapped), block->body + 8, len) <
        0)
        no_memory(reader, block);
}

static void note_landmark(struct reader *reader, const struct pcapng_block *block)
{
    struct pcapng_state *state = &reader->pcapng;
    uint64_t *all = array_grow(state->landmarks, state->landmark_count, sizeof(*all));

    if (!all) {
        no_memory(reader, block);
        return;
    }
    state->landmarks = all;
    all[state->landmark_count++] = block->offset;
}

void pcapng_learn(struct reader *reader, const struct pcapng_block *block)
{
    if (block->type == BLOCK_SECTION || block->type == BLOCK_INTERFACE ||
        block->type == BLOCK_NAMES || block->type == BLOCK_SECRETS)
        note_landmark(reader, block);
    switch (block->type) {
    case BLOCK_SECTION:
        learn_section(reader, block);
        break;
    case BLOCK_INTERFACE:
        learn_interface(reader, block);
        break;
    case BLOCK_NAMES:
        learn_names(reader, block);
        break;
    case BLOCK_SECRETS:
        learn_secrets(reader, block);
        break;
    default: /* statistics, custom and unknown blocks tell us nothing */
        break;
    }
}
