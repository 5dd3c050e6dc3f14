/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table as user space reads it: passes through all of it, and single entries. */
#include <bpf/bpf.h>
#include <errno.h>

#include "source/live/live_internal.h"

static int flows_fd(const struct live *live)
{
    return bpf_map__fd(live->skel->maps.flows);
}

enum live_sweep live_sweep_step(struct live *live, size_t count,
                                void (*visit)(void *ctx, const struct flow_key *key,
                                              const struct flow *flow),
                                void *ctx)
{
    uint32_t got = SWEEP_BATCH;
    int err;

    if (count < got)
        got = count < 64 ? 64 : (uint32_t)count;
    err = bpf_map_lookup_batch(flows_fd(live), live->sweep_begun ? &live->sweep_at : NULL,
                               &live->sweep_at, live->sweep_keys, live->sweep_flows, &got, NULL);
    if (err && err != -ENOENT) {
        live->sweep_begun = false;
        return LIVE_SWEEP_FAILED;
    }
    live->sweep_begun = !err;
    for (uint32_t i = 0; i < got; i++) {
        if (!(live->sweep_flows[i].bits & FLOW_RESTARTING))
            visit(ctx, &live->sweep_keys[i], &live->sweep_flows[i]);
    }
    return err ? LIVE_SWEEP_DONE : LIVE_SWEEP_MORE;
}

int live_look(struct live *live, const struct flow_key *key, uint64_t flow_id, struct flow *flow)
{
    int err = bpf_map_lookup_elem(flows_fd(live), key, flow);

    if (err)
        return err;
    return flow->id == flow_id ? 0 : -ESTALE;
}

/*
 * A session that was taken by mistake: its SYN came between our look and the taking. It is put back;
 * when its next packet was quicker and has begun an entry of its own, what was taken is a session by
 * itself. Either way no count is lost.
 */
static void put_back(struct live *live, const struct flow_key *key, const struct flow *flow)
{
    struct record_flow record = {
        .event = {.type = RECORD_REUSED,
                  .ifindex = flow->ifindex,
                  .flow_id = flow->id,
                  .key = *key},
        .flow = *flow,
    };

    record.flow.bits &= ~FLOW_RESTARTING;
    if (bpf_map_update_elem(flows_fd(live), key, &record.flow, BPF_NOEXIST))
        live->events.reused(live->events.ctx, &record);
}

int live_take(struct live *live, const struct flow_key *key, uint64_t flow_id, struct flow *flow)
{
    int err = live_look(live, key, flow_id, flow);

    if (err)
        return err;
    if (flow->bits & FLOW_RESTARTING)
        return -ESTALE; /* handed over already: its content comes as RECORD_REUSED */
    err = bpf_map_lookup_and_delete_elem(flows_fd(live), key, flow);
    if (err)
        return err;
    if (flow->id != flow_id)
        put_back(live, key, flow);
    else if (!(flow->bits & FLOW_RESTARTING))
        return 0;
    return -ESTALE;
}
