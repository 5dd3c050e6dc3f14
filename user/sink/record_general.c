/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a record's fields that every protocol has: times, counts, books, places. */
#include "sink/record_view.h"

#include "flow.h"

#define NS_PER_MINUTE 60000000000LL

/* ---- times --------------------------------------------------------------------------------------- */

static int64_t wall_ns(const struct record_view *view, uint64_t flow_ns)
{
    return (int64_t)flow_ns + view->record->wall_offset_ns;
}

/* A capture's times may go back; a session then lasts no less than nothing. */
static uint64_t last_ns(const struct flow *flow)
{
    uint64_t last = flow->first_ns;

    for (int i = 0; i < 2; i++)
        if (flow->dir[i].last_ns > last)
            last = flow->dir[i].last_ns;
    return last;
}

static int64_t floor_minute(int64_t ns)
{
    return ns - ns % NS_PER_MINUTE;
}

bool value_flow_time(struct record_view *view, const struct field *field, struct field_value *value)
{
    uint64_t ns;

    memcpy(&ns, (const char *)view->flow + field->arg, sizeof(ns));
    return ns && give_ns(value, wall_ns(view, ns));
}

bool value_last(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_ns(value, wall_ns(view, last_ns(view->flow)));
}

bool value_first_minute(struct record_view *view, const struct field *field,
                        struct field_value *value)
{
    (void)field;
    return give_ns(value, floor_minute(wall_ns(view, view->flow->first_ns)));
}

bool value_last_minute(struct record_view *view, const struct field *field,
                       struct field_value *value)
{
    (void)field;
    return give_ns(value, floor_minute(wall_ns(view, last_ns(view->flow))));
}

bool value_duration(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_ns(value, (int64_t)(last_ns(view->flow) - view->flow->first_ns));
}

bool value_latency(struct record_view *view, const struct field *field, struct field_value *value)
{
    const struct flow *flow = view->flow;

    (void)field;
    return flow->syn_ns && flow->synack_ns && flow->synack_ns >= flow->first_ns &&
           give_ns(value, (int64_t)(flow->synack_ns - flow->first_ns));
}

bool value_synchro(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_ns(value, wall_ns(view, view->record->now_ns));
}

bool value_created(struct record_view *view, const struct field *field, struct field_value *value)
{
    uint64_t created = view->record->session->created_ns;

    (void)field;
    return give_ns(value, wall_ns(view, created ? created : view->record->now_ns));
}

bool value_updates(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_u64(value, view->record->session->updates + 1);
}

/* ---- counts -------------------------------------------------------------------------------------- */

bool value_packets_count(struct record_view *view, const struct field *field,
                         struct field_value *value)
{
    (void)field;
    return give_u64(value, view->flow->pkts[0] + view->flow->pkts[1]);
}

bool value_last_packet_to_parse(struct record_view *view, const struct field *field,
                                struct field_value *value)
{
    (void)field;
    return view->flow->last_data_pkt && give_u64(value, view->flow->last_data_pkt);
}

bool value_lots(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_u64(value, view->flow->lots);
}

bool value_last_direction(struct record_view *view, const struct field *field,
                          struct field_value *value)
{
    (void)field;
    return view->flow->lots && give_direction(value, view, view->flow->last_data_from);
}

bool value_ip_bytes(struct record_view *view, const struct field *field, struct field_value *value)
{
    return give_u64(value, flow_l3_bytes(view->flow, view->key, record_view_endpoint(view, field)));
}

bool value_l4_bytes(struct record_view *view, const struct field *field, struct field_value *value)
{
    return give_u64(value, flow_l4_bytes(view->flow, view->key, record_view_endpoint(view, field)));
}

bool value_payload(struct record_view *view, const struct field *field, struct field_value *value)
{
    return give_u64(value, view->flow->dir[record_view_endpoint(view, field)].payload_bytes);
}

bool value_packets(struct record_view *view, const struct field *field, struct field_value *value)
{
    return give_u64(value, view->flow->pkts[record_view_endpoint(view, field)]);
}

/* ---- the rest ------------------------------------------------------------------------------------ */

bool value_close_reason(struct record_view *view, const struct field *field,
                        struct field_value *value)
{
    enum close_reason reason = view->record->session->close_reason;

    (void)field;
    return reason != CLOSE_NONE && give_text(value, close_reason_name(reason));
}

bool value_close_by(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return view->record->session->close_reason != CLOSE_NONE &&
           give_text(value, close_by_name(view->record->session->close_by));
}

bool value_icmp_type(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_u64(value, view->flow->icmp_type);
}

bool value_icmp_code(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_u64(value, view->flow->icmp_code);
}

bool value_icmp_id(struct record_view *view, const struct field *field, struct field_value *value)
{
    bool is_v6 = view->key->l4_proto == IP_PROTO_ICMPV6;
    uint8_t request = packet_icmp_request(view->flow->icmp_type, is_v6);

    (void)field;
    if (is_v6 ? request != ICMPV6_ECHO_REQUEST
              : request != ICMP_ECHO_REQUEST && request != ICMP_TIMESTAMP)
        return false;
    return give_u64(value, WIRE_HOST16(view->key->port[0]));
}

bool value_ledger_u64(struct record_view *view, const struct field *field,
                      struct field_value *value)
{
    if (!view->record->ledger)
        return false;
    memcpy(&value->u64, (const char *)view->record->ledger + field->arg, sizeof(value->u64));
    return true;
}

/* Left out when it is 0. */
bool value_ledger_if_any(struct record_view *view, const struct field *field,
                         struct field_value *value)
{
    return value_ledger_u64(view, field, value) && value->u64;
}

bool value_ledger_midstream(struct record_view *view, const struct field *field,
                            struct field_value *value)
{
    (void)field;
    if (!view->record->ledger)
        return false;
    value->flag = view->record->ledger->midstream;
    return true;
}

bool value_scope(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_u64(value, view->key->scope);
}

/* "vxlan 42 10.0.0.1 > 10.0.0.2" */
bool value_tunnel(struct record_view *view, const struct field *field, struct field_value *value)
{
    const struct session_tunnel *tunnel = &view->record->session->tunnel;
    char *p = value->room;

    (void)field;
    if (!tunnel->name)
        return false;
    p = stpcpy(p, tunnel->name);
    *p++ = ' ';
    if (tunnel->id) {
        p = text_put_u64(p, tunnel->id);
        *p++ = ' ';
    }
    p = text_put_ip(p, tunnel->outer[0], tunnel->ip_version);
    p = stpcpy(p, " > ");
    p = text_put_ip(p, tunnel->outer[1], tunnel->ip_version);
    return give_plain(value, value->room, (size_t)(p - value->room));
}

bool value_host_text(struct record_view *view, const struct field *field, struct field_value *value)
{
    const char *text;

    if (!view->record->host)
        return false;
    memcpy(&text, (const char *)view->record->host + field->arg, sizeof(text));
    return give_text(value, text);
}

bool value_host_pid(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return view->record->host && view->record->host->pid >= 0 &&
           give_u64(value, (uint64_t)view->record->host->pid);
}

bool value_interface_count(struct record_view *view, const struct field *field,
                           struct field_value *value)
{
    unsigned int count = 0;

    (void)field;
    while (count < RECORD_INTERFACES && view->record->interfaces[count])
        count++;
    return count && give_u64(value, count);
}

bool value_vlan_count(struct record_view *view, const struct field *field,
                      struct field_value *value)
{
    (void)field;
    return view->flow->vlan[0] && give_u64(value, view->flow->vlan[1] ? 2 : 1);
}

bool value_hole_count(struct record_view *view, const struct field *field,
                      struct field_value *value)
{
    (void)field;
    return view->record->hole_count && give_u64(value, view->record->hole_count);
}

bool value_lot_count(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return view->record->lots && view->record->lot_count &&
           give_u64(value, view->record->lot_count);
}

bool value_icmp_error_count(struct record_view *view, const struct field *field,
                            struct field_value *value)
{
    const struct flow_note *note = view->record->note;
    unsigned int count = 0;

    (void)field;
    for (int i = 0; note && i < NOTE_ICMP_ERRORS; i++)
        count += note->icmp_errors[i].count > 0;
    return count && give_u64(value, count);
}

bool value_icmp_errors_more(struct record_view *view, const struct field *field,
                            struct field_value *value)
{
    const struct flow_note *note = view->record->note;

    (void)field;
    return note && note->icmp_errors_more && give_u64(value, note->icmp_errors_more);
}
