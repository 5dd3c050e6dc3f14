/* SPDX-License-Identifier: Apache-2.0 */
/* Within the pcapng reader: blocks, and what the ones that carry no packet tell. */
#ifndef SESSTAP_CAPFILE_PCAPNG_H
#define SESSTAP_CAPFILE_PCAPNG_H

#include <string.h>

#include "source/capfile/reader.h"

/* draft-ietf-opsawg-pcapng: a block is type(4) length(4) body, padded to 4 bytes, length(4). */
#define BLOCK_MIN_BYTES  12
#define BLOCK_HEAD_BYTES 8
/* A longer block is damage. */
#define BLOCK_MAX_BYTES (32u << 20)

enum pcapng_block_type {
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET = 2, /* obsolete */
    BLOCK_SIMPLE_PACKET = 3,
    BLOCK_NAMES = 4,
    BLOCK_STATISTICS = 5,
    BLOCK_ENHANCED_PACKET = 6,
    BLOCK_SECRETS = 10,
    BLOCK_SECTION = 0x0a0d0d0a, /* the same in both byte orders */
};

#define SECTION_MIN_BYTES 28

/* One block, both lengths checked. body: without head and tail. */
struct pcapng_block {
    uint32_t type;
    uint32_t body_len;
    const uint8_t *body;
    uint64_t offset;
};

static inline uint16_t pcapng_u16(const uint8_t *at, bool swapped)
{
    uint16_t value;

    memcpy(&value, at, sizeof(value));
    return swapped ? __builtin_bswap16(value) : value;
}

static inline uint32_t pcapng_u32(const uint8_t *at, bool swapped)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return swapped ? __builtin_bswap32(value) : value;
}

/* An option of a block. */
struct pcapng_option {
    uint16_t code;
    uint16_t len;
    const uint8_t *value;
};

/* Take the option at *at, which moves on; false: no more, or the next one does not fit before end. */
bool pcapng_take_option(const uint8_t **at, const uint8_t *end, bool swapped,
                        struct pcapng_option *option);
/* Take in a block that carries no packet. */
void pcapng_learn(struct reader *reader, const struct pcapng_block *block);
/* Time of a packet on this interface. */
uint64_t pcapng_time_ns(const struct pcapng_interface *interface, uint64_t ticks);

/* Byte order of a section block by its magic; false: it is none. */
bool pcapng_section_order(const uint8_t *block, bool *swapped);
/* Move to the next place after pos that looks like a block; false: there is none, and the input is at its end. */
bool pcapng_resync(struct reader *reader);

#endif
