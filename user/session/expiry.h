/* SPDX-License-Identifier: Apache-2.0 */
/* When a session that nobody closed is over: timeouts by protocol and state, shorter when room is short. */
#ifndef SESSTAP_EXPIRY_H
#define SESSTAP_EXPIRY_H

#include <stdint.h>

#include "session/session.h"

/* How long a closed session's entry stays, for late packets: retransmitted FINs, ACKs of them. */
#define EXPIRY_LINGER_NS          500000000ull
#define EXPIRY_LINGER_PRESSURE_NS 20000000ull

/*
 * A session ends by itself after this long without a packet, in seconds. SYN: the longest wait between a
 * client's retries (RFC 6298: 1, 2, 4 ... 32 s) and some; others as connection trackers have them.
 */
#define EXPIRY_SYN_S           70
#define EXPIRY_ESTABLISHED_S   7500 /* two hours is the keep-alive time of RFC 9293 section 3.8.4 */
#define EXPIRY_HALF_CLOSED_S   600
#define EXPIRY_LAST_ACK_S      30
#define EXPIRY_UDP_S           60
#define EXPIRY_UDP_UNREPLIED_S 30
#define EXPIRY_ICMP_S          15
#define EXPIRY_SCTP_S          900

/*
 * CLOSE_NONE: goes on. CLOSE_TIMEOUT, CLOSE_SYN_TIMEOUT: silent too long; CLOSE_FIN: only the last
 * acknowledgment was missed; CLOSE_EVICTED: given up for room. pressure: the table is nearly full, and
 * SYN-only and idle datagram sessions make room first.
 */
enum close_reason expiry_check(const struct flow *flow, const struct flow_key *key, uint64_t now_ns,
                               bool pressure);

#endif
