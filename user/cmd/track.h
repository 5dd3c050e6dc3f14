/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of live sessions: from the kernel's announcements and the sweep to the record, with the books
 * kept on the way. The event loop is run.c's.
 */
#ifndef SESSTAP_TRACK_H
#define SESSTAP_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "host/spaces.h"
#include "pipeline.h"
#include "source/live/live.h"

struct track_options {
    struct live_conf live;
    struct pipeline_conf pipeline; /* names and hosts are filled in here */
    struct link_filter filter;
    const char *const *netns_paths; /* other network namespaces to look in; borrowed */
    size_t netns_path_count;
    bool netns_all;        /* all there are */
    const char *prom_path; /* NULL: no metrics */
    uint64_t interval_ns;  /* records of open sessions; 0: none */
    bool max_flows_given;
    bool unpin; /* track no more: only end what is pinned */
};

struct tracker;

/* Load, and attach to the interfaces that are there. NULL after a line that says why. */
struct tracker *tracker_new(const struct track_options *options);
/* Free without looking at what is left. NULL is fine. */
void tracker_free(struct tracker *tracker);

/* Wake epoll_fd for what tracker_step has to look at; tags are for the caller. 0 or -errno. */
int tracker_watch(struct tracker *tracker, int epoll_fd, uint64_t tag);
/* What has come since the last call: interfaces, rings, sessions that are due, the sweep. */
void tracker_step(struct tracker *tracker);
/*
 * Detach from all, and finish every session: what the kernel still holds is recorded. With a pin, and not unpin:
 * leave all that goes on to the next process.
 */
void tracker_stop(struct tracker *tracker);

/* The state of things in one line each: how many interfaces, how large a table. */
void tracker_announce(const struct tracker *tracker);
/* After tracker_stop. The balance: seen = tracked + unaccounted. False when it does not add up. */
bool tracker_report(struct tracker *tracker);
/* 0, or the first error of writing: -errno. */
int tracker_error(const struct tracker *tracker);

#endif
