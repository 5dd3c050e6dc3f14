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
#include "base/namespace.h"
#include "source/live/clsact.h"
#include "source/live/entry.h"
#include "source/live/hook_link.h"

/* linux/bpf.h of 6.6; Debian 12's headers are older */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47
#define LINK_F_BEFORE      (1u << 3) /* with no other program named: before all */

/* The names under which links are pinned follow the interface's number. */
#define PIN_XDP       "xdp"
#define PIN_TCX_IN    "ingress"
#define PIN_TCX_OUT   "egress"
#define LINK_PATH_MAX 320

enum hook_kind { HOOK_NONE, HOOK_TCX, HOOK_CLSACT, HOOK_XDP_TCX, HOOK_XDP_CLSACT, HOOK_KINDS };

static const char *const KIND_NAMES[HOOK_KINDS] = {
    [HOOK_TCX] = "tcx",
    [HOOK_CLSACT] = "clsact",
    [HOOK_XDP_TCX] = "xdp in and tcx out",
    [HOOK_XDP_CLSACT] = "xdp in and clsact out",
};

struct attachment {
    uint32_t ifindex; /* its number, see IFACE_ELSEWHERE; 0: the slot is free */
    uint16_t scope;
    bool l3_only;
    bool restored; /* from an earlier process, not asked for since */
    bool entered;  /* the programs are those of entries_take */
    enum hook_kind kind;
    int netns_fd;                 /* borrowed; -1: our own namespace */
    bool locked;                  /* netns_fd is, by clsact_lock */
    uint64_t alone_since_ns;      /* what that found */
    int prog_fd[HOOK_DIRECTIONS]; /* TC */
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

void attachments_restore(struct attachments *all, uint32_t ifindex, const struct iface_conf *conf)
{
    struct attachment *one = &all->slots[conf->slot];

    if (!conf->slot || conf->slot >= IFACE_SLOTS || one->ifindex)
        return;
    *one = (struct attachment){.ifindex = ifindex,
                               .scope = conf->scope,
                               .l3_only = conf->l3_only,
                               .restored = true,
                               .netns_fd = -1, /* so far */
                               .link_fd = {-1, -1}};
    all->count++;
    if (all->high <= conf->slot)
        all->high = conf->slot + 1u;
}

void attachments_tell_netns(struct attachments *all, uint32_t ifindex, int netns_fd)
{
    struct attachment *one = find(all, ifindex);

    if (one)
        one->netns_fd = netns_fd;
}

uint32_t attachments_unclaimed(const struct attachments *all)
{
    for (size_t i = 1; i < all->high; i++) {
        if (all->slots[i].restored)
            return all->slots[i].ifindex;
    }
    return 0;
}

int attachments_reserve(struct attachments *all, const struct live_link *link, bool *restored)
{
    struct attachment *one = find(all, link->ifindex);

    all->refused_xdp = false;
    *restored = one && one->restored;
    if (*restored) {
        one->restored = false;
        one->netns_fd = link->netns_fd;
        return (int)(one - all->slots);
    }
    if (one)
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
                               .netns_fd = link->netns_fd,
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

static void link_path(char out[LINK_PATH_MAX], const struct attachments *all, uint32_t ifindex,
                      const char *hook)
{
    snprintf(out, LINK_PATH_MAX, "%s/%u-%s", all->programs.links_dir, ifindex, hook);
}

/* What is pinned of that hook goes, and the link with it when we do not hold it. */
static void unpin(const struct attachments *all, uint32_t ifindex, const char *hook)
{
    char path[LINK_PATH_MAX];

    if (!all->programs.links_dir)
        return;
    link_path(path, all, ifindex, hook);
    unlink(path);
}

static void drop_links(const struct attachments *all, struct attachment *one)
{
    close_links(one);
    unpin(all, one->ifindex, PIN_XDP);
    unpin(all, one->ifindex, PIN_TCX_IN);
    unpin(all, one->ifindex, PIN_TCX_OUT);
}

/* The link, kept in the attachment, or -errno. */
static int link_to(const struct attachments *all, struct attachment *one, enum hook_direction way,
                   const struct hook_link *link, const char *hook)
{
    char path[LINK_PATH_MAX];
    int fd;

    if (all->programs.links_dir)
        link_path(path, all, one->ifindex, hook);
    fd = hook_link_open(link, all->programs.links_dir ? path : NULL);
    if (fd >= 0)
        one->link_fd[way] = fd;
    return fd < 0 ? fd : 0;
}

/* First of all programs on the way in, last on the way out: what the interface itself counts. */
static int attach_tcx(const struct attachments *all, struct attachment *one, bool ingress)
{
    const struct attach_programs *programs = &all->programs;
    uint32_t ifindex = iface_index(one->ifindex);
    const struct hook_link in = {one->prog_fd[HOOK_INGRESS], ifindex, ATTACH_TCX_INGRESS,
                                 LINK_F_BEFORE};
    const struct hook_link out = {one->prog_fd[HOOK_EGRESS], ifindex, ATTACH_TCX_EGRESS, 0};
    int err = 0;

    if (programs->no_tcx)
        return -EOPNOTSUPP;
    if (ingress)
        err = link_to(all, one, HOOK_INGRESS, &in, PIN_TCX_IN);
    return err ? err : link_to(all, one, HOOK_EGRESS, &out, PIN_TCX_OUT);
}

/* Others may run in that namespace than in ours. Asked once for each, and held until its file is closed. */
static void lock_netns(const struct attachments *all, struct attachment *one)
{
    for (size_t i = 1; i < all->high && !one->locked; i++) {
        const struct attachment *other = &all->slots[i];

        if (other->ifindex && other->locked && other->netns_fd == one->netns_fd) {
            one->alone_since_ns = other->alone_since_ns;
            one->locked = true;
        }
    }
    if (!one->locked)
        one->alone_since_ns = clsact_lock(one->netns_fd);
    one->locked = true;
}

/* Who we are to the filters in the interface's namespace. */
static struct clsact clsact_there(const struct attachments *all, const struct attachment *one)
{
    struct clsact us = *all->clsact;

    if (one->netns_fd >= 0)
        us.alone_since_ns = one->alone_since_ns;
    return us;
}

/* TCX, else clsact, both ways or the way out. An earlier process' filters stay filters. */
static int attach_tc(const struct attachments *all, struct attachment *one, bool ingress)
{
    uint32_t ifindex = iface_index(one->ifindex);
    const struct clsact us = clsact_there(all, one);
    bool has_filters = all->programs.links_dir && clsact_is_attached(&us, ifindex);
    int err = has_filters ? -EOPNOTSUPP : attach_tcx(all, one, ingress);

    one->kind = ingress ? HOOK_TCX : HOOK_XDP_TCX;
    if (!err || err == -ENODEV)
        return err;
    if (ingress)
        drop_links(all, one);
    one->kind = ingress ? HOOK_CLSACT : HOOK_XDP_CLSACT;
    return clsact_attach(&us, ifindex, ingress ? one->prog_fd[HOOK_INGRESS] : -1,
                         one->prog_fd[HOOK_EGRESS]);
}

/* In the driver, or not at all: the generic hook is dearer than TC, and sees no more. */
static int attach_xdp(struct attachments *all, struct attachment *one, const struct live_link *link)
{
    const struct hook_link in = {all->programs.xdp_fd, one->ifindex, BPF_XDP, XDP_FLAGS_DRV_MODE};
    int err;

    if (link->l3_only)
        err = -EOPNOTSUPP;
    else if (link->bond)
        err = -EXDEV;
    else
        err = link_to(all, one, HOOK_INGRESS, &in, PIN_XDP);
    all->refused_xdp = !!err;
    return err;
}

/* An earlier process may have attached the way in by the other hook; both would count each packet twice. */
static void leave_other_hook(struct attachments *all, const struct attachment *one, bool xdp)
{
    const struct clsact us = clsact_there(all, one);

    unpin(all, one->ifindex, xdp ? PIN_TCX_IN : PIN_XDP);
    if (xdp && all->programs.links_dir)
        clsact_detach(&us, iface_index(one->ifindex));
}

/* The programs that know the interface's namespace, where there are several. */
static int choose_programs(const struct attachments *all, struct attachment *one)
{
    int err;

    one->prog_fd[HOOK_INGRESS] = all->programs.ingress_fd;
    one->prog_fd[HOOK_EGRESS] = all->programs.egress_fd;
    if (!all->programs.entries)
        return 0;
    err = entries_take(all->programs.entries, iface_base(one->ifindex), one->prog_fd);
    one->entered = !err;
    return err;
}

static int attach_as_wanted(struct attachments *all, struct attachment *one,
                            const struct live_link *link)
{
    enum live_mode mode = all->programs.mode;
    int err;

    all->refused_xdp = false;
    if (mode == LIVE_XDP || (mode == LIVE_AUTO && link->hardware)) {
        leave_other_hook(all, one, true);
        err = attach_xdp(all, one, link);
        if (!err)
            return attach_tc(all, one, false);
        if (mode == LIVE_XDP || err == -ENODEV)
            return err;
        log_info("%s: %s; TC is used there", link->name, attachments_problem(all, err));
        all->refused_xdp = false;
    }
    leave_other_hook(all, one, false);
    return attach_tc(all, one, true);
}

int attachments_attach(struct attachments *all, const struct live_link *link)
{
    struct attachment *one = find(all, link->ifindex);
    int err, back;

    if (!one)
        return -ENOENT;
    all->refused_xdp = false;
    err = choose_programs(all, one);
    if (!err)
        err = namespace_enter(one->netns_fd, &back);
    if (!err) {
        uint32_t ifindex = iface_index(link->ifindex);
        struct clsact us;

        if (one->netns_fd >= 0)
            lock_netns(all, one);
        us = clsact_there(all, one);
        if (!all->programs.links_dir || !clsact_is_attached(&us, ifindex))
            clsact_detach(&us, ifindex); /* what a killed sesstap may have left */
        err = attach_as_wanted(all, one, link);
        namespace_leave(back);
    }
    if (err) {
        drop_links(all, one);
        one->kind = HOOK_NONE;
    }
    return err == -EEXIST ? -EBUSY : err; /* of the hook, not of the interface */
}

static const char *tc_problem(int err)
{
    switch (err) {
    case -EBUSY:
        return "as many sesstaps as there can be have their filters there";
    case -ENOSPC:
        return "as many interfaces as there can be are tracked";
    case -ERANGE:
        return "its ifindex is too large to be told from those of other namespaces";
    default:
        return strerror(-err);
    }
}

const char *attachments_problem(const struct attachments *all, int err)
{
    if (!all->refused_xdp)
        return tc_problem(err);
    switch (err) {
    case -EOPNOTSUPP:
        return "its driver has no native XDP";
    case -EXDEV:
        return "XDP on a bond is XDP on its members: name those instead";
    case -EBUSY:
    case -EEXIST: /* a generic one */
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

/* A filter in a namespace that can't be entered any more stays: the next sesstap there finds it. */
static bool can_enter(const struct attachment *one)
{
    return one->netns_fd >= 0 || !iface_base(one->ifindex);
}

static void unhook(const struct attachments *all, struct attachment *one)
{
    const struct clsact us = clsact_there(all, one);
    int back;

    drop_links(all, one);
    if ((uses_clsact(one) || one->restored) && can_enter(one) &&
        !namespace_enter(one->netns_fd, &back)) {
        clsact_detach(&us, iface_index(one->ifindex));
        namespace_leave(back);
    }
    one->kind = HOOK_NONE;
}

void attachments_unhook(struct attachments *all)
{
    for (size_t i = 1; i < all->high; i++) {
        if (all->slots[i].ifindex)
            unhook(all, &all->slots[i]);
    }
}

static void release(struct attachments *all, struct attachment *one)
{
    unhook(all, one);
    if (one->entered)
        entries_release(all->programs.entries, iface_base(one->ifindex));
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

void attachments_leave(struct attachments *all)
{
    for (size_t i = 1; all && i < all->high; i++) {
        if (all->slots[i].ifindex)
            close_links(&all->slots[i]);
    }
    free(all);
}
