/* SPDX-License-Identifier: Apache-2.0 */
/* Interfaces come and go: attach to those that were asked for, at once. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cmd/track_internal.h"
#include "source/live/pin.h"

/* In another namespace there are fewer bits for an ifindex. */
static bool iface_fits(const struct link_info *link)
{
    return link->number == link->ifindex || iface_index(link->number) == link->ifindex;
}

/* Who is behind it is known of the end in our own namespace. */
static void find_container(struct tracker *tracker, const struct link_info *link)
{
    if (link->number != link->ifindex)
        link = spaces_get(tracker->spaces, spaces_own_end(tracker->spaces, link->number));
    if (link)
        containers_find(tracker->containers, link, tracker->now_ns);
}

static void attach(struct tracker *tracker, const struct link_info *link)
{
    const struct live_link what = {
        .ifindex = link->number,
        .netns_fd = spaces_netns_fd(tracker->spaces, link->number),
        .scope = spaces_scope(tracker->spaces, link),
        .l3_only = link->l3_only,
        .hardware = link->hardware,
        .bond = !strcmp(link->kind, "bond"),
        .name = track_link_name(tracker, link->number),
    };
    int err;

    if (tracker->stopping || tracker->options.unpin || !link_is_readable(link) ||
        !links_match(&tracker->options.filter, link))
        return;
    if (!iface_fits(link))
        err = -ERANGE;
    else
        err = live_attach(tracker->live, &what);
    if (err && err != -EEXIST && err != -ENODEV) {
        if (!tracker->attach_failures++)
            log_warn("cannot attach to %s: %s; its sessions are not tracked%s", what.name,
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
    find_container(tracker, link);
}

/* The scope of what is at the other end may follow from this interface too. */
static void settle_scopes(struct tracker *tracker, const struct link_info *link)
{
    const struct link_info *peer = spaces_peer(tracker->spaces, link);

    if (link->number != link->ifindex)
        live_set_scope(tracker->live, link->number, spaces_scope(tracker->spaces, link));
    if (peer)
        live_set_scope(tracker->live, peer->number, spaces_scope(tracker->spaces, peer));
}

static void on_added(void *ctx, const struct link_info *link)
{
    attach(ctx, link);
    settle_scopes(ctx, link);
}

/* It may have a name by now that was asked for, or another bridge, so another address space. */
static void on_changed(void *ctx, const struct link_info *link, const struct link_info *before)
{
    struct tracker *tracker = ctx;

    attach(tracker, link);
    if (link->scope != before->scope)
        live_set_scope(tracker->live, link->number, spaces_scope(tracker->spaces, link));
    settle_scopes(tracker, link);
}

/* The sweep ends its sessions; their entries do not need the interface. */
static void on_removed(void *ctx, const struct link_info *link)
{
    struct tracker *tracker = ctx;

    if (!live_detach(tracker->live, link->number))
        tracker->pass_due_ns = tracker->now_ns;
}

/* Where the interfaces of an earlier process are. */
static void tell_netns(struct tracker *tracker)
{
    const struct link_info *link = NULL;

    while ((link = spaces_next(tracker->spaces, link)))
        live_tell_netns(tracker->live, link->number,
                        spaces_netns_fd(tracker->spaces, link->number));
}

/*
 * With a pin: now it is known which of an earlier process' interfaces are wanted still, and in which scope each is;
 * before, it kept the one it had.
 */
static void settle(struct tracker *tracker)
{
    const struct link_info *link = NULL;

    live_settle(tracker->live);
    spaces_settle(tracker->spaces);
    while ((link = spaces_next(tracker->spaces, link)))
        live_set_scope(tracker->live, link->number, spaces_scope(tracker->spaces, link));
}

static int complain_missing(const struct tracker *tracker, const char *name)
{
    char present[256];
    size_t at = 0;
    const struct link_info *link = NULL;

    present[0] = '\0';
    while ((link = spaces_next(tracker->spaces, link)) &&
           at + LINK_NAME_SIZE + 2 < sizeof(present)) {
        size_t len = strlen(link->name);

        memcpy(present + at, " ", 1);
        memcpy(present + at + 1, link->name, len + 1);
        at += len + 1;
    }
    log_error("no interface is called %s; there are:%s", name, present);
    return -ENODEV;
}

static int first_poll(struct tracker *tracker)
{
    int err;

    do {
        err = spaces_poll(tracker->spaces, tracker->now_ns);
    } while (err > 0);
    if (err)
        log_error("cannot list the interfaces: %s", strerror(-err));
    return err;
}

/* A plain name of -i that no interface has. In namespaces yet to come there may be one. */
static const char *find_missing(const struct tracker *tracker)
{
    if (tracker->options.netns_all || tracker->options.netns_path_count)
        return NULL;
    return links_missing(spaces_own(tracker->spaces), &tracker->options.filter);
}

int track_links_open(struct tracker *tracker)
{
    const struct track_options *options = &tracker->options;
    struct spaces_conf conf = {
        .events = {on_added, on_changed, on_removed, tracker},
        .paths = options->netns_paths,
        .path_count = options->netns_path_count,
        .all = options->netns_all,
    };
    const char *missing;
    int err;

    if (options->live.pin) {
        struct pin_state *state = options->live.pin->state;

        conf.kept = &state->spaces;
        conf.kept_scopes = state->scopes;
        conf.kept_scope_count = PIN_SCOPES;
    }
    tracker->spaces = spaces_open(&conf);
    if (!tracker->spaces) {
        log_error("cannot list the interfaces: %s", strerror(errno));
        return -errno;
    }
    err = first_poll(tracker);
    if (!err && options->live.pin)
        tell_netns(tracker);
    if (err || options->unpin)
        return err;
    missing = find_missing(tracker);
    if (missing)
        return complain_missing(tracker, missing);
    if (tracker->attach_failures && !live_attached(tracker->live))
        return -EIO;
    if (options->live.pin)
        settle(tracker);
    return 0;
}

void track_links_poll(struct tracker *tracker)
{
    spaces_poll(tracker->spaces, tracker->now_ns);
}

bool track_link_gone(const struct tracker *tracker, uint32_t number)
{
    return !spaces_get(tracker->spaces, number);
}

const char *track_link_name(void *ctx, uint32_t number)
{
    const struct tracker *tracker = ctx;
    const char *name = spaces_link_name(tracker->spaces, number);

    if (!name)
        name = track_pin_old_name(tracker, number);
    return name ? name : "(unknown)";
}

static const char *known(const char *text)
{
    return text[0] ? text : NULL;
}

/* The namespace that an interface is in, or leads to. */
static const char *netns_behind(const struct tracker *tracker, uint32_t number)
{
    const struct link_info *link = spaces_get(tracker->spaces, number);
    const struct link_info *peer =
        link && !iface_base(number) ? spaces_peer(tracker->spaces, link) : NULL;

    return spaces_netns_name(tracker->spaces, peer ? peer->number : number);
}

void track_describe_host(void *ctx, uint32_t number, struct record_host *host)
{
    const struct tracker *tracker = ctx;
    uint32_t own_end = iface_base(number) ? spaces_own_end(tracker->spaces, number) : number;
    const struct container_info *info =
        own_end ? containers_get(tracker->containers, own_end) : NULL;

    host->netns = netns_behind(tracker, number);
    if (!info)
        return;
    host->container = known(info->container);
    host->pod = known(info->pod);
    host->namespace_name = known(info->pod_namespace);
    if (info->netns[0])
        host->netns = info->netns;
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

    while ((link = spaces_next(tracker->spaces, link))) {
        if (!live_seen(tracker->live, link->number, &seen))
            find_container(tracker, link);
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
    while (*count < live_attached(tracker->live) && (link = spaces_next(tracker->spaces, link))) {
        if (live_seen(tracker->live, link->number, &all[*count].seen))
            continue;
        all[*count].name = spaces_link_name(tracker->spaces, link->number);
        all[*count].id = link->number;
        (*count)++;
    }
    return all;
}
