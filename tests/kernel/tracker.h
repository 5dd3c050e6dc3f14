/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel programs, loaded but attached nowhere, and run packet by packet with BPF_PROG_TEST_RUN. */
#ifndef SESSTAP_TESTS_TRACKER_H
#define SESSTAP_TESTS_TRACKER_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"

#define TRACKER_IFINDEX 1 /* packets of a test run come from the loopback interface */
#define TRACKER_SLOT    7
#define TC_NEXT         (-1)

struct sesstap_bpf;
struct live_filters;

struct tracker_options {
    bool xdp;           /* what comes in, by the XDP program */
    uint32_t max_flows; /* 0: 1024 */
    uint64_t depth_bytes;
    uint32_t snaplen_bytes; /* 0: no limit */
    uint32_t sample_headers;
    uint32_t payload_ring_bytes;   /* 0: 1 MB; a power of two, of pages */
    uint32_t lifecycle_ring_bytes; /* 0: 1 MB */
    uint32_t tunnels;              /* look inside */
    uint32_t spill_entries;        /* 0: as max_flows */
    struct live_filters *filters;  /* NULL: none */
    uint32_t sample_one_in;        /* 0: all sessions are kept */
    uint64_t sample_seed;
    uint64_t rate_ns_per_byte; /* as in struct track_conf */
};

struct tracker {
    struct sesstap_bpf *skel;
    bool xdp;
    int ingress_fd; /* of the XDP program when xdp is set */
    int egress_fd;
    int cpus; /* possible ones */
    struct bpf_object *obj;
};

/* Load, with TRACKER_IFINDEX registered at TRACKER_SLOT and scope 0. Exits 77 without root. */
void tracker_open(struct tracker *tracker, const struct tracker_options *options);
void tracker_close(struct tracker *tracker);
/* For cmocka: the program's one tracker, opened into *state, and closed. 0. */
int tracker_setup(void **state, const struct tracker_options *options);
int tracker_teardown(void **state);

/*
 * One run of a program on a frame; ctx (NULL: none) gives gso_size and the like, which XDP has not. A
 * frame of more than a page goes to XDP in pieces, to TC not at all. Returns TC_NEXT when the packet goes on,
 * by XDP too, else what the program returned. frame is written back: it is what the program left of it.
 */
int tracker_run(int prog_fd, void *frame, size_t len, struct __sk_buff *ctx);
/*
 * The same for the XDP program, with only the first linear bytes (at least 14) to be reached by pointers.
 * -ENOTSUP: this kernel's test runs can't (6.18 can).
 */
int tracker_run_scattered(const struct tracker *tracker, void *frame, size_t len, uint32_t linear);
/* repeat runs on one frame; returns the mean of a run in ns. */
uint32_t tracker_repeat(int prog_fd, const void *frame, size_t len, uint32_t repeat);

/* Counters, summed over the CPUs. */
struct traffic tracker_seen(const struct tracker *tracker, uint32_t slot, enum hook_direction hook);
struct traffic tracker_unaccounted(const struct tracker *tracker, enum unaccounted_reason reason);
uint64_t tracker_event(const struct tracker *tracker, enum event_counter event);
uint32_t tracker_count_flows(const struct tracker *tracker);

/* The only session of the table; stops the program when there is not exactly one. */
void tracker_only_flow(const struct tracker *tracker, struct flow_key *key, struct flow *flow);
/* 0, or -ENOENT. */
int tracker_get_flow(const struct tracker *tracker, const struct flow_key *key, struct flow *flow);
/* What lies beside the entry of a session with FLOW_NOTED. 0, or -ENOENT. */
int tracker_get_note(const struct tracker *tracker, uint64_t flow_id, struct flow_note *note);
void tracker_clear_flows(const struct tracker *tracker);

#endif
