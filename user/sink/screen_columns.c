/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a table of sessions: the list, what it takes from the record's fields, and the fit. */
#include "sink/screen_columns.h"

#include "sink/record.h"
#include "sink/record_view.h"
#include "sink/screen_line.h"
#include "sink/screen_units.h"
#include "tcp_state.h"

/* How a column's cell is made of the values of its fields; value[i] is NULL when the record has none. */
typedef size_t cell_writer(char *out, const struct record *record,
                           const struct field_value *const *value);

struct column_kind {
    const char *title;
    const char *paths[COLUMN_FIELDS];
    cell_writer *write;
    uint8_t usual;      /* wide enough nearly always, so that the picture stands still */
    uint8_t least;      /* may be narrowed to this; 0: not at all */
    uint8_t importance; /* the least leaves first */
    bool right;
    bool if_any; /* left out when nothing is in it */
};

static size_t write_number(char *out, const struct record *record,
                           const struct field_value *const *value)
{
    (void)value;
    return (size_t)(text_put_u64(out, record->session->number) - out);
}

static size_t write_text(char *out, const struct field_value *value)
{
    return value ? text_put_printable(out, CELL_BYTES, value->text, value->len) : 0;
}

/* A protocol without states has its name there. */
static size_t write_state(char *out, const struct record *record,
                          const struct field_value *const *value)
{
    const char *proto = l4_proto_name(record->session->key.l4_proto);

    return value[0] ? write_text(out, value[0])
                    : text_put_printable(out, CELL_BYTES, proto, strlen(proto));
}

static size_t write_either(char *out, const struct record *record,
                           const struct field_value *const *value)
{
    (void)record;
    return write_text(out, value[0] ? value[0] : value[1]);
}

static size_t write_close(char *out, const struct record *record,
                          const struct field_value *const *value)
{
    size_t len = write_text(out, value[0]);

    (void)record;
    if (!len || !value[1])
        return len;
    out[len++] = ' ';
    return len + text_put_printable(out + len, CELL_BYTES - len, value[1]->text, value[1]->len);
}

static size_t write_bytes(char *out, const struct record *record,
                          const struct field_value *const *value)
{
    (void)record;
    return value[0] ? (size_t)(units_put_bytes(out, value[0]->u64) - out) : 0;
}

static size_t write_count(char *out, const struct record *record,
                          const struct field_value *const *value)
{
    (void)record;
    return value[0] ? (size_t)(units_put_count(out, value[0]->u64) - out) : 0;
}

static size_t write_duration(char *out, const struct record *record,
                             const struct field_value *const *value)
{
    (void)record;
    return value[0] ? (size_t)(units_put_duration(out, (uint64_t)value[0]->ns) - out) : 0;
}

/* From the SYN to the client's ACK: both halves. */
static size_t write_handshake(char *out, const struct record *record,
                              const struct field_value *const *value)
{
    (void)record;
    if (!value[0] || !value[1])
        return 0;
    return (size_t)(units_put_duration(out, (uint64_t)(value[0]->ns + value[1]->ns)) - out);
}

/* "0", or "of the client/of the server". */
static size_t write_retransmits(char *out, const struct record *record,
                                const struct field_value *const *value)
{
    char *p;

    (void)record;
    if (!value[0] || !value[1])
        return 0;
    p = units_put_count(out, value[0]->u64);
    if (value[0]->u64 || value[1]->u64) {
        *p++ = '/';
        p = units_put_count(p, value[1]->u64);
    }
    return (size_t)(p - out);
}

static size_t write_interface(char *out, const struct record *record,
                              const struct field_value *const *value)
{
    const char *name = record->interfaces[0];

    if (!name)
        return write_text(out, value[0]);
    return text_put_printable(out, CELL_BYTES, name, strlen(name));
}

/* clang-format off */
static const struct column_kind kinds[COLUMNS] = {
    [COLUMN_NUMBER] = {"N", {NULL}, write_number, 3, 0, 4, true, false},
    [COLUMN_STATE] = {"state", {"state"}, write_state, 11, 10, 13, false, false},
    [COLUMN_CLIENT] = {"client", {"src.socket", "src.ip"}, write_either, 15, 15, 12, false, false},
    [COLUMN_SERVER] = {"server", {"dst.socket", "dst.ip"}, write_either, 12, 15, 11, false, false},
    [COLUMN_OUT] = {"out", {"out.payload"}, write_bytes, 7, 0, 10, true, false},
    [COLUMN_IN] = {"in", {"in.payload"}, write_bytes, 7, 0, 9, true, false},
    [COLUMN_PACKETS] = {"packets", {"packetsCount"}, write_count, 7, 0, 1, true, false},
    [COLUMN_DURATION] = {"time", {"duration"}, write_duration, 6, 0, 8, true, false},
    [COLUMN_HANDSHAKE] = {"handshake", {"tcp.rtt.handshake_server", "tcp.rtt.handshake_client"},
                          write_handshake, 9, 0, 2, true, false},
    [COLUMN_RETRANSMITS] = {"rtx", {"tcp.quality_fwd.retransmits", "tcp.quality_rev.retransmits"},
                            write_retransmits, 3, 0, 6, true, false},
    [COLUMN_CLOSE] = {"close", {"close.reason", "close.by"}, write_close, 10, 0, 3, false, false},
    [COLUMN_INTERFACE] = {"iface", {"instanceId"}, write_interface, 9, 8, 7, false, false},
    [COLUMN_CONTAINER] = {"container", {"host.pod", "host.container"}, write_either, 9, 9, 5,
                          false, true},
};
/* clang-format on */

size_t text_put_printable(char *out, size_t max, const char *text, size_t len)
{
    size_t count = len < max ? len : max;

    for (size_t i = 0; i < count; i++)
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    if (len > max && max > 2)
        out[max - 1] = out[max - 2] = '.';
    return count;
}

void columns_reset(struct columns *columns)
{
    for (int i = 0; i < COLUMNS; i++) {
        columns->widths[i] = kinds[i].usual;
        columns->whole[i] = 0;
        columns->filled[i] = false;
    }
}

void columns_init(struct columns *columns)
{
    for (int i = 0; i < COLUMNS; i++)
        for (int j = 0; j < COLUMN_FIELDS; j++)
            columns->fields[i][j] = kinds[i].paths[j] ? field_find(kinds[i].paths[j]) : NULL;
    columns_reset(columns);
}

static bool read_field(struct record_view *view, const struct field *field,
                       struct field_value *value)
{
    if (!field || !record_view_has(view, field))
        return false;
    value->type = field->type;
    return field->get(view, field, value);
}

static enum row_mood mood_of(const struct record *record)
{
    const struct session *session = record->session;

    if (session->close_reason == CLOSE_RST)
        return ROW_RESET;
    if (session->close_reason != CLOSE_NONE)
        return ROW_ENDED;
    if (session->key.l4_proto != IP_PROTO_TCP)
        return ROW_PLAIN;
    switch (tcp_session_state(record->flow->bits)) {
    case TCP_STATE_SYN_SENT:
    case TCP_STATE_SYN_RECEIVED:
        return ROW_OPENING;
    case TCP_STATE_ESTABLISHED:
        return ROW_ESTABLISHED;
    case TCP_STATE_CLOSED:
        return ROW_ENDED;
    default:
        return ROW_PLAIN;
    }
}

static bool is_address(int column)
{
    return column == COLUMN_CLIENT || column == COLUMN_SERVER;
}

void columns_fill(struct columns *columns, struct table_row *row, const struct record *record)
{
    struct field_value room[COLUMN_FIELDS];
    struct record_view view;

    record_view_init(&view, record);
    for (int i = 0; i < COLUMNS; i++) {
        const struct field_value *values[COLUMN_FIELDS];
        struct cell *cell = &row->cells[i];

        for (int j = 0; j < COLUMN_FIELDS; j++)
            values[j] = read_field(&view, columns->fields[i][j], &room[j]) ? &room[j] : NULL;
        cell->len = (uint8_t)kinds[i].write(cell->text, record, values);
        if (cell->len > columns->widths[i])
            columns->widths[i] = cell->len;
        if (is_address(i) && record->session->key.ip_version == 4 && cell->len > columns->whole[i])
            columns->whole[i] = cell->len;
        columns->filled[i] |= cell->len > 0;
    }
    row->mood = mood_of(record);
}

/* ---- the fit ------------------------------------------------------------------------------------- */

#define NARROW_COLUMNS 64 /* below this addresses are cut, rather than left out */
#define NARROW_ADDRESS 13
#define WIDE_COLUMNS   120 /* from here on there is room for wider gaps */

/* What the column may be narrowed to. */
static unsigned int least_width(const struct columns *columns, int column, unsigned int width)
{
    unsigned int least = kinds[column].least;

    if (is_address(column) && width < NARROW_COLUMNS)
        least = NARROW_ADDRESS;
    else if (least < columns->whole[column])
        least = columns->whole[column];
    return least && least < columns->widths[column] ? least : columns->widths[column];
}

static int column_of_importance(int importance)
{
    for (int i = 0; i < COLUMNS; i++)
        if (kinds[i].importance == importance)
            return i;
    return 0;
}

void columns_fit(const struct columns *columns, unsigned int width, struct column_layout *layout)
{
    unsigned int bound = width ? width : UINT32_MAX, left = bound, gap = 0;

    *layout = (struct column_layout){.gap = bound < WIDE_COLUMNS ? 1 : 2};
    for (int importance = COLUMNS; importance > 0; importance--) {
        int i = column_of_importance(importance);
        unsigned int need = least_width(columns, i, bound);

        if (kinds[i].if_any && !columns->filled[i])
            continue;
        /* The first one is there in any case. */
        if (gap && need + gap > left)
            continue;
        layout->widths[i] = need < left ? need : left;
        left -= layout->widths[i] + gap;
        gap = layout->gap;
    }
    for (int importance = COLUMNS; importance > 0; importance--) {
        int i = column_of_importance(importance);
        unsigned int more = columns->widths[i] - layout->widths[i];

        if (!layout->widths[i] || columns->widths[i] <= layout->widths[i])
            continue;
        more = more < left ? more : left;
        layout->widths[i] += more;
        left -= more;
    }
}

/* ---- lines --------------------------------------------------------------------------------------- */

static size_t shorten_state(char *out, const struct cell *cell)
{
    static const struct {
        const char *full, *brief;
    } words[] = {{"ESTABLISHED", "ESTAB"}, {"SYN_RECEIVED", "SYN_RECV"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (cell->len == strlen(words[i].full) && !memcmp(cell->text, words[i].full, cell->len)) {
            memcpy(out, words[i].brief, strlen(words[i].brief));
            return strlen(words[i].brief);
        }
    memcpy(out, cell->text, cell->len);
    return cell->len;
}

/* The cell in at most width bytes. */
static size_t cell_in_width(char *out, int column, const struct cell *cell, unsigned int width)
{
    size_t len;

    if (cell->len <= width) {
        memcpy(out, cell->text, cell->len);
        return cell->len;
    }
    if (is_address(column))
        return (size_t)(units_put_short(out, cell->text, cell->len, width) - out);
    if (column == COLUMN_STATE) {
        len = shorten_state(out, cell);
        return len < width ? len : width;
    }
    return text_put_printable(out, width, cell->text, cell->len);
}

static enum line_look look_of(enum row_mood mood, int column)
{
    bool state = column == COLUMN_STATE;

    switch (mood) {
    case ROW_ESTABLISHED:
        return state ? LOOK_GREEN : LOOK_PLAIN;
    case ROW_OPENING:
        return state ? LOOK_YELLOW : LOOK_PLAIN;
    case ROW_RESET:
        return state || column == COLUMN_CLOSE ? LOOK_RED : LOOK_DIM;
    case ROW_ENDED:
        return LOOK_DIM;
    default:
        return LOOK_PLAIN;
    }
}

/* What stands in a column of a line, and how it looks. */
static size_t cell_of(char *out, const struct table_row *row, int column, unsigned int width)
{
    struct cell title;

    if (row)
        return cell_in_width(out, column, &row->cells[column], width);
    title.len = (uint8_t)strlen(kinds[column].title);
    memcpy(title.text, kinds[column].title, title.len);
    return cell_in_width(out, column, &title, width);
}

/* A row of cells, or of titles when row is NULL. */
static unsigned int put_cells(struct buf *out, const struct column_layout *layout,
                              const struct table_row *row, const struct line_style *style)
{
    struct line line;
    char text[CELL_BYTES];

    line_begin(&line, out, style->columns, style->colour);
    for (int i = 0; i < COLUMNS; i++) {
        unsigned int width = layout->widths[i], padding;
        size_t len;

        if (!width)
            continue;
        len = cell_of(text, row, i, width);
        padding = width - (unsigned int)len;
        line_look(&line, row ? look_of(row->mood, i) : LOOK_TITLE);
        line_space(&line, kinds[i].right ? padding : 0);
        line_put(&line, text, len);
        line_space(&line, layout->gap + (kinds[i].right ? 0 : padding));
    }
    if (!row)
        line_fill(&line);
    return line_end(&line);
}

unsigned int columns_put_titles(struct buf *out, const struct column_layout *layout,
                                const struct line_style *style)
{
    return put_cells(out, layout, NULL, style);
}

unsigned int columns_put_row(struct buf *out, const struct column_layout *layout,
                             const struct table_row *row, const struct line_style *style)
{
    return put_cells(out, layout, row, style);
}
