/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a session's facts: blocks that go together. */
#include "session/facts.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 2048u
#define ALIGN_BYTES 8u

struct fact_block {
    struct fact_block *next;
    size_t used;
    size_t size;
    _Alignas(ALIGN_BYTES) unsigned char data[];
};

struct facts *facts_new(size_t max_bytes)
{
    struct facts *facts = calloc(1, sizeof(*facts));

    if (!facts)
        return NULL;
    facts->max_bytes = max_bytes;
    atomic_init(&facts->holders, 1);
    return facts;
}

const struct facts *facts_hold(const struct facts *facts)
{
    if (facts)
        atomic_fetch_add(&((struct facts *)facts)->holders, 1);
    return facts;
}

void facts_free(const struct facts *shared)
{
    struct facts *facts = (struct facts *)shared;
    struct fact_block *block;

    if (!facts || atomic_fetch_sub(&facts->holders, 1) > 1)
        return;
    block = facts->blocks;
    while (block) {
        struct fact_block *next = block->next;

        free(block);
        block = next;
    }
    free(facts);
}

/* A large request gets a block of its own, behind the one that is being filled. */
static struct fact_block *add_block(struct facts *facts, size_t bytes)
{
    size_t size = bytes > BLOCK_BYTES / 4 ? bytes : BLOCK_BYTES;
    struct fact_block *block = calloc(1, sizeof(*block) + size);

    if (!block)
        return NULL;
    block->size = size;
    if (facts->blocks && size == bytes) {
        block->next = facts->blocks->next;
        facts->blocks->next = block;
    } else {
        block->next = facts->blocks;
        facts->blocks = block;
    }
    return block;
}

void *facts_alloc(struct facts *facts, size_t bytes)
{
    struct fact_block *block = facts->blocks;
    void *room;

    if (bytes > facts->max_bytes)
        return NULL;
    bytes = (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
    if (facts->used_bytes + bytes > facts->max_bytes)
        return NULL;
    if (!block || block->size - block->used < bytes) {
        block = add_block(facts, bytes);
        if (!block)
            return NULL;
    }
    room = block->data + block->used;
    block->used += bytes;
    facts->used_bytes += bytes;
    return room;
}

struct fact_text facts_text(struct facts *facts, const void *text, size_t len)
{
    struct fact_text copy = {0};
    char *room = len <= UINT32_MAX ? facts_alloc(facts, len ? len : 1) : NULL;

    if (room) {
        memcpy(room, text, len);
        copy.at = room;
        copy.len = (uint32_t)len;
    }
    return copy;
}
