/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which interfaces the programs are attached to, and how: TCX links where the kernel has them (6.6),
 * which go by themselves when the process ends, unless pinned; else clsact filters under a priority and a handle of our
 * own, on a qdisc that is only deleted if we made it and nobody else uses it. On the way in, where the mode
 * wants it, a link to the driver's XDP hook in place of that; never to the generic one.
 */
#ifndef SESSTAP_ATTACH_H
#define SESSTAP_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/live/live.h"

struct attachments;
struct clsact;
struct entries;

/* Descriptors of the programs that the mode needs; borrowed. */
struct attach_programs {
    enum live_mode mode;
    int ingress_fd;
    int egress_fd;
    int xdp_fd;
    bool no_tcx;             /* do not try TCX */
    struct entries *entries; /* borrowed; NULL: all interfaces are in our own namespace */
    const char
        *links_dir; /* where links are pinned, and those found go on; NULL: they go with us */
};

/* programs is copied; clsact, which knows them too, is borrowed. NULL with errno. */
struct attachments *attachments_new(const struct attach_programs *programs,
                                    const struct clsact *clsact);
/* Detach all, free. NULL is fine. */
void attachments_free(struct attachments *all);
/* Free, but what is pinned, or a filter, stays where it is. */
void attachments_leave(struct attachments *all);

/* An interface that an earlier process attached, before any is reserved: it has its slot already. */
void attachments_restore(struct attachments *all, uint32_t ifindex, const struct iface_conf *conf);
/* A file of the namespace it is in, borrowed; -1: our own, or one that can't be reached. */
void attachments_tell_netns(struct attachments *all, uint32_t ifindex, int netns_fd);
/* Of the restored ones, one that was not reserved since; 0: none is left. */
uint32_t attachments_unclaimed(const struct attachments *all);

/* A slot (from 1) for an interface that is about to be attached. -EEXIST, -ENOSPC. *restored: it had it before. */
int attachments_reserve(struct attachments *all, const struct live_link *link, bool *restored);
/* Attach both directions of a reserved interface. 0 or -errno (then nothing is attached). */
int attachments_attach(struct attachments *all, const struct live_link *link);
/* Why the last attachments_attach that failed did, with -errno err. */
const char *attachments_problem(const struct attachments *all, int err);
/* Take the programs off all interfaces; the slots stay in use. */
void attachments_unhook(struct attachments *all);
/* The slot that is free now; -ENOENT. An interface that is gone is fine. */
int attachments_detach(struct attachments *all, uint32_t ifindex);
/* The slot; -ENOENT. */
int attachments_slot(const struct attachments *all, uint32_t ifindex);
/* The slot; tells l3_only too. -ENOENT. */
int attachments_set_scope(struct attachments *all, uint32_t ifindex, uint16_t scope,
                          uint8_t *l3_only);
size_t attachments_count(const struct attachments *all);
/* As live_hook_names. */
const char *attachments_hook_names(const struct attachments *all);

#endif
