/* SPDX-License-Identifier: Apache-2.0 */
/* What the tracker tells while it runs and at its end: metrics, the picture, the balance. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/plural.h"
#include "cmd/track_internal.h"
#include "source/live/pin.h"

#define PROM_PERIOD_NS 5000000000ull

static const char *const REASON_NAMES[] = {
#define X(upper, lower, help) #lower,
    UNACCOUNTED_REASONS(X)
#undef X
};

static const char *mebibytes(char *out, size_t size, uint64_t bytes)
{
    snprintf(out, size, "%.1f MiB", (double)bytes / (1 << 20));
    return out;
}

void tracker_announce(const struct tracker *tracker)
{
    size_t count = live_attached(tracker->live);
    char table[32];

    mebibytes(table, sizeof(table), live_table_bytes(tracker->live));
    if (count)
        log_info(
            "tracking %zu interface%s by %s; the flow table holds %u sessions in %s of kernel memory",
            count, plural_s(count), live_hook_names(tracker->live), tracker->options.live.max_flows,
            table);
    else
        log_info(
            "tracking 0 interfaces: waiting for %s to appear; the flow table holds %u sessions in "
            "%s of kernel memory",
            tracker->options.filter.count ? "one that matches -i" : "a veth or netkit interface",
            tracker->options.live.max_flows, table);
}

void track_write_prom(struct tracker *tracker)
{
    struct prom_gauges *gauges = &tracker->gauges;
    struct traffic unaccounted[UNACCOUNTED_COUNT];
    struct prom_interface *interfaces = track_link_counts(tracker, &gauges->interface_count);
    int err;

    gauges->interfaces = interfaces;
    live_unaccounted(tracker->live, unaccounted);
    for (int i = 0; i < UNACCOUNTED_COUNT; i++)
        gauges->unaccounted[i] = unaccounted[i].pkts;
    memcpy(gauges->events, tracker->events, sizeof(gauges->events));
    memcpy(gauges->sink_errors, pipeline_totals(tracker->pipeline)->sink_errors,
           sizeof(gauges->sink_errors));
    gauges->flow_table_entries = tracker->open;
    gauges->flow_table_capacity = tracker->options.live.max_flows;
    gauges->flow_table_pass_ns = tracker->pass_took_ns;
    gauges->sample_one_in = tracker->options.live.sample_one_in;
    err = prom_write(tracker->prom, gauges, tracker->options.prom_path);
    if (err)
        pipeline_note_error(tracker->pipeline, PROM_SINK_METRICS, err, tracker->options.prom_path);
    gauges->interfaces = NULL;
    gauges->interface_count = 0;
    free(interfaces);
    tracker->prom_due_ns = tracker->now_ns + PROM_PERIOD_NS;
}

int track_first_prom(struct tracker *tracker)
{
    int err = prom_write(tracker->prom, &tracker->gauges, tracker->options.prom_path);

    if (err)
        log_error("cannot write %s: %s", tracker->options.prom_path, strerror(-err));
    return err;
}

/* ---- sums ------------------------------------------------------------------------------------- */

/* All that passed, at all interfaces that were ever attached. */
static struct traffic seen_total(const struct tracker *tracker)
{
    struct traffic sum = {0, 0, 0};
    struct iface_seen seen;
    const struct link_info *link = NULL;

    live_seen_gone(tracker->live, &seen);
    do {
        for (int i = 0; i < HOOK_DIRECTIONS; i++) {
            sum.skbs += seen.dir[i].skbs;
            sum.pkts += seen.dir[i].pkts;
            sum.bytes += seen.dir[i].bytes;
        }
        do {
            link = spaces_next(tracker->spaces, link);
        } while (link && live_seen(tracker->live, link->number, &seen));
    } while (link);
    return sum;
}

static struct traffic unaccounted_total(const struct traffic reasons[UNACCOUNTED_COUNT])
{
    struct traffic sum = {0, 0, 0};

    for (int i = 0; i < UNACCOUNTED_COUNT; i++) {
        sum.skbs += reasons[i].skbs;
        sum.pkts += reasons[i].pkts;
        sum.bytes += reasons[i].bytes;
    }
    return sum;
}

static uint64_t table_full_packets(const struct traffic reasons[UNACCOUNTED_COUNT])
{
    return reasons[UNACCOUNTED_TABLE_FULL_TCP].skbs + reasons[UNACCOUNTED_TABLE_FULL_UDP].skbs +
           reasons[UNACCOUNTED_TABLE_FULL_ICMP].skbs + reasons[UNACCOUNTED_TABLE_FULL_SCTP].skbs;
}

void track_warn_full(struct tracker *tracker)
{
    struct traffic reasons[UNACCOUNTED_COUNT];

    if (tracker->said_full)
        return;
    live_unaccounted(tracker->live, reasons);
    if (!table_full_packets(reasons))
        return;
    tracker->said_full = true;
    log_warn(
        "the flow table is full (%u sessions): packets of further sessions are only counted, as "
        "table_full; raise --max-flows",
        tracker->options.live.max_flows);
}

/* ---- the picture ------------------------------------------------------------------------------ */

void track_draw(struct tracker *tracker)
{
    struct screen *screen = tracker->options.pipeline.screen;
    struct traffic seen = seen_total(tracker), reasons[UNACCOUNTED_COUNT];
    uint64_t elapsed_ns = tracker->now_ns - tracker->last_traffic_ns;
    struct screen_totals totals = {
        .interfaces = live_attached(tracker->live),
        .sessions_open = tracker->open,
        .sessions_opened = table_inserted(tracker->table),
        .sessions_closed = pipeline_totals(tracker->pipeline)->sessions,
        .table_capacity = tracker->options.live.max_flows,
        .payload_lost_bytes = pipeline_totals(tracker->pipeline)->payload_lost_bytes,
    };

    if (!screen)
        return;
    live_unaccounted(tracker->live, reasons);
    totals.table_entries = tracker->open;
    totals.unaccounted_packets = unaccounted_total(reasons).skbs;
    if (tracker->last_traffic_ns && elapsed_ns) {
        double seconds = (double)elapsed_ns / 1e9;

        totals.packets_per_second =
            (uint64_t)((double)(seen.pkts - tracker->last_traffic.pkts) / seconds);
        totals.bytes_per_second =
            (uint64_t)((double)(seen.bytes - tracker->last_traffic.bytes) / seconds);
    }
    tracker->last_traffic = seen;
    tracker->last_traffic_ns = tracker->now_ns;
    screen_draw(screen, &totals);
}

/* ---- the balance ------------------------------------------------------------------------------ */

static void add_reasons(struct buf *line, const struct traffic reasons[UNACCOUNTED_COUNT])
{
    const char *before = " (";

    for (int i = 0; i < UNACCOUNTED_COUNT; i++) {
        if (!reasons[i].skbs)
            continue;
        buf_printf(line, "%s%s %llu", before, REASON_NAMES[i], (unsigned long long)reasons[i].skbs);
        before = ", ";
    }
    if (before[0] == ',')
        buf_add_char(line, ')');
}

static void report_losses(const struct tracker *tracker, const struct pipeline_totals *totals)
{
    if (totals->payload_lost_bytes)
        log_info(
            "payload lost: %llu byte%s in %llu session%s; the records say how much of each",
            (unsigned long long)totals->payload_lost_bytes, plural_s(totals->payload_lost_bytes),
            (unsigned long long)totals->sessions_with_loss, plural_s(totals->sessions_with_loss));
    if (totals->over_rate_bytes)
        log_info("payload cut off by --payload-rate: %llu byte%s in %llu session%s; the records "
                 "say how much of each",
                 (unsigned long long)totals->over_rate_bytes, plural_s(totals->over_rate_bytes),
                 (unsigned long long)totals->sessions_over_rate,
                 plural_s(totals->sessions_over_rate));
    if (tracker->events[EVENT_LIFECYCLE_RING_FULL] || tracker->events[EVENT_SPILLED])
        log_info(
            "user space lagged: announcements found by the sweep instead %llu, sessions kept aside %llu, "
            "lost %llu",
            (unsigned long long)tracker->events[EVENT_LIFECYCLE_RING_FULL],
            (unsigned long long)tracker->events[EVENT_SPILLED],
            (unsigned long long)tracker->events[EVENT_SPILL_FAILED]);
    if (tracker->vanished)
        log_warn("%llu session%s ended with no record: the table entry was lost",
                 (unsigned long long)tracker->vanished, plural_s(tracker->vanished));
}

static void report_unwritten(const struct pipeline_totals *totals)
{
    const uint64_t *errors = totals->sink_errors;

    if (totals->first_error && totals->first_error != -EPIPE)
        log_warn(
            "could not be written: records %llu, capture files %llu, streams %llu, metrics %llu",
            (unsigned long long)errors[PROM_SINK_RECORDS],
            (unsigned long long)errors[PROM_SINK_CAPTURES],
            (unsigned long long)errors[PROM_SINK_STREAMS],
            (unsigned long long)errors[PROM_SINK_METRICS]);
}

/* With a pin, over all processes that had it. */
static uint64_t tracked_skbs(const struct tracker *tracker)
{
    if (tracker->options.live.pin)
        return journal_totals(&tracker->journal)->skbs;
    return pipeline_totals(tracker->pipeline)->skbs;
}

/* Programs go on counting, so there is no moment of which a balance could be drawn. */
static void report_kept(const struct tracker *tracker)
{
    const char *dir = tracker->options.live.pin->dir;

    log_info(
        "open sessions that go on in %s, with all packets from now on: %zu; sesstap run --pin %s goes on "
        "with them, with --unpin it ends them",
        dir, tracker->open, dir);
}

/* seen = tracked + unaccounted; false when it is not so. */
static bool report_balance(const struct tracker *tracker)
{
    struct traffic reasons[UNACCOUNTED_COUNT], seen = seen_total(tracker), unaccounted;
    uint64_t tracked = tracked_skbs(tracker);
    struct buf line = {0};
    long long difference;

    live_unaccounted(tracker->live, reasons);
    unaccounted = unaccounted_total(reasons);
    difference = (long long)(seen.skbs - tracked - unaccounted.skbs);
    buf_printf(&line, "packets seen %llu = tracked %llu + unaccounted %llu",
               (unsigned long long)seen.skbs, (unsigned long long)tracked,
               (unsigned long long)unaccounted.skbs);
    add_reasons(&line, reasons);
    if (difference)
        buf_printf(&line, " + %lld that nothing explains", difference);
    buf_add_char(&line, '\0');
    log_info("%s", line.failed ? "out of memory" : line.data);
    buf_fini(&line);
    return !difference;
}

bool tracker_report(struct tracker *tracker)
{
    const struct pipeline_totals *totals = pipeline_totals(tracker->pipeline);

    log_info("%llu session%s recorded", (unsigned long long)totals->sessions,
             plural_s(totals->sessions));
    report_losses(tracker, totals);
    report_unwritten(totals);
    if (tracker->ended)
        return report_balance(tracker);
    report_kept(tracker);
    return true;
}
