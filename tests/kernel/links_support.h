/* SPDX-License-Identifier: Apache-2.0 */
/* A network namespace of the test's own, and a log of what links_poll tells, checked as it comes. */
#ifndef SESSTAP_LINKS_SUPPORT_H
#define SESSTAP_LINKS_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/links.h"

enum event_type { EVENT_ADDED, EVENT_CHANGED, EVENT_REMOVED };

struct link_event {
    enum event_type type;
    struct link_info link;
    struct link_info before; /* EVENT_CHANGED */
};

/* A watcher fails the test when added and removed do not alternate for an index. */
struct watcher {
    struct links *links;
    struct link_event *events;
    size_t count;
    size_t cap;
    bool *present; /* by ifindex */
    size_t present_cap;
    size_t present_count;
};

/* Move this process to a new network namespace; exits 77 when it may not. Once a program. */
void enter_own_namespace(void);

/* cmocka setup and teardown: *state is a struct watcher that has seen what there is. */
int watcher_setup(void **state);
int watcher_teardown(void **state);

/* Run a shell command; the test fails with it. */
void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Poll until all is told; forgets what was told before. */
void watch(struct watcher *watcher);
/* The same, keeping it. */
void watch_more(struct watcher *watcher);
/* The events of one type about a name; *last the last of them. */
size_t count_events(const struct watcher *watcher, enum event_type type, const char *name,
                    const struct link_event **last);
/* The present interface with a name; the test fails when there is none. */
const struct link_info *link_named(const struct watcher *watcher, const char *name);
/* What is present is what `ip` and the kernel's list of names say, nothing more or less. */
void assert_same_as_kernel(const struct watcher *watcher);

#endif
