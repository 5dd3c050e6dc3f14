/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network namespaces that interfaces here lead to: their names below /run/netns, and the
 * processes in them. An interface knows its peer's namespace by a number (nsid) that only has
 * meaning here; files and processes know it by inode. This joins the two.
 */
#ifndef SESSTAP_NETNS_H
#define SESSTAP_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct netlink;

struct netns {
    ino_t inode;
    int32_t nsid;  /* -1: none, so no interface here leads to it */
    bool is_init;  /* that of process 1: the host itself, or the container that we run in */
    char name[64]; /* below /run/netns; "": none, or longer */
};

struct netns_process {
    pid_t pid;
    ino_t inode; /* of its network namespace */
};

/* What one look at /run/netns and /proc found. Zeroed is empty. */
struct netns_scan {
    struct netns *spaces;
    size_t space_count;
    size_t space_cap;
    struct netns_process *processes; /* in other namespaces than ours; ascending pid */
    size_t process_count;
    size_t process_cap;
    ino_t own_inode;
};

/*
 * Look anew. One stat a process and one netlink question a namespace. What may not be looked at
 * (processes of others, without root) is passed over. 0, -ENOMEM, or -errno when /proc or netlink
 * can't be had.
 */
int netns_scan(struct netns_scan *scan);
void netns_scan_fini(struct netns_scan *scan);

/* NULL: not found. Borrowed until the next scan. */
const struct netns *netns_find(const struct netns_scan *scan, int32_t nsid);

/* The number that the namespace of nl has for another, by a file of that; negative: none. */
int32_t netns_ask_id(struct netlink *nl, int ns_fd);

/* The inode of a process's network namespace; 0 when it is gone or may not be looked at. */
ino_t netns_of_process(pid_t pid);

#endif
