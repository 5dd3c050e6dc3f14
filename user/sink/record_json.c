/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record as JSON, by walking the list of fields once. Each key is ready-made text with a comma in
 * front; the first comma of an object is turned into its brace, so nothing looks ahead.
 */
#include "sink/record.h"

#include <netinet/in.h>

#include "sink/record_view.h"
#include "tcp.h"

/* Room for a key and any value that is no string or list, and to close the record. */
#define DEPTH_MAX  4
#define LEAF_BYTES (FIELD_KEY_BYTES + TEXT_MAX + DEPTH_MAX)

/* ---- lists --------------------------------------------------------------------------------------- */

static void add_number(struct buf *out, const char *key, uint64_t value)
{
    buf_add_str(out, key);
    buf_add_u64(out, value);
}

static const char *direction_of(const struct record_view *view, unsigned int from)
{
    return from == view->client ? "out" : "in";
}

void write_interfaces(struct buf *out, struct record_view *view)
{
    const char *const *names = view->record->interfaces;

    for (unsigned int i = 0; i < RECORD_INTERFACES && names[i]; i++) {
        if (i)
            buf_add_char(out, ',');
        buf_add_json_str(out, names[i], strlen(names[i]));
    }
}

void write_vlans(struct buf *out, struct record_view *view)
{
    add_number(out, "", view->flow->vlan[0] & VLAN_ID_MASK);
    if (view->flow->vlan[1])
        add_number(out, ",", view->flow->vlan[1] & VLAN_ID_MASK);
}

static void write_unknown_options(struct buf *out, const struct flow_syn *syn)
{
    for (unsigned int i = 0; i < syn->unknown_count && i < FLOW_UNKNOWN_OPTIONS; i++)
        add_number(out, i ? "," : "", syn->unknown[i]);
}

void write_unknown_options_client(struct buf *out, struct record_view *view)
{
    write_unknown_options(out, &view->flow->quality[view->client].syn);
}

void write_unknown_options_server(struct buf *out, struct record_view *view)
{
    write_unknown_options(out, &view->flow->quality[!view->client].syn);
}

void write_holes(struct buf *out, struct record_view *view)
{
    for (size_t i = 0; i < view->record->hole_count; i++) {
        const struct stream_hole *hole = &view->record->holes[i];

        buf_add_str(out, i ? ",{\"direction\":\"" : "{\"direction\":\"");
        buf_add_str(out, direction_of(view, hole->from));
        add_number(out, "\",\"offset\":", hole->offset);
        add_number(out, ",\"length\":", hole->length);
        buf_add_char(out, '}');
    }
}

void write_icmp_errors(struct buf *out, struct record_view *view)
{
    const struct flow_note *note = view->record->note;
    const char *comma = "";

    for (int i = 0; i < NOTE_ICMP_ERRORS; i++) {
        const struct icmp_error_kind *kind = &note->icmp_errors[i];
        char from[INET6_ADDRSTRLEN];
        char *end;

        if (!kind->count)
            continue;
        end = text_put_ip(from, (const uint8_t *)kind->from, kind->ip_version);
        buf_add_str(out, comma);
        add_number(out, "{\"type\":", kind->type);
        add_number(out, ",\"code\":", kind->code);
        buf_add_str(out, ",\"from\":\"");
        buf_add(out, from, (size_t)(end - from));
        add_number(out, "\",\"count\":", kind->count);
        buf_add_char(out, '}');
        comma = ",";
    }
}

void write_lots(struct buf *out, struct record_view *view)
{
    for (size_t i = 0; i < view->record->lot_count; i++) {
        const struct packet_lot *lot = &view->record->lots[i];
        uint64_t lasted = lot->last_ns > lot->first_ns ? lot->last_ns - lot->first_ns : 0;

        add_number(out, i ? ",{\"n\":" : "{\"n\":", i + 1);
        buf_add_str(out, ",\"direction\":\"");
        buf_add_str(out, direction_of(view, lot->from));
        buf_add_str(out, "\",\"first\":");
        buf_add_seconds(out, (int64_t)lot->first_ns + view->record->wall_offset_ns, 6);
        buf_add_str(out, ",\"duration\":");
        buf_add_seconds(out, (int64_t)lasted, lasted % 1000 ? 9 : 6);
        add_number(out, ",\"packets\":", lot->pkts);
        add_number(out, ",\"payload\":", lot->payload_bytes);
        buf_add_str(out, lot->late ? ",\"late\":true}" : ",\"late\":false}");
    }
}

/* ---- the record ---------------------------------------------------------------------------------- */

struct writer {
    struct buf *out;
    char *limit; /* beyond this a field may not fit without growing */
    unsigned int depth;
    size_t begin[DEPTH_MAX]; /* of each open object: where its brace goes */
    size_t key_len[DEPTH_MAX];
    struct text_day day;
    struct record_view view;
};

/* The writer holds the end of the text in p; buf has it only while others append. NULL: no memory. */
static char *take_back(struct writer *w)
{
    struct buf *out = w->out;

    if (out->failed || !buf_reserve(out, LEAF_BYTES))
        return NULL;
    w->limit = out->data + out->cap - LEAF_BYTES;
    return out->data + out->len;
}

static void hand_over(struct writer *w, const char *p)
{
    w->out->len = (size_t)(p - w->out->data);
}

static char *open_object(struct writer *w, const struct field *field, char *p)
{
    memcpy(p, field->key, FIELD_KEY_BYTES);
    p += field->key_len;
    w->begin[w->depth] = (size_t)(p - w->out->data);
    w->key_len[w->depth++] = field->key_len;
    return p;
}

/* An object that nothing was written to vanishes, its key too. */
static char *close_object(struct writer *w, char *p)
{
    char *begin = w->out->data + w->begin[--w->depth];

    if (p == begin)
        return p - w->key_len[w->depth];
    *begin = '{';
    *p++ = '}';
    return p;
}

static char *put_bool(char *p, bool flag)
{
    memcpy(p, flag ? "true\0" : "false", 5);
    return p + 5 - flag;
}

static char *write_string(struct writer *w, const struct field_value *value, char *p)
{
    if (value->plain && (ptrdiff_t)value->len + 2 <= w->limit - p) {
        *p++ = '"';
        memcpy(p, value->text, value->len);
        p += value->len;
        *p++ = '"';
        return p;
    }
    hand_over(w, p);
    buf_add_json_str(w->out, value->text, value->len);
    return take_back(w);
}

static char *write_list(struct writer *w, const struct field *field, char *p)
{
    *p++ = '[';
    hand_over(w, p);
    field->write_items(w->out, &w->view);
    buf_add_char(w->out, ']');
    return take_back(w);
}

static char *write_leaf(struct writer *w, const struct field *field,
                        const struct field_value *value, char *p)
{
    memcpy(p, field->key, FIELD_KEY_BYTES);
    p += field->key_len;
    switch (value->type) {
    case FIELD_U64:
        return text_put_u64(p, value->u64);
    case FIELD_BOOL:
        return put_bool(p, value->flag);
    case FIELD_TIME:
        return text_put_time(p, value->ns);
    case FIELD_DURATION:
        return text_put_duration(p, value->ns);
    case FIELD_DATE:
        *p++ = '"';
        p = text_put_date(p, value->ns, &w->day);
        *p++ = '"';
        return p;
    case FIELD_STRING:
        return write_string(w, value, p);
    case FIELD_LIST:
        return write_list(w, field, p);
    default:
        memcpy(p, "null", 4);
        return p + 4;
    }
}

/* The row after this one, and after all that is in it when it is an object or a list. */
static const struct field *skip(const struct field *row)
{
    unsigned int depth = 0;

    do {
        if (row->type == FIELD_OBJECT || row->type == FIELD_LIST)
            depth++;
        else if (row->type == FIELD_END)
            depth--;
        row++;
    } while (depth);
    return row;
}

/* Returns the end of the text, NULL when there was no memory. */
static char *write_fields(struct writer *w, char *p)
{
    struct field_value value;
    size_t count;
    const struct field *row = field_list(&count), *end = row + count;

    while (row < end && p) {
        if (p > w->limit) {
            hand_over(w, p);
            p = take_back(w);
            continue;
        }
        if (!record_view_has(&w->view, row)) {
            row = skip(row);
            continue;
        }
        switch (row->type) {
        case FIELD_OBJECT:
            if (row->get && !row->get(&w->view, row, &value))
                row = skip(row);
            else
                p = open_object(w, row++, p);
            break;
        case FIELD_END:
            p = close_object(w, p);
            row++;
            break;
        default:
            value.type = row->type;
            if (row->get(&w->view, row, &value))
                p = write_leaf(w, row, &value, p);
            row = row->type == FIELD_LIST ? skip(row) : row + 1;
            break;
        }
    }
    return p;
}

void record_write_json(struct buf *out, const struct record *record)
{
    struct writer w;
    size_t begin = out->len;
    char *p;

    w.out = out;
    w.depth = 1;
    w.begin[0] = begin;
    w.key_len[0] = 0;
    w.day.text[0] = '\0';
    record_view_init(&w.view, record);
    p = take_back(&w);
    if (p)
        p = write_fields(&w, p);
    if (p)
        hand_over(&w, close_object(&w, p));
    else
        out->len = begin;
}
