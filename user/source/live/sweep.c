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

void live_take(struct live *live, struct live_take *takes, size_t count)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts);
    int err;

    if (!count)
        return;
    for (size_t i = 0; i < count; i++) {
        struct take *take = &live->takes[i];

        take->key = *takes[i].key;
        take->flow_id = takes[i].flow_id;
        take->reason = takes[i].reason;
        take->keep = live->conf.pin != NULL;
        take->alone = live->alone;
        take->last = i + 1 == count;
        take->result = -EIO;
    }
    err = bpf_prog_test_run_opts(bpf_program__fd(live->skel->progs.sesstap_take), &opts);
    for (size_t i = 0; i < count; i++) {
        takes[i].result = err ? err : (int)live->takes[i].result;
        takes[i].flow = &live->takes[i].record.flow;
    }
}

uint64_t live_grace_ask(struct live *live)
{
    return grace_ask(live->grace);
}

bool live_grace_over(const struct live *live, uint64_t period)
{
    return grace_over(live->grace, period);
}

void live_forget(struct live *live, uint64_t flow_id)
{
    bpf_map_delete_elem(bpf_map__fd(live->skel->maps.taken), &flow_id);
}

void live_each_kept(struct live *live, void (*visit)(void *ctx, const struct record_flow *record),
                    void *ctx)
{
    int fd = bpf_map__fd(live->skel->maps.taken);
    struct record_flow record;
    uint64_t id, next;
    int err = bpf_map_get_next_key(fd, NULL, &next);

    while (!err) {
        id = next;
        if (!bpf_map_lookup_elem(fd, &id, &record))
            visit(ctx, &record);
        err = bpf_map_get_next_key(fd, &id, &next);
    }
}

int live_note(struct live *live, uint64_t flow_id, struct flow_note *note)
{
    return bpf_map_lookup_elem(bpf_map__fd(live->skel->maps.flow_notes), &flow_id, note);
}

void live_drop_note(struct live *live, uint64_t flow_id)
{
    bpf_map_delete_elem(bpf_map__fd(live->skel->maps.flow_notes), &flow_id);
}
