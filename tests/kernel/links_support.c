/* SPDX-License-Identifier: Apache-2.0 */
/* See links_support.h. */
#include "kernel/links_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void enter_own_namespace(void)
{
    if (unshare(CLONE_NEWNET) == 0)
        return;
    printf("needs root: a network namespace can't be made (%s)\n", strerror(errno));
    exit(77);
}

void run(const char *fmt, ...)
{
    char command[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static void *grown(void *array, size_t *cap, size_t wanted, size_t size)
{
    size_t old = *cap;

    if (wanted <= old)
        return array;
    *cap = wanted * 2;
    array = realloc(array, *cap * size);
    assert_non_null(array);
    memset((char *)array + old * size, 0, (*cap - old) * size);
    return array;
}

static void log_event(struct watcher *watcher, enum event_type type, const struct link_info *link,
                      const struct link_info *before)
{
    watcher->events =
        grown(watcher->events, &watcher->cap, watcher->count + 1, sizeof(*watcher->events));
    watcher->events[watcher->count++] =
        (struct link_event){type, *link, before ? *before : (struct link_info){0}};
    watcher->present =
        grown(watcher->present, &watcher->present_cap, link->ifindex + 1, sizeof(bool));
    if (watcher->present[link->ifindex] != (type != EVENT_ADDED))
        fail_msg("%s (%u): event %d out of turn", link->name, link->ifindex, type);
}

static void on_added(void *ctx, const struct link_info *link)
{
    struct watcher *watcher = ctx;

    log_event(watcher, EVENT_ADDED, link, NULL);
    watcher->present[link->ifindex] = true;
    watcher->present_count++;
}

static void on_changed(void *ctx, const struct link_info *link, const struct link_info *before)
{
    log_event(ctx, EVENT_CHANGED, link, before);
    assert_int_equal(link->ifindex, before->ifindex);
    assert_memory_not_equal(link, before, sizeof(*link));
}

static void on_removed(void *ctx, const struct link_info *link)
{
    struct watcher *watcher = ctx;

    log_event(watcher, EVENT_REMOVED, link, NULL);
    watcher->present[link->ifindex] = false;
    watcher->present_count--;
}

int watcher_setup(void **state)
{
    struct watcher *watcher = calloc(1, sizeof(*watcher));
    const struct links_events events = {on_added, on_changed, on_removed, watcher};

    if (!watcher)
        return -1;
    watcher->links = links_open(&events);
    if (!watcher->links)
        return -1;
    *state = watcher;
    watch(watcher);
    return 0;
}

/* Whatever the test made goes with it. */
int watcher_teardown(void **state)
{
    struct watcher *watcher = *state;
    const struct link_info *link = NULL;

    watch(watcher);
    while ((link = links_next(watcher->links, link))) {
        char command[128];

        snprintf(command, sizeof(command), "ip link del '%s' 2>/dev/null", link->name);
        if (link->kind[0] && system(command) != 0)
            continue; /* went with its peer */
    }
    links_close(watcher->links);
    free(watcher->events);
    free(watcher->present);
    free(watcher);
    return 0;
}

void watch_more(struct watcher *watcher)
{
    int unfinished = 1;

    for (int i = 0; unfinished && i < 1000; i++)
        unfinished = links_poll(watcher->links);
    assert_int_equal(unfinished, 0);
}

void watch(struct watcher *watcher)
{
    watcher->count = 0;
    watch_more(watcher);
}

size_t count_events(const struct watcher *watcher, enum event_type type, const char *name,
                    const struct link_event **last)
{
    size_t found = 0;

    for (size_t i = 0; i < watcher->count; i++) {
        const struct link_event *event = &watcher->events[i];

        if (event->type != type || strcmp(event->link.name, name) != 0)
            continue;
        found++;
        if (last)
            *last = event;
    }
    return found;
}

const struct link_info *link_named(const struct watcher *watcher, const char *name)
{
    const struct link_info *link = NULL;

    while ((link = links_next(watcher->links, link)))
        if (strcmp(link->name, name) == 0)
            return link;
    fail_msg("no interface %s", name);
    return NULL;
}

void assert_same_as_kernel(const struct watcher *watcher)
{
    struct if_nameindex *names = if_nameindex();
    size_t count = 0;

    assert_non_null(names);
    for (; names[count].if_index; count++) {
        const struct link_info *link = links_get(watcher->links, names[count].if_index);

        if (!link)
            fail_msg("%s is missing", names[count].if_name);
        else
            assert_string_equal(link->name, names[count].if_name);
    }
    if_freenameindex(names);
    assert_int_equal(links_count(watcher->links), count);
    assert_int_equal(watcher->present_count, count);
}
