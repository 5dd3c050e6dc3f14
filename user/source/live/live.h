/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions from the kernel: the BPF programs loaded and attached, their rings read, their flow table
 * swept. One BPF object an instance; everything it holds goes when it is closed, but what is pinned and left.
 */
#ifndef SESSTAP_LIVE_H
#define SESSTAP_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "session/session.h"

/* Which hooks are used. */
enum live_mode {
    LIVE_TC,   /* TC both ways */
    LIVE_XDP,  /* native XDP on the way in, TC on the way out; where that can't be, nothing */
    LIVE_AUTO, /* the same at hardware whose driver has native XDP; TC both ways elsewhere */
};

struct pin;
struct live_filters;

struct live_conf {
    enum live_mode mode;
    uint64_t depth_bytes;         /* of each direction, DEPTH_ALL; 0: no payload */
    uint32_t snaplen_bytes;       /* of each packet's payload */
    bool sample_headers;          /* packets without payload too */
    bool tunnels;                 /* look inside of tunnels */
    bool namespaces;              /* interfaces of other network namespaces may come */
    uint32_t max_flows;           /* entries of the table, at least 1 */
    uint32_t payload_ring_bytes;  /* a power of two, at least a page */
    bool clsact;                  /* do not try TCX */
    struct pin *pin;              /* open, borrowed: all is kept there; NULL: nothing is */
    const char *version;          /* of the program, for what is kept */
    struct live_filters *filters; /* borrowed until the programs are loaded; NULL: none */
    uint32_t sample_one_in;       /* sessions that are kept; 0, 1: all */
    uint64_t payload_rate_bytes;  /* sampled payload a second, of all sessions; 0: no limit */
};

/* What the rings bring. Pointers are borrowed for the call. */
struct live_events {
    /* RECORD_OPENED, RECORD_CLOSED */
    void (*lifecycle)(void *ctx, const struct record_event *event);
    /* A finished session whose entry a new one took: from the ring, or from where it was kept aside. */
    void (*reused)(void *ctx, const struct record_flow *record);
    /* headers: sample->headers_len bytes; payload: sample->cap_len bytes. */
    void (*sample)(void *ctx, const struct record_sample *sample, const uint8_t *headers,
                   const uint8_t *payload);
    void *ctx;
};

struct live;

/* An interface to be tracked. */
struct live_link {
    uint32_t ifindex; /* its number, as all below: see IFACE_ELSEWHERE */
    int netns_fd;     /* of its namespace, borrowed until it is detached; -1: our own */
    uint16_t scope;   /* this and the next as in struct iface_conf */
    bool l3_only;
    bool hardware;    /* a device is below it */
    bool bond;        /* its members would run an XDP program, and under their own numbers */
    const char *name; /* for messages; borrowed for the call */
};

/*
 * Load the programs. events is copied. NULL with errno; the cause is logged in one line that says what is
 * missing (BTF, a capability, memory).
 */
struct live *live_open(const struct live_conf *conf, const struct live_events *events);
/* Detach from everything and free; nothing is kept any more either. NULL is fine. */
void live_close(struct live *live);
/* Free, and leave all that is pinned at work for the next process. */
void live_leave(struct live *live);
/* A file of the namespace that an interface is in which an earlier process attached, borrowed; -1: our own. */
void live_tell_netns(struct live *live, uint32_t ifindex, int netns_fd);
/* After the interfaces that are there were attached: detach from those that only an earlier process wanted. */
void live_settle(struct live *live);

/*
 * Both directions of an interface. 0; -EEXIST: is attached; -ENODEV; -ENOSPC: all IFACE_SLOTS are in use;
 * else -errno, and live_attach_problem says it in words.
 */
int live_attach(struct live *live, const struct live_link *link);
/* Why the last live_attach that failed did, with -errno err. */
const char *live_attach_problem(const struct live *live, int err);
/* The number by which its counters and its name are kept. -ENOENT. */
int live_slot(const struct live *live, uint32_t ifindex);
/* Another scope for its packets from now on. 0 or -errno. */
int live_set_scope(struct live *live, uint32_t ifindex, uint16_t scope);
/* Detach. What it counted stays in live_seen_gone. -ENOENT: is not attached. */
int live_detach(struct live *live, uint32_t ifindex);
/* Detach from all interfaces, but let their counts be read as before; no program runs any more. For the end. */
void live_quiet(struct live *live);
size_t live_attached(const struct live *live);
/*
 * How interfaces are attached: "tcx", or "tcx (2), xdp in and tcx out (1)". Borrowed until the next call; ""
 * when there are none.
 */
const char *live_hook_names(const struct live *live);

/*
 * Wake epoll_fd, with data.u64 = tag, when the rings have much to say: edge-triggered, by backlog and not
 * by record, so also poll on a timer. 0 or -errno.
 */
int live_watch(struct live *live, int epoll_fd, uint64_t tag);
/*
 * Read the rings. true: all that was in them at the call has been read, false: there was more than
 * one call reads, and the next one goes on.
 */
bool live_poll(struct live *live);
/* Sessions kept aside while the lifecycle ring was full. Returns how many; cheap when there are none. */
size_t live_poll_spill(struct live *live);

/* One step of a pass through the flow table. */
enum live_sweep { LIVE_SWEEP_MORE, LIVE_SWEEP_DONE, LIVE_SWEEP_FAILED };
/*
 * Up to count entries (at least 64 are asked for) from where the last step ended, each given to visit;
 * keys and flows are copies. DONE: the pass is over, the next step begins another.
 */
enum live_sweep live_sweep_step(struct live *live, size_t count,
                                void (*visit)(void *ctx, const struct flow_key *key,
                                              const struct flow *flow),
                                void *ctx);
/*
 * Packets may be on their way to an entry. All those that are at the call are counted in it when this number's
 * live_grace_over is true, some 10 ms later.
 */
uint64_t live_grace_ask(struct live *live);
bool live_grace_over(const struct live *live, uint64_t period);
/*
 * A session whose entry is to be removed, and what came of it. result: 0; -EAGAIN: it is not closed, or packets came: ask
 * for a period and when that is over call again; -ENOENT: no entry; -ESTALE: the entry is another session's, or just
 * being handed over to one, and stays.
 */
struct live_take {
    const struct flow_key *key; /* borrowed for the call */
    uint64_t flow_id;
    enum close_reason reason; /* for the record, when TCP did not end it */
    int result;
    const struct flow *flow; /* its last content, when result is 0; borrowed until the next call */
};
/* Remove the entries of count sessions, at most TAKE_BATCH. Call when periods that were asked for after each closed are over. */
void live_take(struct live *live, struct live_take *takes, size_t count);
/* An entry's content; it stays. 0, -ENOENT or -ESTALE. */
int live_look(struct live *live, const struct flow_key *key, uint64_t flow_id, struct flow *flow);
/*
 * With a pin, a session that was taken or reused is kept until this says that its record is where it should be.
 * Then it is as if it had never been.
 */
void live_forget(struct live *live, uint64_t flow_id);
/* Each session that is kept so; visit must not forget any. */
void live_each_kept(struct live *live, void (*visit)(void *ctx, const struct record_flow *record),
                    void *ctx);

/*
 * What is kept beside a session's entry (FLOW_NOTED), as it is now. live_drop_note: nothing needs it any more, the
 * session is over. 0 or -ENOENT.
 */
int live_note(struct live *live, uint64_t flow_id, struct flow_note *note);
void live_drop_note(struct live *live, uint64_t flow_id);

/* What passed an attached interface. -ENOENT. */
int live_seen(struct live *live, uint32_t ifindex, struct iface_seen *seen);
/* What passed interfaces that are detached by now, and packets that met a program too early or too late. */
void live_seen_gone(struct live *live, struct iface_seen *seen);
/* Sums over all CPUs. */
void live_unaccounted(struct live *live, struct traffic reasons[UNACCOUNTED_COUNT]);
void live_event_counts(struct live *live, uint64_t events[EVENT_COUNT]);
/* Memory of the flow table in bytes. */
uint64_t live_table_bytes(const struct live *live);
/* Entries of the table: with a pin, what it was made with. */
uint32_t live_max_flows(const struct live *live);

#endif
