/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One socket listens, another asks, so that answers and notifications never mix. After an overrun
 * (and at the start) a dump is compared with what is known. Notifications older than the dump may
 * still follow it; they end in the same state, since the newest are always among them.
 */
#include "host/links.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/namespace.h"
#include "host/link_dump.h"
#include "host/link_message.h"
#include "host/netlink.h"
#include "host/netns.h"
#include "host/scope.h"

#define BUCKETS          1024
#define MASTER_CHAIN_MAX 8    /* interface -> bond -> bridge ... */
#define MESSAGES_A_POLL  1024 /* so that callers get their turn */
#define NOTIFIED_GROUPS  (RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR)

struct node {
    struct link_info info;   /* first: links_next turns one into the other */
    struct node *hash_next;  /* newest first, so a reused index finds its present owner */
    TAILQ_ENTRY(node) order; /* among the present or the removed, oldest first */
    bool removed;
    bool in_dump;
    char label[LINK_SPACE_SIZE + LINK_NAME_SIZE]; /* in another namespace; else "" */
};
TAILQ_HEAD(node_list, node);

struct links {
    struct netlink notified;
    struct netlink asked;
    struct links_events events;
    struct scopes *scopes;
    struct node_list present;
    struct node_list removed;
    size_t present_count;
    size_t removed_count;
    uint64_t overruns;
    bool unsynced; /* a dump is due */
    uint32_t base; /* of interfaces' numbers */
    char space[LINK_SPACE_SIZE];
    struct node *buckets[BUCKETS];
};

/* ---- the table ------------------------------------------------------------------------------ */

static struct node **bucket_of(const struct links *links, uint32_t ifindex)
{
    return (struct node **)&links->buckets[ifindex % BUCKETS];
}

/* Present before removed, newest removed first: the order of the chain. */
static struct node *find_node(const struct links *links, uint32_t ifindex)
{
    struct node *node = *bucket_of(links, ifindex);

    while (node && node->info.ifindex != ifindex)
        node = node->hash_next;
    return node;
}

static struct node *find_present(const struct links *links, uint32_t ifindex)
{
    struct node *node = find_node(links, ifindex);

    return node && !node->removed ? node : NULL;
}

static void forget_oldest_removed(struct links *links)
{
    struct node *node = TAILQ_FIRST(&links->removed);
    struct node **at = bucket_of(links, node->info.ifindex);

    while (*at != node)
        at = &(*at)->hash_next;
    *at = node->hash_next;
    TAILQ_REMOVE(&links->removed, node, order);
    links->removed_count--;
    free(node);
}

/* ---- scopes --------------------------------------------------------------------------------- */

static bool is_bridge(const struct link_info *link)
{
    return strcmp(link->kind, "bridge") == 0;
}

/* Of the bridge that the interface is, or is connected to, perhaps through a bond. */
static uint16_t find_scope(const struct links *links, const struct link_info *link)
{
    for (int i = 0; link && i < MASTER_CHAIN_MAX; i++) {
        if (is_bridge(link))
            return scopes_get(links->scopes, link->ifindex);
        link = link->master_ifindex ? links_get(links, link->master_ifindex) : NULL;
    }
    return 0;
}

/* After any change: a bridge's scope is also that of what is below it. */
static void update_scopes(struct links *links)
{
    struct node *node;

    scopes_update(links->scopes);
    TAILQ_FOREACH(node, &links->present, order)
    {
        struct link_info before = node->info;

        node->info.scope = find_scope(links, &node->info);
        if (node->info.scope != before.scope)
            links->events.changed(links->events.ctx, &node->info, &before);
    }
}

/* ---- what is not as in our own namespace ------------------------------------------------------ */

static void set_label(const struct links *links, struct node *node)
{
    if (links->space[0])
        snprintf(node->label, sizeof(node->label), "%s/%s", links->space, node->info.name);
}

void links_rename_space(struct links *links, const char *name)
{
    struct node *node;

    snprintf(links->space, sizeof(links->space), "%s", name);
    TAILQ_FOREACH(node, &links->present, order)
    set_label(links, node);
}

/* ---- what happens to one interface ---------------------------------------------------------- */

static void remove_link(struct links *links, struct node *node)
{
    TAILQ_REMOVE(&links->present, node, order);
    links->present_count--;
    TAILQ_INSERT_TAIL(&links->removed, node, order);
    links->removed_count++;
    node->removed = true;
    if (is_bridge(&node->info))
        scopes_remove_bridge(links->scopes, node->info.ifindex);
    links->events.removed(links->events.ctx, &node->info);
    if (links->removed_count > LINKS_REMOVED_KEPT)
        forget_oldest_removed(links);
}

static int add_link(struct links *links, const struct link_info *link)
{
    struct node **bucket = bucket_of(links, link->ifindex);
    struct node *node = calloc(1, sizeof(*node));

    if (!node || (is_bridge(link) && scopes_add_bridge(links->scopes, link->ifindex) < 0)) {
        free(node);
        return -ENOMEM;
    }
    node->info = *link;
    set_label(links, node);
    node->in_dump = true;
    node->hash_next = *bucket;
    *bucket = node;
    TAILQ_INSERT_TAIL(&links->present, node, order);
    links->present_count++;
    scopes_update(links->scopes);
    node->info.scope = find_scope(links, &node->info);
    links->events.added(links->events.ctx, &node->info);
    return 0;
}

static void change_link(struct links *links, struct node *node, struct link_info *link)
{
    struct link_info before = node->info;
    bool moved = link->master_ifindex != before.master_ifindex;

    link->scope = before.scope;
    node->info = *link;
    set_label(links, node);
    if (moved)
        node->info.scope = find_scope(links, &node->info);
    if (memcmp(&before, &node->info, sizeof(before)) != 0)
        links->events.changed(links->events.ctx, &node->info, &before);
}

/* These take their address from the interfaces below them. */
static bool borrows_address(const struct link_info *link)
{
    return is_bridge(link) || strcmp(link->kind, "bond") == 0 || strcmp(link->kind, "team") == 0;
}

/*
 * Another interface under the same index. strict: also when only the link-layer address differs,
 * for when a removal may have been missed.
 */
static bool is_another(const struct link_info *a, const struct link_info *b, bool strict)
{
    if (strcmp(a->kind, b->kind) != 0 || a->arphrd != b->arphrd)
        return true;
    return strict && !borrows_address(a) &&
           (a->address_len != b->address_len ||
            memcmp(a->address, b->address, sizeof(a->address)) != 0);
}

static int take_link(struct links *links, struct link_info *link, bool strict)
{
    struct node *node = find_present(links, link->ifindex);

    link->number = links->base | link->ifindex;
    if (node && is_another(&node->info, link, strict)) {
        remove_link(links, node);
        node = NULL;
    }
    if (!node)
        return add_link(links, link);
    change_link(links, node, link);
    return 0;
}

static int take_address(struct links *links, const struct nlmsghdr *msg)
{
    struct subnet subnet;
    uint32_t ifindex;

    if (!address_message_parse(&subnet, &ifindex, msg))
        return 0;
    if (msg->nlmsg_type == RTM_NEWADDR)
        return scopes_add_subnet(links->scopes, ifindex, &subnet);
    scopes_remove_subnet(links->scopes, ifindex, &subnet);
    return 0;
}

/* ---- what the kernel tells nobody ----------------------------------------------------------- */

bool link_is_pair_end(const struct link_info *link)
{
    return strcmp(link->kind, "veth") == 0 || strcmp(link->kind, "netkit") == 0;
}

/*
 * One end of a pair was made, or went (perhaps to another namespace): the other is another now too,
 * but of that there is no notification. An end that is gone as well is told of by its own.
 */
static int refresh_other_end(struct links *links, const struct link_info *link)
{
    const struct node *other = find_present(links, link->peer_ifindex);
    struct link_info now;

    if (!link_is_pair_end(link) || link->link_netnsid >= 0 || !other ||
        link_ask(&now, &links->asked, link->peer_ifindex) < 0)
        return 0;
    return take_link(links, &now, false);
}

static int on_newlink(struct links *links, struct link_info *link)
{
    const struct node *other;
    int err = take_link(links, link, false);

    other = find_present(links, link->peer_ifindex);
    if (err || !other ||
        (other->info.peer_ifindex == link->ifindex && other->info.link_netnsid < 0))
        return err;
    return refresh_other_end(links, link);
}

static int on_dellink(struct links *links, const struct link_info *link)
{
    struct node *node = find_present(links, link->ifindex);
    struct link_info gone;

    if (!node)
        return 0;
    gone = node->info;
    remove_link(links, node);
    return refresh_other_end(links, &gone);
}

static int on_notified(void *ctx, const struct nlmsghdr *msg)
{
    struct link_info link;

    switch (msg->nlmsg_type) {
    case RTM_NEWLINK:
        return link_message_parse(&link, msg) ? on_newlink(ctx, &link) : 0;
    case RTM_DELLINK:
        return link_message_parse(&link, msg) ? on_dellink(ctx, &link) : 0;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        return take_address(ctx, msg);
    default:
        return 0;
    }
}

/* ---- reading all anew ------------------------------------------------------------------------ */

/* Removed ones first, so that a name is never had by two. */
static void drop_what_is_gone(struct links *links, const struct link_dump *dump)
{
    struct node *node, *next;

    TAILQ_FOREACH(node, &links->present, order)
    node->in_dump = false;
    for (size_t i = 0; i < dump->link_count; i++) {
        node = find_present(links, dump->links[i].ifindex);
        if (node)
            node->in_dump = !is_another(&node->info, &dump->links[i], true);
    }
    for (node = TAILQ_FIRST(&links->present); node; node = next) {
        next = TAILQ_NEXT(node, order);
        if (!node->in_dump)
            remove_link(links, node);
    }
}

/* Before links are taken, so that each is told with its scope. */
static int take_addresses(struct links *links, const struct link_dump *dump)
{
    int err = 0;

    for (size_t i = 0; i < dump->link_count && !err; i++)
        if (is_bridge(&dump->links[i]))
            err = scopes_add_bridge(links->scopes, dump->links[i].ifindex);
    scopes_clear_subnets(links->scopes);
    for (size_t i = 0; i < dump->address_count && !err; i++)
        err = scopes_add_subnet(links->scopes, dump->addresses[i].ifindex,
                                &dump->addresses[i].subnet);
    return err;
}

static int resync(struct links *links)
{
    struct link_dump dump = {0};
    int err = link_dump_read(&dump, &links->asked);

    if (!err) {
        drop_what_is_gone(links, &dump);
        err = take_addresses(links, &dump);
    }
    for (size_t i = 0; i < dump.link_count && !err; i++)
        err = take_link(links, &dump.links[i], true);
    link_dump_fini(&dump);
    return err;
}

/* ---- the public side ------------------------------------------------------------------------- */

struct links *links_open(const struct links_events *events)
{
    struct links *links = calloc(1, sizeof(*links));
    int err;

    if (!links)
        return NULL;
    links->notified.fd = links->asked.fd = -1;
    links->events = *events;
    links->unsynced = true;
    TAILQ_INIT(&links->present);
    TAILQ_INIT(&links->removed);
    links->scopes = scopes_new();
    err = links->scopes ? netlink_open(&links->notified, NOTIFIED_GROUPS) : -ENOMEM;
    if (!err)
        err = netlink_open(&links->asked, 0);
    if (err) {
        links_close(links);
        errno = -err;
        return NULL;
    }
    return links;
}

struct links *links_open_in(const struct links_events *events, int ns_fd, uint32_t base,
                            const char *name)
{
    struct links *links = NULL;
    int back, err = namespace_enter(ns_fd, &back);

    if (!err) {
        links = links_open(events);
        err = -errno;
        namespace_leave(back);
    }
    if (!links) {
        errno = -err;
        return NULL;
    }
    links->base = base;
    snprintf(links->space, sizeof(links->space), "%s", name);
    return links;
}

void links_stop(struct links *links)
{
    struct node *node;

    while ((node = TAILQ_FIRST(&links->present)))
        remove_link(links, node);
    netlink_close(&links->notified);
    netlink_close(&links->asked);
}

void links_keep_scopes(struct links *links, struct pin_scope *room, uint32_t count)
{
    scopes_keep(links->scopes, room, count, links->base);
}

static void free_nodes(struct node_list *list)
{
    struct node *node;

    while ((node = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, node, order);
        free(node);
    }
}

void links_close(struct links *links)
{
    if (!links)
        return;
    netlink_close(&links->notified);
    netlink_close(&links->asked);
    scopes_free(links->scopes);
    free_nodes(&links->present);
    free_nodes(&links->removed);
    free(links);
}

int links_fd(const struct links *links)
{
    return links->notified.fd;
}

int links_poll(struct links *links)
{
    bool more = true, any = false;
    int err = 0;

    for (int i = 0; more && i < MESSAGES_A_POLL; i++) {
        int got = netlink_notified(&links->notified, on_notified, links);

        if (got < 0) { /* lost, or not taken in: only a dump mends it */
            links->overruns += !links->unsynced;
            links->unsynced = true;
        }
        if (got < 0 && got != -ENOBUFS)
            err = got;
        more = got != 0 && !err;
        any |= got != 0;
    }
    if (!more && !err && links->unsynced) {
        err = resync(links);
        links->unsynced = err != 0;
        any = true;
    }
    if (any)
        update_scopes(links);
    if (err && err != -EAGAIN)
        return err;
    return more || links->unsynced;
}

const struct link_info *links_get(const struct links *links, uint32_t ifindex)
{
    const struct node *node = find_present(links, ifindex);

    return node ? &node->info : NULL;
}

const struct link_info *links_known(const struct links *links, uint32_t ifindex)
{
    const struct node *node = find_node(links, ifindex);

    return node ? &node->info : NULL;
}

int32_t links_nsid(struct links *links, int ns_fd)
{
    return netns_ask_id(&links->asked, ns_fd);
}

const char *links_name(const struct links *links, uint32_t ifindex)
{
    const struct node *node = find_node(links, ifindex);

    if (!node)
        return NULL;
    return node->label[0] ? node->label : node->info.name;
}

const struct link_info *links_next(const struct links *links, const struct link_info *link)
{
    const struct node *node = (const struct node *)link;

    node = node ? TAILQ_NEXT(node, order) : TAILQ_FIRST(&links->present);
    return node ? &node->info : NULL;
}

size_t links_count(const struct links *links)
{
    return links->present_count;
}

uint64_t links_overruns(const struct links *links)
{
    return links->overruns;
}
