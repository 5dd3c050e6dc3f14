/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To watch a namespace is to hold it: our sockets in it keep it alive. So one that nobody else has any more must be found
 * by looking, and let go.
 */
#include "host/spaces.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/namespace.h"
#include "host/space_numbers.h"

#define LOOK_PERIOD_NS   1000000000ull
#define LOOK_CLOSELY_NS  300000000ull /* after a name came or went: a mount may follow it */
#define GONE_KEPT        64           /* whose interfaces' names are still known */
#define LINK_POLLS_AWAIT 16

static const char *const NAMED_DIRS[] = {"/run/netns", "/run/docker/netns"};
#define NAMED_DIR_COUNT (sizeof(NAMED_DIRS) / sizeof(NAMED_DIRS[0]))

struct space {
    TAILQ_ENTRY(space) order; /* oldest first, our own before all */
    uint32_t base;            /* of its interfaces' numbers; 0: our own */
    uint32_t age;             /* lower is older */
    ino_t inode;
    int fd;
    struct links *links;
    int32_t own_nsid; /* its number for our own namespace; negative: not known to have one */
    int32_t nsid;     /* our own namespace's number for it, the same */
    uint32_t look;    /* the last that found it */
    bool named;
    char name[LINK_SPACE_SIZE];
};
TAILQ_HEAD(space_list, space);

struct spaces {
    struct spaces_conf conf;
    struct space_list present;
    struct space_list gone;
    size_t present_count; /* but our own */
    size_t gone_count;
    int own_fd;
    dev_t nsfs; /* where all namespaces' files are */
    int epoll_fd;
    int inotify_fd;
    uint32_t look;
    struct pin_spaces *numbers; /* conf.kept, or our own */
    uint64_t look_due_ns;
    uint64_t close_until_ns;
    bool said_full;
    bool said_refused;
    bool polling;
};

/* ---- the list --------------------------------------------------------------------------------- */

static struct space *own(const struct spaces *spaces)
{
    return TAILQ_FIRST(&spaces->present);
}

static struct space *find_in(const struct space_list *list, uint32_t base)
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
    return find_in(&spaces->present, iface_base(number));
}

static struct space *find_known(const struct spaces *spaces, uint32_t number)
{
    struct space *space = find_present(spaces, number);

    return space ? space : find_in(&spaces->gone, iface_base(number));
}

static struct space *find_inode(const struct spaces *spaces, ino_t inode)
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

static int watch(const struct spaces *spaces, int fd)
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
static int add_space(struct spaces *spaces, const struct pin_space *known, int fd, ino_t inode,
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
    if (!space->links || watch(spaces, links_fd(space->links))) {
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

static void forget_gone(struct spaces *spaces, struct space *space)
{
    TAILQ_REMOVE(&spaces->gone, space, order);
    spaces->gone_count--;
    free_space(space);
}

static void let_go(struct spaces *spaces, struct space *space)
{
    links_stop(space->links);
    close(space->fd);
    space->fd = -1;
    space_numbers_drop_scopes(spaces->numbers, space->base);
    TAILQ_REMOVE(&spaces->present, space, order);
    spaces->present_count--;
    TAILQ_INSERT_TAIL(&spaces->gone, space, order);
    if (++spaces->gone_count <= GONE_KEPT)
        return;
    space = TAILQ_FIRST(&spaces->gone);
    space_numbers_release(spaces->numbers, space->base);
    forget_gone(spaces, space);
}

/* ---- looking for namespaces ------------------------------------------------------------------- */

static void say_full(struct spaces *spaces)
{
    if (!spaces->said_full)
        log_warn("more than %d network namespaces: the others are not tracked",
                 IFACE_SPACES - 1 - GONE_KEPT);
    spaces->said_full = true;
}

/* fd becomes the list's. */
static int number_and_add(struct spaces *spaces, int fd, ino_t inode, const char *name)
{
    uint64_t cookie = namespace_cookie(fd);
    const struct pin_space *known =
        space_numbers_take(spaces->numbers, cookie ? cookie : (uint64_t)inode);
    struct space *before;

    if (!known) {
        say_full(spaces);
        return -ESTALE;
    }
    before = find_in(&spaces->gone, known->base); /* something names it again */
    if (before)
        forget_gone(spaces, before);
    return add_space(spaces, known, fd, inode, name);
}

static void found_new(struct spaces *spaces, int dir_fd, const char *path, ino_t inode,
                      const char *name)
{
    int fd, err;
    struct stat st;

    fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return; /* gone again */
    err = fstat(fd, &st) || st.st_ino != inode ? -ESTALE : number_and_add(spaces, fd, inode, name);
    if (err) {
        close(fd);
        if (err != -ESTALE && !spaces->said_refused)
            log_warn("cannot watch network namespace %s: %s%s", name, strerror(-err),
                     err == -EPERM ? " (it takes CAP_SYS_ADMIN)" : "");
        spaces->said_refused |= err != -ESTALE;
        return;
    }
    spaces->present_count++;
}

/* name: "" when the file's own does not tell. */
static void look_at(struct spaces *spaces, int dir_fd, const char *path, const char *name)
{
    char made[LINK_SPACE_SIZE];
    struct space *space;
    struct stat st;

    if (fstatat(dir_fd, path, &st, 0) || st.st_dev != spaces->nsfs)
        return;
    space = find_inode(spaces, st.st_ino);
    if (!space) {
        snprintf(made, sizeof(made), "net:[%llu]", (unsigned long long)st.st_ino);
        found_new(spaces, dir_fd, path, st.st_ino, name[0] ? name : made);
        space = find_inode(spaces, st.st_ino);
        if (!space)
            return;
        space->named = name[0];
    }
    space->look = spaces->look;
    if (!space->named && name[0] && space->base) {
        space->named = true;
        snprintf(space->name, sizeof(space->name), "%s", name);
        links_rename_space(space->links, name);
    }
}

static void look_in_named(struct spaces *spaces, const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "default") != 0)
            look_at(spaces, dirfd(dir), entry->d_name, entry->d_name);
    }
    closedir(dir);
}

static void look_in_processes(struct spaces *spaces)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    char path[288];

    if (!dir)
        return;
    while ((entry = readdir(dir))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof(path), "%s/ns/net", entry->d_name);
        look_at(spaces, dirfd(dir), path, "");
    }
    closedir(dir);
}

/* By the last part of the path; /proc/PID/ns/net says nothing. */
static void look_at_path(struct spaces *spaces, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    look_at(spaces, AT_FDCWD, path, strncmp(path, "/proc/", 6) == 0 ? "" : name);
}

static void look(struct spaces *spaces)
{
    struct space *space, *next;

    spaces->look++;
    for (size_t i = 0; i < spaces->conf.path_count; i++)
        look_at_path(spaces, spaces->conf.paths[i]);
    for (size_t i = 0; spaces->conf.all && i < NAMED_DIR_COUNT; i++)
        look_in_named(spaces, NAMED_DIRS[i]);
    if (spaces->conf.all)
        look_in_processes(spaces);
    for (space = TAILQ_FIRST(&spaces->present); space; space = next) {
        next = TAILQ_NEXT(space, order);
        if (space->base && space->look != spaces->look)
            let_go(spaces, space);
    }
}

static bool wants_others(const struct spaces *spaces)
{
    return spaces->conf.all || spaces->conf.path_count;
}

static void look_when_due(struct spaces *spaces, uint64_t now_ns)
{
    char events[4096];

    if (!wants_others(spaces))
        return;
    while (spaces->inotify_fd >= 0 && read(spaces->inotify_fd, events, sizeof(events)) > 0)
        spaces->close_until_ns = now_ns + LOOK_CLOSELY_NS;
    if (now_ns < spaces->look_due_ns && now_ns >= spaces->close_until_ns)
        return;
    spaces->look_due_ns = now_ns + LOOK_PERIOD_NS;
    look(spaces);
}

/* Quicker than by looking; where it can't be, that is left. */
static void watch_names(struct spaces *spaces)
{
    spaces->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (spaces->inotify_fd < 0)
        return;
    for (size_t i = 0; i < NAMED_DIR_COUNT; i++)
        inotify_add_watch(spaces->inotify_fd, NAMED_DIRS[i], IN_CREATE | IN_DELETE);
    watch(spaces, spaces->inotify_fd);
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
        err = add_space(spaces, NULL, -1, st.st_ino, "");
    if (err) {
        spaces_close(spaces);
        errno = -err;
        return NULL;
    }
    if (wants_others(spaces))
        watch_names(spaces);
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
    look_when_due(spaces, mono_now_ns);
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
