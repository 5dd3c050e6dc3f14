/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/attach.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "base/log.h"
#include "source/live/clsact.h"

/* linux/bpf.h of 6.6; Debian 12's headers are older */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47
#define LINK_F_BEFORE      (1u << 3) /* with no other program named: before all */

enum hook_kind { HOOK_NONE, HOOK_TCX, HOOK_CLSACT, HOOK_XDP_TCX, HOOK_XDP_CLSACT, HOOK_KINDS };

static const char *const KIND_NAMES[HOOK_KINDS] = {
    [HOOK_TCX] = "tcx",
    [HOOK_CLSACT] = "clsact",
    [HOOK_XDP_TCX] = "xdp in and tcx out",
    [HOOK_XDP_CLSACT] = "xdp in and clsact out",
};

struct attachment {
    uint32_t ifindex; /* 0: the slot is free */
    uint16_t scope;
    bool l3_only;
    enum hook_kind kind;
    int link_fd[HOOK_DIRECTIONS]; /* XDP, TCX */
};

struct attachments {
    struct attach_programs programs;
    const struct clsact *clsact;
    bool refused_xdp; /* it was XDP that could not be attached last */
    size_t count;
    size_t high; /* slots from here on were never used */
    char hook_names[160];
    struct attachment slots[IFACE_SLOTS]; /* slot 0 is nobody's */
};

struct attachments *attachments_new(const struct attach_programs *programs,
                                    const struct clsact *clsact)
{
    struct attachments *all = calloc(1, sizeof(*all));

    if (!all)
        return NULL;
    all->programs = *programs;
    all->clsact = clsact;
    all->high = 1;
    return all;
}

static struct attachment *find(const struct attachments *all, uint32_t ifindex)
{
    for (size_t i = 1; i < all->high; i++) {
        if (all->slots[i].ifindex == ifindex)
            return (struct attachment *)&all->slots[i];
    }
    return NULL;
}

int attachments_slot(const struct attachments *all, uint32_t ifindex)
{
    const struct attachment *one = ifindex ? find(all, ifindex) : NULL;

    return one ? (int)(one - all->slots) : -ENOENT;
}

int attachments_reserve(struct attachments *all, const struct live_link *link)
{
    struct attachment *one;

    if (find(all, link->ifindex))
        return -EEXIST;
    one = find(all, 0);
    if (!one) {
        if (all->high >= IFACE_SLOTS)
            return -ENOSPC;
        one = &all->slots[all->high++];
    }
    *one = (struct attachment){.ifindex = link->ifindex,
                               .scope = link->scope,
                               .l3_only = link->l3_only,
                               .link_fd = {-1, -1}};
    all->count++;
    return (int)(one - all->slots);
}

static void close_links(struct attachment *one)
{
    for (int i = 0; i < HOOK_DIRECTIONS; i++) {
        if (one->link_fd[i] >= 0)
            close(one->link_fd[i]);
        one->link_fd[i] = -1;
    }
}

/* The link, kept in the attachment, or -errno. */
static int link_to(struct attachment *one, enum hook_direction way, int prog_fd, int attach_type,
                   uint32_t flags)
{
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
    int fd = bpf_link_create(prog_fd, (int)one->ifindex, (enum bpf_attach_type)attach_type, &opts);

    if (fd >= 0)
        one->link_fd[way] = fd;
    return fd < 0 ? fd : 0;
}

/* First of all programs on the way in, last on the way out: what the interface itself counts. */
static int attach_tcx(const struct attach_programs *programs, struct attachment *one, bool ingress)
{
    int err = 0;

    if (programs->no_tcx)
        return -EOPNOTSUPP;
    if (ingress)
        err = link_to(one, HOOK_INGRESS, programs->ingress_fd, ATTACH_TCX_INGRESS, LINK_F_BEFORE);
    return err ? err : link_to(one, HOOK_EGRESS, programs->egress_fd, ATTACH_TCX_EGRESS, 0);
}

/* TCX, else clsact, both ways or the way out. */
static int attach_tc(const struct attachments *all, struct attachment *one, bool ingress)
{
    int err = attach_tcx(&all->programs, one, ingress);

    one->kind = ingress ? HOOK_TCX : HOOK_XDP_TCX;
    if (!err || err == -ENODEV)
        return err;
    if (ingress)
        close_links(one);
    one->kind = ingress ? HOOK_CLSACT : HOOK_XDP_CLSACT;
    return clsact_attach(all->clsact, one->ifindex, ingress);
}

/* In the driver, or not at all: the generic hook is dearer than TC, and sees no more. */
static int attach_xdp(struct attachments *all, struct attachment *one, const struct live_link *link)
{
    int err = link->l3_only
                  ? -EOPNOTSUPP
                  : link_to(one, HOOK_INGRESS, all->programs.xdp_fd, BPF_XDP, XDP_FLAGS_DRV_MODE);

    all->refused_xdp = !!err;
    return err;
}

static int attach_as_wanted(struct attachments *all, struct attachment *one,
                            const struct live_link *link)
{
    enum live_mode mode = all->programs.mode;
    int err;

    all->refused_xdp = false;
    if (mode == LIVE_XDP || (mode == LIVE_AUTO && link->hardware)) {
        err = attach_xdp(all, one, link);
        if (!err)
            return attach_tc(all, one, false);
        if (mode == LIVE_XDP || err == -ENODEV)
            return err;
        log_info("%s: %s; TC is used there", link->name, attachments_problem(all, err));
        all->refused_xdp = false;
    }
    return attach_tc(all, one, true);
}

int attachments_attach(struct attachments *all, const struct live_link *link)
{
    struct attachment *one = find(all, link->ifindex);
    int err;

    if (!one)
        return -ENOENT;
    clsact_detach(all->clsact, link->ifindex); /* what a killed sesstap may have left */
    err = attach_as_wanted(all, one, link);
    if (err) {
        close_links(one);
        one->kind = HOOK_NONE;
    }
    return err;
}

const char *attachments_problem(const struct attachments *all, int err)
{
    if (!all->refused_xdp)
        return strerror(-err);
    switch (err) {
    case -EOPNOTSUPP:
        return "its driver has no native XDP";
    case -EBUSY:
    case -EEXIST:
        return "another XDP program is attached there, and only one can be";
    case -ENOSPC:
        return "its driver has no native XDP with so few queues: as many are wanted for receiving as the "
               "other end, or each CPU, has for sending (ethtool -L)";
    case -ERANGE:
    case -EINVAL:
        return "its driver refuses native XDP as the interface is set up: MTU, queues, LRO or header "
               "split (the kernel's log may say which)";
    default:
        return strerror(-err);
    }
}

static bool uses_clsact(const struct attachment *one)
{
    return one->kind == HOOK_CLSACT || one->kind == HOOK_XDP_CLSACT;
}

static void unhook(const struct attachments *all, struct attachment *one)
{
    close_links(one);
    if (uses_clsact(one))
        clsact_detach(all->clsact, one->ifindex);
    one->kind = HOOK_NONE;
}

void attachments_unhook(struct attachments *all)
{
    for (size_t i = 1; i < all->high; i++)
        unhook(all, &all->slots[i]);
}

static void release(struct attachments *all, struct attachment *one)
{
    unhook(all, one);
    memset(one, 0, sizeof(*one));
    all->count--;
}

int attachments_detach(struct attachments *all, uint32_t ifindex)
{
    int slot = attachments_slot(all, ifindex);

    if (slot > 0)
        release(all, &all->slots[slot]);
    return slot;
}

int attachments_set_scope(struct attachments *all, uint32_t ifindex, uint16_t scope,
                          uint8_t *l3_only)
{
    int slot = attachments_slot(all, ifindex);

    if (slot > 0) {
        all->slots[slot].scope = scope;
        *l3_only = all->slots[slot].l3_only;
    }
    return slot;
}

size_t attachments_count(const struct attachments *all)
{
    return all->count;
}

const char *attachments_hook_names(const struct attachments *all)
{
    char *names = ((struct attachments *)all)->hook_names;
    size_t count[HOOK_KINDS] = {0}, room = sizeof(all->hook_names), len = 0;

    names[0] = '\0';
    for (size_t i = 1; i < all->high; i++)
        count[all->slots[i].kind]++;
    for (size_t kind = HOOK_TCX; kind < HOOK_KINDS && len < room; kind++) {
        if (!count[kind])
            continue;
        len += (size_t)snprintf(names + len, room - len, "%s%s", len ? ", " : "", KIND_NAMES[kind]);
        if (count[kind] < all->count && len < room)
            len += (size_t)snprintf(names + len, room - len, " (%zu)", count[kind]);
    }
    return names;
}

void attachments_free(struct attachments *all)
{
    if (!all)
        return;
    for (size_t i = 1; i < all->high; i++) {
        if (all->slots[i].ifindex)
            release(all, &all->slots[i]);
    }
    free(all);
}
