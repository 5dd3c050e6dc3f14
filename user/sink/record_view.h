/* SPDX-License-Identifier: Apache-2.0 */
/* A record with what several of its fields share worked out once; and the functions behind the list. */
#ifndef SESSTAP_RECORD_VIEW_H
#define SESSTAP_RECORD_VIEW_H

#include "sink/field.h"
#include "sink/record.h"
#include "sink/text.h"

#define RECORD_NAME_BYTES 160

/* A part of record_view.name. */
struct name_part {
    uint8_t at;
    uint8_t len;
};

struct record_view {
    const struct record *record;
    const struct flow *flow;
    const struct flow_key *key;
    uint8_t client;         /* endpoint */
    uint8_t protos;         /* enum field_proto */
    uint8_t name_len;       /* 0: not made yet */
    struct name_part ip[2]; /* of client and server */
    struct name_part port[2];
    char name[RECORD_NAME_BYTES];
};

/* The record must outlive the view. */
void record_view_init(struct record_view *view, const struct record *record);
/* Whether the field can be of this record's protocol at all. */
static inline bool record_view_has(const struct record_view *view, const struct field *field)
{
    return !field->protos || (field->protos & view->protos);
}
static inline unsigned int record_view_endpoint(const struct record_view *view,
                                                const struct field *field)
{
    return view->client ^ field->side;
}

/* How a getter gives its value; they return true unless it is unknown. */
static inline bool give_u64(struct field_value *value, uint64_t number)
{
    value->u64 = number;
    return true;
}

static inline bool give_ns(struct field_value *value, int64_t ns)
{
    value->ns = ns;
    return true;
}

/* Text that is ours: it needs no escape. */
static inline bool give_plain(struct field_value *value, const char *text, size_t len)
{
    value->text = text;
    value->len = len;
    value->plain = true;
    return true;
}

/* Text that came from elsewhere. NULL is unknown. */
static inline bool give_text(struct field_value *value, const char *text)
{
    if (!text)
        return false;
    value->text = text;
    value->len = strlen(text);
    value->plain = text_is_plain(text, value->len);
    return true;
}

static inline bool give_direction(struct field_value *value, const struct record_view *view,
                                  unsigned int from)
{
    return from == view->client ? give_plain(value, "out", 3) : give_plain(value, "in", 2);
}

/* Identity and ends: record_view.c */
field_getter value_id, value_type, value_version, value_name, value_whisperer, value_instance_id;
field_getter value_ip, value_port, value_host_name, value_socket;
field_getter value_proto, value_stream_index, value_community_id;

/* Times, counts, books, places: record_general.c */
field_getter value_packets_count, value_last_packet_to_parse, value_lots, value_last_direction;
field_getter value_flow_time, value_last, value_synchro, value_created, value_updates;
field_getter value_first_minute, value_last_minute, value_duration, value_latency;
field_getter value_ip_bytes, value_l4_bytes, value_payload, value_packets;
field_getter value_close_reason, value_close_by;
field_getter value_icmp_type, value_icmp_code, value_icmp_id;
field_getter value_ledger_u64, value_ledger_if_any, value_ledger_midstream;
field_getter value_scope, value_tunnel, value_host_text, value_host_pid;
field_getter value_icmp_error_count, value_icmp_errors_more, value_syn_retries;
field_getter value_interface_count, value_vlan_count, value_hole_count, value_lot_count;

/* TCP: record_tcp.c */
field_getter value_state, value_endpoint_state, value_missed_syn, value_connected;
field_getter value_initial_seq, value_last_ack, value_syn_flags, value_endpoint_bit;
field_getter value_mss, value_window_scale, value_option, value_unknown_option_count;
field_getter value_ecn_negotiated, value_quality_u32, value_retransmit_bytes,
    value_out_of_window_bytes;
field_getter value_tally_u64, value_gaps, value_handshake_client, value_handshake_server;
field_getter value_rtt, value_rtt_samples, value_half_rtt, value_half_rtt_samples;

/* What app/ found: record_app.c */
field_getter has_parsers, has_parser, value_parser_status, value_parser_u64;
field_getter has_app, value_app_text, value_app_u64, value_risk_count;
field_getter has_tls, value_tls_name, value_tls_text, value_tls_flag, value_tls_name_count,
    value_tls_some, value_tls_inner_count;
field_list_writer write_risks, write_tls_names, write_tls_inner;

/* Its transactions: record_http.c */
field_getter value_http_count, value_websocket_count;
field_list_writer write_http, write_websocket;
/* "1.1", of http_transaction.version. */
const char *http_version_name(uint8_t version);
/* record_app.c */
field_getter value_alert_count;
field_list_writer write_alerts;
/* record_dns.c */
field_getter value_dns_count;
field_list_writer write_dns;
/* What a number stands for: "A", "TYPE65281"; written to text, which has DNS_WORD_BYTES, and returned. */
#define DNS_WORD_BYTES 16
const char *dns_put_type(char *text, uint16_t number);
const char *dns_put_class(char *text, uint16_t number);
const char *dns_put_rcode(char *text, uint16_t number);
/* One transaction for people: append a line without its end. */
void dns_write_line(struct buf *out, const struct dns_transaction *transaction);

/* The client's initial sequence number, when it is known. */
bool record_view_client_seq(const struct record_view *view, uint32_t *seq);

/* The items of the lists: record_json.c */
field_list_writer write_icmp_errors, write_interfaces, write_vlans, write_holes, write_lots;
field_list_writer write_unknown_options_client, write_unknown_options_server;

/* Which of an RTT's figures; field.arg of value_rtt and value_half_rtt. */
enum rtt_figure { RTT_MIN, RTT_AVG, RTT_MAX };

#endif
