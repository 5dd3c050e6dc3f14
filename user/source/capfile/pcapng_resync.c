/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the blocks of a pcapng file again behind a damaged place. */
#include "source/capfile/pcapng.h"

#define MAGIC_AT    8
#define ORDER_MAGIC 0x1a2b3c4d

bool pcapng_section_order(const uint8_t *block, bool *swapped)
{
    *swapped = pcapng_u32(block + MAGIC_AT, true) == ORDER_MAGIC;
    return *swapped || pcapng_u32(block + MAGIC_AT, false) == ORDER_MAGIC;
}

static bool type_plausible(uint32_t type)
{
    switch (type) {
    case BLOCK_INTERFACE:
    case BLOCK_PACKET:
    case BLOCK_SIMPLE_PACKET:
    case BLOCK_NAMES:
    case BLOCK_STATISTICS:
    case BLOCK_ENHANCED_PACKET:
    case BLOCK_SECRETS:
    case BLOCK_SECTION:
        return true;
    default:
        return false;
    }
}

/* A known type, and the same length at both ends. */
static bool block_plausible(struct reader *reader)
{
    const uint8_t *at = reader->input.pos;
    bool swapped = reader->pcapng.swapped;
    uint32_t type = pcapng_u32(at, swapped), len;

    if (!type_plausible(type))
        return false;
    if (type == BLOCK_SECTION && !pcapng_section_order(at, &swapped))
        return false;
    len = pcapng_u32(at + 4, swapped);
    if (len < BLOCK_MIN_BYTES || len > BLOCK_MAX_BYTES || len % 4)
        return false;
    at = input_need(&reader->input, len);
    return at && pcapng_u32(at + len - 4, swapped) == len;
}

bool pcapng_resync(struct reader *reader)
{
    struct input *input = &reader->input;

    if (input_need(input, 4))
        input->pos += 4;
    while (input_need(input, BLOCK_MIN_BYTES)) {
        if (block_plausible(reader))
            return true;
        input->pos += 4;
    }
    input->pos = input->limit;
    return false;
}
