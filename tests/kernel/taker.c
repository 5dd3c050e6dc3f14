/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/taker.h"

#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>

#include "sesstap.skel.h"
#include "source/live/mapped.h"

struct take *take_open(const struct tracker *tracker)
{
    struct take *room =
        mapped_open(bpf_map__fd(tracker->skel->maps.take_room), TAKE_BATCH * sizeof(struct take));

    if (!room)
        err(1, "mapping take_room");
    return room;
}

void take_close(struct take *room)
{
    mapped_close(room, TAKE_BATCH * sizeof(*room));
}

int take_one(const struct tracker *tracker, struct take *room, const struct flow_key *key,
             uint64_t flow_id, struct flow *flow)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts);

    room->key = *key;
    room->flow_id = flow_id;
    room->last = true;
    room->result = -EIO;
    if (bpf_prog_test_run_opts(bpf_program__fd(tracker->skel->progs.sesstap_take), &opts))
        err(1, "running sesstap_take");
    if (!room->result)
        *flow = room->record.flow;
    return (int)room->result;
}
