/* SPDX-License-Identifier: Apache-2.0 */
/* The per-CPU counters, summed. */
#include <bpf/bpf.h>
#include <errno.h>
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

/* The slot is free for another interface: its counts go to those of the interfaces that are gone. */
static void slot_retire(struct live *live, uint32_t slot)
{
    struct iface_seen seen;

    slot_seen(live, slot, &seen);
    seen_sum(&live->gone, &seen);
    memset(live->percpu, 0, live->cpus * sizeof(struct iface_seen));
    bpf_map_update_elem(bpf_map__fd(live->skel->maps.seen), &slot, live->percpu, BPF_ANY);
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
    struct iface_conf conf = {
        .scope = link->scope, .l3_only = link->l3_only, .loopback = ifindex == LOOPBACK_IFINDEX};
    int slot = attachments_reserve(live->attachments, link), err;

    if (slot < 0)
        return slot;
    conf.slot = (uint16_t)slot;
    err = write_iface(live, ifindex, &conf);
    if (!err)
        err = attachments_attach(live->attachments, link);
    if (err)
        live_detach(live, ifindex);
    return err;
}

int live_set_scope(struct live *live, uint32_t ifindex, uint16_t scope)
{
    struct iface_conf conf = {.scope = scope, .loopback = ifindex == LOOPBACK_IFINDEX};
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
