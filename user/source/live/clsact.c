/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/clsact.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "source/live/owner.h"

#define OUR_HANDLE   0x5e55
#define OUR_PRIORITY 1
/* When another filter's kind or protocol, or other sesstaps, own priority 1: from here on. */
#define OUR_NEXT_PRIORITY 0xfff0

#define NOTES_DIR "/run/sesstap"

static const enum bpf_tc_attach_point POINTS[] = {BPF_TC_INGRESS, BPF_TC_EGRESS};
static const uint32_t PRIORITIES[] = {OUR_PRIORITY, OUR_NEXT_PRIORITY, OUR_NEXT_PRIORITY + 1,
                                      OUR_NEXT_PRIORITY + 2};

/* One note an interface; interface numbers are only unique within a network namespace. */
static void note_path(char *out, size_t size, uint32_t ifindex)
{
    struct stat netns = {0};

    if (stat("/proc/self/ns/net", &netns))
        netns.st_ino = 0;
    snprintf(out, size, NOTES_DIR "/clsact-%llu-%u", (unsigned long long)netns.st_ino, ifindex);
}

static void note_qdisc(uint32_t ifindex)
{
    char path[128];
    int fd;

    mkdir(NOTES_DIR, 0755);
    note_path(path, sizeof(path), ifindex);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
}

static bool qdisc_is_ours(uint32_t ifindex)
{
    char path[128];

    note_path(path, sizeof(path), ifindex);
    return !access(path, F_OK);
}

static void forget_qdisc(uint32_t ifindex)
{
    char path[128];

    note_path(path, sizeof(path), ifindex);
    unlink(path);
}

/* Filters in a dump answer, until its end. -errno, or how many this part had; *done at the end. */
static int count_in_answer(const struct nlmsghdr *msg, size_t len, bool *done)
{
    int count = 0;

    for (; NLMSG_OK(msg, len); msg = NLMSG_NEXT(msg, len)) {
        const struct tcmsg *tc = NLMSG_DATA(msg);

        if (msg->nlmsg_type == NLMSG_DONE || msg->nlmsg_type == NLMSG_ERROR) {
            *done = true;
            return count;
        }
        if (msg->nlmsg_type == RTM_NEWTFILTER && tc->tcm_handle)
            count++;
    }
    return count;
}

/* How many filters hang on one direction of the qdisc; 1 when that can't be told. */
static int count_filters(uint32_t ifindex, uint32_t parent)
{
    struct {
        struct nlmsghdr head;
        struct tcmsg tc;
    } ask = {
        .head = {.nlmsg_len = sizeof(ask),
                 .nlmsg_type = RTM_GETTFILTER,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .tc = {.tcm_family = AF_UNSPEC, .tcm_ifindex = (int)ifindex, .tcm_parent = parent},
    };
    char answer[16384] __attribute__((aligned(8)));
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), count = 0;
    bool done = false;

    if (fd < 0)
        return 1;
    if (send(fd, &ask, sizeof(ask), 0) < 0) {
        close(fd);
        return 1;
    }
    while (!done) {
        ssize_t got = recv(fd, answer, sizeof(answer), 0);

        if (got <= 0) {
            count = 1;
            break;
        }
        count += count_in_answer((const struct nlmsghdr *)(void *)answer, (size_t)got, &done);
    }
    close(fd);
    return count;
}

uint64_t clsact_lock(int netns_fd)
{
    uint64_t alone_since_ns = 0;
    struct timespec now;

    if (!flock(netns_fd, LOCK_EX | LOCK_NB) && !clock_gettime(CLOCK_BOOTTIME, &now))
        alone_since_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    flock(netns_fd, LOCK_SH);
    return alone_since_ns;
}

void clsact_init(struct clsact *us)
{
    *us = (struct clsact){.lock_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (us->lock_fd >= 0)
        us->alone_since_ns = clsact_lock(us->lock_fd);
}

void clsact_fini(struct clsact *us)
{
    if (us->lock_fd >= 0)
        close(us->lock_fd);
    us->lock_fd = -1;
}

void clsact_set_table(struct clsact *us, int table_fd)
{
    us->table_id = owner_map_id(table_fd);
}

/* Our own program, or one that was loaded by a sesstap that runs no more and keeps nothing. */
static bool is_ours(const struct clsact *us, uint32_t prog_id)
{
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof(info);
    bool left_over;
    int fd;

    if (owner_uses(prog_id, us->table_id))
        return true;
    if (!us->alone_since_ns)
        return false;
    fd = bpf_prog_get_fd_by_id(prog_id);
    if (fd < 0)
        return false;
    left_over = !bpf_obj_get_info_by_fd(fd, &info, &len) && !strncmp(info.name, "sesstap_", 8) &&
                info.load_time < us->alone_since_ns;
    close(fd);
    return left_over && !owner_is_pinned(prog_id);
}

static void detach_filter(const struct clsact *us, uint32_t ifindex, enum bpf_tc_attach_point point,
                          uint32_t priority)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
    LIBBPF_OPTS(bpf_tc_opts, opts, .handle = OUR_HANDLE, .priority = priority);

    if (bpf_tc_query(&hook, &opts) || !is_ours(us, opts.prog_id))
        return;
    opts.prog_id = 0;
    opts.prog_fd = 0;
    opts.flags = 0;
    bpf_tc_detach(&hook, &opts);
}

void clsact_detach(const struct clsact *us, uint32_t ifindex)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
                .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

    for (size_t point = 0; point < sizeof(POINTS) / sizeof(POINTS[0]); point++) {
        for (size_t i = 0; i < sizeof(PRIORITIES) / sizeof(PRIORITIES[0]); i++)
            detach_filter(us, ifindex, POINTS[point], PRIORITIES[i]);
    }
    if (!qdisc_is_ours(ifindex))
        return;
    if (count_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)) ||
        count_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)))
        return; /* in use: who of us leaves last removes it */
    bpf_tc_hook_destroy(&hook);
    forget_qdisc(ifindex);
}

/* The priority under which a filter that uses our table is; 0: none is. */
static uint32_t our_priority(const struct clsact *us, uint32_t ifindex,
                             enum bpf_tc_attach_point point)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);

    for (size_t i = 0; i < sizeof(PRIORITIES) / sizeof(PRIORITIES[0]); i++) {
        LIBBPF_OPTS(bpf_tc_opts, opts, .handle = OUR_HANDLE, .priority = PRIORITIES[i]);

        if (!bpf_tc_query(&hook, &opts) && owner_uses(opts.prog_id, us->table_id))
            return PRIORITIES[i];
    }
    return 0;
}

bool clsact_is_attached(const struct clsact *us, uint32_t ifindex)
{
    return our_priority(us, ifindex, BPF_TC_INGRESS) || our_priority(us, ifindex, BPF_TC_EGRESS);
}

static int attach_filter(const struct clsact *us, uint32_t ifindex, enum bpf_tc_attach_point point,
                         int prog_fd)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = point);
    LIBBPF_OPTS(bpf_tc_opts, replace, .handle = OUR_HANDLE, .prog_fd = prog_fd,
                .priority = our_priority(us, ifindex, point), .flags = BPF_TC_F_REPLACE);
    int err = -EINVAL;

    if (replace.priority)
        return bpf_tc_attach(&hook, &replace);
    for (size_t i = 0; err && i < sizeof(PRIORITIES) / sizeof(PRIORITIES[0]); i++) {
        LIBBPF_OPTS(bpf_tc_opts, opts, .handle = OUR_HANDLE, .priority = PRIORITIES[i],
                    .prog_fd = prog_fd);

        err = bpf_tc_attach(&hook, &opts);
    }
    return err;
}

int clsact_attach(const struct clsact *us, uint32_t ifindex, int ingress_fd, int egress_fd)
{
    LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
                .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
    int err = bpf_tc_hook_create(&hook);

    if (err && err != -EEXIST)
        return err;
    if (!err)
        note_qdisc(ifindex);
    err = ingress_fd < 0 ? 0 : attach_filter(us, ifindex, BPF_TC_INGRESS, ingress_fd);
    if (!err)
        err = attach_filter(us, ifindex, BPF_TC_EGRESS, egress_fd);
    if (err)
        clsact_detach(us, ifindex);
    return err;
}
