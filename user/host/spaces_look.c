/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To watch a namespace is to hold it: our sockets in it keep it alive. So one that nobody else has any more must be found
 * by looking, and let go.
 */
#include "host/spaces_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/namespace.h"
#include "host/space_numbers.h"

#define LOOK_PERIOD_NS  1000000000ull
#define LOOK_CLOSELY_NS 300000000ull /* after a name came or went: a mount may follow it */

static const char *const NAMED_DIRS[] = {"/run/netns", "/run/docker/netns"};
#define NAMED_DIR_COUNT (sizeof(NAMED_DIRS) / sizeof(NAMED_DIRS[0]))

static void say_full(struct spaces *spaces)
{
    if (!spaces->said_full)
        log_warn("more than %d network namespaces: the others are not tracked",
                 IFACE_SPACES - 1 - SPACES_GONE_KEPT);
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
    before = spaces_find(&spaces->gone, known->base); /* something names it again */
    if (before)
        spaces_forget(spaces, before);
    return spaces_add(spaces, known, fd, inode, name);
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
    space = spaces_find_inode(spaces, st.st_ino);
    if (!space) {
        snprintf(made, sizeof(made), "net:[%llu]", (unsigned long long)st.st_ino);
        found_new(spaces, dir_fd, path, st.st_ino, name[0] ? name : made);
        space = spaces_find_inode(spaces, st.st_ino);
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
            spaces_let_go(spaces, space);
    }
}

bool spaces_wants_others(const struct spaces *spaces)
{
    return spaces->conf.all || spaces->conf.path_count;
}

void spaces_look(struct spaces *spaces, uint64_t now_ns)
{
    char events[4096];

    if (!spaces_wants_others(spaces))
        return;
    while (spaces->inotify_fd >= 0 && read(spaces->inotify_fd, events, sizeof(events)) > 0)
        spaces->close_until_ns = now_ns + LOOK_CLOSELY_NS;
    if (now_ns < spaces->look_due_ns && now_ns >= spaces->close_until_ns)
        return;
    spaces->look_due_ns = now_ns + LOOK_PERIOD_NS;
    look(spaces);
}

void spaces_watch_names(struct spaces *spaces)
{
    spaces->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (spaces->inotify_fd < 0)
        return;
    for (size_t i = 0; i < NAMED_DIR_COUNT; i++)
        inotify_add_watch(spaces->inotify_fd, NAMED_DIRS[i], IN_CREATE | IN_DELETE);
    spaces_watch(spaces, spaces->inotify_fd);
}
