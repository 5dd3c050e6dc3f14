/* SPDX-License-Identifier: Apache-2.0 */
/* The per-CPU counters, summed. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/live/live_internal.h"

#define LOOPBACK_IFINDEX 1 /* of every network namespace: net/core/dev.c */

static void traffic_sum(struct traffic *sum, const struct traffic *part)
{
    sum->skbs += part->skbs;
    sum->pkts += part->pkts;
    sum->bytes += part->bytes;
}

static void seen_sum(struct iface_seen *sum, const struct iface_seen *part)
{
    for (int i = 0; i < HOOK_DIRECTIONS; i++)
        traffic_sum(&sum->dir[i], &part->dir[i]);
}

static void slot_seen(struct live *live, uint32_t slot, struct iface_seen *seen)
{
    const struct iface_seen *cpu = live->percpu;

    memset(seen, 0, sizeof(*seen));
    if (bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.seen), &slot, live->percpu))
        return;
    for (size_t i = 0; i < live->cpus; i++)
        seen_sum(seen, &cpu[i]);
}

static void traffic_less(struct traffic *sum, const struct traffic *part)
{
    sum->skbs -= part->skbs;
    sum->pkts -= part->pkts;
    sum->bytes -= part->bytes;
}

/*
 * What a slot has counted so far was of interfaces that are gone: the next one begins there. Nothing is set back,
 * so that a process that dies half way through leaves the sum as it is.
 */
static void slot_retire(struct live *live, uint32_t slot)
{
    struct iface_seen seen;

    slot_seen(live, slot, &seen);
    for (int i = 0; i < HOOK_DIRECTIONS; i++) {
        traffic_sum(&live->gone.dir[i], &seen.dir[i]);
        traffic_less(&live->gone.dir[i], &live->base[slot].dir[i]);
    }
    live->base[slot] = seen;
}

/* Where the programs look for an interface: an array while its number is small, else a hash. */
static int write_iface(struct live *live, uint32_t ifindex, const struct iface_conf *conf)
{
    const struct bpf_map *map =
        ifindex < IFACES_NEAR ? live->skel->maps.near_ifaces : live->skel->maps.ifaces;

    return bpf_map_update_elem(bpf_map__fd(map), &ifindex, conf, BPF_ANY);
}

static void erase_iface(struct live *live, uint32_t ifindex)
{
    const struct iface_conf none = {0};

    if (ifindex < IFACES_NEAR)
        write_iface(live, ifindex, &none);
    else
        bpf_map_delete_elem(bpf_map__fd(live->skel->maps.ifaces), &ifindex);
}

int live_attach(struct live *live, const struct live_link *link)
{
    uint32_t ifindex = link->ifindex;
    struct iface_conf conf = {.scope = link->scope,
                              .l3_only = link->l3_only,
                              .loopback = iface_index(ifindex) == LOOPBACK_IFINDEX};
    bool restored;
    int slot = attachments_reserve(live->attachments, link, &restored), err = 0;

    if (slot < 0)
        return slot;
    conf.slot = (uint16_t)slot;
    if (!restored) /* else programs are at work with what is there, and its scope may be yet to be found */
        err = write_iface(live, ifindex, &conf);
    if (!err)
        err = attachments_attach(live->attachments, link);
    if (err)
        live_detach(live, ifindex);
    return err;
}

/* Interfaces of a small number, which are in an array: it can be read in one go. */
static void restore_near(struct live *live)
{
    int fd = bpf_map__fd(live->skel->maps.near_ifaces);
    struct iface_conf *confs = calloc(IFACES_NEAR, sizeof(*confs));
    uint32_t *keys = calloc(IFACES_NEAR, sizeof(*keys)), count = IFACES_NEAR, next = 0;

    if (confs && keys &&
        (!bpf_map_lookup_batch(fd, NULL, &next, keys, confs, &count, NULL) || errno == ENOENT)) {
        for (uint32_t i = 0; i < count; i++)
            attachments_restore(live->attachments, keys[i], &confs[i]);
    }
    free(confs);
    free(keys);
}

void live_restore(struct live *live)
{
    int fd = bpf_map__fd(live->skel->maps.ifaces);
    struct iface_conf conf;
    uint32_t ifindex, *before = NULL;

    restore_near(live);
    while (!bpf_map_get_next_key(fd, before, &ifindex)) {
        if (!bpf_map_lookup_elem(fd, &ifindex, &conf))
            attachments_restore(live->attachments, ifindex, &conf);
        before = &ifindex;
    }
    for (uint32_t slot = 1; slot < IFACE_SLOTS; slot++)
        slot_retire(live, slot);
}

void live_tell_netns(struct live *live, uint32_t ifindex, int netns_fd)
{
    attachments_tell_netns(live->attachments, ifindex, netns_fd);
}

void live_settle(struct live *live)
{
    uint32_t ifindex;

    while ((ifindex = attachments_unclaimed(live->attachments)))
        live_detach(live, ifindex);
    if (live->conf.pin)
        entries_settle(live->entries, live->conf.pin->maps);
}

int live_slot(const struct live *live, uint32_t ifindex)
{
    return attachments_slot(live->attachments, ifindex);
}

int live_set_scope(struct live *live, uint32_t ifindex, uint16_t scope)
{
    struct iface_conf conf = {.scope = scope, .loopback = iface_index(ifindex) == LOOPBACK_IFINDEX};
    int slot = attachments_set_scope(live->attachments, ifindex, scope, &conf.l3_only);

    if (slot < 0)
        return slot;
    conf.slot = (uint16_t)slot;
    return write_iface(live, ifindex, &conf);
}

int live_detach(struct live *live, uint32_t ifindex)
{
    int slot = attachments_detach(live->attachments, ifindex);

    if (slot < 0)
        return slot;
    erase_iface(live, ifindex);
    slot_retire(live, (uint32_t)slot);
    return 0;
}

void live_quiet(struct live *live)
{
    attachments_unhook(live->attachments);
    grace_wait(live->grace); /* for programs that were running */
    live->alone = true;
}

size_t live_attached(const struct live *live)
{
    return attachments_count(live->attachments);
}

const char *live_attach_problem(const struct live *live, int err)
{
    return attachments_problem(live->attachments, err);
}

const char *live_hook_names(const struct live *live)
{
    return attachments_hook_names(live->attachments);
}

int live_seen(struct live *live, uint32_t ifindex, struct iface_seen *seen)
{
    int slot = attachments_slot(live->attachments, ifindex);

    if (slot < 0)
        return slot;
    slot_seen(live, (uint32_t)slot, seen);
    for (int i = 0; i < HOOK_DIRECTIONS; i++)
        traffic_less(&seen->dir[i], &live->base[slot].dir[i]);
    return 0;
}

void live_seen_gone(struct live *live, struct iface_seen *seen)
{
    slot_seen(live, 0, seen);
    seen_sum(seen, &live->gone);
}

void live_unaccounted(struct live *live, struct traffic reasons[UNACCOUNTED_COUNT])
{
    const struct traffic *cpu = live->percpu;

    memset(reasons, 0, UNACCOUNTED_COUNT * sizeof(*reasons));
    for (uint32_t reason = 0; reason < UNACCOUNTED_COUNT; reason++) {
        if (bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.unaccounted), &reason, live->percpu))
            continue;
        for (size_t i = 0; i < live->cpus; i++)
            traffic_sum(&reasons[reason], &cpu[i]);
    }
}

void live_event_counts(struct live *live, uint64_t events[EVENT_COUNT])
{
    const uint64_t *cpu = live->percpu;

    memset(events, 0, EVENT_COUNT * sizeof(*events));
    for (uint32_t event = 0; event < EVENT_COUNT; event++) {
        if (bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.events), &event, live->percpu))
            continue;
        for (size_t i = 0; i < live->cpus; i++)
            events[event] += cpu[i];
    }
}
