/* SPDX-License-Identifier: Apache-2.0 */
/* Loading the BPF object, and reading its two rings. */
#include "source/live/live.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/live/filters.h"
#include "source/live/live_internal.h"
#include "source/live/mapped.h"
#include "source/live/owner.h"

/* Samples that one poll reads at most, so that a flood does not keep it from all else. */
#define POLL_SAMPLES 65536
#define POLL_FULL    (-EAGAIN)

/* The kernel's element: header and hash, then key and value (kernel/bpf/hashtab.c). */
#define TABLE_ELEMENT_BYTES (48 + sizeof(struct flow_key) + sizeof(struct flow))

/* libbpf explains failures at length; we say what is missing in one line instead. */
static int quiet_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
    if (level == LIBBPF_WARN && getenv("SESSTAP_DEBUG"))
        return vfprintf(stderr, fmt, args);
    return 0;
}

static bool has_filters(const struct live *live)
{
    const struct live_filters *filters = live->conf.filters;

    return filters && (filters->pass_count || filters->depth_count);
}

static void explain_load_failure(int err, bool filtered)
{
    if (err == -EPERM)
        log_error(
            "the kernel refused to load BPF programs: run as root, or with CAP_BPF, CAP_NET_ADMIN "
            "and CAP_PERFMON (see sesstap doctor)");
    else if (access("/sys/kernel/btf/vmlinux", R_OK))
        log_error("the kernel has no BTF (/sys/kernel/btf/vmlinux is missing): it needs "
                  "CONFIG_DEBUG_INFO_BTF=y (see sesstap doctor)");
    else if (err == -E2BIG && filtered)
        log_error(
            "the kernel refuses the filters of -f and --depth-for as too complex: shorten them");
    else if (err == -ENOMEM || err == -E2BIG)
        log_error("no memory for the flow table: try a smaller --max-flows");
    else
        log_error(
            "cannot load the BPF programs: %s (see sesstap doctor; SESSTAP_DEBUG=1 shows why)",
            strerror(-err));
}

/* What the ring or the spill had of a session is all there is: it is kept before it is gone from there. */
static void give_reused(struct live *live, const struct record_flow *record)
{
    if (live->conf.pin)
        bpf_map_update_elem(bpf_map__fd(live->skel->maps.taken), &record->event.flow_id, record,
                            BPF_ANY);
    live->events.reused(live->events.ctx, record);
}

static int on_lifecycle(void *ctx, void *data, size_t size)
{
    struct live *live = ctx;
    const struct record_event *event = data;

    if (event->type == RECORD_REUSED && size >= sizeof(struct record_flow))
        give_reused(live, data);
    else if (size >= sizeof(*event))
        live->events.lifecycle(live->events.ctx, event);
    return 0;
}

static int on_sample(void *ctx, void *data, size_t size)
{
    struct live *live = ctx;
    const struct record_sample *sample = data;
    const uint8_t *headers = (const uint8_t *)(sample + 1);
    size_t payload_at =
        sample->flags & SAMPLE_NEXT ? SAMPLE_HEADERS_MAX : (size_t)sample->headers_len;

    if (sizeof(*sample) + payload_at + sample->cap_len <= size)
        live->events.sample(live->events.ctx, sample, headers, headers + payload_at);
    return --live->samples_left ? 0 : POLL_FULL;
}

/* What is kept of the traffic. The seed: so that it is not the same sessions in every run. */
static void configure_choice(const struct live_conf *conf, struct track_conf *kernel)
{
    if (conf->filters)
        live_filters_configure(conf->filters, kernel);
    if (conf->sample_one_in)
        kernel->sample_one_in = conf->sample_one_in;
    kernel->sample_seed = clock_mono_ns() * 0x9e3779b97f4a7c15ull;
    if (conf->payload_rate_bytes)
        kernel->rate_ns_per_byte = (1000000000ull << RATE_SHIFT) / conf->payload_rate_bytes;
}

static int configure(struct live *live)
{
    struct sesstap_bpf *skel = live->skel;
    const struct live_conf *conf = &live->conf;
    int cpus = libbpf_num_possible_cpus();

    if (cpus < 0)
        return cpus;
    live->cpus = (size_t)cpus;

    skel->rodata->conf.depth_bytes = conf->depth_bytes;
    skel->rodata->conf.snaplen_bytes = conf->snaplen_bytes;
    skel->rodata->conf.sample_headers = conf->sample_headers;
    skel->rodata->conf.tunnels = conf->tunnels;
    skel->rodata->conf.namespaces = conf->namespaces;
    skel->rodata->conf.payload_wake_bytes = conf->payload_ring_bytes / 4;
    configure_choice(conf, (struct track_conf *)&skel->rodata->conf);
    bpf_map__set_max_entries(skel->maps.flows, conf->max_flows);
    bpf_map__set_max_entries(skel->maps.spill, conf->max_flows);
    bpf_map__set_max_entries(skel->maps.flow_notes, conf->max_flows);
    bpf_map__set_max_entries(skel->maps.payload_ring, conf->payload_ring_bytes);
    bpf_map__set_max_entries(skel->maps.heads, (uint32_t)cpus);
    if (conf->pin) {
        bpf_map__set_max_entries(skel->maps.taken, conf->max_flows);
        bpf_map__set_max_entries(skel->maps.notes, conf->max_flows + conf->max_flows / 4);
    } else {
        bpf_map__set_autocreate(skel->maps.notes, false);
        bpf_map__set_autocreate(skel->maps.state, false);
    }
    bpf_program__set_autoload(skel->progs.sesstap_ingress, conf->mode != LIVE_XDP);
    bpf_program__set_autoload(skel->progs.sesstap_xdp, conf->mode != LIVE_TC);
    return 0;
}

static int open_rings(struct live *live)
{
    live->rings =
        ring_buffer__new(bpf_map__fd(live->skel->maps.lifecycle_ring), on_lifecycle, live, NULL);
    if (!live->rings)
        return -errno;
    return ring_buffer__add(live->rings, bpf_map__fd(live->skel->maps.payload_ring), on_sample,
                            live);
}

/* The programs in front of ours, where an ifindex is not enough. */
static int open_entries(struct live *live, const struct attach_programs *programs)
{
    const struct entry_targets targets = {
        .ingress_fd = programs->ingress_fd,
        .egress_fd = programs->egress_fd,
        .works_fd = bpf_map__fd(live->skel->maps.works),
        .flows_fd = bpf_map__fd(live->skel->maps.flows),
    };

    if (!live->conf.namespaces)
        return 0;
    live->entries = entries_new(&targets, live->conf.pin ? live->conf.pin->maps : NULL);
    return live->entries ? 0 : -errno;
}

static int allocate(struct live *live)
{
    struct attach_programs programs = {
        .mode = live->conf.mode,
        .ingress_fd = bpf_program__fd(live->skel->progs.sesstap_ingress),
        .egress_fd = bpf_program__fd(live->skel->progs.sesstap_egress),
        .xdp_fd = bpf_program__fd(live->skel->progs.sesstap_xdp),
        .no_tcx = live->conf.clsact,
        .links_dir = live->conf.pin ? live->conf.pin->links : NULL,
    };

    int err;

    live->takes =
        mapped_open(bpf_map__fd(live->skel->maps.take_room), TAKE_BATCH * sizeof(*live->takes));
    live->grace = grace_new();
    if (!live->takes || !live->grace)
        return -errno;
    live->percpu = calloc(live->cpus, sizeof(struct iface_seen));
    live->sweep_keys = calloc(SWEEP_BATCH, sizeof(struct flow_key));
    live->sweep_flows = calloc(SWEEP_BATCH, sizeof(struct flow));
    clsact_set_table(&live->clsact, bpf_map__fd(live->skel->maps.flows));
    err = open_entries(live, &programs);
    if (err)
        return err;
    programs.entries = live->entries;
    live->base = calloc(IFACE_SLOTS, sizeof(*live->base));
    live->attachments = attachments_new(&programs, &live->clsact);
    return live->percpu && live->sweep_keys && live->sweep_flows && live->base && live->attachments
               ? 0
               : -ENOMEM;
}

/* Each interface takes two links: hundreds of them pass the usual limit of 1024. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void note_owner(struct live *live)
{
    char path[PIN_DIR_MAX + 16];

    snprintf(path, sizeof(path), "%s/flows", live->conf.pin->maps);
    owner_note(owner_map_id(bpf_map__fd(live->skel->maps.flows)), path);
}

/* The programs, with the maps of an earlier process where there are any. */
static int load(struct live *live)
{
    struct bpf_object *obj = live->skel->obj;
    const struct live_conf *conf = &live->conf;
    uint64_t layout = pin_layout(obj);
    int err = configure(live);

    if (!err && conf->pin) {
        err = pin_reuse(conf->pin, obj, conf->version, layout);
        if (err)
            return err;
        if (conf->pin->resumed)
            live->skel->rodata->conf.sample_seed = conf->pin->state->sample_seed;
    }
    if (!err)
        err = sesstap_bpf__load(live->skel);
    if (err) {
        explain_load_failure(err, has_filters(live));
        return err;
    }
    if (!conf->pin)
        return 0;
    err = pin_keep(conf->pin, obj, conf->version, layout);
    if (err)
        return err;
    conf->pin->state->sample_seed = live->skel->rodata->conf.sample_seed;
    note_owner(live);
    return 0;
}

/* What is pinned, and a filter, stays. */
static void release(struct live *live)
{
    attachments_leave(live->attachments);
    entries_free(live->entries);
    clsact_fini(&live->clsact);
    ring_buffer__free(live->rings);
    grace_free(live->grace);
    mapped_close(live->takes, TAKE_BATCH * sizeof(*live->takes));
    sesstap_bpf__destroy(live->skel);
    free(live->base);
    free(live->percpu);
    free(live->sweep_keys);
    free(live->sweep_flows);
    free(live);
}

/* Open and load, with the filters put in place of their placeholders. */
static int load_with_filters(struct live *live)
{
    struct live_filters *filters = live->conf.filters;
    struct filter_places *places = NULL;
    int err = 0;

    if (has_filters(live)) {
        size_t count;
        const struct filter_place *wanted = live_filters_places(filters, &count);

        places = filter_places_begin(wanted, count);
        if (!places)
            err = -errno;
    }
    if (!err) {
        live->skel = sesstap_bpf__open();
        err = live->skel ? 0 : -errno;
    }
    if (err) {
        explain_load_failure(err, has_filters(live));
    } else {
        if (places)
            filter_places_set_object(places, live->skel->obj);
        err = load(live);
    }
    filter_places_end(places);
    return err;
}

struct live *live_open(const struct live_conf *conf, const struct live_events *events)
{
    struct live *live = calloc(1, sizeof(*live));
    int err;

    if (!live)
        return NULL;
    live->conf = *conf;
    live->events = *events;
    libbpf_set_print(quiet_libbpf);
    raise_file_limit();
    clsact_init(&live->clsact);
    err = load_with_filters(live);
    if (!err) {
        err = allocate(live);
        if (!err)
            err = open_rings(live);
        if (err)
            log_error("cannot set up reading from the kernel: %s", strerror(-err));
    }
    if (!err && conf->pin)
        live_restore(live);
    if (err) {
        release(live);
        errno = -err;
        return NULL;
    }
    return live;
}

void live_close(struct live *live)
{
    struct pin *pin = live ? live->conf.pin : NULL;

    if (!live)
        return;
    attachments_free(live->attachments);
    live->attachments = NULL;
    if (pin) {
        owner_forget(owner_map_id(bpf_map__fd(live->skel->maps.flows)));
        pin_remove(pin);
    }
    release(live);
}

void live_leave(struct live *live)
{
    if (live)
        release(live);
}

int live_watch(struct live *live, int epoll_fd, uint64_t tag)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = tag};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, bpf_map__fd(live->skel->maps.lifecycle_ring), &event) ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, bpf_map__fd(live->skel->maps.payload_ring), &event))
        return -errno;
    return 0;
}

bool live_poll(struct live *live)
{
    live->samples_left = POLL_SAMPLES;
    return ring_buffer__consume(live->rings) != POLL_FULL;
}

size_t live_poll_spill(struct live *live)
{
    int fd = bpf_map__fd(live->skel->maps.spill);
    uint64_t counts[EVENT_COUNT], id;
    struct record_flow record;
    size_t taken = 0;

    live_event_counts(live, counts);
    if (live->spilled_taken >= counts[EVENT_SPILLED])
        return 0;
    while (!bpf_map_get_next_key(fd, NULL, &id) && !bpf_map_lookup_elem(fd, &id, &record)) {
        give_reused(live, &record);
        if (bpf_map_delete_elem(fd, &id))
            break;
        taken++;
    }
    live->spilled_taken = counts[EVENT_SPILLED]; /* later ones make the counter differ again */
    return taken;
}

uint64_t live_table_bytes(const struct live *live)
{
    return (uint64_t)live_max_flows(live) * TABLE_ELEMENT_BYTES;
}

uint32_t live_max_flows(const struct live *live)
{
    return bpf_map__max_entries(live->skel->maps.flows);
}
