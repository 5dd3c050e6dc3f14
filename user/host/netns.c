/* SPDX-License-Identifier: Apache-2.0 */
/* RTM_GETNSID (linux/net_namespace.h) turns a namespace's file into its number, as `ip netns list-id`. */
#include "host/netns.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/net_namespace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "host/netlink.h"

#define NAMED_DIR "/run/netns"

static int on_nsid(void *ctx, const struct nlmsghdr *msg)
{
    const struct rtattr *attr[NETNSA_NSID + 1];
    int32_t *nsid = ctx;

    netlink_message_attributes(attr, NETNSA_NSID, msg, sizeof(struct rtgenmsg));
    *nsid = (int32_t)netlink_u32(attr[NETNSA_NSID], (uint32_t)NETNSA_NSID_NOT_ASSIGNED);
    return 0;
}

int32_t netns_ask_id(struct netlink *nl, int ns_fd)
{
    struct {
        struct nlmsghdr head;
        struct rtgenmsg gen;
        _Alignas(NLMSG_ALIGNTO) struct rtattr attr;
        uint32_t fd;
    } request = {
        .head = {.nlmsg_len = sizeof(request), .nlmsg_type = RTM_GETNSID},
        .attr = {.rta_len = RTA_LENGTH(sizeof(uint32_t)), .rta_type = NETNSA_FD},
        .fd = (uint32_t)ns_fd,
    };
    int32_t nsid = NETNSA_NSID_NOT_ASSIGNED;

    return netlink_ask(nl, &request.head, on_nsid, &nsid) == 0 ? nsid : NETNSA_NSID_NOT_ASSIGNED;
}

/* Room for one more element, doubling. False: no memory. */
static bool grow(void **array, size_t count, size_t *cap, size_t size)
{
    size_t wanted = *cap ? *cap * 2 : 64;
    void *grown;

    if (count < *cap)
        return true;
    grown = reallocarray(*array, wanted, size);
    if (!grown)
        return false;
    *array = grown;
    *cap = wanted;
    return true;
}

static struct netns *find_inode(const struct netns_scan *scan, ino_t inode)
{
    for (size_t i = 0; i < scan->space_count; i++)
        if (scan->spaces[i].inode == inode)
            return &scan->spaces[i];
    return NULL;
}

static int add_space(struct netns_scan *scan, struct netlink *nl, ino_t inode, int ns_fd,
                     const char *name)
{
    struct netns *space;

    if (find_inode(scan, inode))
        return 0;
    if (!grow((void **)&scan->spaces, scan->space_count, &scan->space_cap, sizeof(*space)))
        return -ENOMEM;
    space = &scan->spaces[scan->space_count++];
    *space = (struct netns){.inode = inode, .nsid = netns_ask_id(nl, ns_fd)};
    if (strlen(name) < sizeof(space->name))
        strcpy(space->name, name);
    return 0;
}

/* A file below /run/netns that `ip netns add` has not yet finished is an ordinary one. */
static int open_namespace(int dir_fd, const char *path, ino_t *inode)
{
    int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct statfs fs;
    struct stat st;

    if (fd < 0)
        return -1;
    if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC || fstat(fd, &st) < 0) {
        close(fd);
        return -1;
    }
    *inode = st.st_ino;
    return fd;
}

static int scan_named(struct netns_scan *scan, struct netlink *nl)
{
    DIR *dir = opendir(NAMED_DIR);
    struct dirent *entry;
    int err = 0;

    if (!dir)
        return 0;
    while (!err && (entry = readdir(dir))) {
        ino_t inode;
        int fd = entry->d_name[0] == '.' ? -1 : open_namespace(dirfd(dir), entry->d_name, &inode);

        if (fd < 0)
            continue;
        if (inode != scan->own_inode)
            err = add_space(scan, nl, inode, fd, entry->d_name);
        close(fd);
    }
    closedir(dir);
    return err;
}

static ino_t inode_at(int proc_fd, const char *pid)
{
    char path[32];
    struct stat st;

    if (snprintf(path, sizeof(path), "%s/ns/net", pid) >= (int)sizeof(path) ||
        fstatat(proc_fd, path, &st, 0) < 0)
        return 0;
    return st.st_ino;
}

static int add_process(struct netns_scan *scan, struct netlink *nl, int proc_fd, const char *pid)
{
    ino_t inode = inode_at(proc_fd, pid);
    char path[32];
    int err = 0;

    if (!inode || inode == scan->own_inode)
        return 0;
    if (!find_inode(scan, inode)) {
        int fd;

        snprintf(path, sizeof(path), "%.20s/ns/net", pid);
        fd = open_namespace(proc_fd, path, &inode);
        if (fd < 0)
            return 0;
        err = add_space(scan, nl, inode, fd, "");
        close(fd);
    }
    if (err || !grow((void **)&scan->processes, scan->process_count, &scan->process_cap,
                     sizeof(*scan->processes)))
        return -ENOMEM;
    scan->processes[scan->process_count++] =
        (struct netns_process){.pid = (pid_t)strtol(pid, NULL, 10), .inode = inode};
    return 0;
}

static int scan_processes(struct netns_scan *scan, struct netlink *nl)
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    int err = 0;

    if (!dir)
        return -errno;
    while (!err && (entry = readdir(dir)))
        if (isdigit((unsigned char)entry->d_name[0]))
            err = add_process(scan, nl, dirfd(dir), entry->d_name);
    closedir(dir);
    return err;
}

/* Process 1 may be hidden even from root; kthreadd, 2, is in the same namespace. */
static void mark_init(struct netns_scan *scan)
{
    ino_t inode = netns_of_process(1);
    struct netns *space = find_inode(scan, inode ? inode : netns_of_process(2));

    if (space)
        space->is_init = true;
}

int netns_scan(struct netns_scan *scan)
{
    struct netlink nl;
    int err = netlink_open(&nl, 0);

    if (err)
        return err;
    scan->space_count = scan->process_count = 0;
    scan->own_inode = netns_of_process(getpid());
    err = scan_named(scan, &nl);
    if (!err)
        err = scan_processes(scan, &nl);
    netlink_close(&nl);
    mark_init(scan);
    return err;
}

void netns_scan_fini(struct netns_scan *scan)
{
    free(scan->spaces);
    free(scan->processes);
    memset(scan, 0, sizeof(*scan));
}

const struct netns *netns_find(const struct netns_scan *scan, int32_t nsid)
{
    for (size_t i = 0; nsid >= 0 && i < scan->space_count; i++)
        if (scan->spaces[i].nsid == nsid)
            return &scan->spaces[i];
    return NULL;
}

ino_t netns_of_process(pid_t pid)
{
    char path[40];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%ld/ns/net", (long)pid);
    return stat(path, &st) == 0 ? st.st_ino : 0;
}
