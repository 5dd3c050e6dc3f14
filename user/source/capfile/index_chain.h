/* SPDX-License-Identifier: Apache-2.0 */
/* The places of open sessions' packets that are not in the index file yet: each a few bytes behind the one before. */
#ifndef SESSTAP_INDEX_CHAIN_H
#define SESSTAP_INDEX_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/capfile/index.h"

/* Room in the chain itself, enough for most sessions. */
#define CHAIN_FIRST_BYTES 96

/* Of one session. */
struct index_chain {
    struct index_chain *prev;
    struct index_chain *next; /* also of those that are not in use */
    struct frame_place last;  /* the one before is what the next is told by */
    uint64_t chunk_offset;    /* of its last chunk in the file, 0: none */
    uint64_t total;           /* places, those in the file included */
    uint8_t *data;            /* first, or of its own */
    uint32_t len;
    uint32_t cap;
    uint32_t count;
    bool broken; /* some are missing */
    bool loose;  /* in no list: nothing is added to it any more */
    uint8_t first[CHAIN_FIRST_BYTES];
};

/* Zeroed is empty. */
struct index_chains {
    struct index_chain *open;   /* but for loose ones */
    size_t held_bytes;          /* by these, beyond what is in themselves */
    struct index_chain *unused; /* for the next sessions */
};

/* Empty, and open. NULL: no memory. */
struct index_chain *index_chain_new(struct index_chains *chains);
/* 0; -EFBIG: the chain, -ENOSPC: all of them are to be written out first; -ENOMEM. */
int index_chain_add(struct index_chains *chains, struct index_chain *chain,
                    const struct frame_place *place);
/* What it holds is in the file, as the chunk at this offset. */
void index_chain_written(struct index_chain *chain, uint64_t chunk_offset);
/* Back to the room in itself; of a chain that is empty, or over. The caller sees to held_bytes. */
void index_chain_shrink(struct index_chain *chain);
/* It is its session's end. May be called again. */
void index_chain_loosen(struct index_chains *chains, struct index_chain *chain);
/* A list of them. NULL is fine. */
void index_chain_free_all(struct index_chain *chain);

#endif
