/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the kernel programs and the translator of filters agree on. */
#ifndef SESSTAP_FILTER_H
#define SESSTAP_FILTER_H

/* The last argument of filter_load_skb and filter_load_xdp: how many bytes, and what else. */
#define FILTER_LOAD_SIZE   7u
#define FILTER_LOAD_TAGGED 8u /* the VLAN tag is outside the frame, but counted as in its place */

/* What they return instead of a value of 32 bits: the frame ends before. */
#define FILTER_LOAD_FAILED (~0ull)

#endif
