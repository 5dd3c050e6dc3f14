/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First fragments offline: what the kernel's map of them is live. Bounded: beyond FRAGMENT_FIRSTS the oldest
 * one goes.
 */
#ifndef SESSTAP_FIRSTS_H
#define SESSTAP_FIRSTS_H

#include <stdint.h>

#include "packet.h"

struct firsts;

/* NULL with errno. */
struct firsts *firsts_new(void);
/* NULL is fine. */
void firsts_free(struct firsts *firsts);

/*
 * A fragment on its way to its session: pkt as parsed, with that verdict, and scope filled in. A first one
 * is remembered; a later one becomes a packet of its session (fragment.h). Returns the verdict then: 0, or
 * why it belongs to none.
 */
int firsts_join(struct firsts *firsts, struct packet *pkt, int verdict, uint64_t now_ns);

#endif
