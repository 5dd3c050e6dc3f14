/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session record: everything that one line of output may tell, gathered by the pipeline, and the
 * one list of its fields that every output form is written from.
 */
#ifndef SESSTAP_RECORD_H
#define SESSTAP_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "session/facts.h"
#include "session/session.h"

#define RECORD_VERSION    1
#define RECORD_INTERFACES (1 + FLOW_PATH)

struct packet_lot;
struct stream_hole;

/* What is known of the tracked side; each NULL or negative when unknown. */
struct record_host {
    const char *container;
    const char *pod;
    const char *namespace_name;
    const char *image;
    const char *process;
    const char *netns;
    int64_t pid;
};

/* All pointers are borrowed for the time of a call. */
struct record {
    const struct session *session;
    const struct flow *flow;
    const struct ledger *ledger;
    const struct record_host *host;   /* NULL: nothing is known */
    const struct stream_tally *tally; /* [2]; NULL: no payload was read */
    const struct stream_hole *holes;
    size_t hole_count;
    const struct flow_note *note;  /* NULL: no ICMP error quoted it */
    const struct packet_lot *lots; /* NULL: not asked for */
    size_t lot_count;
    const struct alert_fact *const *alerts;
    size_t alert_count;
    const char *whisperer;   /* the capturing host */
    const char *instance_id; /* container, pod or interface; a file's base name offline */
    const char *interfaces[RECORD_INTERFACES]; /* names in the order seen; NULL ends */
    const char *names[2];                      /* of endpoint 0 and 1; NULL: unknown */
    int64_t wall_offset_ns;                    /* to add to the flow's times */
    uint64_t now_ns;                           /* when this record is written, clock of the flow */
    struct identity identity;                  /* of app/, like facts */
    const struct facts *facts;                 /* NULL: none */
};

/*
 * Append the record as one JSON object, no newline; nothing when out->failed. Field names and
 * meanings: docs/records.md.
 */
void record_write_json(struct buf *out, const struct record *record);

/* Community ID v1 (seed 0) of a session; out holds at least 32 bytes. Source: the spec by Corelight. */
void record_community_id(char *out, const struct flow_key *key, unsigned int client,
                         uint8_t icmp_type, uint8_t icmp_code);

#endif
