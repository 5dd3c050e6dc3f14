/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which sessions --sample 1/N keeps: decided by the key alone, so both directions and all CPUs agree. */
#ifndef SESSTAP_SAMPLING_H
#define SESSTAP_SAMPLING_H

#include "packet.h"

/* Murmur3's finalizer: every bit of the input changes half of the output's. */
PACKET_INLINE __u64 sampling_mix(__u64 x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ x >> 33;
}

/* One session in one_in is kept, others with another seed. The scope does not count. */
PACKET_INLINE int sampling_keeps(const struct flow_key *key, __u32 one_in, __u64 seed)
{
    __u64 hash = sampling_mix(seed ^ key->addr[0].half[0]);

    hash = sampling_mix(hash ^ key->addr[0].half[1]);
    hash = sampling_mix(hash ^ key->addr[1].half[0]);
    hash = sampling_mix(hash ^ key->addr[1].half[1]);
    hash = sampling_mix(hash ^ ((__u64)key->port[0] << 32 | (__u64)key->port[1] << 16 |
                                (__u64)key->ip_version << 8 | key->l4_proto));
    return ((hash >> 32) * one_in) >> 32 == 0;
}

#endif
