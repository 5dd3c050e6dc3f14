/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a session's facts: blocks that go together. */
#include "session/facts.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define BLOCK_BYTES    2032u /* with its head; a common size for malloc */
#define LARGE_BYTES    512u  /* what needs more gets a block of its own */
#define ALIGN_BYTES    8u
#define LINE_BYTES     64u   /* of the cache */
#define EXPECTED_BYTES 1024u /* themselves, and what was found first */

struct fact_block {
    struct fact_block *next;
    size_t used;
    size_t size;
    _Alignas(ALIGN_BYTES) unsigned char data[];
};

#define ROOM_BYTES (BLOCK_BYTES - sizeof(struct fact_block))

/* Blocks come back by other threads, one after the other, and are taken all at once: nobody ever takes one from among them. */
struct facts_pool {
    _Atomic(struct fact_block *) returned;
    struct fact_block *spare; /* the maker's */
    _Atomic uint64_t users;   /* facts that live, and the one who made it */
};

struct facts_pool *facts_pool_new(void)
{
    struct facts_pool *pool = calloc(1, sizeof(*pool));

    if (pool)
        atomic_init(&pool->users, 1);
    return pool;
}

static void free_blocks(struct fact_block *block)
{
    while (block) {
        struct fact_block *next = block->next;

        free(block);
        block = next;
    }
}

static void leave_pool(struct facts_pool *pool)
{
    if (atomic_fetch_sub(&pool->users, 1) > 1)
        return;
    free_blocks(pool->spare);
    free_blocks(atomic_load(&pool->returned));
    free(pool);
}

void facts_pool_free(struct facts_pool *pool)
{
    if (pool)
        leave_pool(pool);
}

/* One of the common size. */
static struct fact_block *take_block(struct facts_pool *pool)
{
    struct fact_block *block;

    if (pool && !pool->spare)
        pool->spare = atomic_exchange(&pool->returned, NULL);
    block = pool ? pool->spare : NULL;
    if (block)
        pool->spare = block->next;
    else
        block = malloc(BLOCK_BYTES);
    if (!block)
        return NULL;
    block->next = NULL;
    block->used = 0;
    block->size = ROOM_BYTES;
    return block;
}

static void give_back(struct facts_pool *pool, struct fact_block *first, struct fact_block *last)
{
    last->next = atomic_load(&pool->returned);
    while (!atomic_compare_exchange_weak(&pool->returned, &last->next, first))
        ;
}

/* Facts lie in their own first block. */
struct facts *facts_new(struct facts_pool *pool, size_t max_bytes)
{
    struct fact_block *block = take_block(pool);
    struct facts *facts;

    _Static_assert(sizeof(*facts) % ALIGN_BYTES == 0 && sizeof(*facts) < ROOM_BYTES / 2, "room");
    if (!block)
        return NULL;
    block->used = sizeof(*facts);
    facts = (struct facts *)block->data;
    memset(facts, 0, sizeof(*facts));
    facts->max_bytes = max_bytes;
    facts->blocks = block;
    facts->pool = pool;
    if (pool)
        atomic_fetch_add(&pool->users, 1);
    atomic_init(&facts->holders, 1);
    return facts;
}

const struct facts *facts_hold(const struct facts *facts)
{
    if (facts)
        atomic_fetch_add(&((struct facts *)facts)->holders, 1);
    return facts;
}

void facts_expect(const struct facts *facts)
{
    for (size_t at = 0; facts && at < EXPECTED_BYTES; at += LINE_BYTES)
        __builtin_prefetch((const char *)facts + at);
}

/* Large blocks go to malloc, others to those that are used again; returns the last of these. */
static struct fact_block *sort_blocks(struct fact_block **first)
{
    struct fact_block **at = first, *last = NULL;

    while (*at) {
        struct fact_block *block = *at;

        if (block->size == ROOM_BYTES) {
            last = block;
            at = &block->next;
        } else {
            *at = block->next;
            free(block);
        }
    }
    return last;
}

void facts_free(const struct facts *shared)
{
    struct facts *facts = (struct facts *)shared;
    struct facts_pool *pool;
    struct fact_block *first, *last;

    if (!facts || atomic_fetch_sub(&facts->holders, 1) > 1)
        return;
    pool = facts->pool;
    first = facts->blocks;
    if (!pool) {
        free_blocks(first);
        return;
    }
    last = sort_blocks(&first);
    give_back(pool, first, last);
    leave_pool(pool);
}

/* A large request gets a block of its own, behind the one that is being filled. */
static struct fact_block *add_block(struct facts *facts, size_t bytes)
{
    bool is_large = bytes > LARGE_BYTES;
    struct fact_block *block = is_large ? malloc(sizeof(*block) + bytes) : take_block(facts->pool);

    if (!block)
        return NULL;
    if (is_large) {
        block->used = 0;
        block->size = bytes;
        block->next = facts->blocks->next;
        facts->blocks->next = block;
    } else {
        block->next = facts->blocks;
        facts->blocks = block;
    }
    return block;
}

void *facts_room(struct facts *facts, size_t bytes)
{
    struct fact_block *block = facts->blocks;
    void *room;

    if (bytes > facts->max_bytes)
        return NULL;
    bytes = (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
    if (facts->used_bytes + bytes > facts->max_bytes)
        return NULL;
    if (block->size - block->used < bytes) {
        block = add_block(facts, bytes);
        if (!block)
            return NULL;
    }
    room = block->data + block->used;
    block->used += bytes;
    facts->used_bytes += bytes;
    return room;
}

void *facts_alloc(struct facts *facts, size_t bytes)
{
    void *room = facts_room(facts, bytes);

    return room ? memset(room, 0, bytes) : NULL;
}

struct fact_text facts_text(struct facts *facts, const void *text, size_t len)
{
    struct fact_text copy = {0};
    char *room = len <= UINT32_MAX ? facts_room(facts, len ? len : 1) : NULL;

    if (room) {
        if (len)
            memcpy(room, text, len);
        copy.at = room;
        copy.len = (uint32_t)len;
    }
    return copy;
}

bool facts_have_secrets(const struct facts *facts)
{
    for (const struct tls_facts *at = facts ? &facts->tls : NULL; at; at = at->next)
        if (at->secrets.at)
            return true;
    return false;
}

void facts_add_secrets(const struct facts *facts, struct buf *out)
{
    for (const struct tls_facts *at = facts ? &facts->tls : NULL; at; at = at->next)
        if (at->secrets.at)
            buf_add(out, at->secrets.at, at->secrets.len);
}
