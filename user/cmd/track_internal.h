/* SPDX-License-Identifier: Apache-2.0 */
/* What the files track*.c share. */
#ifndef SESSTAP_TRACK_INTERNAL_H
#define SESSTAP_TRACK_INTERNAL_H

#include "cmd/track.h"
#include "host/container.h"
#include "session/journal.h"
#include "session/notes.h"
#include "session/table.h"

struct tracker {
    struct track_options options;
    struct live *live;
    struct spaces *spaces;
    struct containers *containers;
    struct table *table;
    struct pipeline *pipeline;
    struct prom *prom;         /* NULL: none is written */
    struct prom_gauges gauges; /* of the pass going on */
    uint64_t started_ns;
    uint64_t drained_ns;  /* what was sampled before this has been read */
    uint64_t pass_due_ns; /* when the next pass through the table begins */
    uint64_t pass_took_ns;
    uint64_t prom_due_ns;
    uint64_t now_ns;
    uint64_t events[EVENT_COUNT]; /* as last read */
    uint64_t established;
    uint64_t vanished; /* sessions known to user space whose entry was lost */
    uint64_t attach_failures;
    uint32_t pass;
    struct journal journal; /* with a pin, as notes */
    struct notes *notes;
    bool settled; /* each entry that an earlier process left was seen */
    bool stopping;
    bool ended; /* all is recorded: nothing is to be kept */
    bool said_full;
    bool said_veth;
    size_t open;                 /* entries seen in the last pass */
    struct traffic last_traffic; /* for rates */
    uint64_t last_traffic_ns;
};

/* track_links.c: interfaces come and go. By number, see IFACE_ELSEWHERE. */
int track_links_open(struct tracker *tracker);
/* What came of interfaces and namespaces since the last call. */
void track_links_poll(struct tracker *tracker);
/* True while nothing that may be tracked is at that interface any more. */
bool track_link_gone(const struct tracker *tracker, uint32_t number);
const char *track_link_name(void *ctx, uint32_t number);
void track_describe_host(void *ctx, uint32_t number, struct record_host *host);
/* Attached interfaces with what they have seen; *count of them. Freed by the caller; NULL: none. */
struct prom_interface *track_link_counts(const struct tracker *tracker, size_t *count);
void track_links_refresh(struct tracker *tracker);

/* track_report.c: metrics, the picture, the balance. */
void track_write_prom(struct tracker *tracker);
/* The file with nothing counted yet: it shows whether it can be written at all. 0 or -errno, logged. */
int track_first_prom(struct tracker *tracker);
void track_draw(struct tracker *tracker);
void track_warn_full(struct tracker *tracker);

/* track.c: the last content of a session whose entry is gone. */
void track_ended(struct tracker *tracker, const struct record_flow *record,
                 enum close_reason reason);

/* track_pin.c. Without a pin each does nothing, but for the numbering of sessions. */
/* After live_open and table_new, before the pipeline is made. 0; -errno after a line. */
int track_pin_open(struct tracker *tracker);
/* Sessions that ended before an earlier process had recorded them. Before the rings are read. */
void track_pin_resume(struct tracker *tracker);
/* A session that is new here; *is_new: also to those before. NULL: no memory. */
struct session *track_pin_session(struct tracker *tracker, uint64_t id, const struct flow_key *key,
                                  bool *is_new);
/* A record of it was made, and it goes on. */
void track_pin_updated(struct session *session);
/* It is given up with no record. */
void track_pin_dropped(struct tracker *tracker, struct session *session);
/* A session's last record was made: when it is written already, it can be forgotten. */
void track_pin_finished(struct tracker *tracker);
/* All records that were made are written, or given up. */
void track_pin_commit(struct tracker *tracker);
/* A whole pass found every session that there is. */
void track_pin_swept(struct tracker *tracker);
/* Sessions go on without us: their files end, tracker->open is how many there are. */
void track_pin_leave(struct tracker *tracker);
void track_pin_name(struct tracker *tracker, const struct link_info *link);
/* NULL: not known. */
const char *track_pin_old_name(const struct tracker *tracker, uint32_t ifindex);

#endif
