/* SPDX-License-Identifier: Apache-2.0 */
#include "source/capfile/ahead.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

/* How far ahead of the reader pages are brought in; the thread sleeps until a part of it is used up. */
#define AHEAD_BYTES (16u << 20)
#define USED_BYTES  (4u << 20)
/* What is brought in between two looks at where the reader is. */
#define STEP_BYTES (512u << 10)
/* Around a page that is asked for the kernel maps what else of this it has (fault_around_bytes, as it comes). */
#define AROUND_BYTES (64u << 10)
#define PAGE_BYTES   4096u
/* How much is kept behind the reader; the rest is given back when it is as much again. */
#define BEHIND_BYTES (4u << 20)
/* Pages given back may be looked at again a little later, by other threads: they are given back once more. */
#define AGAIN_BYTES (32u << 20)

struct ahead {
    uint8_t *map;
    size_t len;
    size_t done;    /* brought in before it */
    size_t dropped; /* given back before it */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* at has come to wake_at, or ended */
    _Atomic size_t at;      /* where the reader is */
    _Atomic size_t wake_at; /* the thread sleeps until it is here; SIZE_MAX: it does not sleep */
    _Atomic bool ended;
};

/* len is a power of two. */
static size_t floor_to(size_t offset, size_t len)
{
    return offset & ~(len - 1);
}

/* A page that can't be had is the reader's to find out. */
static void bring_in(struct ahead *ahead, size_t at, size_t upto)
{
    size_t end;

    if (ahead->done < at)
        ahead->done = floor_to(at, AROUND_BYTES);
    end = ahead->done + STEP_BYTES < upto ? ahead->done + STEP_BYTES : upto;
    for (; ahead->done < end; ahead->done += AROUND_BYTES)
        madvise(ahead->map + ahead->done, PAGE_BYTES, MADV_POPULATE_READ);
}

static void give_back(struct ahead *ahead, size_t at)
{
    size_t from = ahead->dropped > AGAIN_BYTES ? ahead->dropped - AGAIN_BYTES : 0;
    size_t upto;

    if (at < ahead->dropped + 2 * BEHIND_BYTES)
        return;
    upto = floor_to(at - BEHIND_BYTES, PAGE_BYTES);
    madvise(ahead->map + from, upto - from, MADV_DONTNEED);
    ahead->dropped = upto;
}

static void wait_for(struct ahead *ahead, size_t at)
{
    pthread_mutex_lock(&ahead->lock);
    atomic_store(&ahead->wake_at, at);
    while (atomic_load(&ahead->at) < at && !atomic_load(&ahead->ended))
        pthread_cond_wait(&ahead->changed, &ahead->lock);
    atomic_store(&ahead->wake_at, SIZE_MAX);
    pthread_mutex_unlock(&ahead->lock);
}

static void *run(void *ctx)
{
    struct ahead *ahead = ctx;

    while (!atomic_load(&ahead->ended)) {
        size_t at = atomic_load(&ahead->at);
        size_t upto = ahead->len - at > AHEAD_BYTES ? at + AHEAD_BYTES : ahead->len;

        give_back(ahead, at);
        if (ahead->done < upto)
            bring_in(ahead, at, upto);
        else
            wait_for(ahead, at + USED_BYTES);
    }
    return NULL;
}

/* With more CPUs than fit in a cpu_set_t the call fails. */
static bool one_cpu(void)
{
    cpu_set_t cpus;

    return !sched_getaffinity(0, sizeof(cpus), &cpus) && CPU_COUNT(&cpus) < 2;
}

struct ahead *ahead_begin(uint8_t *map, size_t len, size_t at)
{
    struct ahead *ahead = one_cpu() ? NULL : calloc(1, sizeof(*ahead));

    if (!ahead)
        return NULL;
    ahead->map = map;
    ahead->len = len;
    ahead->done = floor_to(at, AROUND_BYTES);
    ahead->dropped = floor_to(at, PAGE_BYTES);
    atomic_init(&ahead->at, at);
    atomic_init(&ahead->wake_at, SIZE_MAX);
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->changed, NULL);
    if (!pthread_create(&ahead->thread, NULL, run, ahead))
        return ahead;
    pthread_cond_destroy(&ahead->changed);
    pthread_mutex_destroy(&ahead->lock);
    free(ahead);
    return NULL;
}

static void wake(struct ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
}

void ahead_move(struct ahead *ahead, size_t at)
{
    atomic_store(&ahead->at, at);
    if (at >= atomic_load(&ahead->wake_at))
        wake(ahead);
}

size_t ahead_end(struct ahead *ahead)
{
    size_t dropped;

    if (!ahead)
        return 0;
    atomic_store(&ahead->ended, true);
    wake(ahead);
    pthread_join(ahead->thread, NULL);
    pthread_cond_destroy(&ahead->changed);
    pthread_mutex_destroy(&ahead->lock);
    dropped = ahead->dropped;
    free(ahead);
    return dropped;
}
