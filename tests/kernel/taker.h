/* SPDX-License-Identifier: Apache-2.0 */
/* Entries taken out of the flow table as user space does, one at a time. */
#ifndef SESSTAP_TESTS_TAKER_H
#define SESSTAP_TESTS_TAKER_H

#include "kernel/tracker.h"

/* The map take_room, which take_close lets go. Stops the program when it can't be had. */
struct take *take_open(const struct tracker *tracker);
void take_close(struct take *room);
/* What sesstap_take says: 0, and *flow is its last content; -EAGAIN, -ESTALE, -ENOENT. */
int take_one(const struct tracker *tracker, struct take *room, const struct flow_key *key,
             uint64_t flow_id, struct flow *flow);

#endif
