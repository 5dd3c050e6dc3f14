/* SPDX-License-Identifier: Apache-2.0 */
#include "host/spaces_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/space_numbers.h"

#define LINK_POLLS_AWAIT 16

/* ---- the list --------------------------------------------------------------------------------- */

static struct space *own(const struct spaces *spaces)
{
    return TAILQ_FIRST(&spaces->present);
}

struct space *spaces_find(const struct space_list *list, uint32_t base)
{
    struct space *space;

    TAILQ_FOREACH(space, list, order)
    {
        if (space->base == base)
            return space;
    }
    return NULL;
}

static struct space *find_present(const struct spaces *spaces, uint32_t number)
{
    return spaces_find(&spaces->present, iface_base(number));
}

static struct space *find_known(const struct spaces *spaces, uint32_t number)
{
    struct space *space = find_present(spaces, number);

    return space ? space : spaces_find(&spaces->gone, iface_base(number));
}

struct space *spaces_find_inode(const struct spaces *spaces, ino_t inode)
{
    struct space *space;

    TAILQ_FOREACH(space, &spaces->present, order)
    {
        if (space->inode == inode)
            return space;
    }
    return NULL;
}

static void free_space(struct space *space)
{
    links_close(space->links);
    if (space->fd >= 0)
        close(space->fd);
    free(space);
}

int spaces_watch(const struct spaces *spaces, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};

    return epoll_ctl(spaces->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* By age. */
static void list_space(struct spaces *spaces, struct space *space)
{
    struct space *before = TAILQ_LAST(&spaces->present, space_list);

    while (before && before->age > space->age)
        before = TAILQ_PREV(before, space_list, order);
    if (before)
        TAILQ_INSERT_AFTER(&spaces->present, before, space, order);
    else
        TAILQ_INSERT_HEAD(&spaces->present, space, order);
}

/* known NULL: our own. */
int spaces_add(struct spaces *spaces, const struct pin_space *known, int fd, ino_t inode,
               const char *name)
{
    struct space *space = calloc(1, sizeof(*space));

    if (!space)
        return -ENOMEM;
    *space = (struct space){.inode = inode, .fd = -1, .own_nsid = -1, .nsid = -1};
    if (known) {
        space->base = known->base;
        space->age = known->order;
    }
    snprintf(space->name, sizeof(space->name), "%s", name);
    space->links = links_open_in(&spaces->conf.events, fd, space->base, name);
    if (!space->links || spaces_watch(spaces, links_fd(space->links))) {
        int err = -errno;

        free_space(space);
        return err;
    }
    if (spaces->conf.kept)
        links_keep_scopes(space->links, spaces->conf.kept_scopes, spaces->conf.kept_scope_count);
    space->fd = fd;
    list_space(spaces, space);
    return 0;
}

void spaces_forget(struct spaces *spaces, struct space *space)
{
    TAILQ_REMOVE(&spaces->gone, space, order);
    spaces->gone_count--;
    free_space(space);
}

void spaces_let_go(struct spaces *spaces, struct space *space)
{
    links_stop(space->links);
    close(space->fd);
    space->fd = -1;
    space_numbers_drop_scopes(spaces->numbers, space->base);
    TAILQ_REMOVE(&spaces->present, space, order);
    spaces->present_count--;
    TAILQ_INSERT_TAIL(&spaces->gone, space, order);
    if (++spaces->gone_count <= SPACES_GONE_KEPT)
        return;
    space = TAILQ_FIRST(&spaces->gone);
    space_numbers_release(spaces->numbers, space->base);
    spaces_forget(spaces, space);
}

/* ---- beginning, end, and polling -------------------------------------------------------------- */

struct spaces *spaces_open(const struct spaces_conf *conf)
{
    struct spaces *spaces = calloc(1, sizeof(*spaces));
    struct stat st = {0};
    int err = 0;

    if (!spaces)
        return NULL;
    spaces->conf = *conf;
    spaces->inotify_fd = -1;
    spaces->numbers = conf->kept ? conf->kept : calloc(1, sizeof(*spaces->numbers));
    TAILQ_INIT(&spaces->present);
    TAILQ_INIT(&spaces->gone);
    spaces->own_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    spaces->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!spaces->numbers || spaces->epoll_fd < 0 ||
        (spaces->own_fd >= 0 && fstat(spaces->own_fd, &st)))
        err = -errno;
    spaces->nsfs = st.st_dev;
    if (!err)
        err = spaces_add(spaces, NULL, -1, st.st_ino, "");
    if (err) {
        spaces_close(spaces);
        errno = -err;
        return NULL;
    }
    if (spaces_wants_others(spaces))
        spaces_watch_names(spaces);
    return spaces;
}

static void free_all(struct space_list *list)
{
    struct space *space;

    while ((space = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, space, order);
        free_space(space);
    }
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void spaces_close(struct spaces *spaces)
{
    if (!spaces)
        return;
    free_all(&spaces->present);
    free_all(&spaces->gone);
    close_fd(spaces->own_fd);
    close_fd(spaces->epoll_fd);
    close_fd(spaces->inotify_fd);
    if (!spaces->conf.kept)
        free(spaces->numbers);
    free(spaces);
}

int spaces_fd(const struct spaces *spaces)
{
    return spaces->epoll_fd;
}

int spaces_poll(struct spaces *spaces, uint64_t mono_now_ns)
{
    struct space *space;
    int result;

    spaces->polling = true;
    result = links_poll(own(spaces)->links);
    spaces_look(spaces, mono_now_ns);
    TAILQ_FOREACH(space, &spaces->present, order)
    {
        int left = space->base ? 1 : 0;

        for (int i = 0; left > 0 && i < LINK_POLLS_AWAIT; i++)
            left = links_poll(space->links);
        if (left > 0 && !result)
            result = left;
    }
    spaces->polling = false;
    return result;
}

static bool is_present(void *ctx, uint32_t base)
{
    return find_present(ctx, base);
}

void spaces_settle(struct spaces *spaces)
{
    space_numbers_settle(spaces->numbers, is_present, spaces);
}

/* ---- what is asked ---------------------------------------------------------------------------- */

struct links *spaces_own(const struct spaces *spaces)
{
    return own(spaces)->links;
}

size_t spaces_count(const struct spaces *spaces)
{
    return spaces->present_count;
}

const struct link_info *spaces_get(const struct spaces *spaces, uint32_t number)
{
    const struct space *space = find_present(spaces, number);

    return space ? links_get(space->links, iface_index(number)) : NULL;
}

const char *spaces_link_name(const struct spaces *spaces, uint32_t number)
{
    const struct space *space = find_known(spaces, number);

    return space ? links_name(space->links, iface_index(number)) : NULL;
}

const struct link_info *spaces_next(const struct spaces *spaces, const struct link_info *link)
{
    const struct space *space = link ? find_present(spaces, link->number) : own(spaces);

    link = links_next(space->links, link);
    while (!link && (space = TAILQ_NEXT(space, order)))
        link = links_next(space->links, NULL);
    return link;
}

int spaces_netns_fd(const struct spaces *spaces, uint32_t number)
{
    const struct space *space = find_present(spaces, number);

    return space ? space->fd : -1;
}

const char *spaces_netns_name(const struct spaces *spaces, uint32_t number)
{
    const struct space *space = find_known(spaces, number);

    return space && space->base ? space->name : NULL;
}

/*
 * The numbers that a namespace and our own have for each other are given when an interface leads from one to the other. They
 * are asked for, with a system call, when one is reported, and not by who wants to know later: each record does.
 */
static void ask_nsids(const struct spaces *spaces, struct space *space)
{
    if (!spaces->polling || !space->base || space->fd < 0)
        return;
    if (space->own_nsid < 0)
        space->own_nsid = links_nsid(space->links, spaces->own_fd);
    if (space->nsid < 0)
        space->nsid = links_nsid(own(spaces)->links, space->fd);
}

static bool is_nsid_of(const struct spaces *spaces, struct space *from, struct space *to,
                       int32_t nsid)
{
    if (from->base && to->base)
        return links_nsid(from->links, to->fd) == nsid;
    ask_nsids(spaces, from->base ? from : to);
    return (from->base ? from->own_nsid : to->nsid) == nsid;
}

const struct link_info *spaces_peer(struct spaces *spaces, const struct link_info *link)
{
    struct space *from = find_present(spaces, link->number), *to;
    const struct link_info *peer;

    if (from)
        ask_nsids(spaces, from);
    if (!from || link->link_netnsid < 0 || !link->peer_ifindex || !spaces->present_count)
        return NULL;
    TAILQ_FOREACH(to, &spaces->present, order)
    {
        if (to != from && is_nsid_of(spaces, from, to, link->link_netnsid))
            break;
    }
    peer = to ? links_get(to->links, link->peer_ifindex) : NULL;
    if (peer && link_is_pair_end(link) && peer->peer_ifindex != link->ifindex)
        return NULL;
    return peer;
}

uint32_t spaces_own_end(struct spaces *spaces, uint32_t number)
{
    struct space *space = find_known(spaces, number);
    const struct link_info *link =
        space && space->base ? links_known(space->links, iface_index(number)) : NULL;

    if (!link || !link_is_pair_end(link) || link->link_netnsid < 0)
        return 0;
    ask_nsids(spaces, space);
    if (space->own_nsid != link->link_netnsid)
        return 0;
    return link->peer_ifindex;
}

/* ---- scopes ----------------------------------------------------------------------------------- */

uint16_t spaces_scope(struct spaces *spaces, const struct link_info *link)
{
    struct space *space = find_present(spaces, link->number), *other;
    const struct link_info *peer;

    if (!space || !space->base)
        return link->scope;
    peer = spaces_peer(spaces, link);
    other = peer ? find_present(spaces, peer->number) : NULL;
    if (other && other->age < space->age) {
        space = other;
        link = peer;
    }
    return space->base ? space_numbers_scope(spaces->numbers, space->base, link->scope)
                       : link->scope;
}
