/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers in network order, written where nothing is aligned: for tests that make packets by hand. */
#ifndef SESSTAP_TEST_NET_ORDER_H
#define SESSTAP_TEST_NET_ORDER_H

#include <stdint.h>

/* The low 16 bits of value. */
static inline void put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static inline void put32(uint8_t *to, uint32_t value)
{
    put16(to, value >> 16);
    put16(to + 2, value);
}

#endif
