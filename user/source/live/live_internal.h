/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of source/live share. */
#ifndef SESSTAP_LIVE_INTERNAL_H
#define SESSTAP_LIVE_INTERNAL_H

#include <bpf/libbpf.h>

#include "source/live/attach.h"
#include "source/live/clsact.h"
#include "source/live/entry.h"
#include "source/live/grace.h"
#include "source/live/live.h"
#include "source/live/pin.h"

#include "sesstap.skel.h"

/* Entries copied from the kernel at a time by a sweep. */
#define SWEEP_BATCH 512

struct live {
    struct sesstap_bpf *skel;
    struct live_conf conf;
    struct live_events events;
    struct ring_buffer *rings;
    struct clsact clsact;
    struct entries *entries; /* NULL: of our own namespace only */
    struct attachments *attachments;
    struct iface_seen *base; /* by slot: what was counted there before its interface of now */
    struct iface_seen gone;  /* the sum of it */
    struct take *takes;      /* map take_room: TAKE_BATCH of them */
    bool alone;              /* no program tracks packets any more */
    struct grace *grace;
    uint64_t spilled_taken; /* of the spill counter, what was read */
    size_t samples_left;    /* of this poll */
    size_t cpus;
    void *percpu; /* room for one value of each CPU */
    /* the sweep's place and what it copies into */
    bool sweep_begun;
    uint32_t sweep_at;
    struct flow_key *sweep_keys;
    struct flow *sweep_flows;
};

/* counts.c: the interfaces that an earlier process attached. */
void live_restore(struct live *live);

#endif
