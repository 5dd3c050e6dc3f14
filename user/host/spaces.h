/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The interfaces of several network namespaces: ours, and with --netns those named, or all there are, present and future.
 * An interface is known by its number (struct link_info), of which the upper part is its namespace's.
 */
#ifndef SESSTAP_SPACES_H
#define SESSTAP_SPACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/links.h"

struct spaces_conf {
    struct links_events events; /* of all of them */
    const char *const *paths;   /* files of namespaces, borrowed; they may begin to exist later */
    size_t path_count;
    bool all; /* those below /run/netns and /run/docker/netns, and of each process */
    /* Where numbers are kept for the next process, and an earlier one's found; borrowed, NULL: nowhere. */
    struct pin_spaces *kept;
    struct pin_scope *kept_scopes;
    uint32_t kept_scope_count;
};

struct spaces;

/* Our own namespace; the others are found by spaces_poll. NULL with errno. */
struct spaces *spaces_open(const struct spaces_conf *conf);
void spaces_close(struct spaces *spaces); /* NULL is fine; no callbacks */

/* Readable when spaces_poll has something to do; also call it each 100 ms. Borrowed. */
int spaces_fd(const struct spaces *spaces);
/*
 * Look for namespaces that came or went (each second, and when a name does), then as links_poll for each. A namespace
 * that nothing names and no process is in is let go, so that it can end. The result is links_poll's for our own, or 1 when
 * another one is not yet complete.
 */
int spaces_poll(struct spaces *spaces, uint64_t mono_now_ns);
/* After all were polled once: forget the numbers of namespaces that an earlier process knew, and that are gone. */
void spaces_settle(struct spaces *spaces);

/* Those of our own namespace. Borrowed. */
struct links *spaces_own(const struct spaces *spaces);
/* How many other namespaces are watched now. */
size_t spaces_count(const struct spaces *spaces);

/* By number; as links_get, links_name, links_next. */
const struct link_info *spaces_get(const struct spaces *spaces, uint32_t number);
const char *spaces_link_name(const struct spaces *spaces, uint32_t number);
const struct link_info *spaces_next(const struct spaces *spaces, const struct link_info *link);

/* A file of the interface's namespace, while it is watched; -1: our own. Borrowed. */
int spaces_netns_fd(const struct spaces *spaces, uint32_t number);
/* What the namespace is called: its name in /run/netns, or net:[INODE]. NULL: our own, or long gone. */
const char *spaces_netns_name(const struct spaces *spaces, uint32_t number);

/* The other end of a pair, or what a VLAN or macvlan is on, when that is in another namespace that is watched. NULL. */
const struct link_info *spaces_peer(struct spaces *spaces, const struct link_info *link);
/* Of an interface elsewhere, the end in our own namespace, by number, also when both are gone; 0: there is none. */
uint32_t spaces_own_end(struct spaces *spaces, uint32_t number);
/*
 * For the flow key. Both ends of a pair have one, that of the end in the older namespace; what leads nowhere else is in
 * its namespace's own.
 */
uint16_t spaces_scope(struct spaces *spaces, const struct link_info *link);

#endif
