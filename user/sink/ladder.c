/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/ladder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"

#define ROWS_AT_ONCE   64
#define REST_MIN_BYTES 12 /* room for marks and first bytes, whatever the width */
#define CELL_BYTES     32

static const struct {
    uint8_t mark;
    const char *name;
} marks[] = {
    {LADDER_RETRANSMIT, "retransmit"},      {LADDER_OUT_OF_ORDER, "out-of-order"},
    {LADDER_DUPLICATE_ACK, "dup-ack"},      {LADDER_ZERO_WINDOW, "zero-window"},
    {LADDER_KEEP_ALIVE, "keep-alive"},      {LADDER_REPEAT, "captured-twice"},
    {LADDER_OUT_OF_WINDOW, "not-believed"},
};
#define MARKS (sizeof(marks) / sizeof(marks[0]))

/* ---- one packet ---------------------------------------------------------------------------------- */

static int64_t place_in(struct ladder_space *space, uint32_t number)
{
    if (!space->is_known) {
        *space = (struct ladder_space){.is_known = true, .first = number, .last = number};
        return 0;
    }
    space->at += (int32_t)(number - space->last);
    space->last = number;
    return space->at;
}

static uint8_t note(uint32_t *before, uint32_t now, uint8_t mark)
{
    bool moved = *before != now;

    *before = now;
    return moved ? mark : 0;
}

static uint8_t marks_of(struct ladder_counts *before, const struct flow_quality *now)
{
    uint8_t set = note(&before->retransmits, now->retransmits, LADDER_RETRANSMIT);

    set |= note(&before->out_of_order, now->out_of_order, LADDER_OUT_OF_ORDER);
    set |= note(&before->duplicate_acks, now->duplicate_acks, LADDER_DUPLICATE_ACK);
    set |= note(&before->zero_windows, now->zero_windows, LADDER_ZERO_WINDOW);
    set |= note(&before->keep_alives, now->keep_alives, LADDER_KEEP_ALIVE);
    set |= note(&before->capture_repeats, now->capture_repeats, LADDER_REPEAT);
    set |= note(&before->out_of_window, now->out_of_window, LADDER_OUT_OF_WINDOW);
    return set;
}

static struct ladder_row *new_row(struct ladder *ladder)
{
    size_t cap = ladder->cap ? ladder->cap * 2 : ROWS_AT_ONCE;

    if (ladder->count == ladder->cap) {
        struct ladder_row *rows = realloc(ladder->rows, cap * sizeof(*rows));

        if (!rows)
            return NULL;
        ladder->rows = rows;
        ladder->cap = cap;
    }
    return &ladder->rows[ladder->count++];
}

static void take_bytes(struct ladder_row *row, const struct packet *pkt,
                       const struct ladder_packet *packet)
{
    uint32_t there = packet->cap_len > pkt->payload_off ? packet->cap_len - pkt->payload_off : 0;

    if (there > pkt->payload_len)
        there = pkt->payload_len;
    row->byte_count = (uint8_t)(there < LADDER_BYTES ? there : LADDER_BYTES);
    if (row->byte_count)
        memcpy(row->bytes, packet->data + pkt->payload_off, row->byte_count);
}

int ladder_add(struct ladder *ladder, const struct flow *flow, const struct packet *pkt,
               const struct ladder_packet *packet)
{
    unsigned int from = pkt->from & 1;
    struct ladder_row *row = new_row(ladder);

    if (!row)
        return -ENOMEM;
    *row = (struct ladder_row){
        .number = packet->number,
        .time_ns = packet->time_ns,
        .payload_len = pkt->payload_len,
        .from = (uint8_t)from,
        .flags = pkt->tcp_flags,
        .icmp_type = pkt->icmp_type,
        .icmp_code = pkt->icmp_code,
    };
    if (pkt->key.l4_proto == IP_PROTO_TCP) {
        row->seq = place_in(&ladder->space[from], pkt->seq);
        if (pkt->tcp_flags & TCP_ACK)
            row->ack = place_in(&ladder->space[!from], pkt->ack);
        row->window = (uint32_t)pkt->wnd << (pkt->tcp_flags & TCP_SYN ? 0 : flow->dir[from].wscale);
        row->marks = marks_of(&ladder->before[from], &flow->quality[from]);
    }
    take_bytes(row, pkt, packet);
    return 0;
}

void ladder_fini(struct ladder *ladder)
{
    free(ladder->rows);
    *ladder = (struct ladder){0};
}

/* ---- what both forms need ------------------------------------------------------------------------ */

/* The first number seen of a side, counted from its initial sequence number. */
static int64_t base_of(const struct ladder *ladder, const struct flow *flow, unsigned int endpoint)
{
    if (!(flow->dir[endpoint].known & FLOW_KNOWS_SEQ))
        return 0;
    return (int32_t)(ladder->space[endpoint].first - flow->dir[endpoint].first_seq);
}

/* "SA", "PA", "F": the flags that are set. */
static void flags_text(char *text, uint8_t flags)
{
    static const struct {
        uint8_t flag;
        char letter;
    } letters[] = {{TCP_SYN, 'S'}, {TCP_FIN, 'F'}, {TCP_RST, 'R'}, {TCP_PSH, 'P'},
                   {TCP_ACK, 'A'}, {TCP_URG, 'U'}, {TCP_ECE, 'E'}, {TCP_CWR, 'C'}};

    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
        if (flags & letters[i].flag)
            *text++ = letters[i].letter;
    *text = '\0';
}

/* ---- text ---------------------------------------------------------------------------------------- */

enum column { NUMBER, TIME, DELTA, ARROW, FLAGS, SEQ, ACK, LENGTH, WINDOW, COLUMNS };

static const struct {
    const char *title;
    bool to_left; /* else to the right */
    bool tcp_only;
} columns[COLUMNS] = {
    [NUMBER] = {"packet", false, false}, [TIME] = {"time s", false, false},
    [DELTA] = {"delta", false, false},   [ARROW] = {"", true, false},
    [FLAGS] = {"flags", true, false},    [SEQ] = {"seq", false, true},
    [ACK] = {"ack", false, true},        [LENGTH] = {"length", false, false},
    [WINDOW] = {"window", false, true},
};

struct writer {
    const struct ladder *ladder;
    int64_t base[2];
    unsigned int client;
    uint8_t l4_proto;
    int width[COLUMNS]; /* 0: not shown */
    size_t line_bytes;
};

static void seconds_text(char *text, int64_t ns)
{
    uint64_t size = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns;

    snprintf(text, CELL_BYTES, "%s%llu.%06llu", ns < 0 ? "-" : "",
             (unsigned long long)(size / 1000000000), (unsigned long long)(size / 1000 % 1000000));
}

static void number_text(char *text, int64_t number)
{
    snprintf(text, CELL_BYTES, "%lld", (long long)number);
}

static void cell_text(const struct writer *w, size_t index, enum column column, char *text)
{
    const struct ladder_row *row = &w->ladder->rows[index];
    bool is_icmp = w->l4_proto == IP_PROTO_ICMP || w->l4_proto == IP_PROTO_ICMPV6;

    *text = '\0';
    if (column == NUMBER)
        number_text(text, (int64_t)row->number);
    else if (column == TIME)
        seconds_text(text, (int64_t)(row->time_ns - w->ladder->rows[0].time_ns));
    else if (column == DELTA)
        seconds_text(text, index ? (int64_t)(row->time_ns - row[-1].time_ns) : 0);
    else if (column == ARROW)
        strcpy(text, row->from == w->client ? "->" : "<-");
    else if (column == FLAGS && w->l4_proto == IP_PROTO_TCP)
        flags_text(text, row->flags);
    else if (column == FLAGS && is_icmp)
        snprintf(text, CELL_BYTES, "%u/%u", row->icmp_type, row->icmp_code);
    else if (column == SEQ)
        number_text(text, row->seq + w->base[row->from]);
    else if (column == ACK && (row->flags & TCP_ACK))
        number_text(text, row->ack + w->base[!row->from]);
    else if (column == LENGTH)
        number_text(text, row->payload_len);
    else if (column == WINDOW)
        number_text(text, row->window);
}

static bool has_column(const struct writer *w, enum column column)
{
    if (columns[column].tcp_only)
        return w->l4_proto == IP_PROTO_TCP;
    if (column == FLAGS)
        return w->l4_proto != IP_PROTO_UDP && w->l4_proto != IP_PROTO_SCTP;
    return true;
}

/* As wide as the widest cell, the title too. */
static void measure(struct writer *w, unsigned int width)
{
    char text[CELL_BYTES];
    size_t used = 0;

    for (int c = 0; c < COLUMNS; c++) {
        if (!has_column(w, (enum column)c))
            continue;
        w->width[c] =
            (int)strlen(c == FLAGS && w->l4_proto != IP_PROTO_TCP ? "type" : columns[c].title);
        for (size_t i = 0; i < w->ladder->count; i++) {
            cell_text(w, i, (enum column)c, text);
            if ((int)strlen(text) > w->width[c])
                w->width[c] = (int)strlen(text);
        }
        used += (size_t)w->width[c] + 1;
    }
    w->line_bytes = used + REST_MIN_BYTES < width ? width : used + REST_MIN_BYTES;
}

static void put_cell(struct buf *out, const struct writer *w, enum column column, const char *text)
{
    if (!w->width[column])
        return;
    buf_printf(out, columns[column].to_left ? "%-*s " : "%*s ", w->width[column], text);
}

/* What comes after the columns is cut to the line; spaces at its end go. */
static void end_line(struct buf *out, const struct writer *w, size_t begin)
{
    if (out->len > begin + w->line_bytes)
        out->len = begin + w->line_bytes;
    while (out->len > begin && out->data[out->len - 1] == ' ')
        out->len--;
    buf_add_char(out, '\n');
}

static void put_title(struct buf *out, const struct writer *w)
{
    size_t begin = out->len;

    for (int c = 0; c < COLUMNS; c++)
        put_cell(out, w, (enum column)c,
                 c == FLAGS && w->l4_proto != IP_PROTO_TCP ? "type" : columns[c].title);
    buf_add_str(out, "first bytes");
    end_line(out, w, begin);
}

static void put_row(struct buf *out, const struct writer *w, size_t index)
{
    const struct ladder_row *row = &w->ladder->rows[index];
    size_t begin = out->len;
    char text[CELL_BYTES];

    for (int c = 0; c < COLUMNS; c++) {
        cell_text(w, index, (enum column)c, text);
        put_cell(out, w, (enum column)c, text);
    }
    for (size_t i = 0; i < MARKS; i++)
        if (row->marks & marks[i].mark)
            buf_printf(out, "[%s] ", marks[i].name);
    for (int i = 0; i < row->byte_count; i++)
        buf_add_char(out,
                     row->bytes[i] >= 0x20 && row->bytes[i] < 0x7f ? (char)row->bytes[i] : '.');
    end_line(out, w, begin);
}

static struct writer writer_of(const struct ladder *ladder, const struct flow *flow,
                               uint8_t l4_proto)
{
    return (struct writer){.ladder = ladder,
                           .base = {base_of(ladder, flow, 0), base_of(ladder, flow, 1)},
                           .client = flow_client(flow),
                           .l4_proto = l4_proto};
}

void ladder_write_text(struct buf *out, const struct ladder *ladder, const struct flow *flow,
                       uint8_t l4_proto, unsigned int width, bool (*drain)(void *ctx), void *ctx)
{
    struct writer w = writer_of(ladder, flow, l4_proto);

    measure(&w, width);
    put_title(out, &w);
    for (size_t i = 0; i < ladder->count; i++) {
        put_row(out, &w, i);
        if (drain && !drain(ctx))
            return;
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void put_time(struct buf *out, int64_t ns)
{
    buf_add_seconds(out, ns, ns % 1000 ? 9 : 6);
}

static void put_tcp_members(struct buf *out, const struct writer *w, const struct ladder_row *row)
{
    char flags[CELL_BYTES];

    flags_text(flags, row->flags);
    buf_printf(out, ",\"flags\":\"%s\",\"seq\":%lld", flags,
               (long long)(row->seq + w->base[row->from]));
    if (row->flags & TCP_ACK)
        buf_printf(out, ",\"ack\":%lld", (long long)(row->ack + w->base[!row->from]));
    buf_printf(out, ",\"window\":%u", row->window);
}

static void put_marks(struct buf *out, uint8_t set)
{
    const char *before = ",\"marks\":[";

    for (size_t i = 0; i < MARKS; i++) {
        if (!(set & marks[i].mark))
            continue;
        buf_printf(out, "%s\"%s\"", before, marks[i].name);
        before = ",";
    }
    if (set)
        buf_add_char(out, ']');
}

static void put_object(struct buf *out, const struct writer *w, const struct ladder_row *row,
                       int64_t wall_offset_ns)
{
    buf_printf(out, "{\"packet\":%llu,\"time\":", (unsigned long long)row->number);
    put_time(out, (int64_t)row->time_ns + wall_offset_ns);
    buf_printf(out, ",\"direction\":\"%s\"", row->from == w->client ? "out" : "in");
    if (w->l4_proto == IP_PROTO_TCP)
        put_tcp_members(out, w, row);
    else if (w->l4_proto == IP_PROTO_ICMP || w->l4_proto == IP_PROTO_ICMPV6)
        buf_printf(out, ",\"type\":%u,\"code\":%u", row->icmp_type, row->icmp_code);
    buf_printf(out, ",\"length\":%u", row->payload_len);
    put_marks(out, row->marks);
    buf_add_str(out, ",\"bytes\":\"");
    buf_add_hex(out, row->bytes, row->byte_count);
    buf_add_str(out, "\"}");
}

void ladder_write_json(struct buf *out, const struct ladder *ladder, const struct flow *flow,
                       uint8_t l4_proto, int64_t wall_offset_ns)
{
    struct writer w = writer_of(ladder, flow, l4_proto);

    buf_add_char(out, '[');
    for (size_t i = 0; i < ladder->count; i++) {
        if (i)
            buf_add_char(out, ',');
        put_object(out, &w, &ladder->rows[i], wall_offset_ns);
    }
    buf_add_char(out, ']');
}
