/* SPDX-License-Identifier: Apache-2.0 */
/* One session of the kernel's table in one line, so that a test compares all of it at once. */
#ifndef SESSTAP_TESTS_FLOW_TEXT_H
#define SESSTAP_TESTS_FLOW_TEXT_H

#include <stddef.h>

#include "flow.h"

#define FLOW_TEXT_ROOM 512

/*
 * `4 tcp 10.0.0.1:40000 > 10.0.0.2:80 pkts=1/0 payload=5/0 l3=20/0 l4=32/0`, from endpoint 0 to 1,
 * and what is not zero of scope=, vlan=, icmp=type/code, segs= (wire packets beyond skbs), ce=, path=.
 */
void flow_text(const struct flow_key *key, const struct flow *flow, char text[FLOW_TEXT_ROOM]);

#endif
