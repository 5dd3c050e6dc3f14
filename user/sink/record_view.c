/* SPDX-License-Identifier: Apache-2.0 */
/* Who a record is of: identity and ends. Times and counts are in record_general.c, TCP's own in record_tcp.c. */
#include "sink/record_view.h"

#include "flow.h"

#define WHISPERER_MAX 128
#define INSTANCE_MAX  300

void record_view_init(struct record_view *view, const struct record *record)
{
    view->record = record;
    view->flow = record->flow;
    view->key = &record->session->key;
    view->client = (uint8_t)flow_client(record->flow);
    view->name_len = 0;
    switch (view->key->l4_proto) {
    case IP_PROTO_TCP:
        view->protos = FIELD_TCP;
        break;
    case IP_PROTO_UDP:
        view->protos = FIELD_UDP;
        break;
    case IP_PROTO_SCTP:
        view->protos = FIELD_SCTP;
        break;
    default:
        view->protos = FIELD_ICMP;
        break;
    }
}

/* Ports of ICMP are the identifier and the type: they belong to neither end and stay in place. */
static unsigned int port_of(const struct record_view *view, unsigned int side)
{
    unsigned int at = view->protos & FIELD_ICMP ? side : view->client ^ side;

    return WIRE_HOST16(view->key->port[at]);
}

static char *put_part(struct record_view *view, char *p, struct name_part *part, char *end)
{
    part->at = (uint8_t)(p - view->name);
    part->len = (uint8_t)(end - p);
    return end;
}

static void make_name(struct record_view *view)
{
    char *p = text_put_u64(view->name, view->record->session->number);

    *p++ = '.';
    for (unsigned int side = 0; side < 2; side++) {
        const uint8_t *addr = view->key->addr[view->client ^ side].bytes;

        if (side)
            *p++ = '-';
        p = put_part(view, p, &view->ip[side], text_put_ip(p, addr, view->key->ip_version));
        *p++ = '-';
        p = put_part(view, p, &view->port[side], text_put_u64(p, port_of(view, side)));
    }
    view->name_len = (uint8_t)(p - view->name);
}

static const char *name_of(struct record_view *view)
{
    if (!view->name_len)
        make_name(view);
    return view->name;
}

bool value_name(struct record_view *view, const struct field *field, struct field_value *value)
{
    const char *name = name_of(view);

    (void)field;
    return give_plain(value, name, view->name_len);
}

static char *put_text(char *p, const char *text, size_t max)
{
    size_t len = text ? strnlen(text, max) : 0;

    if (len)
        memcpy(p, text, len);
    return p + len;
}

bool value_id(struct record_view *view, const struct field *field, struct field_value *value)
{
    const struct record *record = view->record;
    const char *name = name_of(view);
    char *p = value->room;
    uint32_t seq;

    (void)field;
    p = put_text(p, record->whisperer, WHISPERER_MAX);
    *p++ = '.';
    p = put_text(p, record->instance_id, INSTANCE_MAX);
    value->plain = text_is_plain(value->room, (size_t)(p - value->room));
    *p++ = '.';
    memcpy(p, name, view->name_len);
    p += view->name_len;
    *p++ = '.';
    p = text_put_u64(p, record_view_client_seq(view, &seq) ? seq : view->flow->first_ns);
    value->text = value->room;
    value->len = (size_t)(p - value->room);
    return true;
}

bool value_type(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    switch (view->protos) {
    case FIELD_TCP:
        return give_plain(value, "TcpSession", 10);
    case FIELD_UDP:
        return give_plain(value, "UdpSession", 10);
    case FIELD_SCTP:
        return give_plain(value, "SctpSession", 11);
    default:
        return give_plain(value, "IcmpSession", 11);
    }
}

bool value_version(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)view;
    (void)field;
    return give_u64(value, RECORD_VERSION);
}

bool value_whisperer(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_text(value, view->record->whisperer);
}

bool value_instance_id(struct record_view *view, const struct field *field,
                       struct field_value *value)
{
    (void)field;
    return give_text(value, view->record->instance_id);
}

bool value_ip(struct record_view *view, const struct field *field, struct field_value *value)
{
    const char *name = name_of(view);

    return give_plain(value, name + view->ip[field->side].at, view->ip[field->side].len);
}

bool value_port(struct record_view *view, const struct field *field, struct field_value *value)
{
    return give_u64(value, port_of(view, field->side));
}

bool value_host_name(struct record_view *view, const struct field *field, struct field_value *value)
{
    return give_text(value, view->record->names[record_view_endpoint(view, field)]);
}

bool value_socket(struct record_view *view, const struct field *field, struct field_value *value)
{
    const char *name = name_of(view);
    struct name_part ip = view->ip[field->side], port = view->port[field->side];
    bool brackets = view->key->ip_version != 4;
    char *p = value->room;

    if (brackets)
        *p++ = '[';
    memcpy(p, name + ip.at, ip.len);
    p += ip.len;
    if (brackets)
        *p++ = ']';
    *p++ = ':';
    memcpy(p, name + port.at, port.len);
    p += port.len;
    return give_plain(value, value->room, (size_t)(p - value->room));
}

bool value_proto(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_u64(value, view->key->l4_proto);
}

bool value_stream_index(struct record_view *view, const struct field *field,
                        struct field_value *value)
{
    (void)field;
    return give_u64(value, view->record->session->stream_index);
}

bool value_community_id(struct record_view *view, const struct field *field,
                        struct field_value *value)
{
    (void)field;
    record_community_id(value->room, view->key, view->client, view->flow->icmp_type,
                        view->flow->icmp_code);
    return give_plain(value, value->room, strlen(value->room));
}
