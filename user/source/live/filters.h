/* SPDX-License-Identifier: Apache-2.0 */
/* The filters of a run: which packets are tracked at all, and which sessions have a depth of their own. */
#ifndef SESSTAP_LIVE_FILTERS_H
#define SESSTAP_LIVE_FILTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "source/live/filter_place.h"

struct buf;

/* Zeroed to begin with. What the functions below fill in is theirs to free. */
struct live_filters {
    struct filter_pair pass; /* -f */
    size_t pass_count;       /* 1, 0: all passes */
    struct filter_pair depth[DEPTH_CHOICES];
    uint64_t depth_bytes[DEPTH_CHOICES];
    size_t depth_count;
    struct filter_place places[2];
};

/*
 * Track only what matches a filter in the pcap filter language. The last one counts. On interfaces without a link-layer
 * header a filter that needs one matches nothing. 0; else -errno, after one line (no newline, no NUL) on error:
 * libpcap's message, or what is too much for the kernel.
 */
int live_filters_set_pass(struct live_filters *filters, const char *text, struct buf *error);
/* Another depth for sessions that begin with a packet that matches, and none of the filters added before. */
int live_filters_add_depth(struct live_filters *filters, const char *text, uint64_t depth_bytes,
                           struct buf *error);
/* Whether one of these has a depth that is not 0. */
bool live_filters_want_payload(const struct live_filters *filters);
/* Forget the depths: nobody reads payload. */
void live_filters_drop_depth(struct live_filters *filters);
void live_filters_fini(struct live_filters *filters);

/* What the programs must know of them. conf->depth_bytes is set already. */
void live_filters_configure(const struct live_filters *filters, struct track_conf *conf);
/* For filter_places_begin; borrows from filters. */
const struct filter_place *live_filters_places(struct live_filters *filters, size_t *count);

#endif
