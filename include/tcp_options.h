/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The options of a SYN: bytes in, struct flow_syn out. */
#ifndef SESSTAP_TCP_OPTIONS_H
#define SESSTAP_TCP_OPTIONS_H

#include "packet.h"

#define TCP_OPTIONS_MAX    40
#define TCP_OPTIONS_BUFFER 64

/* One option of a SYN: size bytes from at on, of which at most three are read. */
PACKET_INLINE void tcp_parse_syn_option(struct flow_syn *syn, const __u8 *opts, __u32 at, __u8 kind,
                                        __u8 size)
{
    __u8 first = opts[(at + 2) & 63], second = opts[(at + 3) & 63];

    if (kind == TCP_OPT_MSS && size == 4) {
        syn->options |= TCP_HAS_MSS;
        syn->mss = (__u16)(first << 8 | second);
    } else if (kind == TCP_OPT_WINDOW_SCALE && size == 3) {
        syn->options |= TCP_HAS_WINDOW_SCALE;
        syn->window_scale = first;
    } else if (kind == TCP_OPT_SACK_PERMITTED && size == 2) {
        syn->options |= TCP_HAS_SACK_PERMITTED;
    } else if (kind == TCP_OPT_TIMESTAMPS && size == 10) {
        syn->options |= TCP_HAS_TIMESTAMPS;
    } else if (kind == TCP_OPT_FAST_OPEN ||
               (kind == TCP_OPT_EXPERIMENT && size >= 4 && first == 0xf9 && second == 0x89)) {
        syn->options |= TCP_HAS_FAST_OPEN;
    } else if (kind == TCP_OPT_MPTCP) {
        syn->options |= TCP_HAS_MPTCP;
    } else {
        if (syn->unknown_count < FLOW_UNKNOWN_OPTIONS) {
            syn->unknown[syn->unknown_count & (FLOW_UNKNOWN_OPTIONS - 1)] = kind;
            syn->unknown_count++;
        }
    }
}

/*
 * The options of a SYN. opts: a buffer of 64 bytes, the first len (at most 40) of them the options,
 * the rest zero; the last byte is used up. A length that runs over the end stops the reading.
 * The position is kept in memory, where the verifier does not follow it: it would else look at
 * each way in which options can be lined up.
 */
PACKET_INLINE void tcp_parse_syn(struct flow_syn *syn, __u8 *opts, __u32 len, __u8 flags)
{
    __u8 *at_memory = &opts[TCP_OPTIONS_BUFFER - 1];

    syn->flags = flags;
    *at_memory = 0;
    for (int i = 0; i < TCP_OPTIONS_MAX; i++) {
        __u32 at, kind, size;

        PACKET_REREAD(syn);
        PACKET_REREAD(opts);
        at = *at_memory;
        if (at >= len || at >= TCP_OPTIONS_MAX)
            break;
        kind = opts[at];
        size = opts[at + 1];
        if (kind == TCP_OPT_END)
            break;
        if (kind == TCP_OPT_NOP) {
            *at_memory = (__u8)(at + 1);
            continue;
        }
        if (size < 2 || at + size > len)
            break;
        tcp_parse_syn_option(syn, opts, at, (__u8)kind, (__u8)size);
        *at_memory = (__u8)(at + size);
    }
}

#endif
