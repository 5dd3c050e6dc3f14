/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/track.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/track_internal.h"
#include "flow.h"
#include "session/expiry.h"
#include "source/live/pin.h"
#include "tunnel.h"
#include "version.h"

#define MS_NS 1000000ull

/* Passes through the table: this often, but never more than one part in twenty of a CPU, and of the time half. */
#define PASS_PERIOD_NS          (1000 * MS_NS)
#define PASS_PERIOD_PRESSURE_NS (100 * MS_NS)
#define PASS_SHARE              20
#define PASS_READ_NS            (50 * MS_NS) /* the rings don't wait longer than this for a pass */

/* ---- sessions --------------------------------------------------------------------------------- */

static struct session *session_of(struct tracker *tracker, uint64_t id, const struct flow_key *key)
{
    struct session *session = table_find(tracker->table, id);
    bool is_new;

    if (session)
        return session;
    session = track_pin_session(tracker, id, key, &is_new);
    if (!session)
        return NULL; /* the entry stays in the kernel: the next pass tries again */
    session->sweep = tracker->pass;
    if (tracker->prom && is_new)
        prom_session_opened(tracker->prom, key->l4_proto);
    return session;
}

static bool under_pressure(const struct tracker *tracker)
{
    size_t room = tracker->options.live.max_flows;

    return table_count(tracker->table) >= room - room / 8;
}

static void end_later(struct tracker *tracker, struct session *session, enum close_reason reason,
                      uint64_t linger_ns)
{
    if (session->due_ns)
        return;
    session->close_reason = reason;
    if (linger_ns) /* it is closed; what is not is marked first */
        session->grace = live_grace_ask(tracker->live);
    table_set_due(tracker->table, session, tracker->now_ns + linger_ns);
}

static void on_lifecycle(void *ctx, const struct record_event *event)
{
    struct tracker *tracker = ctx;
    struct session *session = session_of(tracker, event->flow_id, &event->key);

    if (!session)
        return;
    if (event->type == RECORD_ESTABLISHED)
        tracker->established++;
    if (event->type == RECORD_CLOSED)
        end_later(tracker, session, CLOSE_NONE, EXPIRY_LINGER_NS);
}

void track_ended(struct tracker *tracker, const struct record_flow *record,
                 enum close_reason reason)
{
    struct session *session = session_of(tracker, record->event.flow_id, &record->event.key);

    if (!session || session->taken)
        return;
    session->taken = malloc(sizeof(*session->taken));
    if (!session->taken)
        return;
    *session->taken = record->flow;
    end_later(tracker, session, reason, 0);
    session->close_reason = reason;
}

/* The entry is another session's by now: this is all there will be of the old one. */
static void on_reused(void *ctx, const struct record_flow *record)
{
    track_ended(ctx, record, CLOSE_REUSED);
}

static void on_sample(void *ctx, const struct record_sample *sample, const uint8_t *headers,
                      const uint8_t *payload)
{
    struct tracker *tracker = ctx;
    struct session *session = session_of(tracker, sample->flow_id, &sample->key);
    struct flow flow = {0};

    if (!session || !pipeline_reads_payload(&tracker->options.pipeline))
        return; /* an earlier process wanted it */
    if (pipeline_wants_flow(session)) {
        if (session->taken)
            flow = *session->taken;
        else if (live_look(tracker->live, &sample->key, sample->flow_id, &flow))
            memset(&flow, 0, sizeof(flow)); /* reused already: its origin is its first sample */
    }
    pipeline_sample(tracker->pipeline, session, &flow, sample, headers, payload);
}

/* What lies beside the entry in the kernel: the tunnel, and ICMP errors so far. */
static void read_note(struct tracker *tracker, struct session *session, const struct flow *flow)
{
    struct flow_note note;

    if (!(flow->bits & FLOW_NOTED) || live_note(tracker->live, session->id, &note))
        return;
    if (note.tunnel_kind) {
        struct session_tunnel *tunnel = &session->tunnel;

        tunnel->name = tunnel_kind_name(note.tunnel_kind);
        tunnel->id = note.tunnel_id;
        tunnel->ip_version = note.outer_version;
        memcpy(tunnel->outer, note.outer, sizeof(tunnel->outer));
    }
    if (!session->extra)
        session->extra = malloc(sizeof(*session->extra));
    if (session->extra)
        *session->extra = note;
}

static void finish(struct tracker *tracker, struct session *session, const struct flow *flow,
                   enum close_reason reason)
{
    read_note(tracker, session, flow);
    if ((flow->bits & FLOW_NOTED) &&
        !tracker->options.live.pin) /* else once its record is written */
        live_drop_note(tracker->live, session->id);
    pipeline_finish(tracker->pipeline, session, flow, reason, tracker->now_ns);
    table_remove(tracker->table, session);
    track_pin_finished(tracker);
}

/* A session that was silent too long may have spoken since the sweep looked. */
static bool has_woken(const struct tracker *tracker, const struct session *session)
{
    struct flow flow;

    if (session->close_reason == CLOSE_NONE || session->close_reason == CLOSE_CAPTURE_END)
        return false;
    return !live_look(tracker->live, &session->key, session->id, &flow) &&
           !(flow.bits & FLOW_CLOSED) &&
           expiry_check(&flow, &session->key, tracker->now_ns, under_pressure(tracker)) ==
               CLOSE_NONE;
}

/* Sessions whose entries are taken out of the kernel's table together: a system call takes as long as a few takes. */
struct taking {
    size_t count;
    struct session *sessions[TAKE_BATCH];
    struct live_take takes[TAKE_BATCH];
};

static void finish_taken_out(struct tracker *tracker, struct session *session,
                             const struct live_take *take)
{
    if (take->result == -EAGAIN) {
        session->grace = live_grace_ask(tracker->live);
        table_set_due(tracker->table, session, tracker->now_ns);
    } else if (!take->result) {
        finish(tracker, session, take->flow, session->close_reason);
    }
    /* else its last content is on its way: in the ring, or kept aside; visit_vanished looks after it */
}

static void take_out(struct tracker *tracker, struct taking *taking)
{
    live_take(tracker->live, taking->takes, taking->count);
    for (size_t i = 0; i < taking->count; i++)
        finish_taken_out(tracker, taking->sessions[i], &taking->takes[i]);
    taking->count = 0;
}

static void add_to_taking(struct tracker *tracker, struct taking *taking, struct session *session)
{
    taking->sessions[taking->count] = session;
    taking->takes[taking->count++] = (struct live_take){
        .key = &session->key, .flow_id = session->id, .reason = session->close_reason};
    if (taking->count == TAKE_BATCH)
        take_out(tracker, taking);
}

static void finish_due(struct tracker *tracker, struct taking *taking, struct session *session)
{
    if (session->taken) {
        struct flow flow = *session->taken;

        take_out(tracker, taking); /* records stay in order */
        finish(tracker, session, &flow, session->close_reason);
        return;
    }
    session->due_ns = 0;
    if (has_woken(tracker, session)) {
        session->close_reason = CLOSE_NONE;
        return;
    }
    if (live_grace_over(tracker->live, session->grace))
        add_to_taking(tracker, taking, session);
    else
        table_set_due(tracker->table, session, tracker->now_ns);
}

/* Only when all samples of that time have been read can a session's streams be complete. */
static void finish_all_due(struct tracker *tracker)
{
    struct taking taking = {.count = 0};
    uint64_t until = tracker->drained_ns;
    struct session *session;

    if (under_pressure(tracker))
        until += EXPIRY_LINGER_NS - EXPIRY_LINGER_PRESSURE_NS;
    /* Those that have to wait come again at its end. */
    for (size_t count = table_due_count(tracker->table); count; count--) {
        session = table_take_due(tracker->table, until);
        if (!session)
            break;
        finish_due(tracker, &taking, session);
    }
    take_out(tracker, &taking);
}

/* ---- the sweep -------------------------------------------------------------------------------- */

static void check_end(struct tracker *tracker, struct session *session, const struct flow *flow)
{
    enum close_reason reason;

    if (session->due_ns)
        return;
    if (flow->bits & FLOW_CLOSED) {
        end_later(tracker, session, CLOSE_NONE, EXPIRY_LINGER_NS);
        return;
    }
    if (track_link_gone(tracker, flow->ifindex))
        reason = CLOSE_CAPTURE_END;
    else
        reason = expiry_check(flow, &session->key, tracker->now_ns, under_pressure(tracker));
    if (reason != CLOSE_NONE)
        end_later(tracker, session, reason, 0);
}

static void visit_flow(void *ctx, const struct flow_key *key, const struct flow *flow)
{
    struct tracker *tracker = ctx;
    struct session *session = session_of(tracker, flow->id, key);

    if (!session)
        return;
    session->sweep = tracker->pass;
    tracker->open++;
    prom_gauges_add_session(&tracker->gauges, key, flow);
    check_end(tracker, session, flow);
    if (session->due_ns)
        return;
    if (tracker->options.interval_ns) {
        uint64_t since = session->recorded_ns ? session->recorded_ns : flow->first_ns;

        if (tracker->now_ns >= since + tracker->options.interval_ns) {
            read_note(tracker, session, flow);
            pipeline_update(tracker->pipeline, session, flow, tracker->now_ns);
            track_pin_updated(session);
        }
    }
    pipeline_show(tracker->pipeline, session, flow, tracker->now_ns);
}

/* A session with no entry for two passes, and no last content: its count is in spill_failed. */
static void visit_vanished(void *ctx, struct session *session)
{
    struct tracker *tracker = ctx;

    if (session->due_ns || session->sweep + 2 >= tracker->pass)
        return;
    live_drop_note(tracker->live, session->id);
    pipeline_drop(tracker->pipeline, session);
    track_pin_dropped(tracker, session);
    table_remove(tracker->table, session);
    tracker->vanished++;
}

static void read_rings(struct tracker *tracker)
{
    uint64_t begun = clock_mono_ns();

    if (live_poll(tracker->live))
        tracker->drained_ns = begun;
    live_poll_spill(tracker->live);
}

static void sweep(struct tracker *tracker)
{
    uint64_t begun_ns = clock_mono_ns(), read_ns = begun_ns;
    enum live_sweep result;

    memset(&tracker->gauges, 0, sizeof(tracker->gauges));
    tracker->open = 0;
    tracker->pass++;
    if (tracker->options.pipeline.screen)
        screen_begin(tracker->options.pipeline.screen, tracker->now_ns);
    do {
        result = live_sweep_step(tracker->live, SIZE_MAX, visit_flow, tracker);
        if (clock_mono_ns() - read_ns > PASS_READ_NS) { /* a million entries take some time */
            read_rings(tracker);
            tracker->now_ns = read_ns = clock_mono_ns();
        }
    } while (result == LIVE_SWEEP_MORE);
    if (result != LIVE_SWEEP_DONE)
        return;
    table_each(tracker->table, visit_vanished, tracker);
    track_pin_swept(tracker);
    tracker->pass_took_ns = clock_mono_ns() - begun_ns;
}

static void pass(struct tracker *tracker)
{
    uint64_t period = under_pressure(tracker) ? PASS_PERIOD_PRESSURE_NS : PASS_PERIOD_NS;
    uint64_t begun_ns = clock_mono_ns(), cpu_ns = clock_thread_ns(), took_ns;

    sweep(tracker);
    track_links_refresh(tracker);
    live_event_counts(tracker->live, tracker->events);
    track_warn_full(tracker);
    if (tracker->prom && tracker->now_ns >= tracker->prom_due_ns)
        track_write_prom(tracker);
    track_draw(tracker);
    pipeline_flush(tracker->pipeline);
    track_pin_commit(tracker);
    cpu_ns = clock_thread_ns() - cpu_ns;
    took_ns = clock_mono_ns() - begun_ns; /* longer, where others want the CPU too */
    if (period < cpu_ns * PASS_SHARE)
        period = cpu_ns * PASS_SHARE;
    if (period < took_ns * 2)
        period = took_ns * 2;
    tracker->pass_due_ns = begun_ns + period;
}

/* ---- the loop's one step ---------------------------------------------------------------------- */

void tracker_step(struct tracker *tracker)
{
    tracker->now_ns = clock_mono_ns();
    track_links_poll(tracker);
    read_rings(tracker);
    tracker->now_ns = clock_mono_ns();
    finish_all_due(tracker);
    if (tracker->now_ns >= tracker->pass_due_ns)
        pass(tracker);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void visit_last(void *ctx, const struct flow_key *key, const struct flow *flow)
{
    struct tracker *tracker = ctx;
    struct session *session = session_of(tracker, flow->id, key);
    struct live_take take = {.key = key, .flow_id = flow->id};

    if (!session)
        return;
    if (session->close_reason == CLOSE_NONE)
        session->close_reason = CLOSE_SHUTDOWN;
    take.reason = session->close_reason;
    live_take(tracker->live, &take, 1);
    if (!take.result)
        finish(tracker, session, take.flow, session->close_reason);
}

static void visit_lost(void *ctx, struct session *session)
{
    struct tracker *tracker = ctx;

    pipeline_drop(tracker->pipeline, session);
    track_pin_dropped(tracker, session);
    table_remove(tracker->table, session);
    tracker->vanished++;
}

static void finish_taken(struct tracker *tracker)
{
    struct session *session;

    while ((session = table_take_due(tracker->table, UINT64_MAX))) {
        session->due_ns = 0;
        if (session->taken) {
            struct flow flow = *session->taken;

            finish(tracker, session, &flow, session->close_reason);
        }
    }
}

static void read_all_rings(struct tracker *tracker)
{
    tracker->now_ns = clock_mono_ns();
    while (!live_poll(tracker->live))
        ;
    live_poll_spill(tracker->live);
    tracker->now_ns = clock_mono_ns();
}

/* All that the kernel holds is recorded. */
static void finish_all(struct tracker *tracker)
{
    live_quiet(tracker->live);
    read_all_rings(tracker);
    finish_taken(tracker);
    memset(&tracker->gauges, 0, sizeof(tracker->gauges));
    if (tracker->options.pipeline.screen)
        screen_begin(tracker->options.pipeline.screen, tracker->now_ns);
    while (live_sweep_step(tracker->live, SIZE_MAX, visit_last, tracker) == LIVE_SWEEP_MORE)
        ;
    table_each(tracker->table, visit_lost, tracker);
    tracker->open = 0;
    tracker->ended = true;
}

/* Only what is over by now is recorded; the rest is the next process'. */
static void finish_over(struct tracker *tracker)
{
    read_rings(tracker);
    tracker->now_ns = clock_mono_ns();
    finish_all_due(tracker);
    track_pin_leave(tracker);
}

void tracker_stop(struct tracker *tracker)
{
    tracker->stopping = true;
    if (tracker->options.live.pin && !tracker->options.unpin)
        finish_over(tracker);
    else
        finish_all(tracker);
    pipeline_flush(tracker->pipeline); /* before the metrics: they tell what could not be written */
    track_pin_commit(tracker);
    live_event_counts(tracker->live, tracker->events);
    track_warn_full(tracker);
    if (tracker->prom)
        track_write_prom(tracker);
    track_draw(tracker);
}

/* ---- beginning and end of it all -------------------------------------------------------------- */

static int tracker_open(struct tracker *tracker)
{
    const struct live_events events = {on_lifecycle, on_reused, on_sample, tracker};
    struct pipeline_conf *conf = &tracker->options.pipeline;
    int err;

    tracker->live = live_open(&tracker->options.live, &events);
    if (!tracker->live)
        return -errno;
    conf->interface_name = track_link_name;
    conf->describe_host = track_describe_host;
    conf->ctx = tracker;
    tracker->table = table_new();
    if (tracker->table && track_pin_open(tracker))
        return -EINVAL;
    tracker->options.live.max_flows = live_max_flows(tracker->live);
    if (tracker->options.prom_path) {
        tracker->prom = prom_new(SESSTAP_VERSION);
        conf->prom = tracker->prom;
    }
    tracker->pipeline = pipeline_new(conf);
    tracker->containers = containers_new();
    if (!tracker->table || !tracker->pipeline || !tracker->containers ||
        (tracker->options.prom_path && !tracker->prom)) {
        log_error("out of memory");
        return -ENOMEM;
    }
    if (tracker->prom && track_first_prom(tracker))
        return -EIO;
    err = track_links_open(tracker);
    if (!err)
        track_pin_resume(tracker);
    return err;
}

struct tracker *tracker_new(const struct track_options *options)
{
    struct tracker *tracker = calloc(1, sizeof(*tracker));

    if (!tracker)
        return NULL;
    tracker->options = *options;
    tracker->options.live.version = SESSTAP_VERSION;
    tracker->now_ns = tracker->started_ns = clock_mono_ns();
    tracker->pass_due_ns = tracker->now_ns + PASS_PERIOD_NS;
    if (tracker_open(tracker)) {
        tracker_free(tracker);
        return NULL;
    }
    return tracker;
}

/* What is pinned stays, but when all of it is recorded, or when a first start failed. */
static bool keeps_on(const struct tracker *tracker)
{
    const struct pin *pin = tracker->options.live.pin;

    return pin && !tracker->ended && (pin->resumed || tracker->stopping);
}

void tracker_free(struct tracker *tracker)
{
    if (!tracker)
        return;
    if (keeps_on(tracker))
        live_leave(tracker->live);
    else
        live_close(tracker->live);
    spaces_close(tracker->spaces); /* after: filters elsewhere are removed through it */
    notes_free(tracker->notes);
    containers_free(tracker->containers);
    pipeline_free(tracker->pipeline);
    prom_free(tracker->prom);
    table_free(tracker->table);
    free(tracker);
}

int tracker_watch(struct tracker *tracker, int epoll_fd, uint64_t tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = tag};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, spaces_fd(tracker->spaces), &event))
        return -errno;
    return live_watch(tracker->live, epoll_fd, tag);
}

int tracker_error(const struct tracker *tracker)
{
    return pipeline_totals(tracker->pipeline)->first_error;
}
