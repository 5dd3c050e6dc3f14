/* SPDX-License-Identifier: Apache-2.0 */
#include "source/live/attach.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "source/live/clsact.h"

/* linux/bpf.h of 6.6; Debian 12's headers are older */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47
#define LINK_F_BEFORE      (1u << 3) /* with no other program named: before all */

enum hook_kind { HOOK_NONE, HOOK_TCX, HOOK_CLSACT };

struct attachment {
    uint32_t ifindex; /* 0: the slot is free */
    uint16_t scope;
    bool l3_only;
    enum hook_kind kind;
    int link_fd[HOOK_DIRECTIONS]; /* TCX */
};

struct attachments {
    int prog_fd[HOOK_DIRECTIONS];
    const struct clsact *clsact;
    bool no_tcx;
    size_t count;
    size_t high; /* slots from here on were never used */
    enum hook_kind last_kind;
    struct attachment slots[IFACE_SLOTS]; /* slot 0 is nobody's */
};

struct attachments *attachments_new(int ingress_fd, int egress_fd, const struct clsact *clsact,
                                    bool no_tcx)
{
    struct attachments *all = calloc(1, sizeof(*all));

    if (!all)
        return NULL;
    all->prog_fd[HOOK_INGRESS] = ingress_fd;
    all->prog_fd[HOOK_EGRESS] = egress_fd;
    all->clsact = clsact;
    all->no_tcx = no_tcx;
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

int attachments_reserve(struct attachments *all, uint32_t ifindex, uint16_t scope, bool l3_only)
{
    struct attachment *one;

    if (find(all, ifindex))
        return -EEXIST;
    one = find(all, 0);
    if (!one) {
        if (all->high >= IFACE_SLOTS)
            return -ENOSPC;
        one = &all->slots[all->high++];
    }
    *one = (struct attachment){
        .ifindex = ifindex, .scope = scope, .l3_only = l3_only, .link_fd = {-1, -1}};
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

/* First of all programs on the way in, last on the way out: what the interface itself counts. */
static int attach_tcx(const struct attachments *all, struct attachment *one)
{
    LIBBPF_OPTS(bpf_link_create_opts, first, .flags = LINK_F_BEFORE);

    one->link_fd[HOOK_INGRESS] =
        bpf_link_create(all->prog_fd[HOOK_INGRESS], (int)one->ifindex, ATTACH_TCX_INGRESS, &first);
    if (one->link_fd[HOOK_INGRESS] < 0)
        return one->link_fd[HOOK_INGRESS];
    one->link_fd[HOOK_EGRESS] =
        bpf_link_create(all->prog_fd[HOOK_EGRESS], (int)one->ifindex, ATTACH_TCX_EGRESS, NULL);
    if (one->link_fd[HOOK_EGRESS] < 0) {
        int err = one->link_fd[HOOK_EGRESS];

        close_links(one);
        return err;
    }
    one->kind = HOOK_TCX;
    return 0;
}

int attachments_attach(struct attachments *all, uint32_t ifindex)
{
    struct attachment *one = find(all, ifindex);
    int err;

    if (!one)
        return -ENOENT;
    clsact_detach(all->clsact, ifindex); /* what a killed sesstap may have left */
    err = all->no_tcx ? -EOPNOTSUPP : attach_tcx(all, one);
    if (err && err != -ENODEV) {
        err = clsact_attach(all->clsact, ifindex);
        if (!err)
            one->kind = HOOK_CLSACT;
    }
    if (!err)
        all->last_kind = one->kind;
    return err;
}

static void unhook(const struct attachments *all, struct attachment *one)
{
    if (one->kind == HOOK_TCX)
        close_links(one);
    else if (one->kind == HOOK_CLSACT)
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

const char *attachments_hook_name(const struct attachments *all)
{
    static const char *const names[] = {NULL, "tcx", "clsact"};

    return names[all->last_kind];
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
