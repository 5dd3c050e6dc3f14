/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An entry is taken out of the flow table when no program can be adding to it: its session is closed, or was marked
 * as leaving, since then each program that ran has ended (user space waits for that), and no packet came. One that
 * comes says so by a bit before it adds (flow_enter), and taking sets another by compare and swap: one of the two is
 * first. By one program, so that no kill of the process that asks can come in between.
 */
#ifndef SESSTAP_TAKE_BPF_H
#define SESSTAP_TAKE_BPF_H

#include "track.bpf.h"

#define ERRNO_ENOENT 2
#define ERRNO_EAGAIN 11
#define ERRNO_ESTALE 116

/* What is of the way out only, and not of the session. */
#define TAKE_BITS (FLOW_RESTARTING | FLOW_LEAVING | FLOW_STIRRED)

static __always_inline int take_is_still(__u32 bits)
{
    return (bits & (FLOW_CLOSED | FLOW_LEAVING)) && !(bits & FLOW_STIRRED);
}

/*
 * From now on packets say that they come; those that are there already end before user space asks again. It asks by one
 * thread, which may be stopped anywhere for long: until its entry is another session's, with the same bits.
 */
static __always_inline int take_mark(struct flow *flow, __u64 flow_id, __u32 bits)
{
    __u32 marked = (bits & ~FLOW_STIRRED) | FLOW_LEAVING;

    if (__sync_val_compare_and_swap(&flow->bits, bits, marked) == bits && flow->id != flow_id)
        FLOW_OR(&flow->bits, FLOW_STIRRED);
    return -ERRNO_EAGAIN;
}

static __always_inline void take_copy(struct take *take, const struct flow *flow)
{
    struct record_event *event = &take->record.event;

    event->type = RECORD_TAKEN;
    event->ifindex = take->reason;
    event->flow_id = take->flow_id;
    event->time_ns = bpf_ktime_get_ns();
    event->key = take->key;
    bpf_probe_read_kernel(&take->record.flow, sizeof(take->record.flow), flow);
    take->record.flow.bits &= ~TAKE_BITS;
}

static __always_inline int take_keep(const struct take *take)
{
    return take->keep ? map_update(&taken, &take->flow_id, &take->record, BPF_ANY) : 0;
}

/*
 * When nothing came since bits were read, what was copied since then is final, and the entry goes. 0 or -EAGAIN: packets
 * came, it is another session's by now, or the kernel could not lock its table.
 */
static __always_inline int take_out(struct take *take, struct flow *flow, __u32 bits)
{
    if (__sync_val_compare_and_swap(&flow->bits, bits, bits | FLOW_RESTARTING) == bits) {
        if (flow->id == take->flow_id && !(int)bpf_map_delete_elem(&flows, &take->key))
            return 0;
        FLOW_AND(&flow->bits, ~(__u32)FLOW_RESTARTING);
    }
    if (take->keep)
        bpf_map_delete_elem(&taken, &take->flow_id);
    return -ERRNO_EAGAIN;
}

static __always_inline long take_entry(struct take *take)
{
    struct flow *flow = bpf_map_lookup_elem(&flows, &take->key);
    __u32 bits;
    int err;

    if (!flow)
        return -ERRNO_ENOENT;
    bits = *(volatile __u32 *)&flow->bits;
    if (flow->id != take->flow_id || (bits & FLOW_RESTARTING))
        return -ERRNO_ESTALE;
    if (!take->alone && !take_is_still(bits))
        return take_mark(flow, take->flow_id, bits);
    take_copy(take, flow);
    err = take_keep(take);
    return err ? err : take_out(take, flow, bits);
}

#endif
