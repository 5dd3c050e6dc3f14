/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An entry is taken out of the flow table, whole: by one program, so that no kill of the process that asks
 * can come in between, and no SYN can take the entry over meanwhile.
 */
#ifndef SESSTAP_TAKE_BPF_H
#define SESSTAP_TAKE_BPF_H

#include "track.bpf.h"

#define ERRNO_ENOENT 2
#define ERRNO_ESTALE 116

static __always_inline void take_unclaim(struct flow *flow)
{
    __sync_fetch_and_and(&flow->bits, ~(__u32)FLOW_RESTARTING);
}

/* As flow_restart does: who sets the bit has the entry. False: another has it, or it is another's. */
static __always_inline int take_claim(struct flow *flow, __u64 flow_id)
{
    if (flow->id != flow_id || (FLOW_OR(&flow->bits, FLOW_RESTARTING) & FLOW_RESTARTING))
        return 0;
    if (flow->id == flow_id)
        return 1;
    take_unclaim(flow); /* a new session began between the two looks */
    return 0;
}

static __always_inline int take_keep(const struct take *take)
{
    return take->keep ? map_update(&taken, &take->flow_id, &take->record, BPF_ANY) : 0;
}

/*
 * What other CPUs counted between copy and removal is looked for once more: a removed element keeps its content
 * until another session gets it, and that overwrites our bit first.
 */
static __always_inline void take_late_counts(struct take *take, const struct flow *flow)
{
    struct flow *copied = &take->record.flow;

    if (flow->pkts[0] == copied->pkts[0] && flow->pkts[1] == copied->pkts[1])
        return;
    bpf_probe_read_kernel(&take->late, sizeof(take->late), flow);
    if (!(*(const volatile __u32 *)&flow->bits & FLOW_RESTARTING) || take->late.id != take->flow_id)
        return;
    __builtin_memcpy(copied, &take->late, sizeof(*copied));
    copied->bits &= ~FLOW_RESTARTING;
    take_keep(take);
}

static __always_inline long take_entry(struct take *take)
{
    struct flow *flow = bpf_map_lookup_elem(&flows, &take->key);
    struct record_event *event = &take->record.event;
    int err;

    if (!flow)
        return -ERRNO_ENOENT;
    if (!take_claim(flow, take->flow_id))
        return -ERRNO_ESTALE;
    event->type = RECORD_TAKEN;
    event->ifindex = take->reason;
    event->flow_id = take->flow_id;
    event->time_ns = bpf_ktime_get_ns();
    event->key = take->key;
    bpf_probe_read_kernel(&take->record.flow, sizeof(take->record.flow), flow);
    take->record.flow.bits &= ~FLOW_RESTARTING;
    err = take_keep(take);
    if (err) {
        take_unclaim(flow);
        return err;
    }
    bpf_map_delete_elem(&flows, &take->key);
    take_late_counts(take, flow);
    return 0;
}

#endif
