/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as the pipeline would hand them to a sink, for tests of records and metrics. */
#ifndef SESSTAP_RECORD_FIXTURE_H
#define SESSTAP_RECORD_FIXTURE_H

#include "sink/record.h"

struct fixture {
    struct session session;
    struct flow flow;
    struct ledger ledger;
    struct stream_tally tally[2];
    struct record_host host;
    struct stream_hole hole;
    struct packet_lot lots[2];
    struct record record;
};

/* Addresses as text, IPv4 or IPv6; ports of endpoint 0 and 1. */
void fixture_set_ends(struct flow_key *key, uint8_t l4_proto, const char *end0, uint16_t port0,
                      const char *end1, uint16_t port1);
/* What every case has: a session of two packets that lasts 1.5 ms, of no protocol yet. */
void fixture_base(struct fixture *f);
/* Client is endpoint 1. Everything that a record may have. */
void fixture_tcp_full(struct fixture *f);
void fixture_tcp_refused(struct fixture *f);
/* Joined late, still open, its client's side never seen to say anything. */
void fixture_tcp_midstream(struct fixture *f);
void fixture_udp(struct fixture *f);
void fixture_icmpv6(struct fixture *f);

#endif
