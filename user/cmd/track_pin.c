/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With --pin: what the next process needs is kept as it comes to be, and what an earlier one left is gone on with.
 * The order of things is in docs/architecture.md, "Restart".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/track_internal.h"
#include "flow.h"
#include "source/live/pin.h"

/* A wall clock that was set by less keeps the dates of sessions as they were. */
#define CLOCK_STEP_NS 1000000000ll

static struct pin *pin_of(const struct tracker *tracker)
{
    return tracker->options.live.pin;
}

/* ---- records, each once ----------------------------------------------------------------------- */

/* A session's record is where it should be. Harmless for one that was forgotten before. */
static void forget(void *ctx, const struct pin_line *line)
{
    struct tracker *tracker = ctx;
    struct session_note *slot = line->note ? &pin_of(tracker)->notes[line->note - 1] : NULL;

    live_forget(tracker->live, line->flow_id);
    if (line->noted)
        live_drop_note(tracker->live, line->flow_id);
    if (!slot || slot->id != line->flow_id)
        return;
    if (tracker->notes)
        notes_release(tracker->notes, slot);
    else
        slot->id = 0;
}

static void on_line(void *ctx, const struct record *record, uint64_t end_bytes)
{
    struct tracker *tracker = ctx;
    const struct flow *flow = record->flow;
    const struct pin_line line = {
        .flow_id = record->session->id,
        .end_bytes = end_bytes,
        .skbs = flow_skbs(flow, 0) + flow_skbs(flow, 1),
        .pkts = flow->pkts[0] + flow->pkts[1],
        .payload_lost_bytes = record->ledger->lost,
        .note = notes_index(tracker->notes, record->session->note),
        .noted = !!(flow->bits & FLOW_NOTED),
    };

    journal_add(&tracker->journal, &line);
}

void track_pin_commit(struct tracker *tracker)
{
    if (pin_of(tracker))
        journal_commit(&tracker->journal, forget, tracker);
}

void track_pin_finished(struct tracker *tracker)
{
    const struct linefile *records = tracker->options.pipeline.records;

    if (!pin_of(tracker))
        return;
    if (journal_is_full(&tracker->journal))
        pipeline_flush(tracker->pipeline);
    else if (records && records->held.len)
        return; /* on its way */
    track_pin_commit(tracker);
}

/* ---- sessions that go on ---------------------------------------------------------------------- */

struct session *track_pin_session(struct tracker *tracker, uint64_t id, const struct flow_key *key,
                                  bool *is_new)
{
    struct session_note *note = tracker->notes ? notes_recall(tracker->notes, id) : NULL;
    struct session *session =
        note ? table_restore(tracker->table, id, key, note) : table_insert(tracker->table, id, key);

    *is_new = !note;
    if (!session || !tracker->notes)
        return session;
    if (note)
        session->part = pin_of(tracker)->state->starts;
    else
        note = notes_take(tracker->notes, session);
    session->note = note;
    return session;
}

void track_pin_updated(struct session *session)
{
    if (session->note)
        notes_update(session->note, session);
}

void track_pin_dropped(struct tracker *tracker, struct session *session)
{
    if (tracker->notes)
        notes_release(tracker->notes, session->note);
    session->note = NULL;
}

void track_pin_swept(struct tracker *tracker)
{
    if (tracker->notes && !tracker->settled)
        notes_forget_rest(tracker->notes);
    tracker->settled = true;
}

static void leave_session(void *ctx, struct session *session)
{
    struct tracker *tracker = ctx;
    struct flow flow;

    if (session->taken)
        flow = *session->taken;
    else if (live_look(tracker->live, &session->key, session->id, &flow))
        memset(&flow, 0, sizeof(flow));
    pipeline_leave(tracker->pipeline, session, &flow);
    tracker->open++;
}

void track_pin_leave(struct tracker *tracker)
{
    tracker->open = 0;
    table_each(tracker->table, leave_session, tracker);
    pipeline_flush(tracker->pipeline);
    track_pin_commit(tracker);
}

/* ---- names ------------------------------------------------------------------------------------ */

void track_pin_name(struct tracker *tracker, const struct link_info *link)
{
    int slot = pin_of(tracker) ? live_slot(tracker->live, link->number) : -ENOENT;
    struct pin_name *kept;

    if (slot < 0)
        return;
    kept = &pin_of(tracker)->state->names[slot];
    kept->ifindex = link->number;
    snprintf(kept->name, sizeof(kept->name), "%s", track_link_name(tracker, link->number));
}

const char *track_pin_old_name(const struct tracker *tracker, uint32_t ifindex)
{
    const struct pin *pin = pin_of(tracker);

    for (size_t i = 0; pin && i < IFACE_SLOTS; i++) {
        if (pin->state->names[i].ifindex == ifindex)
            return pin->state->names[i].name;
    }
    return NULL;
}

/* ---- the beginning ---------------------------------------------------------------------------- */

/* What was on its way to the file when an earlier process ended. */
static void settle_lines(struct tracker *tracker)
{
    const struct linefile *records = tracker->options.pipeline.records;
    struct pin_state *state = pin_of(tracker)->state;
    struct stat file = {0};
    bool is_file = records && records->fd != STDOUT_FILENO && !fstat(records->fd, &file) &&
                   S_ISREG(file.st_mode);
    bool same = is_file && file.st_dev == state->file_dev && file.st_ino == state->file_ino;
    uint32_t unknown = journal_open(&tracker->journal, state, records ? records->size_bytes : 0,
                                    same, forget, tracker);

    state->file_dev = is_file ? file.st_dev : 0;
    state->file_ino = is_file ? file.st_ino : 0;
    if (unknown)
        log_warn(
            "records go elsewhere than before: up to %u sessions that ended just before the other "
            "sesstap did may be recorded there and here",
            unknown);
}

static void resume_clock(struct tracker *tracker, struct pin_state *state)
{
    struct pipeline_conf *conf = &tracker->options.pipeline;
    long long step = conf->wall_offset_ns - state->wall_offset_ns;

    if (step > -CLOCK_STEP_NS && step < CLOCK_STEP_NS)
        conf->wall_offset_ns = state->wall_offset_ns;
    else
        state->wall_offset_ns = conf->wall_offset_ns;
}

int track_pin_open(struct tracker *tracker)
{
    struct pipeline_conf *conf = &tracker->options.pipeline;
    struct pin *pin = pin_of(tracker);
    struct pin_state *state;

    if (!pin)
        return 0;
    state = pin->state;
    settle_lines(tracker);
    tracker->notes = notes_new(pin->notes, pin->note_count);
    if (!tracker->notes) {
        log_error("out of memory");
        return -ENOMEM;
    }
    if (!state->whisperer[0])
        snprintf(state->whisperer, sizeof(state->whisperer), "%s", conf->whisperer);
    conf->whisperer = state->whisperer;
    resume_clock(tracker, state);
    state->starts++;
    table_use_numbers(tracker->table, &state->numbers);
    conf->hooks.line = on_line;
    conf->hooks.ctx = tracker;
    if (pin->resumed && tracker->options.max_flows_given &&
        tracker->options.live.max_flows != live_max_flows(tracker->live))
        log_warn("--max-flows %u: the table in %s holds %u sessions, and stays; --unpin ends it",
                 tracker->options.live.max_flows, pin->dir, live_max_flows(tracker->live));
    return 0;
}

static void on_kept(void *ctx, const struct record_flow *record)
{
    struct tracker *tracker = ctx;
    bool was_taken = record->event.type == RECORD_TAKEN;

    track_ended(tracker, record,
                was_taken ? (enum close_reason)record->event.ifindex : CLOSE_REUSED);
}

void track_pin_resume(struct tracker *tracker)
{
    struct pin *pin = pin_of(tracker);

    if (!pin || !pin->resumed)
        return;
    live_each_kept(tracker->live, on_kept, tracker);
    tracker->pass_due_ns = tracker->now_ns;
}
