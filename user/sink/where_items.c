/* SPDX-License-Identifier: Apache-2.0 */
/* The items of a record's lists one by one, for expressions; those that app/ found are in where_facts.c. */
#include "sink/where_internal.h"

#include <string.h>

#include "sink/record_view.h"
#include "wire.h"

static bool give_number(struct field_value *value, uint64_t number)
{
    value->type = FIELD_U64;
    return give_u64(value, number);
}

static bool give_side(struct field_value *value, const struct record_view *view, unsigned int from)
{
    value->type = FIELD_STRING;
    return give_direction(value, view, from);
}

static bool item_interface(struct record_view *view, size_t i, struct field_value *value)
{
    value->type = FIELD_STRING;
    return i < RECORD_INTERFACES && give_text(value, view->record->interfaces[i]);
}

static bool item_vlan(struct record_view *view, size_t i, struct field_value *value)
{
    return i < 2 && view->flow->vlan[i] && give_number(value, view->flow->vlan[i] & VLAN_ID_MASK);
}

static bool give_option(const struct flow_syn *syn, size_t i, struct field_value *value)
{
    return i < syn->unknown_count && i < FLOW_UNKNOWN_OPTIONS &&
           give_number(value, syn->unknown[i]);
}

static bool item_option_client(struct record_view *view, size_t i, struct field_value *value)
{
    return give_option(&view->flow->quality[view->client].syn, i, value);
}

static bool item_option_server(struct record_view *view, size_t i, struct field_value *value)
{
    return give_option(&view->flow->quality[!view->client].syn, i, value);
}

static const struct stream_hole *hole_at(const struct record_view *view, size_t i)
{
    return i < view->record->hole_count ? &view->record->holes[i] : NULL;
}

static bool item_hole_direction(struct record_view *view, size_t i, struct field_value *value)
{
    const struct stream_hole *hole = hole_at(view, i);

    return hole && give_side(value, view, hole->from);
}

static bool item_hole_offset(struct record_view *view, size_t i, struct field_value *value)
{
    const struct stream_hole *hole = hole_at(view, i);

    return hole && give_number(value, hole->offset);
}

static bool item_hole_length(struct record_view *view, size_t i, struct field_value *value)
{
    const struct stream_hole *hole = hole_at(view, i);

    return hole && give_number(value, hole->length);
}

static const struct packet_lot *lot_at(const struct record_view *view, size_t i)
{
    return view->record->lots && i < view->record->lot_count ? &view->record->lots[i] : NULL;
}

static bool item_lot_n(struct record_view *view, size_t i, struct field_value *value)
{
    return lot_at(view, i) && give_number(value, i + 1);
}

static bool item_lot_direction(struct record_view *view, size_t i, struct field_value *value)
{
    const struct packet_lot *lot = lot_at(view, i);

    return lot && give_side(value, view, lot->from);
}

static bool item_lot_first(struct record_view *view, size_t i, struct field_value *value)
{
    const struct packet_lot *lot = lot_at(view, i);

    value->type = FIELD_TIME;
    return lot && give_ns(value, (int64_t)lot->first_ns + view->record->wall_offset_ns);
}

static bool item_lot_duration(struct record_view *view, size_t i, struct field_value *value)
{
    const struct packet_lot *lot = lot_at(view, i);

    value->type = FIELD_DURATION;
    return lot &&
           give_ns(value,
                   lot->last_ns > lot->first_ns ? (int64_t)(lot->last_ns - lot->first_ns) : 0);
}

static bool item_lot_packets(struct record_view *view, size_t i, struct field_value *value)
{
    const struct packet_lot *lot = lot_at(view, i);

    return lot && give_number(value, lot->pkts);
}

static bool item_lot_payload(struct record_view *view, size_t i, struct field_value *value)
{
    const struct packet_lot *lot = lot_at(view, i);

    return lot && give_number(value, lot->payload_bytes);
}

static bool item_lot_late(struct record_view *view, size_t i, struct field_value *value)
{
    const struct packet_lot *lot = lot_at(view, i);

    value->type = FIELD_BOOL;
    value->flag = lot && lot->late;
    return lot;
}

static const struct where_items lists[] = {
    {.path = "link.interfaces", .item = item_interface},
    {.path = "link.vlan", .item = item_vlan},
    {.path = "tcp.options_fwd.unknown", .item = item_option_client},
    {.path = "tcp.options_rev.unknown", .item = item_option_server},
    {.path = "holes[].direction", .item = item_hole_direction},
    {.path = "holes[].offset", .item = item_hole_offset},
    {.path = "holes[].length", .item = item_hole_length},
    {.path = "packetLots[].n", .item = item_lot_n},
    {.path = "packetLots[].direction", .item = item_lot_direction},
    {.path = "packetLots[].first", .item = item_lot_first},
    {.path = "packetLots[].duration", .item = item_lot_duration},
    {.path = "packetLots[].packets", .item = item_lot_packets},
    {.path = "packetLots[].payload", .item = item_lot_payload},
    {.path = "packetLots[].late", .item = item_lot_late},
};

const struct where_items *where_find_items(const struct field *field)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (!strcmp(lists[i].path, field->path))
            return &lists[i];
    return where_find_facts(field->path);
}

bool where_next_item(const struct where_items *items, struct record_view *view,
                     struct where_walk *walk, struct field_value *value)
{
    const char *item;

    if (items->item)
        return items->item(view, walk->count++, value);
    while ((item = items->next(view, walk)))
        if (items->get(view, item + items->offset, value))
            return true;
    return false;
}
