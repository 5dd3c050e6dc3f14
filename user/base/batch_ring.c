/* SPDX-License-Identifier: Apache-2.0 */
#include "base/batch_ring.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

struct batch_ring {
    struct batch_taker taker;
    unsigned int batches;
    pthread_t thread;
    uint64_t filled; /* batches; the caller's alone */
    pthread_mutex_t lock;
    pthread_cond_t more; /* to do for the thread, which alone waits for it */
    pthread_cond_t less; /* to wait for by the caller */
    /* Under the lock. */
    uint64_t handed; /* batches given to the thread, and done by it */
    uint64_t done;
    bool finished;
};

static void *run(void *ctx)
{
    struct batch_ring *ring = ctx;

    pthread_mutex_lock(&ring->lock);
    for (;;) {
        while (ring->handed == ring->done && !ring->finished)
            pthread_cond_wait(&ring->more, &ring->lock);
        if (ring->handed == ring->done)
            break;
        pthread_mutex_unlock(&ring->lock);
        ring->taker.take(ring->taker.ctx, (unsigned int)(ring->done % ring->batches));
        pthread_mutex_lock(&ring->lock);
        ring->done++;
        pthread_cond_signal(&ring->less);
    }
    pthread_mutex_unlock(&ring->lock);
    if (ring->taker.end)
        ring->taker.end(ring->taker.ctx);
    return NULL;
}

static void free_ring(struct batch_ring *ring)
{
    pthread_cond_destroy(&ring->less);
    pthread_cond_destroy(&ring->more);
    pthread_mutex_destroy(&ring->lock);
    free(ring);
}

struct batch_ring *batch_ring_new(unsigned int batches, const struct batch_taker *taker)
{
    struct batch_ring *ring = calloc(1, sizeof(*ring));
    int err;

    if (!ring)
        return NULL;
    ring->taker = *taker;
    ring->batches = batches;
    pthread_mutex_init(&ring->lock, NULL);
    pthread_cond_init(&ring->more, NULL);
    pthread_cond_init(&ring->less, NULL);
    err = pthread_create(&ring->thread, NULL, run, ring);
    if (err) {
        free_ring(ring);
        errno = err;
        return NULL;
    }
    return ring;
}

/* Under the lock: until no more than this many batches are on their way. */
static void wait_for(struct batch_ring *ring, unsigned int batches)
{
    while (ring->filled - ring->done > batches)
        pthread_cond_wait(&ring->less, &ring->lock);
}

static void give(struct batch_ring *ring)
{
    ring->handed++;
    pthread_cond_signal(&ring->more);
}

unsigned int batch_ring_hand(struct batch_ring *ring)
{
    ring->filled++;
    pthread_mutex_lock(&ring->lock);
    give(ring);
    wait_for(ring, ring->batches - 1);
    pthread_mutex_unlock(&ring->lock);
    return (unsigned int)(ring->filled % ring->batches);
}

bool batch_ring_is_behind(struct batch_ring *ring)
{
    bool is_behind;

    pthread_mutex_lock(&ring->lock);
    is_behind = ring->filled - ring->done == ring->batches - 1;
    pthread_mutex_unlock(&ring->lock);
    return is_behind;
}

void batch_ring_hold(struct batch_ring *ring)
{
    ring->filled++;
}

void batch_ring_release(struct batch_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    give(ring);
    pthread_mutex_unlock(&ring->lock);
}

unsigned int batch_ring_next(struct batch_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    wait_for(ring, ring->batches - 1);
    pthread_mutex_unlock(&ring->lock);
    return (unsigned int)(ring->filled % ring->batches);
}

void batch_ring_wait(struct batch_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    wait_for(ring, 0);
    pthread_mutex_unlock(&ring->lock);
}

void batch_ring_finish(struct batch_ring *ring)
{
    pthread_mutex_lock(&ring->lock);
    ring->finished = true;
    pthread_cond_signal(&ring->more);
    pthread_mutex_unlock(&ring->lock);
}

void batch_ring_free(struct batch_ring *ring)
{
    if (!ring)
        return;
    batch_ring_finish(ring);
    pthread_join(ring->thread, NULL);
    free_ring(ring);
}
