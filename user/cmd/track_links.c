/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces come and go: attach to those that were asked for, at once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/track_internal.h"
#include "source/live/pin.h"

static void attach(struct tracker *tracker, const struct link_info *link)
{
    const struct live_link what = {
        .ifindex = link->ifindex,
        .netns_fd = -1,
        .scope = link->scope,
        .l3_only = link->l3_only,
        .hardware = link->hardware,
        .bond = !strcmp(link->kind, "bond"),
        .name = link->name,
    };
    int err;

    if (tracker->stopping || tracker->options.unpin || !link_is_readable(link) ||
        !links_match(&tracker->options.filter, link))
        return;
    err = live_attach(tracker->live, &what);
    if (err && err != -EEXIST && err != -ENODEV) {
        if (!tracker->attach_failures++)
            log_warn("cannot attach to %s: %s; its sessions are not tracked%s", link->name,
                     live_attach_problem(tracker->live, err),
                     tracker->options.live.mode == LIVE_XDP ? " (--mode tc needs no XDP)" : "");
        return;
    }
    if (!err && tracker->options.live.mode == LIVE_XDP && !strcmp(link->kind, "veth") &&
        !tracker->said_veth) {
        tracker->said_veth = true;
        log_warn(
            "XDP on %s, a veth, turns off segmentation offload at its other end, and costs most of "
            "its throughput; --mode tc does not",
            link->name);
    }
    track_pin_name(tracker, link);
    containers_find(tracker->containers, link, tracker->now_ns);
}

static void on_added(void *ctx, const struct link_info *link)
{
    attach(ctx, link);
}

/* It may have a name by now that was asked for, or another bridge, so another address space. */
static void on_changed(void *ctx, const struct link_info *link, const struct link_info *before)
{
    struct tracker *tracker = ctx;

    attach(tracker, link);
    if (link->scope != before->scope)
        live_set_scope(tracker->live, link->ifindex, link->scope);
}

/* The sweep ends its sessions; their entries do not need the interface. */
static void on_removed(void *ctx, const struct link_info *link)
{
    struct tracker *tracker = ctx;

    if (!live_detach(tracker->live, link->ifindex))
        tracker->pass_due_ns = tracker->now_ns;
}

/*
 * With a pin: now it is known which of an earlier process' interfaces are wanted still, and in which scope each is;
 * before, it kept the one it had.
 */
static void settle(struct tracker *tracker)
{
    const struct link_info *link = NULL;

    live_settle(tracker->live);
    while ((link = links_next(tracker->links, link)))
        live_set_scope(tracker->live, link->ifindex, link->scope);
}

static int complain_missing(const struct tracker *tracker, const char *name)
{
    char present[256];
    size_t at = 0;
    const struct link_info *link = NULL;

    present[0] = '\0';
    while ((link = links_next(tracker->links, link)) && at + LINK_NAME_SIZE + 2 < sizeof(present)) {
        size_t len = strlen(link->name);

        memcpy(present + at, " ", 1);
        memcpy(present + at + 1, link->name, len + 1);
        at += len + 1;
    }
    log_error("no interface is called %s; there are:%s", name, present);
    return -ENODEV;
}

int track_links_open(struct tracker *tracker)
{
    const struct links_events events = {on_added, on_changed, on_removed, tracker};
    const char *missing;
    int err;

    tracker->links = links_open(&events);
    if (!tracker->links) {
        log_error("cannot list the interfaces: %s", strerror(errno));
        return -errno;
    }
    if (tracker->options.live.pin)
        links_keep_scopes(tracker->links, tracker->options.live.pin->state->scopes, PIN_SCOPES);
    do {
        err = links_poll(tracker->links);
    } while (err > 0);
    if (err) {
        log_error("cannot list the interfaces: %s", strerror(-err));
        return err;
    }
    if (tracker->options.unpin)
        return 0;
    missing = links_missing(tracker->links, &tracker->options.filter);
    if (missing)
        return complain_missing(tracker, missing);
    if (tracker->attach_failures && !live_attached(tracker->live))
        return -EIO;
    if (tracker->options.live.pin)
        settle(tracker);
    return 0;
}

bool track_link_gone(const struct tracker *tracker, uint32_t ifindex)
{
    return !links_get(tracker->links, ifindex);
}

const char *track_link_name(void *ctx, uint32_t ifindex)
{
    const struct tracker *tracker = ctx;
    const char *name = links_name(tracker->links, ifindex);

    if (!name)
        name = track_pin_old_name(tracker, ifindex);
    return name ? name : "(unknown)";
}

static const char *known(const char *text)
{
    return text[0] ? text : NULL;
}

void track_describe_host(void *ctx, uint32_t ifindex, struct record_host *host)
{
    const struct tracker *tracker = ctx;
    const struct container_info *info = containers_get(tracker->containers, ifindex);

    if (!info)
        return;
    host->container = known(info->container);
    host->pod = known(info->pod);
    host->namespace_name = known(info->pod_namespace);
    host->netns = known(info->netns);
    if (!host->container)
        return; /* the oldest process of a plain namespace may be one that just passes through */
    host->process = known(info->process);
    if (info->pid > 0)
        host->pid = info->pid;
}

void track_links_refresh(struct tracker *tracker)
{
    const struct link_info *link = NULL;
    struct iface_seen seen;

    while ((link = links_next(tracker->links, link))) {
        if (!live_seen(tracker->live, link->ifindex, &seen))
            containers_find(tracker->containers, link, tracker->now_ns);
    }
}

struct prom_interface *track_link_counts(const struct tracker *tracker, size_t *count)
{
    struct prom_interface *all =
        calloc(live_attached(tracker->live) + 1, sizeof(struct prom_interface));
    const struct link_info *link = NULL;

    *count = 0;
    if (!all)
        return NULL;
    while (*count < live_attached(tracker->live) && (link = links_next(tracker->links, link))) {
        if (live_seen(tracker->live, link->ifindex, &all[*count].seen))
            continue;
        all[*count].name = link->name;
        all[*count].id = link->ifindex;
        (*count)++;
    }
    return all;
}
