/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks, and the distance between them. */
#include "base/clock.h"

#include <time.h>

#define OFFSET_TRIES 5

static uint64_t clock_read_ns(clockid_t clock)
{
    struct timespec now = {0};

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
    return clock_read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void)
{
    return clock_read_ns(CLOCK_REALTIME);
}

/* The wall clock is read between two readings of the other; the closest pair of them wins. */
uint64_t clock_thread_ns(void)
{
    return clock_read_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t clock_wall_offset_ns(void)
{
    uint64_t best_ns = UINT64_MAX;
    int64_t offset_ns = 0;

    for (int i = 0; i < OFFSET_TRIES; i++) {
        uint64_t before = clock_mono_ns(), wall = clock_wall_ns(), after = clock_mono_ns();

        if (after - before < best_ns) {
            best_ns = after - before;
            offset_ns = (int64_t)(wall - (before + best_ns / 2));
        }
    }
    return offset_ns;
}
