/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The flow table in the kernel: find or make the entry, hand it to a new session, announce changes. */
#ifndef SESSTAP_TRACK_BPF_H
#define SESSTAP_TRACK_BPF_H

#include "config.bpf.h"
#include "frame.bpf.h"

#define ERRNO_E2BIG  7
#define ERRNO_ENOMEM 12
#define ERRNO_EEXIST 17

/* How often a packet looks again while an entry is taken out or handed over, which is done in some 100 ns. */
#define FLOW_ENTER_TRIES 32

/* Kernels before 6.2 take no argument of a global function for a map's key or value: so each looks. */
static __always_inline struct work *find_work(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&works, &zero);
}

/* Wake user space when this record makes the backlog pass a threshold; its timer sees to the rest. */
static __always_inline __u64 ring_wake_flags(void *ring, __u32 record_bytes, __u32 threshold_bytes)
{
    __u64 backlog = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

    return backlog >= threshold_bytes && backlog < threshold_bytes + record_bytes
               ? BPF_RB_FORCE_WAKEUP
               : BPF_RB_NO_WAKEUP;
}

/* Tell user space of a session. Nothing depends on its arrival: the sweep finds what it would say. */
static __noinline int announce(const struct flow_key *key, __u64 flow_id, __u32 type, __u32 ifindex,
                               __u64 now_ns)
{
    struct record_event *event = bpf_ringbuf_reserve(&lifecycle_ring, sizeof(*event), 0);

    if (!event) {
        count_event(EVENT_LIFECYCLE_RING_FULL);
        return 0;
    }
    event->type = type;
    event->ifindex = ifindex;
    event->flow_id = flow_id;
    event->time_ns = now_ns;
    event->key = *key;
    bpf_ringbuf_submit(
        event, ring_wake_flags(&lifecycle_ring, sizeof(*event) + 8, conf.lifecycle_wake_bytes));
    return 0;
}

/* A number no other session has while the table lives: a count by CPU, and the CPU. */
static __always_inline __u64 flow_next_id(void)
{
    __u32 event = EVENT_FLOWS_CREATED;
    __u64 *count = bpf_map_lookup_elem(&events, &event);

    if (!count)
        return 0;
    (*count)++;
    return *count << 12 | (bpf_get_smp_processor_id() & 0xfff);
}

static __always_inline __u32 table_full_reason(__u8 l4_proto)
{
    if (l4_proto == IP_PROTO_TCP)
        return UNACCOUNTED_TABLE_FULL_TCP;
    if (l4_proto == IP_PROTO_UDP)
        return UNACCOUNTED_TABLE_FULL_UDP;
    return l4_proto == IP_PROTO_SCTP ? UNACCOUNTED_TABLE_FULL_SCTP : UNACCOUNTED_TABLE_FULL_ICMP;
}

static __always_inline void flow_place(struct flow *flow, const struct work *work,
                                       const struct iface_conf *iface, __u32 ifindex)
{
    if (conf.depth_filters)
        flow->dir[0].depth_bytes = flow->dir[1].depth_bytes = work->depth_bytes;
    flow->ifindex = ifindex;
    flow->slot = iface->slot;
    flow->l3_only = iface->l3_only;
}

/* A session in a tunnel says which one. Call when the entry is the session's. */
static __always_inline void flow_note_tunnel(struct flow *flow, struct work *work)
{
    __u64 id = flow->id;

    if (!conf.tunnels || !work->tunnel.kind)
        return;
    if (bpf_map_update_elem(&flow_notes, &id, &work->note, BPF_ANY))
        count_event(EVENT_NOTES_FULL);
    else
        FLOW_OR(&flow->bits, FLOW_NOTED);
}

/*
 * As the helper's, but an int: before kernel 6.4 the upper half of what map operations return is not the
 * sign's, so a long is never equal to -E2BIG.
 */
static __always_inline int map_update(void *map, const void *key, const void *value, __u64 flags)
{
    return (int)bpf_map_update_elem(map, key, value, flags);
}

/*
 * A new entry for a packet whose key is not in the table. NULL when it cannot be: *reason says why.
 * Another CPU may have made it meanwhile; then that one is used.
 */
static __noinline struct flow *flow_create(struct work *work, const struct iface_conf *iface,
                                           __u32 ifindex, __u64 now_ns, __u32 *reason)
{
    const struct packet *pkt = &work->pkt;
    struct flow *flow, *made = &work->copy.flow;
    int err;

    *reason = UNACCOUNTED_INSERT_FAILED;
    __builtin_memset(made, 0, sizeof(*made));
    flow_place(made, work, iface, ifindex);
    flow_begin(made, pkt, flow_next_id(), now_ns);
    err = map_update(&flows, &pkt->key, made, BPF_NOEXIST);
    if (err == -ERRNO_E2BIG || err == -ERRNO_ENOMEM)
        *reason = table_full_reason(pkt->key.l4_proto);
    if (err && err != -ERRNO_EEXIST)
        return 0;
    flow = bpf_map_lookup_elem(&flows, &pkt->key);
    if (flow && !err)
        flow_note_tunnel(flow, work);
    if (flow && !err)
        announce(&pkt->key, flow->id, RECORD_OPENED, ifindex, now_ns);
    return flow;
}

/*
 * A packet comes to an entry of one of FLOW_WATCHED: with FLOW_STIRRED set, and looked up once more after that, user space
 * can't take it out while this program runs. inner: work->inner's entry, not work->pkt's. Returns 0: look it up again,
 * if it is gone begin another; or the reason to give the packet up. Global: verified once.
 */
__noinline int flow_enter(int inner)
{
    struct work *work = find_work();
    const struct flow_key *key;

    if (!work)
        return UNACCOUNTED_ENTRY_TAKEN;
    key = inner ? &work->inner.key : &work->pkt.key;
    for (int i = 0; i < FLOW_ENTER_TRIES; i++) {
        struct flow *flow = bpf_map_lookup_elem(&flows, key);
        __u32 bits;

        if (!flow)
            return 0;
        bits = FLOW_OR(&flow->bits, FLOW_STIRRED);
        if ((bits & FLOW_RESTARTING) || bpf_map_lookup_elem(&flows, key) != flow)
            continue;
        if ((bits & (FLOW_LEAVING | FLOW_CLOSED)) == FLOW_LEAVING)
            FLOW_AND(&flow->bits, ~(__u32)FLOW_LEAVING);
        return 0;
    }
    return UNACCOUNTED_ENTRY_TAKEN;
}

/*
 * The finished session of an entry that a new one takes: to the ring, else aside, else counted. Its packets are
 * exchanged for none, so that one that another CPU counts right now is either's, and never no one's.
 */
static __always_inline void flow_hand_over(const struct flow_key *key, struct flow *flow,
                                           struct record_flow *copy, __u64 now_ns)
{
    __u64 id = flow->id;
    int err;

    copy->event.type = RECORD_REUSED;
    copy->event.ifindex = flow->ifindex;
    copy->event.flow_id = id;
    copy->event.time_ns = now_ns;
    copy->event.key = *key;
    bpf_probe_read_kernel(&copy->flow, sizeof(copy->flow), flow);
    copy->flow.bits &= ~(FLOW_RESTARTING | FLOW_LEAVING | FLOW_STIRRED);
    for (int i = 0; i < 2; i++) {
        copy->flow.pkts[i] = FLOW_TAKE(&flow->pkts[i]);
        copy->flow.quality[i].gso_extra_pkts = FLOW_TAKE(&flow->quality[i].gso_extra_pkts);
    }
    count_event(EVENT_REUSED);
    err = (int)bpf_ringbuf_output(
        &lifecycle_ring, copy, sizeof(*copy),
        ring_wake_flags(&lifecycle_ring, sizeof(*copy) + 8, conf.lifecycle_wake_bytes));
    if (!err)
        return;
    err = map_update(&spill, &id, copy, BPF_ANY);
    if (err)
        bpf_map_delete_elem(&flow_notes, &id);
    count_event(err ? EVENT_SPILL_FAILED : EVENT_SPILLED);
}

/* All of an entry but its bits, and what flow_hand_over left at none. */
static __always_inline void flow_overwrite(struct flow *flow, const struct flow *made)
{
    const __u32 begin = __builtin_offsetof(struct flow, last_data_pkt);
    const __u32 counted = __builtin_offsetof(struct flow_quality, l3_hdr_extra);

    flow->ifindex = made->ifindex;
    __builtin_memcpy((__u8 *)flow + begin, (const __u8 *)made + begin,
                     __builtin_offsetof(struct flow, quality) - begin);
    for (int i = 0; i < 2; i++)
        __builtin_memcpy((__u8 *)&flow->quality[i] + counted,
                         (const __u8 *)&made->quality[i] + counted,
                         sizeof(made->quality[i]) - counted);
}

/* Closed, and user space could not take it since packets go on coming: this one begins a session. */
static __always_inline int flow_is_overdue(const struct flow *flow)
{
    return (flow->bits & (FLOW_CLOSED | FLOW_LEAVING)) == (FLOW_CLOSED | FLOW_LEAVING);
}

/*
 * Give the entry to the session that this packet begins. One CPU does it, by setting a bit first; a
 * second one finds the bit and leaves the entry alone. The new session's bits are written last.
 */
static __noinline int flow_restart(struct flow *flow, struct work *work,
                                   const struct iface_conf *iface, __u32 ifindex, __u64 now_ns)
{
    const struct packet *pkt = &work->pkt;
    struct record_flow *copy = &work->copy;
    __u32 bits;

    if (FLOW_OR(&flow->bits, FLOW_RESTARTING) & FLOW_RESTARTING)
        return 0;
    flow_hand_over(&pkt->key, flow, copy, now_ns);
    __builtin_memset(&copy->flow, 0, sizeof(copy->flow));
    flow_place(&copy->flow, work, iface, ifindex);
    flow_begin(&copy->flow, pkt, flow_next_id(), now_ns);
    bits = copy->flow.bits;
    flow_overwrite(flow, &copy->flow);
    *(volatile __u32 *)&flow->bits = bits;
    flow_note_tunnel(flow, work);
    announce(&pkt->key, flow->id, RECORD_OPENED, ifindex, now_ns);
    return 1;
}

/* Remember, in order, another tracked interface that this session's packets cross. */
static __noinline int flow_note_path(struct flow *flow, __u32 ifindex)
{
    if (!flow)
        return 0;
    for (int i = 0; i < FLOW_PATH; i++) {
        if (flow->path[i] == ifindex)
            return 0;
        if (!flow->path[i]) {
            flow->path[i] = ifindex;
            return 0;
        }
    }
    return 0;
}

#endif
