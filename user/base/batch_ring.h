/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work done aside, in batches: a caller fills one while a thread takes those before it, in order. The batches are the
 * caller's, in an array; here it is only told which of them is whose. In batches the lock costs nothing.
 */
#ifndef SESSTAP_BATCH_RING_H
#define SESSTAP_BATCH_RING_H

#include <stdbool.h>

struct batch_ring;

/* How a thread takes batches; both are called in the thread, with no lock held. */
struct batch_taker {
    /* What is in batch number i is done; the caller may fill it again when this returns. */
    void (*take)(void *ctx, unsigned int i);
    /* At the thread's end, after the last batch; NULL: nothing to do. */
    void (*end)(void *ctx);
    void *ctx;
};

/*
 * batches: how many there are, 2 or more; the caller has number 0 to begin with. taker is copied. The thread, which gets
 * the caller's signal mask, begins at once. NULL with errno. What follows is for the caller's thread but for
 * batch_ring_release.
 */
struct batch_ring *batch_ring_new(unsigned int batches, const struct batch_taker *taker);

/*
 * The batch is full, and the thread's. Returns the next to fill: waits for it when the thread is as far behind as there
 * are batches.
 */
unsigned int batch_ring_hand(struct batch_ring *ring);
/* batch_ring_hand would have to wait now. */
bool batch_ring_is_behind(struct batch_ring *ring);

/*
 * The same in three steps: the batch is full, but the thread's only after one more batch_ring_release, from any thread;
 * before another is filled, batch_ring_next waits for it and says which.
 */
void batch_ring_hold(struct batch_ring *ring);
void batch_ring_release(struct batch_ring *ring);
unsigned int batch_ring_next(struct batch_ring *ring);

/* Until all that was handed, or held and is released meanwhile, is done. */
void batch_ring_wait(struct batch_ring *ring);
/* No batch follows: the thread ends when it has taken the last. Does not wait for that; may be called again. */
void batch_ring_finish(struct batch_ring *ring);
/* batch_ring_finish, and waits for the thread's end. NULL is fine. */
void batch_ring_free(struct batch_ring *ring);

#endif
