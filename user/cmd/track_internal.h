/* SPDX-License-Identifier: Apache-2.0 */
/* What the files track*.c share. */
#ifndef SESSTAP_TRACK_INTERNAL_H
#define SESSTAP_TRACK_INTERNAL_H

#include "cmd/track.h"
#include "host/container.h"
#include "session/table.h"

struct tracker {
    struct track_options options;
    struct live *live;
    struct links *links;
    struct containers *containers;
    struct table *table;
    struct pipeline *pipeline;
    struct prom *prom;         /* NULL: none is written */
    struct prom_gauges gauges; /* of the pass going on */
    uint64_t started_ns;
    uint64_t drained_ns;  /* what was sampled before this has been read */
    uint64_t pass_due_ns; /* when the next pass through the table begins */
    uint64_t prom_due_ns;
    uint64_t now_ns;
    uint64_t events[EVENT_COUNT]; /* as last read */
    uint64_t established;
    uint64_t vanished; /* sessions known to user space whose entry was lost */
    uint64_t attach_failures;
    uint32_t pass;
    bool stopping;
    bool said_full;
    bool said_veth;
    size_t open;                 /* entries seen in the last pass */
    struct traffic last_traffic; /* for rates */
    uint64_t last_traffic_ns;
};

/* track_links.c: interfaces come and go. */
int track_links_open(struct tracker *tracker);
/* True while nothing that may be tracked is at that interface any more. */
bool track_link_gone(const struct tracker *tracker, uint32_t ifindex);
const char *track_link_name(void *ctx, uint32_t ifindex);
void track_describe_host(void *ctx, uint32_t ifindex, struct record_host *host);
/* Attached interfaces with what they have seen; *count of them. Freed by the caller; NULL: none. */
struct prom_interface *track_link_counts(const struct tracker *tracker, size_t *count);
void track_links_refresh(struct tracker *tracker);

/* track_report.c: metrics, the picture, the balance. */
void track_write_prom(struct tracker *tracker);
/* The file with nothing counted yet: it shows whether it can be written at all. 0 or -errno, logged. */
int track_first_prom(struct tracker *tracker);
void track_draw(struct tracker *tracker);
void track_warn_full(struct tracker *tracker);

#endif
