/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger offline: what the kernel's flow table and its sweep are live, for packets read from files. The
 * same entries, tracked by the same functions; time is the packets' own.
 */
#ifndef SESSTAP_FLOWS_H
#define SESSTAP_FLOWS_H

#include <stddef.h>
#include <stdint.h>

#include "session/session.h"
#include "tcp.h"

struct flows;

/* One session that is known, or was until its end was told. What a search looks at, up to the key, is one cache line. */
struct tracked {
    _Alignas(64) struct tracked *hash_next;
    uint32_t hash;
    uint32_t list;
    struct session session;
    struct flow flow;
    struct tracked *prev; /* of the list that it waits in: closed, or by time of the next check */
    struct tracked *next;
};

/*
 * A session's end; it is freed after the call. Called in flows_track (before the new session that takes
 * its place is made), flows_advance and flows_finish.
 */
typedef void flows_end(void *ctx, struct tracked *tracked, enum close_reason reason);

/* NULL with errno. */
struct flows *flows_new(flows_end *on_end, void *ctx);
/* Frees what is left without a word. NULL is fine. */
void flows_free(struct flows *flows);

/* The hash of a key, for flows_prefetch and flows_track. */
uint32_t flows_hash(const struct flow_key *key);

/*
 * Count a packet of pkts wire packets to its session, which is made when there is none. frame: its data
 * from the first byte, for the options of a SYN; cap_len bytes are there. *verdict: what the tracker
 * says of a segment of TCP, else zero. NULL with errno on no memory. Borrowed until the next call.
 */
struct tracked *flows_track(struct flows *flows, const struct packet *pkt, uint32_t pkts,
                            const uint8_t *frame, uint32_t cap_len, uint64_t now_ns,
                            struct tcp_verdict *verdict);
/* The session of this key, NULL: there is none. */
struct tracked *flows_find(const struct flows *flows, const struct flow_key *key);
/* An ICMP error quoted this session's packet. 0, -EINVAL: it can't have sent it, or -ENOMEM. */
int flows_note_error(struct tracked *tracked, const struct packet *error,
                     const struct packet *quoted);
/* Number a session that the next flows_track makes so, in place of counting on. */
void flows_expect(struct flows *flows, uint64_t number, uint8_t l4_proto, uint64_t stream_index);
/* End the session of this key now, if there is one. */
void flows_end_one(struct flows *flows, const struct flow_key *key, enum close_reason reason);
/* End what is over at this time. Cheap; call for every packet. Times may fall back a little. */
void flows_advance(struct flows *flows, uint64_t now_ns);
/* The input is over: end all, in order of their first packet. */
void flows_finish(struct flows *flows);

/* Sessions so far, and those that are open. */
uint64_t flows_made(const struct flows *flows);
size_t flows_open(const struct flows *flows);

#endif
