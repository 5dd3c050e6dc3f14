/* SPDX-License-Identifier: Apache-2.0 */
#include "source/capfile/index_chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/capfile/index_format.h"

#define CHAIN_MAX_BYTES (16u << 10)
/* All chains together; at more of them all are written out. */
#define HELD_BYTES (32u << 20)

struct index_chain *index_chain_new(struct index_chains *chains)
{
    struct index_chain *chain = chains->unused;

    if (chain)
        chains->unused = chain->next;
    else
        chain = malloc(sizeof(*chain));
    if (!chain)
        return NULL;
    memset(chain, 0, offsetof(struct index_chain, first));
    chain->data = chain->first;
    chain->cap = sizeof(chain->first);
    chain->next = chains->open;
    if (chain->next)
        chain->next->prev = chain;
    chains->open = chain;
    return chain;
}

static size_t own_bytes(const struct index_chain *chain)
{
    return chain->data == chain->first ? 0 : chain->cap;
}

/* Room for one more place. As index_chain_add. */
static int grow(struct index_chains *chains, struct index_chain *chain)
{
    uint32_t cap = 2 * chain->cap;
    size_t own = own_bytes(chain);
    uint8_t *data;

    if (chain->cap >= CHAIN_MAX_BYTES)
        return -EFBIG;
    if (chains->held_bytes + cap > HELD_BYTES)
        return -ENOSPC;
    data = realloc(own ? chain->data : NULL, cap);
    if (!data)
        return -ENOMEM;
    if (!own)
        memcpy(data, chain->first, chain->len);
    chains->held_bytes += cap - own;
    chain->data = data;
    chain->cap = cap;
    return 0;
}

int index_chain_add(struct index_chains *chains, struct index_chain *chain,
                    const struct frame_place *place)
{
    uint8_t *at;

    if (chain->cap - chain->len < 2 * INDEX_VARINT_MAX) {
        int err = grow(chains, chain);

        if (err)
            return err;
    }
    /* Both may step back: fragments of one packet that came between those of another. */
    at = chain->data + chain->len;
    at = index_put(at, place->offset - chain->last.offset);
    at = index_put(at, place->number - chain->last.number);
    chain->len = (uint32_t)(at - chain->data);
    chain->last = *place;
    chain->count++;
    chain->total++;
    return 0;
}

void index_chain_written(struct index_chain *chain, uint64_t chunk_offset)
{
    chain->chunk_offset = chunk_offset;
    chain->len = chain->count = 0;
    chain->last = (struct frame_place){0};
}

void index_chain_shrink(struct index_chain *chain)
{
    if (own_bytes(chain))
        free(chain->data);
    chain->data = chain->first;
    chain->cap = sizeof(chain->first);
}

void index_chain_loosen(struct index_chains *chains, struct index_chain *chain)
{
    if (chain->loose)
        return;
    chain->loose = true;
    if (chain->prev)
        chain->prev->next = chain->next;
    else
        chains->open = chain->next;
    if (chain->next)
        chain->next->prev = chain->prev;
    chains->held_bytes -= own_bytes(chain);
}

void index_chain_free_all(struct index_chain *chain)
{
    while (chain) {
        struct index_chain *next = chain->next;

        index_chain_shrink(chain);
        free(chain);
        chain = next;
    }
}
