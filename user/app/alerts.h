/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts of an intrusion detection system, tied to the sessions that they are about. Source: Suricata's eve.json, "EVE
 * JSON Output" in its user guide: an object a line, of which those with event_type "alert" are read.
 */
#ifndef SESSTAP_APP_ALERTS_H
#define SESSTAP_APP_ALERTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/facts.h"
#include "session/session.h"

struct alerts;

struct alerts_reading {
    uint64_t alerts;
    uint64_t bad_lines;      /* no JSON, or an alert without what ties it to a session */
    uint64_t first_bad_line; /* from 1 */
};

/* Whether this build reads them. */
bool alerts_are_built_in(void);
/* NULL with errno; ENOTSUP: not built in. */
struct alerts *alerts_read(const char *path, struct alerts_reading *reading);
/* NULL is fine. */
void alerts_free(struct alerts *alerts);

struct alerts_query {
    const struct flow_key *key;
    const char *community_id; /* of the session, version 1, seed 0 */
    int64_t first_ns;         /* since 1970, as last_ns */
    int64_t last_ns;
};

/*
 * The alerts of a session: by addresses, ports and protocol, which say what a Community ID does, but of ICMP by that
 * where the alert has one; and raised while it went on, or a few seconds later. *count of them, in the order of the file;
 * borrowed until alerts_free. Each belongs to one session only.
 */
const struct alert_fact *const *alerts_of(struct alerts *alerts, const struct alerts_query *query,
                                          size_t *count);
/* Alerts that no session has taken. */
uint64_t alerts_left(const struct alerts *alerts);

#endif
