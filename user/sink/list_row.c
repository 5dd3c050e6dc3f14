/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/list_row.h"

#include <stdio.h>

#include "sink/record_view.h"
#include "sink/screen_units.h"
#include "wire.h"

/* Exact numbers, since analysts compare them; times that --where takes. */
static const struct {
    const char *title;
    const char *paths[LIST_COLUMN_FIELDS];
    uint8_t usual;
    bool right;
    uint8_t spare; /* of a narrow terminal; see struct text_column */
    enum {
        EITHER,
        BOTH,
        PER_SIDE,
        MARKED
    } use; /* of the second field: instead, after a space, after '/'; none, but a mark of a guess */
} kinds[LIST_COLUMNS] = {
    {"stream", {NULL}, 11, false, 0, EITHER},
    {"start", {"firstDate"}, 24, false, 8, EITHER},
    {"time", {"duration"}, 6, true, 6, EITHER},
    {"client", {"src.socket", "src.ip"}, 15, false, 0, EITHER},
    {"server", {"dst.socket", "dst.ip"}, 15, false, 0, EITHER},
    {"app", {"app.protocol"}, 8, false, 3, MARKED},
    {"state", {"state"}, 11, false, 5, EITHER},
    {"close", {"close.reason", "close.by"}, 10, false, 7, BOTH},
    {"packets", {"packetsCount"}, 7, true, 4, EITHER},
    {"out", {"out.payload"}, 8, true, 1, EITHER},
    {"in", {"in.payload"}, 8, true, 2, EITHER},
    {"rtx", {"tcp.quality_fwd.retransmits", "tcp.quality_rev.retransmits"}, 3, true, 9, PER_SIDE},
    {"rtt", {"tcp.rtt.avg"}, 6, true, 10, EITHER},
    {"alerts", {NULL}, 20, false, 0, EITHER},
};

void list_row_init(struct list_row *list, bool with_alerts)
{
    list->count = with_alerts ? LIST_COLUMNS : LIST_COLUMNS - 1;
    for (int i = 0; i < LIST_COLUMNS; i++) {
        list->columns[i] =
            (struct text_column){kinds[i].title, kinds[i].right, kinds[i].usual, kinds[i].spare};
        for (int j = 0; j < LIST_COLUMN_FIELDS; j++)
            list->fields[i][j] = kinds[i].paths[j] ? field_find(kinds[i].paths[j]) : NULL;
    }
}

/* Text of a value at p, which has TEXT_TABLE_CELL_BYTES; returns its length. */
static size_t write_value(char *p, const struct field_value *value)
{
    struct text_day day = {0};
    size_t len;

    switch (value->type) {
    case FIELD_U64:
        return (size_t)(text_put_u64(p, value->u64) - p);
    case FIELD_DURATION:
        return (size_t)(units_put_duration(p, (uint64_t)value->ns) - p);
    case FIELD_DATE:
        return (size_t)(text_put_date(p, value->ns, &day) - p);
    case FIELD_STRING:
        len = value->len < TEXT_TABLE_CELL_BYTES / 2 ? value->len : TEXT_TABLE_CELL_BYTES / 2;
        memcpy(p, value->text, len);
        return len;
    default:
        return 0;
    }
}

/* As `sesstap show` takes it: "tcp:12". */
static size_t write_stream(char *p, const struct record *record)
{
    uint8_t proto = record->session->key.l4_proto;
    const char *name = l4_proto_name(proto == IP_PROTO_ICMPV6 ? IP_PROTO_ICMP : proto);
    size_t len = strlen(name);

    memcpy(p, name, len);
    p[len++] = ':';
    return (size_t)(text_put_u64(p + len, record->session->stream_index) - p);
}

static bool get(struct record_view *view, const struct field *field, struct field_value *value)
{
    if (!field || !record_view_has(view, field))
        return false;
    value->type = field->type;
    return field->get(view, field, value);
}

static size_t write_cell(char *p, const struct list_row *list, int column, struct record_view *view)
{
    struct field_value value;
    size_t len = 0;

    for (int j = 0; j < LIST_COLUMN_FIELDS; j++) {
        if (!get(view, list->fields[column][j], &value))
            continue;
        if (j && len) {
            if (kinds[column].use == EITHER)
                break;
            p[len++] = kinds[column].use == BOTH ? ' ' : '/';
        }
        len += write_value(p + len, &value);
    }
    if (len && kinds[column].use == MARKED && view->record->identity.guessed)
        p[len++] = TEXT_GUESS_MARK;
    return len;
}

/* The first one's text, and how many there are. */
static size_t write_alerts_cell(char *p, const struct record *record)
{
    const char *text = record->alert_count ? record->alerts[0]->signature : NULL;
    size_t len = text ? strlen(text) : 0;

    if (len > TEXT_TABLE_CELL_BYTES / 2)
        len = TEXT_TABLE_CELL_BYTES / 2;
    if (len)
        memcpy(p, text, len);
    if (record->alert_count > 1)
        len += (size_t)sprintf(p + len, " +%zu", record->alert_count - 1);
    return len;
}

void list_row_pack(const struct list_row *list, struct buf *row, const struct record *record)
{
    char text[TEXT_TABLE_CELL_BYTES + 1];
    struct record_view view;

    record_view_init(&view, record);
    text_table_pack(row, text, write_stream(text, record));
    for (int i = 1; i < LIST_COLUMNS - 1; i++)
        text_table_pack(row, text, write_cell(text, list, i, &view));
    if (list->count == LIST_COLUMNS)
        text_table_pack(row, text, write_alerts_cell(text, record));
}
