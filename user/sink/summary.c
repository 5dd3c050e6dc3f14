/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which field stands where. A line is one field, or the same of both sides in two columns; what it means
 * comes from the list of fields. What a record does not have has no line.
 */
#include "sink/summary.h"

#include <stdio.h>
#include <string.h>

#include "flow.h"
#include "sink/record_view.h"

#define LABEL_WIDTH    26
#define VALUE_WIDTH    22
#define HELP_MIN_WIDTH 16
#define BOLD           "\033[1m"
#define DIM            "\033[2m"
#define PLAIN          "\033[0m"

struct line {
    const char *client; /* path of a field; of both sides when there is no other */
    const char *server;
    const char *label; /* NULL: the last word of the path */
};

#define PAIR(word)                    \
    {                                 \
        "out." word, "in." word, NULL \
    }
#define QUALITY_OF(word)                                       \
    {                                                          \
        "tcp.quality_fwd." word, "tcp.quality_rev." word, NULL \
    }
#define OPTION_OF(word)                                        \
    {                                                          \
        "tcp.options_fwd." word, "tcp.options_rev." word, NULL \
    }
#define RTT_OF(word, label)                                   \
    {                                                         \
        "tcp.rtt.client." word, "tcp.rtt.server." word, label \
    }
#define ALONE(path)      \
    {                    \
        path, NULL, path \
    }
#define LINES_END        \
    {                    \
        NULL, NULL, NULL \
    }

static const struct line general[] = {
    ALONE("@id"),
    ALONE("communityId"),
    ALONE("streamIndex"),
    ALONE("state"),
    ALONE("missedSyn"),
    ALONE("close.reason"),
    ALONE("close.by"),
    ALONE("icmp.type"),
    ALONE("icmp.code"),
    ALONE("icmp.id"),
    ALONE("app.protocol"),
    ALONE("app.category"),
    ALONE("app.confidence"),
    ALONE("app.risks"),
    ALONE("app.cut_bytes"),
    ALONE("app.cut_transactions"),
    ALONE("app.cut_content_bytes"),
    ALONE("app.cut_headers"),
    ALONE("app.cut_layers"),
    ALONE("tls.within"),
    ALONE("tls.tunnel"),
    ALONE("tls.version"),
    ALONE("tls.cipher"),
    ALONE("tls.sni"),
    ALONE("tls.alpn"),
    ALONE("tls.ja4"),
    ALONE("tls.subject"),
    ALONE("tls.issuer"),
    ALONE("tls.names"),
    ALONE("tls.client_subject"),
    ALONE("tls.alert"),
    ALONE("tls.alert_by_client"),
    ALONE("tls.resumed"),
    ALONE("tls.early_data"),
    ALONE("tls.decrypted"),
    ALONE("tls.decrypted_bytes"),
    ALONE("tls.undecrypted_records"),
    ALONE("link.interfaces"),
    ALONE("link.vlan"),
    ALONE("link.tunnel"),
    ALONE("host.container"),
    ALONE("host.process"),
    {"src.ip", "dst.ip", "address"},
    {"src.port", "dst.port", NULL},
    {"src.name", "dst.name", NULL},
    LINES_END,
};
static const struct line timing[] = {
    ALONE("firstDate"),
    ALONE("lastDate"),
    ALONE("duration"),
    ALONE("latency"),
    ALONE("tcp.rtt.min"),
    ALONE("tcp.rtt.avg"),
    ALONE("tcp.rtt.max"),
    {"tcp.rtt.handshake_client", "tcp.rtt.handshake_server", "handshake"},
    RTT_OF("min", "rtt min"),
    RTT_OF("avg", "rtt avg"),
    RTT_OF("max", "rtt max"),
    RTT_OF("samples", "rtt samples"),
    LINES_END,
};
static const struct line statistics[] = {
    ALONE("packetsCount"),
    ALONE("currentPacketLot"),
    {"ledger.payload_seen", NULL, "payload seen"},
    {"ledger.payload_delivered", NULL, "payload delivered"},
    {"ledger.payload_beyond_depth", NULL, "beyond depth"},
    {"ledger.payload_lost", NULL, "payload lost"},
    ALONE("ledger.midstream"),
    PAIR("packets"),
    PAIR("payload"),
    PAIR("ip"),
    PAIR("tcp"),
    PAIR("udp"),
    PAIR("icmp"),
    PAIR("sctp"),
    LINES_END,
};
static const struct line behaviour[] = {
    ALONE("tcp.connected"),
    ALONE("tcp.ecn.negotiated"),
    {"tcp.client_state", "tcp.server_state", "state"},
    PAIR("initialSeq"),
    PAIR("lastAck"),
    {"tcp.synflags_fwd", "tcp.synflags_rev", "SYN flags"},
    {"tcp.fin_fwd", "tcp.fin_rev", "FIN sent"},
    {"tcp.rst_fwd", "tcp.rst_rev", "RST sent"},
    OPTION_OF("mss"),
    OPTION_OF("window_scale"),
    OPTION_OF("sack_permitted"),
    OPTION_OF("timestamps"),
    OPTION_OF("fast_open"),
    OPTION_OF("mptcp"),
    OPTION_OF("unknown"),
    QUALITY_OF("retransmits"),
    QUALITY_OF("retransmit_bytes"),
    QUALITY_OF("syn_retries"),
    QUALITY_OF("out_of_order"),
    QUALITY_OF("duplicate_acks"),
    QUALITY_OF("zero_windows"),
    QUALITY_OF("keep_alives"),
    QUALITY_OF("overlaps"),
    QUALITY_OF("overlap_conflicts"),
    QUALITY_OF("overlap_unchecked"),
    QUALITY_OF("out_of_window"),
    QUALITY_OF("out_of_window_bytes"),
    QUALITY_OF("gaps"),
    QUALITY_OF("gap_bytes"),
    {"tcp.ecn.ce_fwd", "tcp.ecn.ce_rev", "CE marks"},
    LINES_END,
};

static const struct {
    const char *title;
    const struct line *lines;
} sections[] = {
    {"General", general},
    {"Timing", timing},
    {"Statistics", statistics},
    {"TCP behaviour", behaviour},
};

struct writer {
    struct buf *out;
    const struct record *record;
    unsigned int width;
    bool colour;
    bool has_title; /* of the section */
    bool has_sides; /* the heads of the two columns */
};

static void add_list(struct buf *text, const struct field *field, const struct record *record)
{
    struct record_view view;

    record_view_init(&view, record);
    field->write_items(text, &view);
}

/* False, and nothing is added, when the record has no such field. */
static bool add_value(struct buf *text, const char *path, const struct record *record)
{
    const struct field *field = path ? field_find(path) : NULL;
    struct field_value value;
    char room[TEXT_MAX];
    struct text_day day = {0};

    if (!field || !field_get(field, record, &value))
        return false;
    if (value.type == FIELD_STRING)
        buf_add_printable(text, value.text, value.len);
    else if (value.type == FIELD_BOOL)
        buf_add_str(text, value.flag ? "yes" : "no");
    else if (value.type == FIELD_U64)
        buf_add_u64(text, value.u64);
    else if (value.type == FIELD_LIST)
        add_list(text, field, record);
    else if (value.type == FIELD_DATE)
        buf_add(text, room, (size_t)(text_put_date(room, value.ns, &day) - room));
    else if (value.type == FIELD_NULL)
        buf_add_char(text, '-');
    else
        buf_add_seconds(text, value.ns, 6);
    if (value.type == FIELD_DURATION)
        buf_add_str(text, " s");
    return true;
}

/* "payload bytes": the word and the unit. */
static void add_label(struct buf *out, const struct line *line, const struct field *field)
{
    const char *word = strrchr(field->path, '.');
    const char *label = line->label ? line->label : word ? word + 1 : field->path;
    bool has_unit = field->unit[0] && !strstr(label, field->unit);
    size_t begin = out->len;

    buf_printf(out, "  %s%s%s ", label, has_unit ? " " : "", has_unit ? field->unit : "");
    while (out->len < begin + LABEL_WIDTH && !out->failed)
        buf_add_char(out, ' ');
}

/* What the field means, as many words of it as the line has room for. */
static void add_help(struct writer *w, const struct field *field, size_t begin, size_t column)
{
    size_t used = w->out->len - begin, len = strlen(field->help), room;

    if (used > column || column + HELP_MIN_WIDTH > w->width)
        return;
    room = w->width - column;
    if (len > room) {
        for (len = room; len && field->help[len] != ' ';)
            len--;
    }
    buf_printf(w->out, "%*s%s%.*s%s", (int)(column - used), "", w->colour ? DIM : "", (int)len,
               field->help, w->colour ? PLAIN : "");
}

static void add_title(struct writer *w, const char *title)
{
    if (!w->has_title)
        buf_printf(w->out, "%s%s%s\n", w->colour ? BOLD : "", title, w->colour ? PLAIN : "");
    w->has_title = true;
}

/* The items of a list, as many on a line as fit: broken behind a comma. */
static void add_items(struct writer *w, const struct buf *text)
{
    size_t at = 0;

    while (at < text->len) {
        size_t room = w->width > LABEL_WIDTH ? w->width - LABEL_WIDTH : 1, end = text->len;

        for (size_t i = at; text->len - at > room && i < text->len; i++) {
            if (text->data[i] != ',')
                continue;
            if (end == text->len || i + 1 - at <= room)
                end = i + 1;
            if (i + 1 - at > room)
                break;
        }
        buf_add(w->out, text->data + at, end - at);
        at = end;
        if (at < text->len)
            buf_printf(w->out, "\n%*s", LABEL_WIDTH, "");
    }
}

static void write_alone(struct writer *w, const struct line *line, const char *title)
{
    const struct field *field = field_find(line->client);
    struct buf text = {0};
    size_t begin;

    if (add_value(&text, line->client, w->record)) {
        add_title(w, title);
        begin = w->out->len;
        add_label(w->out, line, field);
        if (field->type == FIELD_LIST)
            add_items(w, &text);
        else
            buf_add(w->out, text.data, text.len);
        add_help(w, field, begin, LABEL_WIDTH + 2 * VALUE_WIDTH + 2);
        buf_add_char(w->out, '\n');
    }
    buf_fini(&text);
}

static void add_sides(struct writer *w)
{
    if (!w->has_sides)
        buf_printf(w->out, "%*s%*s%*s\n", LABEL_WIDTH, "", VALUE_WIDTH, "client", VALUE_WIDTH,
                   "server");
    w->has_sides = true;
}

static void write_pair(struct writer *w, const struct line *line, const char *title)
{
    const struct field *field = field_find(line->client);
    struct buf client = {0}, server = {0};
    bool has_client = add_value(&client, line->client, w->record);
    bool has_server = add_value(&server, line->server, w->record);
    size_t begin;

    if (has_client || has_server) {
        add_title(w, title);
        add_sides(w);
        begin = w->out->len;
        add_label(w->out, line, field);
        buf_printf(w->out, "%*.*s", VALUE_WIDTH, has_client ? (int)client.len : 1,
                   has_client && client.data ? client.data : "-");
        buf_printf(w->out, " %*.*s", VALUE_WIDTH - 1, has_server ? (int)server.len : 1,
                   has_server && server.data ? server.data : "-");
        add_help(w, field, begin, LABEL_WIDTH + 2 * VALUE_WIDTH + 2);
        buf_add_char(w->out, '\n');
    }
    buf_fini(&client);
    buf_fini(&server);
}

static void add_text(struct buf *out, const char *before, struct fact_text text)
{
    if (!text.at)
        return;
    buf_add_str(out, before);
    buf_add_printable(out, text.at, text.len);
}

static void write_tls_lines(struct writer *w)
{
    const struct facts *facts = w->record->facts;

    for (const struct tls_facts *at = facts ? facts->tls.next : NULL; at; at = at->next) {
        if (!at->seen)
            continue;
        add_title(w, "TLS within");
        buf_printf(w->out, "  %s", at->version ? at->version : "TLS");
        add_text(w->out, " to ", at->sni);
        if (at->cipher)
            buf_printf(w->out, ", %s", at->cipher);
        add_text(w->out, ", ALPN ", at->alpn);
        add_text(w->out, ", JA4 ", at->ja4);
        if (at->within)
            buf_printf(w->out, ", behind %s", at->within);
        if (at->tunnel)
            buf_printf(w->out, ", tunnel of transaction %llu", (unsigned long long)at->tunnel);
        if (at->alert)
            buf_printf(w->out, ", alert %s", at->alert);
        buf_add_str(w->out, at->decrypted ? ", deciphered\n" : "\n");
    }
}

static void write_dns_lines(struct writer *w)
{
    const struct facts *facts = w->record->facts;

    for (const struct dns_transaction *at = facts ? facts->dns : NULL; at; at = at->next) {
        add_title(w, "DNS");
        buf_add_str(w->out, "  ");
        dns_write_line(w->out, at);
        buf_add_char(w->out, '\n');
    }
}

static void write_alert_lines(struct writer *w)
{
    for (size_t i = 0; i < w->record->alert_count; i++) {
        const struct alert_fact *alert = w->record->alerts[i];
        const char *const words[] = {alert->signature, alert->category, alert->action};
        struct text_day day = {0};
        char date[TEXT_MAX];

        add_title(w, "Alerts");
        buf_printf(w->out, "  %.*s %llu", (int)(text_put_date(date, alert->wall_ns, &day) - date),
                   date, (unsigned long long)alert->signature_id);
        for (size_t j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
            if (!words[j])
                continue;
            buf_add_str(w->out, j ? ", " : " ");
            buf_add_printable(w->out, words[j], strlen(words[j]));
        }
        if (alert->severity)
            buf_printf(w->out, ", severity %u", alert->severity);
        buf_add_char(w->out, '\n');
    }
}

static void write_hole_lines(struct writer *w)
{
    for (size_t i = 0; i < w->record->hole_count; i++) {
        const struct stream_hole *hole = &w->record->holes[i];

        add_title(w, "Holes");
        buf_printf(w->out, "  %llu bytes of the %s's stream, from byte %llu on\n",
                   (unsigned long long)hole->length,
                   hole->from == flow_client(w->record->flow) ? "client" : "server",
                   (unsigned long long)hole->offset);
    }
}

static void write_icmp_lines(struct writer *w)
{
    const struct flow_note *note = w->record->note;
    struct field_value more;

    for (int i = 0; note && i < NOTE_ICMP_ERRORS; i++) {
        const struct icmp_error_kind *kind = &note->icmp_errors[i];
        char from[TEXT_MAX];

        if (!kind->count)
            continue;
        add_title(w, "ICMP errors");
        buf_printf(w->out, "  %llu of type %u code %u from %.*s\n", (unsigned long long)kind->count,
                   kind->type, kind->code,
                   (int)(text_put_ip(from, (const uint8_t *)kind->from, kind->ip_version) - from),
                   from);
    }
    if (field_get(field_find("icmp_errors_more"), w->record, &more))
        buf_printf(w->out, "  %llu of other kinds\n", (unsigned long long)more.u64);
}

/* What a session has several of. */
static void write_lists(struct writer *w)
{
    static void (*const lists[])(struct writer *) = {
        write_tls_lines, write_dns_lines, write_alert_lines, write_icmp_lines, write_hole_lines};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        w->has_title = false;
        lists[i](w);
        if (w->has_title)
            buf_add_char(w->out, '\n');
    }
}

void summary_write(struct buf *out, const struct record *record, unsigned int width, bool colour)
{
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        struct writer w = {.out = out, .record = record, .width = width, .colour = colour};

        for (const struct line *line = sections[i].lines; line->client; line++) {
            if (line->server)
                write_pair(&w, line, sections[i].title);
            else
                write_alone(&w, line, sections[i].title);
        }
        if (w.has_title)
            buf_add_char(out, '\n');
        if (sections[i].lines == general)
            write_lists(&w);
    }
}
