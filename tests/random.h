/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers that are the same in each run: state is any seed to begin with. Knuth's linear congruential generator, MMIX. */
#ifndef SESSTAP_TEST_RANDOM_H
#define SESSTAP_TEST_RANDOM_H

#include <stdint.h>

static inline uint32_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(*state >> 32);
}

/* 0 to limit - 1 */
static inline uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return (random_next(state) >> 1) % limit;
}

#endif
