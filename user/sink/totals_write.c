/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over sessions as a table for people, or as one JSON object. */
#include "sink/totals.h"

#include <math.h>
#include <string.h>

#include "session/session.h"
#include "sink/text.h"
#include "sink/text_table.h"

#define MAX_COLUMNS 14
#define NAME_BYTES  64

/* What may be left out of a narrow terminal: times first; never what rows are sorted by. */
#define WAYS(one, other)                                                                        \
    {"pkts " one, true, 0, 5}, {"pkts " other, true, 0, 5}, {"payload " one, true, 0, 6},       \
        {"payload " other, true, 0, 6}, {"wire " one, true, 0, 0}, {"wire " other, true, 0, 0}, \
        {"rtx", true, 0, 7}, {"first", false, 0, 8},                                            \
    {                                                                                           \
        "last", false, 0, 9                                                                     \
    }

/* How each sum is shown: its columns and its words in JSON. */
static const struct form {
    struct text_column columns[MAX_COLUMNS];
    const char *word; /* --by */
    const char *keys[2];
    const char *begun[2]; /* in JSON; NULL: the client's side is always the first */
    const char *ways[2];
    size_t column_count;
    bool begun_in_table; /* in place of the sessions */
} forms[] = {
    [TOTALS_CONVERSATION] =
        {
            .columns = {{"a", false, 15, 0},
                        {"b", false, 15, 0},
                        {"sessions", true, 0, 0},
                        {"share", true, 6, 0},
                        WAYS("a>b", "b>a")},
            .column_count = 13,
            .word = "conversation",
            .keys = {"a", "b"},
            .begun = {"begun_by_a", "begun_by_b"},
            .ways = {"a_to_b", "b_to_a"},
        },
    [TOTALS_HOST] =
        {
            .columns = {{"host", false, 15, 0},
                        {"as client", true, 0, 0},
                        {"as server", true, 0, 0},
                        {"share", true, 6, 0},
                        WAYS("sent", "recv"),
                        {"name", false, 0, 0}},
            .column_count = 14,
            .word = "host",
            .keys = {"host", NULL},
            .begun = {"as_client", "as_server"},
            .ways = {"sent", "received"},
            .begun_in_table = true,
        },
    [TOTALS_SERVICE] =
        {
            .columns = {{"service", false, 10, 0},
                        {"sessions", true, 0, 0},
                        {"share", true, 6, 0},
                        WAYS("out", "in")},
            .column_count = 12,
            .word = "service",
            .keys = {"service", NULL},
            .ways = {"out", "in"},
        },
    [TOTALS_PROTOCOL] =
        {
            .columns = {{"protocol", false, 10, 0},
                        {"sessions", true, 0, 0},
                        {"share", true, 6, 0},
                        WAYS("out", "in")},
            .column_count = 12,
            .word = "protocol",
            .keys = {"protocol", NULL},
            .ways = {"out", "in"},
        },
};

/* The name that a key has; returns its length. */
static size_t write_name(char *p, const struct totals *totals, const struct totals_row *row,
                         unsigned int which)
{
    char *begin = p;
    const char *proto;

    if (row->ip_version)
        return (size_t)(text_put_ip(p, row->addr[which], row->ip_version) - begin);
    if (row->app)
        return (size_t)(stpncpy(p, totals_app(totals, row->app)->name, NAME_BYTES) - begin);
    proto = l4_proto_name(row->l4_proto);
    memcpy(p, proto, strlen(proto));
    p += strlen(proto);
    if (row->port) {
        *p++ = '/';
        p = text_put_u64(p, row->port);
    }
    return (size_t)(p - begin);
}

static bool is_guess(const struct totals *totals, const struct totals_row *row)
{
    return row->app && totals_app(totals, row->app)->guessed;
}

static uint64_t wire_of(const struct totals_row *row)
{
    return row->way[0].wire_bytes + row->way[1].wire_bytes;
}

/* Of the bytes on the wire, in tenths of a percent. */
static unsigned int share_of(const struct totals_row *row, const struct totals_row *total)
{
    uint64_t all = wire_of(total);

    return all ? (unsigned int)lround((double)wire_of(row) / (double)all * 1000) : 0;
}

/* ---- the table ----------------------------------------------------------------------------------- */

static void pack_number(struct buf *row, uint64_t number)
{
    char text[TEXT_MAX];

    text_table_pack(row, text, (size_t)(text_put_u64(text, number) - text));
}

static void pack_date(struct buf *row, const struct totals_row *from, int64_t ns)
{
    struct text_day day = {0};
    char text[TEXT_MAX];

    text_table_pack(row, text, from->sessions ? (size_t)(text_put_date(text, ns, &day) - text) : 0);
}

static void pack_share(struct buf *row, unsigned int tenths)
{
    char text[TEXT_MAX], *p = text_put_u64(text, tenths / 10);

    *p++ = '.';
    p = text_put_u64(p, tenths % 10);
    *p++ = '%';
    text_table_pack(row, text, (size_t)(p - text));
}

static void pack_row(struct buf *out, const struct totals *totals, const struct totals_row *row,
                     const struct totals_row *total)
{
    const struct form *form = &forms[totals_by(totals)];
    char name[NAME_BYTES + 1];

    for (unsigned int i = 0; i < 2 && form->keys[i]; i++) {
        size_t len = write_name(name, totals, row, i);

        if (is_guess(totals, row))
            name[len++] = TEXT_GUESS_MARK;
        if (row == total)
            text_table_pack(out, "total", i ? 0 : 5);
        else
            text_table_pack(out, name, len);
    }
    if (form->begun_in_table) {
        pack_number(out, row->begun[0]);
        pack_number(out, row->begun[1]);
    } else {
        pack_number(out, row->sessions);
    }
    pack_share(out, share_of(row, total));
    pack_number(out, row->way[0].pkts);
    pack_number(out, row->way[1].pkts);
    pack_number(out, row->way[0].payload_bytes);
    pack_number(out, row->way[1].payload_bytes);
    pack_number(out, row->way[0].wire_bytes);
    pack_number(out, row->way[1].wire_bytes);
    pack_number(out, row->way[0].retransmits + row->way[1].retransmits);
    pack_date(out, row, row->first_ns);
    pack_date(out, row, row->last_ns);
    text_table_pack(out, row->name, row->name ? strlen(row->name) : 0);
}

size_t totals_write_table(struct buf *out, struct totals *totals, size_t line_width)
{
    const struct form *form = &forms[totals_by(totals)];
    const struct totals_row *total, *rows;
    struct text_table table;
    struct buf row = {0};
    size_t count, left_out;

    rows = totals_finish(totals, &count, &total);
    text_table_init(&table, form->columns, form->column_count);
    /* Once for the widths, once to write: rows are not kept twice. */
    for (size_t i = 0; i <= count && !row.failed; i++) {
        buf_clear(&row);
        pack_row(&row, totals, i < count ? &rows[i] : total, total);
        if (!row.failed)
            text_table_widen(&table, row.data);
    }
    left_out = text_table_fit(&table, line_width);
    text_table_write_titles(out, &table);
    buf_add_char(out, '\n');
    for (size_t i = 0; i <= count && !row.failed; i++) {
        buf_clear(&row);
        pack_row(&row, totals, i < count ? &rows[i] : total, total);
        if (!row.failed)
            text_table_write_row(out, &table, row.data);
        buf_add_char(out, '\n');
    }
    out->failed |= row.failed;
    buf_fini(&row);
    return left_out;
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void add_number(struct buf *out, const char *name, uint64_t number)
{
    buf_printf(out, "\"%s\":", name);
    buf_add_u64(out, number);
    buf_add_char(out, ',');
}

static void add_time(struct buf *out, const char *name, int64_t ns)
{
    struct text_day day = {0};
    char text[TEXT_MAX];

    buf_printf(out, ",\"%s\":", name);
    buf_add_seconds(out, ns, 6);
    buf_printf(out, ",\"%sDate\":\"%.*s\"", name, (int)(text_put_date(text, ns, &day) - text),
               text);
}

static void add_key(struct buf *out, const struct totals *totals, const struct totals_row *row)
{
    const struct form *form = &forms[totals_by(totals)];
    char name[NAME_BYTES];

    for (unsigned int i = 0; i < 2 && form->keys[i]; i++)
        buf_printf(out, "\"%s\":\"%.*s\",", form->keys[i], (int)write_name(name, totals, row, i),
                   name);
    if (is_guess(totals, row))
        buf_add_str(out, "\"guessed\":true,");
    if (row->l4_proto)
        add_number(out, "proto", row->l4_proto);
    if (row->port)
        add_number(out, "port", row->port);
    if (row->name) {
        buf_add_str(out, "\"name\":");
        buf_add_json_str(out, row->name, strlen(row->name));
        buf_add_char(out, ',');
    }
}

static void add_row(struct buf *out, const struct totals *totals, const struct totals_row *row,
                    const struct totals_row *total)
{
    const struct form *form = &forms[totals_by(totals)];
    unsigned int share = share_of(row, total);

    buf_add_char(out, '{');
    if (row != total)
        add_key(out, totals, row);
    if (!form->begun_in_table)
        add_number(out, "sessions", row->sessions);
    for (unsigned int i = 0; i < 2 && form->begun[i]; i++)
        /* Which end of a conversation is the lower one says nothing of all of them. */
        if (row != total || form->begun_in_table)
            add_number(out, form->begun[i], row->begun[i]);
    buf_printf(out, "\"share\":%u.%u", share / 10, share % 10);
    for (unsigned int i = 0; i < 2; i++) {
        const struct totals_way *way = &row->way[i];

        buf_printf(out, ",\"%s\":{", form->ways[i]);
        add_number(out, "packets", way->pkts);
        add_number(out, "payload", way->payload_bytes);
        add_number(out, "wire", way->wire_bytes);
        buf_add_str(out, "\"retransmits\":");
        buf_add_u64(out, way->retransmits);
        buf_add_char(out, '}');
    }
    if (row->sessions) {
        add_time(out, "first", row->first_ns);
        add_time(out, "last", row->last_ns);
    }
    buf_add_char(out, '}');
}

void totals_write_json(struct buf *out, struct totals *totals)
{
    const struct form *form = &forms[totals_by(totals)];
    const struct totals_row *total, *rows;
    size_t count;

    rows = totals_finish(totals, &count, &total);
    buf_printf(out, "{\"by\":\"%s\",\"rows\":[", form->word);
    for (size_t i = 0; i < count; i++) {
        buf_add_str(out, i ? ",\n" : "\n");
        add_row(out, totals, &rows[i], total);
    }
    buf_add_str(out, "\n],\"total\":");
    add_row(out, totals, total, total);
    buf_add_str(out, "}\n");
}
