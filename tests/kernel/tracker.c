/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the skeleton as a test wants it, runs its programs, and adds up its per-CPU counters. */
#include "kernel/tracker.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sesstap.skel.h"
#include "source/live/filters.h"

#define FRAME_ROOM 70000

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
    return level == LIBBPF_WARN ? vfprintf(stderr, format, args) : 0;
}

/* Opens the skeleton in such a way that a load puts the filters in place. */
static struct sesstap_bpf *open_with(struct live_filters *filters, struct filter_places **places)
{
    struct sesstap_bpf *skel;

    *places = NULL;
    if (filters) {
        size_t count;
        const struct filter_place *wanted = live_filters_places(filters, &count);

        *places = filter_places_begin(wanted, count);
        if (!*places)
            err(1, "registering for the programs' load");
    }
    skel = sesstap_bpf__open();
    if (!skel)
        err(1, "opening the skeleton");
    if (*places)
        filter_places_set_object(*places, skel->obj);
    return skel;
}

static void configure(struct track_conf *conf, const struct tracker_options *options)
{
    conf->depth_bytes = options->depth_bytes;
    conf->snaplen_bytes = or_default(options->snaplen_bytes, 262144);
    conf->sample_headers = options->sample_headers;
    conf->sample_one_in = or_default(options->sample_one_in, 1);
    conf->sample_seed = options->sample_seed;
    conf->rate_ns_per_byte = options->rate_ns_per_byte;
    if (options->filters)
        live_filters_configure(options->filters, conf);
}

void tracker_open(struct tracker *tracker, const struct tracker_options *options)
{
    struct iface_conf iface = {.slot = TRACKER_SLOT};
    uint32_t ifindex = TRACKER_IFINDEX, max_flows = or_default(options->max_flows, 1024);
    struct filter_places *places;
    struct sesstap_bpf *skel;

    if (geteuid() != 0) {
        puts("SKIP: loading BPF programs needs root");
        exit(77);
    }
    libbpf_set_print(quiet);
    skel = open_with(options->filters, &places);
    configure((struct track_conf *)&skel->rodata->conf, options);
    bpf_map__set_max_entries(skel->maps.flows, max_flows);
    bpf_map__set_max_entries(skel->maps.spill, or_default(options->spill_entries, max_flows));
    skel->rodata->conf.tunnels = options->tunnels;
    bpf_map__set_max_entries(skel->maps.flow_notes, max_flows);
    bpf_map__set_max_entries(skel->maps.payload_ring,
                             or_default(options->payload_ring_bytes, 1 << 20));
    bpf_map__set_max_entries(skel->maps.lifecycle_ring,
                             or_default(options->lifecycle_ring_bytes, 1 << 20));
    bpf_program__set_autoload(skel->progs.sesstap_xdp, options->xdp);
    bpf_program__set_autoload(skel->progs.sesstap_ingress, !options->xdp);
    tracker->cpus = libbpf_num_possible_cpus();
    bpf_map__set_max_entries(skel->maps.heads, (uint32_t)tracker->cpus);
    if (sesstap_bpf__load(skel))
        err(1, "loading the programs");
    filter_places_end(places);
    if (bpf_map_update_elem(bpf_map__fd(skel->maps.near_ifaces), &ifindex, &iface, BPF_ANY))
        err(1, "registering interface %u", ifindex);
    tracker->skel = skel;
    tracker->obj = skel->obj;
    tracker->xdp = options->xdp;
    tracker->ingress_fd =
        bpf_program__fd(options->xdp ? skel->progs.sesstap_xdp : skel->progs.sesstap_ingress);
    tracker->egress_fd = bpf_program__fd(skel->progs.sesstap_egress);
}

void tracker_close(struct tracker *tracker)
{
    sesstap_bpf__destroy(tracker->skel);
    tracker->skel = NULL;
}

int tracker_setup(void **state, const struct tracker_options *options)
{
    static struct tracker tracker;

    tracker_open(&tracker, options);
    *state = &tracker;
    return 0;
}

int tracker_teardown(void **state)
{
    tracker_close(*state);
    return 0;
}

static bool is_xdp(int prog_fd)
{
    struct bpf_prog_info info = {0};
    uint32_t len = sizeof(info);

    if (bpf_obj_get_info_by_fd(prog_fd, &info, &len))
        err(1, "asking what program %d is", prog_fd);
    return info.type == BPF_PROG_TYPE_XDP;
}

/* 0 and *result, or -errno. */
static int run_once(int prog_fd, void *frame, size_t len, void *ctx, uint32_t ctx_len, int *result)
{
    static uint8_t left[FRAME_ROOM];
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
                .data_out = left, .data_size_out = sizeof(left), .ctx_in = ctx,
                .ctx_size_in = ctx_len, .repeat = 1);

    if (bpf_prog_test_run_opts(prog_fd, &opts))
        return -errno;
    if (opts.data_size_out != len)
        errx(1, "the program made a frame of %zu bytes %u long", len, opts.data_size_out);
    memcpy(frame, left, len);
    *result = (int)opts.retval;
    return 0;
}

int tracker_run(int prog_fd, void *frame, size_t len, struct __sk_buff *ctx)
{
    bool xdp = is_xdp(prog_fd);
    int result;

    if (xdp && ctx && (ctx->gso_segs || ctx->ifindex))
        errx(1, "XDP knows no segmentation offload, and a test run of it one interface");
    errno =
        -run_once(prog_fd, frame, len, xdp ? NULL : ctx, ctx && !xdp ? sizeof(*ctx) : 0, &result);
    if (errno)
        err(1, "running a program on a frame of %zu bytes", len);
    return xdp && result == XDP_PASS ? TC_NEXT : result;
}

int tracker_run_scattered(const struct tracker *tracker, void *frame, size_t len, uint32_t linear)
{
    struct xdp_md ctx = {.data_end = linear};
    int result, error = run_once(tracker->ingress_fd, frame, len, &ctx, sizeof(ctx), &result);

    if (error == -EINVAL)
        return -ENOTSUP;
    if (error)
        errx(1, "running a program on %u of %zu bytes: %s", linear, len, strerror(-error));
    return result == XDP_PASS ? TC_NEXT : result;
}

uint32_t tracker_repeat(int prog_fd, const void *frame, size_t len, uint32_t repeat)
{
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
                .repeat = (int)repeat);

    if (bpf_prog_test_run_opts(prog_fd, &opts))
        err(1, "running a program %u times", repeat);
    return opts.duration;
}

/* The sum of a per-CPU element of count numbers of 64 bits. */
static void sum_cpus(const struct tracker *tracker, const struct bpf_map *map, uint32_t key,
                     uint64_t *sum, size_t count)
{
    uint64_t *values = calloc((size_t)tracker->cpus * count, sizeof(*values));

    if (!values || bpf_map_lookup_elem(bpf_map__fd(map), &key, values))
        err(1, "reading element %u of map %s", key, bpf_map__name(map));
    memset(sum, 0, count * sizeof(*sum));
    for (size_t i = 0; i < (size_t)tracker->cpus * count; i++)
        sum[i % count] += values[i];
    free(values);
}

struct traffic tracker_seen(const struct tracker *tracker, uint32_t slot, enum hook_direction hook)
{
    struct iface_seen seen;

    sum_cpus(tracker, tracker->skel->maps.seen, slot, (uint64_t *)&seen, sizeof(seen) / 8);
    return seen.dir[hook];
}

struct traffic tracker_unaccounted(const struct tracker *tracker, enum unaccounted_reason reason)
{
    struct traffic traffic;

    sum_cpus(tracker, tracker->skel->maps.unaccounted, reason, (uint64_t *)&traffic,
             sizeof(traffic) / 8);
    return traffic;
}

uint64_t tracker_event(const struct tracker *tracker, enum event_counter event)
{
    uint64_t count;

    sum_cpus(tracker, tracker->skel->maps.events, event, &count, 1);
    return count;
}

uint32_t tracker_count_flows(const struct tracker *tracker)
{
    int fd = bpf_map__fd(tracker->skel->maps.flows);
    struct flow_key key, *at = NULL;
    uint32_t count = 0;

    while (!bpf_map_get_next_key(fd, at, &key)) {
        count++;
        at = &key;
    }
    return count;
}

int tracker_get_flow(const struct tracker *tracker, const struct flow_key *key, struct flow *flow)
{
    return bpf_map_lookup_elem(bpf_map__fd(tracker->skel->maps.flows), key, flow) ? -errno : 0;
}

int tracker_get_note(const struct tracker *tracker, uint64_t flow_id, struct flow_note *note)
{
    int fd = bpf_map__fd(tracker->skel->maps.flow_notes);

    return bpf_map_lookup_elem(fd, &flow_id, note) ? -errno : 0;
}

void tracker_only_flow(const struct tracker *tracker, struct flow_key *key, struct flow *flow)
{
    uint32_t count = tracker_count_flows(tracker);

    if (count != 1)
        errx(1, "%u sessions in the table, not one", count);
    if (bpf_map_get_next_key(bpf_map__fd(tracker->skel->maps.flows), NULL, key) ||
        tracker_get_flow(tracker, key, flow))
        err(1, "reading the only session");
}

void tracker_clear_flows(const struct tracker *tracker)
{
    int fd = bpf_map__fd(tracker->skel->maps.flows);
    struct flow_key key;

    while (!bpf_map_get_next_key(fd, NULL, &key))
        bpf_map_delete_elem(fd, &key);
}
