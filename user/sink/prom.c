/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: what is counted here, what is handed over, and the table of families they are written by. */
#include "sink/prom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/outfile.h"
#include "sink/field.h"
#include "sink/prom_interfaces.h"

#define BUCKETS_MAX 16

enum family {
    SESSIONS_OPENED,
    SESSIONS_CLOSED,
    SESSIONS_ACTIVE,
    SESSION_DURATION,
    TCP_HANDSHAKE,
    TCP_HANDSHAKE_CLIENT,
    TCP_HANDSHAKE_SERVER,
    TCP_RTT,
    PACKETS,
    SKBS,
    BYTES,
    PAYLOAD_BYTES,
    TCP_RETRANSMITS,
    TCP_OUT_OF_ORDER,
    TCP_ZERO_WINDOWS,
    TCP_DUPLICATE_ACKS,
    TCP_KEEP_ALIVES,
    TCP_SYN_RETRIES,
    PAYLOAD_LOST_BYTES,
    PAYLOAD_OVER_RATE_BYTES,
    UNACCOUNTED_PACKETS,
    EVENTS,
    RING_RESERVE_FAILURES,
    SINK_WRITE_ERRORS,
    FLOW_TABLE_ENTRIES,
    FLOW_TABLE_CAPACITY,
    FLOW_TABLE_PASS,
    SAMPLE_ONE_IN,
    BUILD_INFO,
    FAMILIES,
};

static const struct prom_family families[FAMILIES] = {
    [SESSIONS_OPENED] = {"sessions_opened_total", "counter", "proto",
                         "Sessions that began, or were first seen."},
    [SESSIONS_CLOSED] = {"sessions_closed_total", "counter", "proto,reason",
                         "Sessions that ended, and why."},
    [SESSIONS_ACTIVE] = {"sessions_active", "gauge", "proto,state",
                         "Sessions in the flow table; protocols without states are OPEN."},
    [SESSION_DURATION] = {"session_duration_seconds", "histogram", "",
                          "First packet to last of sessions that ended."},
    [TCP_HANDSHAKE] = {"tcp_handshake_seconds", "histogram", "",
                       "SYN to the ACK that completes the handshake, of sessions that ended."},
    [TCP_HANDSHAKE_CLIENT] = {"tcp_handshake_client_seconds", "histogram", "",
                              "The client's part of it: SYN-ACK to the ACK."},
    [TCP_HANDSHAKE_SERVER] = {"tcp_handshake_server_seconds", "histogram", "",
                              "The server's part of it: SYN to SYN-ACK."},
    [TCP_RTT] = {"tcp_rtt_seconds", "histogram", "",
                 "Mean round-trip time of each session that ended and had it measured."},
    [PACKETS] = {"packets_total", "counter", "interface,direction",
                 "Wire packets: a segmentation-offload buffer counts as its segments."},
    [SKBS] = {"skbs_total", "counter", "interface,direction", "Socket buffers."},
    [BYTES] = {"bytes_total", "counter", "interface,direction",
               "Bytes of socket buffers, link-layer header included."},
    [PAYLOAD_BYTES] = {"payload_bytes_total", "counter", "",
                       "Layer-4 payload of all sessions, retransmissions included."},
    [TCP_RETRANSMITS] = {"tcp_retransmits_total", "counter", "", "TCP segments sent again."},
    [TCP_OUT_OF_ORDER] = {"tcp_out_of_order_total", "counter", "",
                          "TCP segments that came late, but were no retransmission."},
    [TCP_ZERO_WINDOWS] = {"tcp_zero_windows_total", "counter", "",
                          "TCP segments that offered no window."},
    [TCP_DUPLICATE_ACKS] = {"tcp_duplicate_acks_total", "counter", "",
                            "TCP acknowledgments repeated while data was in flight."},
    [TCP_KEEP_ALIVES] = {"tcp_keep_alives_total", "counter", "", "TCP keep-alive probes."},
    [TCP_SYN_RETRIES] = {"tcp_syn_retries_total", "counter", "",
                         "TCP SYNs and SYN-ACKs sent again."},
    [UNACCOUNTED_PACKETS] =
        {"unaccounted_packets_total", "counter", "reason",
         "Wire packets that belong to no session; packets_total is the sessions' and these."},
    [RING_RESERVE_FAILURES] = {"ring_reserve_failures_total", "counter", "ring",
                               "Records that found their ring full."},
    [PAYLOAD_LOST_BYTES] = {"payload_lost_bytes_total", "counter", "",
                            "Payload that was to be read and was lost on the way."},
    [PAYLOAD_OVER_RATE_BYTES] = {"payload_over_rate_bytes_total", "counter", "",
                                 "Payload within the depth that --payload-rate cut off."},
    [EVENTS] = {"events_total", "counter", "event",
                "What the kernel programs gave up, or did another way."},
    [SINK_WRITE_ERRORS] = {"sink_write_errors_total", "counter", "sink", "Writes that failed."},
    [FLOW_TABLE_ENTRIES] = {"flow_table_entries", "gauge", "", "Entries in use."},
    [FLOW_TABLE_CAPACITY] = {"flow_table_capacity", "gauge", "", "Entries there is room for."},
    [FLOW_TABLE_PASS] = {"flow_table_pass_seconds", "gauge", "",
                         "Time that the last pass through all entries took."},
    [SAMPLE_ONE_IN] = {"sample_one_in", "gauge", "",
                       "Sessions for each one that is tracked (--sample); 1: all are."},
    [BUILD_INFO] = {"build_info", "gauge", "version", "Always 1."},
};

const struct prom_family *prom_families(size_t *count)
{
    *count = FAMILIES;
    return families;
}

/* Upper bounds, each with its text; the last has ns 0. */
struct bound {
    uint64_t ns;
    const char *text;
};
#define MS 1000000ULL
static const struct bound duration_bounds[] = {
    {1 * MS, "0.001"},        {10 * MS, "0.01"},        {100 * MS, "0.1"},
    {500 * MS, "0.5"},        {1000 * MS, "1"},         {5000 * MS, "5"},
    {10000 * MS, "10"},       {30000 * MS, "30"},       {60000 * MS, "60"},
    {300000 * MS, "300"},     {1800000 * MS, "1800"},   {3600000 * MS, "3600"},
    {21600000 * MS, "21600"}, {86400000 * MS, "86400"}, {0, NULL},
};
static const struct bound latency_bounds[] = {
    {MS / 10, "0.0001"},    {MS / 4, "0.00025"}, {MS / 2, "0.0005"}, {1 * MS, "0.001"},
    {5 * MS / 2, "0.0025"}, {5 * MS, "0.005"},   {10 * MS, "0.01"},  {25 * MS, "0.025"},
    {50 * MS, "0.05"},      {100 * MS, "0.1"},   {250 * MS, "0.25"}, {500 * MS, "0.5"},
    {1000 * MS, "1"},       {2500 * MS, "2.5"},  {10000 * MS, "10"}, {0, NULL},
};

struct histogram {
    uint64_t bucket[BUCKETS_MAX]; /* not cumulative; the last is above every bound */
    uint64_t sum_ns;
};

struct prom {
    const char *version;
    const struct field *rtt_avg;
    const struct field *duration;
    uint64_t opened[PROM_PROTOS];
    uint64_t closed[PROM_PROTOS][CLOSE_REASONS];
    struct histogram durations, handshakes, client_handshakes, server_handshakes, rtts;
    struct prom_flow_sums closed_sums;
    struct prom_interfaces interfaces;
    /* As last written: below these no counter goes. */
    struct prom_flow_sums sums;
    uint64_t unaccounted[UNACCOUNTED_COUNT];
    uint64_t events[EVENT_COUNT];
    uint64_t sink_errors[PROM_SINK_COUNT];
};

struct prom *prom_new(const char *version)
{
    struct prom *prom = calloc(1, sizeof(*prom));

    if (!prom)
        return NULL;
    prom->version = version;
    prom->rtt_avg = field_find("tcp.rtt.avg");
    prom->duration = field_find("duration");
    return prom;
}

void prom_free(struct prom *prom)
{
    if (!prom)
        return;
    prom_interfaces_fini(&prom->interfaces);
    free(prom);
}

/* ---- counting ------------------------------------------------------------------------------------ */

static const uint8_t proto_numbers[PROM_PROTOS] = {
    [PROM_TCP] = IP_PROTO_TCP,       [PROM_UDP] = IP_PROTO_UDP,   [PROM_ICMP] = IP_PROTO_ICMP,
    [PROM_ICMPV6] = IP_PROTO_ICMPV6, [PROM_SCTP] = IP_PROTO_SCTP,
};

static unsigned int proto_index(uint8_t l4_proto)
{
    unsigned int i = 0;

    while (i < PROM_PROTOS && proto_numbers[i] != l4_proto)
        i++;
    return i;
}

static void observe(struct histogram *histogram, const struct bound *bounds, uint64_t ns)
{
    unsigned int i = 0;

    while (bounds[i].text && ns > bounds[i].ns)
        i++;
    histogram->bucket[i]++;
    histogram->sum_ns += ns;
}

static void sum_flow(struct prom_flow_sums *sums, const struct flow *flow)
{
    for (int i = 0; i < 2; i++) {
        const struct flow_quality *q = &flow->quality[i];

        sums->payload_bytes += flow->dir[i].payload_bytes;
        sums->retransmits += q->retransmits;
        sums->out_of_order += q->out_of_order;
        sums->zero_windows += q->zero_windows;
        sums->duplicate_acks += q->duplicate_acks;
        sums->keep_alives += q->keep_alives;
        sums->syn_retries += q->syn_count ? q->syn_count - 1 : 0;
        sums->payload_lost_bytes += q->lost_bytes - q->lost_retransmit_bytes;
    }
    sums->over_rate_bytes += flow->over_rate_bytes;
}

void prom_session_opened(struct prom *prom, uint8_t l4_proto)
{
    unsigned int proto = proto_index(l4_proto);

    if (proto < PROM_PROTOS)
        prom->opened[proto]++;
}

void prom_session_closed(struct prom *prom, const struct record *record)
{
    const struct flow *flow = record->flow;
    unsigned int proto = proto_index(record->session->key.l4_proto);
    uint64_t lost_before = prom->closed_sums.payload_lost_bytes;
    uint64_t over_rate_before = prom->closed_sums.over_rate_bytes;
    struct field_value value;

    if (proto >= PROM_PROTOS)
        return;
    prom->closed[proto][record->session->close_reason]++;
    sum_flow(&prom->closed_sums, flow);
    if (record->ledger) {
        prom->closed_sums.payload_lost_bytes = lost_before + record->ledger->lost;
        prom->closed_sums.over_rate_bytes = over_rate_before + record->ledger->over_rate;
    }
    if (field_get(prom->duration, record, &value))
        observe(&prom->durations, duration_bounds, (uint64_t)value.ns);
    if (flow->syn_ns && flow->established_ns >= flow->syn_ns)
        observe(&prom->handshakes, latency_bounds, flow->established_ns - flow->syn_ns);
    if (flow->synack_ns && flow->established_ns >= flow->synack_ns)
        observe(&prom->client_handshakes, latency_bounds, flow->established_ns - flow->synack_ns);
    if (flow->syn_ns && flow->synack_ns >= flow->syn_ns)
        observe(&prom->server_handshakes, latency_bounds, flow->synack_ns - flow->syn_ns);
    if (field_get(prom->rtt_avg, record, &value))
        observe(&prom->rtts, latency_bounds, (uint64_t)value.ns);
}

void prom_gauges_add_session(struct prom_gauges *gauges, const struct flow_key *key,
                             const struct flow *flow)
{
    unsigned int proto = proto_index(key->l4_proto);

    if (proto >= PROM_PROTOS)
        return;
    gauges->active[proto][proto == PROM_TCP ? tcp_session_state(flow->bits) : TCP_STATE_CLOSED]++;
    sum_flow(&gauges->open, flow);
}

/* ---- writing ------------------------------------------------------------------------------------- */

static void begin_family(struct buf *out, enum family id)
{
    const struct prom_family *family = &families[id];

    buf_printf(out, "# HELP sesstap_%s %s\n# TYPE sesstap_%s %s\n", family->name, family->help,
               family->name, family->type);
}

/* Backslash, quote and newline are escaped. https://prometheus.io/docs/instrumenting/exposition_formats/ */
static void add_label(struct buf *out, const char *name, size_t name_len, const char *value)
{
    buf_add(out, name, name_len);
    buf_add_str(out, "=\"");
    for (; *value; value++) {
        if (*value == '\\' || *value == '"' || *value == '\n')
            buf_add_char(out, '\\');
        buf_add_char(out, *value == '\n' ? 'n' : *value);
    }
    buf_add_char(out, '"');
}

/* One sample; first and second are the values of the family's labels, as many as it has. */
static void add_sample(struct buf *out, enum family id, const char *first, const char *second,
                       uint64_t value)
{
    const struct prom_family *family = &families[id];
    const char *comma = strchr(family->labels, ',');

    buf_add_str(out, "sesstap_");
    buf_add_str(out, family->name);
    if (*family->labels) {
        buf_add_char(out, '{');
        add_label(out, family->labels, strcspn(family->labels, ","), first);
        if (comma) {
            buf_add_char(out, ',');
            add_label(out, comma + 1, strlen(comma + 1), second);
        }
        buf_add_char(out, '}');
    }
    buf_add_char(out, ' ');
    buf_add_u64(out, value);
    buf_add_char(out, '\n');
}

static void add_single(struct buf *out, enum family id, uint64_t value)
{
    begin_family(out, id);
    add_sample(out, id, "", "", value);
}

static void add_histogram(struct buf *out, enum family id, const struct histogram *histogram,
                          const struct bound *bounds)
{
    const char *name = families[id].name;
    uint64_t count = 0;
    unsigned int i;

    begin_family(out, id);
    for (i = 0; bounds[i].text; i++) {
        count += histogram->bucket[i];
        buf_printf(out, "sesstap_%s_bucket{le=\"%s\"} %llu\n", name, bounds[i].text,
                   (unsigned long long)count);
    }
    count += histogram->bucket[i];
    buf_printf(out, "sesstap_%s_bucket{le=\"+Inf\"} %llu\nsesstap_%s_sum ", name,
               (unsigned long long)count, name);
    buf_add_seconds(out, (int64_t)histogram->sum_ns, 9);
    buf_printf(out, "\nsesstap_%s_count %llu\n", name, (unsigned long long)count);
}

/* Only TCP is closed by FIN, RST or an unanswered SYN. */
static bool can_close(unsigned int proto, enum close_reason reason)
{
    if (reason == CLOSE_FIN || reason == CLOSE_RST || reason == CLOSE_SYN_TIMEOUT)
        return proto == PROM_TCP;
    return reason != CLOSE_NONE;
}

static void add_sessions(struct buf *out, const struct prom *prom, const struct prom_gauges *gauges)
{
    static const enum tcp_state states[] = {TCP_STATE_SYN_SENT,    TCP_STATE_SYN_RECEIVED,
                                            TCP_STATE_ESTABLISHED, TCP_STATE_CLOSE_WAIT,
                                            TCP_STATE_LAST_ACK,    TCP_STATE_CLOSED};
    unsigned int i;

    begin_family(out, SESSIONS_OPENED);
    for (i = 0; i < PROM_PROTOS; i++)
        add_sample(out, SESSIONS_OPENED, l4_proto_name(proto_numbers[i]), "", prom->opened[i]);
    begin_family(out, SESSIONS_CLOSED);
    for (i = 0; i < PROM_PROTOS; i++)
        for (enum close_reason reason = 0; reason < CLOSE_REASONS; reason++)
            if (can_close(i, reason) || prom->closed[i][reason])
                add_sample(out, SESSIONS_CLOSED, l4_proto_name(proto_numbers[i]),
                           close_reason_name(reason), prom->closed[i][reason]);
    begin_family(out, SESSIONS_ACTIVE);
    for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        add_sample(out, SESSIONS_ACTIVE, "tcp", tcp_state_name(states[i]),
                   gauges->active[PROM_TCP][states[i]]);
    for (i = PROM_TCP + 1; i < PROM_PROTOS; i++)
        add_sample(out, SESSIONS_ACTIVE, l4_proto_name(proto_numbers[i]), "OPEN",
                   gauges->active[i][TCP_STATE_CLOSED]);
}

static void add_traffic(struct buf *out, const struct prom_interfaces *interfaces, enum family id,
                        size_t member)
{
    static const char *const directions[HOOK_DIRECTIONS] = {
        [HOOK_INGRESS] = "ingress",
        [HOOK_EGRESS] = "egress",
    };

    begin_family(out, id);
    for (size_t i = 0; i < interfaces->count; i++) {
        const struct prom_interface_memory *known = &interfaces->known[i];

        for (int dir = 0; known->shown && dir < HOOK_DIRECTIONS; dir++) {
            uint64_t value;

            memcpy(&value, (const char *)&known->total.dir[dir] + member, sizeof(value));
            add_sample(out, id, known->name, directions[dir], value);
        }
    }
}

/* The value that a counter may show: never less than it did. */
static uint64_t rise(uint64_t *shown, uint64_t now)
{
    if (now > *shown)
        *shown = now;
    return *shown;
}

static void add_named(struct buf *out, enum family id, const char *const *names, size_t count,
                      uint64_t *shown, const uint64_t *now)
{
    begin_family(out, id);
    for (size_t i = 0; i < count; i++)
        add_sample(out, id, names[i], "", rise(&shown[i], now[i]));
}

static const char *const unaccounted_names[UNACCOUNTED_COUNT] = {
#define X(upper, lower, help) #lower,
    UNACCOUNTED_REASONS(X)
#undef X
};
static const char *const event_names[EVENT_COUNT] = {
#define X(upper, lower, help) #lower,
    EVENT_COUNTERS(X)
#undef X
};
static const char *const sink_names[PROM_SINK_COUNT] = {
#define X(upper, lower) #lower,
    PROM_SINKS(X)
#undef X
};

static void add_sums(struct buf *out, struct prom *prom, const struct prom_gauges *gauges)
{
    const struct prom_flow_sums *closed = &prom->closed_sums, *open = &gauges->open;
    struct prom_flow_sums *shown = &prom->sums;

    add_single(out, PAYLOAD_BYTES,
               rise(&shown->payload_bytes, closed->payload_bytes + open->payload_bytes));
    add_single(out, TCP_RETRANSMITS,
               rise(&shown->retransmits, closed->retransmits + open->retransmits));
    add_single(out, TCP_OUT_OF_ORDER,
               rise(&shown->out_of_order, closed->out_of_order + open->out_of_order));
    add_single(out, TCP_ZERO_WINDOWS,
               rise(&shown->zero_windows, closed->zero_windows + open->zero_windows));
    add_single(out, TCP_DUPLICATE_ACKS,
               rise(&shown->duplicate_acks, closed->duplicate_acks + open->duplicate_acks));
    add_single(out, TCP_KEEP_ALIVES,
               rise(&shown->keep_alives, closed->keep_alives + open->keep_alives));
    add_single(out, TCP_SYN_RETRIES,
               rise(&shown->syn_retries, closed->syn_retries + open->syn_retries));
    add_single(
        out, PAYLOAD_LOST_BYTES,
        rise(&shown->payload_lost_bytes, closed->payload_lost_bytes + open->payload_lost_bytes));
    add_single(out, PAYLOAD_OVER_RATE_BYTES,
               rise(&shown->over_rate_bytes, closed->over_rate_bytes + open->over_rate_bytes));
}

int prom_format(struct prom *prom, const struct prom_gauges *gauges, struct buf *out)
{
    int err =
        prom_interfaces_update(&prom->interfaces, gauges->interfaces, gauges->interface_count);

    if (err)
        return err;
    add_sessions(out, prom, gauges);
    add_histogram(out, SESSION_DURATION, &prom->durations, duration_bounds);
    add_histogram(out, TCP_HANDSHAKE, &prom->handshakes, latency_bounds);
    add_histogram(out, TCP_HANDSHAKE_CLIENT, &prom->client_handshakes, latency_bounds);
    add_histogram(out, TCP_HANDSHAKE_SERVER, &prom->server_handshakes, latency_bounds);
    add_histogram(out, TCP_RTT, &prom->rtts, latency_bounds);
    add_traffic(out, &prom->interfaces, PACKETS, offsetof(struct traffic, pkts));
    add_traffic(out, &prom->interfaces, SKBS, offsetof(struct traffic, skbs));
    add_traffic(out, &prom->interfaces, BYTES, offsetof(struct traffic, bytes));
    add_sums(out, prom, gauges);
    add_named(out, UNACCOUNTED_PACKETS, unaccounted_names, UNACCOUNTED_COUNT, prom->unaccounted,
              gauges->unaccounted);
    add_named(out, EVENTS, event_names, EVENT_COUNT, prom->events, gauges->events);
    begin_family(out, RING_RESERVE_FAILURES);
    add_sample(out, RING_RESERVE_FAILURES, "lifecycle", "",
               prom->events[EVENT_LIFECYCLE_RING_FULL]);
    add_sample(out, RING_RESERVE_FAILURES, "payload", "", prom->events[EVENT_PAYLOAD_RING_FULL]);
    add_named(out, SINK_WRITE_ERRORS, sink_names, PROM_SINK_COUNT, prom->sink_errors,
              gauges->sink_errors);
    add_single(out, FLOW_TABLE_ENTRIES, gauges->flow_table_entries);
    add_single(out, FLOW_TABLE_CAPACITY, gauges->flow_table_capacity);
    begin_family(out, FLOW_TABLE_PASS);
    buf_printf(out, "sesstap_%s ", families[FLOW_TABLE_PASS].name);
    buf_add_seconds(out, (int64_t)gauges->flow_table_pass_ns, 9);
    buf_add_char(out, '\n');
    add_single(out, SAMPLE_ONE_IN, gauges->sample_one_in ? gauges->sample_one_in : 1);
    begin_family(out, BUILD_INFO);
    add_sample(out, BUILD_INFO, prom->version, "", 1);
    return out->failed ? -ENOMEM : 0;
}

int prom_write(struct prom *prom, const struct prom_gauges *gauges, const char *path)
{
    struct outfile file;
    struct buf text = {0};
    int err = prom_format(prom, gauges, &text);

    if (err)
        goto out;
    err = outfile_init(&file, path);
    if (err)
        goto out;
    outfile_write(&file, text.data, text.len);
    err = outfile_commit(&file);
out:
    buf_fini(&text);
    return err;
}
