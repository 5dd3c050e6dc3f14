/* SPDX-License-Identifier: Apache-2.0 */
/* What spaces.c, which keeps the namespaces, and spaces_look.c, which finds them, share. */
#ifndef SESSTAP_SPACES_INTERNAL_H
#define SESSTAP_SPACES_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "host/spaces.h"

#define SPACES_GONE_KEPT 64 /* whose interfaces' names are still known */

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

/* ---- spaces.c */

/* By the upper part of its interfaces' numbers, or by its inode; NULL: none in the list, or not present. */
struct space *spaces_find(const struct space_list *list, uint32_t base);
struct space *spaces_find_inode(const struct spaces *spaces, ino_t inode);
/* Make it present; fd becomes the list's. known NULL: our own. 0 or -errno. */
int spaces_add(struct spaces *spaces, const struct pin_space *known, int fd, ino_t inode,
               const char *name);
/* Watch it no more; the names of its interfaces are known until many others are gone. */
void spaces_let_go(struct spaces *spaces, struct space *space);
/* One that is gone: free it. */
void spaces_forget(struct spaces *spaces, struct space *space);
/* Have spaces_fd be readable when fd is. 0 or -errno. */
int spaces_watch(const struct spaces *spaces, int fd);

/* ---- spaces_look.c */

/* Other namespaces than our own are asked for. */
bool spaces_wants_others(const struct spaces *spaces);
/* Be told of names that come and go: quicker than by looking; where it can't be, that is left. */
void spaces_watch_names(struct spaces *spaces);
/* Find what came, and let go what nobody has any more; when it is time to, else nothing. */
void spaces_look(struct spaces *spaces, uint64_t now_ns);

#endif
