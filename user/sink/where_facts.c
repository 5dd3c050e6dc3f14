/* SPDX-License-Identifier: Apache-2.0 */
/* The items of what app/ found, alerts and ICMP errors one by one, for expressions: as the record has them. */
#include "sink/where_internal.h"

#include <string.h>
#include <arpa/inet.h>

#include "sink/record_view.h"

/* ---- from one item to the next ------------------------------------------------------------------ */

/* The items of a chain, the first of which the facts point to. */
static const void *next_in_chain(const struct record_view *view, struct where_walk *walk,
                                 size_t first, size_t next)
{
    const char *base = walk->item ? walk->item : (const char *)view->record->facts;

    if (base)
        memcpy(&walk->item, base + (walk->item ? next : first), sizeof(walk->item));
    return walk->item;
}

static const void *next_http(const struct record_view *view, struct where_walk *walk)
{
    return next_in_chain(view, walk, offsetof(struct facts, http),
                         offsetof(struct http_transaction, next));
}

static const void *next_tls_inner(const struct record_view *view, struct where_walk *walk)
{
    const struct tls_facts *tls;

    do
        tls = next_in_chain(view, walk, offsetof(struct facts, tls.next),
                            offsetof(struct tls_facts, next));
    while (tls && !tls->seen);
    return tls;
}

static const void *next_dns(const struct record_view *view, struct where_walk *walk)
{
    return next_in_chain(view, walk, offsetof(struct facts, dns),
                         offsetof(struct dns_transaction, next));
}

static const void *next_websocket(const struct record_view *view, struct where_walk *walk)
{
    return next_in_chain(view, walk, offsetof(struct facts, websocket),
                         offsetof(struct websocket_frame, next));
}

/* The next message that was seen; which: where it is in its transaction. */
static const struct http_message *next_message(const struct record_view *view,
                                               struct where_walk *walk, size_t which)
{
    const char *transaction;

    while ((transaction = next_http(view, walk))) {
        const struct http_message *message = (const void *)(transaction + which);

        if (message->first_ns)
            return message;
    }
    return NULL;
}

static const void *next_request(const struct record_view *view, struct where_walk *walk)
{
    return next_message(view, walk, offsetof(struct http_transaction, request));
}

static const void *next_response(const struct record_view *view, struct where_walk *walk)
{
    return next_message(view, walk, offsetof(struct http_transaction, response));
}

static const void *next_header(const struct record_view *view, struct where_walk *walk,
                               size_t which)
{
    const struct http_message *message = walk->part;

    while (!message || walk->count == message->header_count) {
        walk->part = message = next_message(view, walk, which);
        walk->count = 0;
        if (!message)
            return NULL;
    }
    return message->headers[walk->count++];
}

static const void *next_request_header(const struct record_view *view, struct where_walk *walk)
{
    return next_header(view, walk, offsetof(struct http_transaction, request));
}

static const void *next_response_header(const struct record_view *view, struct where_walk *walk)
{
    return next_header(view, walk, offsetof(struct http_transaction, response));
}

static const void *next_answer(const struct record_view *view, struct where_walk *walk)
{
    const struct dns_answer *answer = walk->part;

    if (answer)
        answer = answer->next;
    while (!answer) {
        const struct dns_transaction *transaction = next_dns(view, walk);

        if (!transaction)
            return NULL;
        answer = transaction->answers;
    }
    walk->part = answer;
    return answer;
}

static const void *next_alert(const struct record_view *view, struct where_walk *walk)
{
    return walk->count < view->record->alert_count ? view->record->alerts[walk->count++] : NULL;
}

static const void *next_tls_name(const struct record_view *view, struct where_walk *walk)
{
    const struct facts *facts = view->record->facts;

    return facts && walk->count < facts->tls.name_count ? &facts->tls.names[walk->count++] : NULL;
}

static const void *next_risk(const struct record_view *view, struct where_walk *walk)
{
    const struct identity *identity = &view->record->identity;

    while (walk->count < 64)
        if (identity->risks >> walk->count++ & 1)
            return identity->risk_name((unsigned int)walk->count - 1);
    return NULL;
}

static const void *next_icmp_error(const struct record_view *view, struct where_walk *walk)
{
    const struct flow_note *note = view->record->note;

    while (note && walk->count < NOTE_ICMP_ERRORS)
        if (note->icmp_errors[walk->count++].count)
            return &note->icmp_errors[walk->count - 1];
    return NULL;
}

/* ---- what an item says -------------------------------------------------------------------------- */

/* at: the member of the item; view: for what it is relative to. */
#define GETTER(name) \
    static bool name(const struct record_view *view, const void *at, struct field_value *value)

static bool give_number(struct field_value *value, uint64_t number)
{
    value->type = FIELD_U64;
    return give_u64(value, number);
}

static bool give_moment(struct field_value *value, const struct record_view *view, uint64_t ns)
{
    value->type = FIELD_TIME;
    return ns && give_ns(value, (int64_t)ns + view->record->wall_offset_ns);
}

static bool give_span(struct field_value *value, uint64_t from_ns, uint64_t to_ns)
{
    value->type = FIELD_DURATION;
    return from_ns && to_ns >= from_ns && give_ns(value, (int64_t)(to_ns - from_ns));
}

static bool give_string(struct field_value *value, const char *text, size_t len)
{
    value->type = FIELD_STRING;
    value->text = text;
    value->len = len;
    return text;
}

static bool give_word(struct field_value *value, const char *text)
{
    return give_string(value, text, text ? strlen(text) : 0);
}

GETTER(get_there)
{
    (void)view, (void)at;
    value->type = FIELD_OBJECT;
    return true;
}

GETTER(get_u64)
{
    (void)view;
    return give_number(value, *(const uint64_t *)at);
}

GETTER(get_u32)
{
    (void)view;
    return give_number(value, *(const uint32_t *)at);
}

GETTER(get_u16)
{
    (void)view;
    return give_number(value, *(const uint16_t *)at);
}

GETTER(get_u8)
{
    (void)view;
    return give_number(value, *(const uint8_t *)at);
}

/* 0 is unknown. */
GETTER(get_some_u64)
{
    return get_u64(view, at, value) && value->u64;
}

GETTER(get_some_u32)
{
    return get_u32(view, at, value) && value->u64;
}

GETTER(get_some_u16)
{
    return get_u16(view, at, value) && value->u64;
}

GETTER(get_bool)
{
    (void)view;
    value->type = FIELD_BOOL;
    value->flag = *(const bool *)at;
    return true;
}

/* False is left out. */
GETTER(get_flag)
{
    return get_bool(view, at, value) && value->flag;
}

GETTER(get_text)
{
    const struct fact_text *text = at;

    (void)view;
    return give_string(value, text->at, text->len);
}

/* The item itself is a text that ends with NUL. */
GETTER(get_item)
{
    (void)view;
    return give_word(value, at);
}

GETTER(get_pointer)
{
    (void)view;
    return give_word(value, *(const char *const *)at);
}

GETTER(get_time)
{
    return give_moment(value, view, *(const uint64_t *)at);
}

GETTER(get_wall_time)
{
    (void)view;
    value->type = FIELD_TIME;
    return give_ns(value, *(const int64_t *)at);
}

GETTER(http_get_version)
{
    const struct http_transaction *transaction = at;

    (void)view;
    return give_word(value, http_version_name(transaction->version));
}

GETTER(http_get_latency)
{
    const struct http_transaction *transaction = at;

    (void)view;
    return give_span(value, transaction->request.first_ns, transaction->response.first_ns);
}

GETTER(http_get_wait)
{
    const struct http_transaction *transaction = at;

    (void)view;
    return transaction->request.complete &&
           give_span(value, transaction->request.last_ns, transaction->response.first_ns);
}

GETTER(http_get_total)
{
    const struct http_transaction *transaction = at;

    (void)view;
    return give_span(value, transaction->request.first_ns, transaction->response.last_ns);
}

GETTER(http_get_sha256)
{
    static const char digits[] = "0123456789abcdef";
    const struct http_message *message = at;
    size_t len = sizeof(message->content_sha256);

    (void)view;
    if (!message->has_content_sha256 || !message->complete)
        return false;
    for (size_t i = 0; i < len; i++) {
        value->room[2 * i] = digits[message->content_sha256[i] >> 4];
        value->room[2 * i + 1] = digits[message->content_sha256[i] & 0xf];
    }
    return give_string(value, value->room, 2 * len);
}

GETTER(http_get_headers)
{
    const struct http_message *message = at;

    (void)view;
    return give_number(value, message->header_count) && message->header_count;
}

GETTER(dns_get_type)
{
    (void)view;
    return give_word(value, dns_put_type(value->room, *(const uint16_t *)at));
}

/* Left out where it is not known. */
GETTER(dns_get_question)
{
    return *(const uint16_t *)at && dns_get_type(view, at, value);
}

GETTER(dns_get_class)
{
    uint16_t number = *(const uint16_t *)at;

    (void)view;
    return number > 1 && give_word(value, dns_put_class(value->room, number));
}

GETTER(dns_get_rcode)
{
    int16_t number = *(const int16_t *)at;

    (void)view;
    return number >= 0 && give_word(value, dns_put_rcode(value->room, (uint16_t)number));
}

GETTER(dns_get_latency)
{
    const struct dns_transaction *transaction = at;

    (void)view;
    return give_span(value, transaction->query_ns, transaction->answer_ns);
}

GETTER(dns_get_answers)
{
    const struct dns_transaction *transaction = at;
    uint64_t count = 0;

    (void)view;
    for (const struct dns_answer *answer = transaction->answers; answer; answer = answer->next)
        count++;
    return give_number(value, count) && count;
}

GETTER(websocket_get_direction)
{
    (void)view;
    return give_word(value, *(const bool *)at ? "out" : "in");
}

GETTER(icmp_get_from)
{
    const struct icmp_error_kind *kind = at;
    char *end = text_put_ip(value->room, (const uint8_t *)kind->from, kind->ip_version);

    (void)view;
    return give_string(value, value->room, (size_t)(end - value->room));
}

/* ---- the table ---------------------------------------------------------------------------------- */

#define ITEM(path_, next_, what, member, getter)                                             \
    {                                                                                        \
        .path = path_, .next = next_, .get = getter, .offset = offsetof(struct what, member) \
    }
#define WHOLE(path_, next_, getter)                 \
    {                                               \
        .path = path_, .next = next_, .get = getter \
    }
#define INNER(word, member, getter) \
    ITEM("tls_inner[]." word, next_tls_inner, tls_facts, member, getter)
#define HTTP(word, member, getter) ITEM("http[]." word, next_http, http_transaction, member, getter)
#define MESSAGE(side, word, member, getter) \
    ITEM("http[]." #side "." word, next_##side, http_message, member, getter)
#define MESSAGES(side)                                                                            \
    WHOLE("http[]." #side, next_##side, get_there),                                               \
        MESSAGE(side, "header_bytes", header_bytes, get_u64),                                     \
        MESSAGE(side, "body_bytes", body_bytes, get_u64),                                         \
        MESSAGE(side, "content_bytes", content_bytes, get_u64),                                   \
        MESSAGE(side, "content_type", content_type, get_text),                                    \
        MESSAGE(side, "content_encoding", content_encoding, get_text),                            \
        WHOLE("http[]." #side ".sha256", next_##side, http_get_sha256),                           \
        MESSAGE(side, "complete", complete, get_bool),                                            \
        MESSAGE(side, "decode_failed", decode_failed, get_flag),                                  \
        MESSAGE(side, "cut", cut, get_flag), MESSAGE(side, "headers_cut", headers_cut, get_flag), \
        WHOLE("http[]." #side ".headers", next_##side, http_get_headers),                         \
        ITEM("http[]." #side ".headers[].name", next_##side##_header, http_header, name,          \
             get_text),                                                                           \
        ITEM("http[]." #side ".headers[].value", next_##side##_header, http_header, value,        \
             get_text)
#define DNS(word, member, getter) ITEM("dns[]." word, next_dns, dns_transaction, member, getter)
#define ANSWER(word, member, getter) \
    ITEM("dns[].answers[]." word, next_answer, dns_answer, member, getter)
#define FRAME(word, member, getter) \
    ITEM("websocket[]." word, next_websocket, websocket_frame, member, getter)
#define ALERT(word, member, getter) ITEM("alerts[]." word, next_alert, alert_fact, member, getter)
#define ICMP(word, member, getter) \
    ITEM("icmp_errors[]." word, next_icmp_error, icmp_error_kind, member, getter)

/* clang-format off: a row a field */
static const struct where_items lists[] = {
    WHOLE("app.risks", next_risk, get_item),
    WHOLE("tls.names", next_tls_name, get_text),
    INNER("version", version, get_pointer),
    INNER("cipher", cipher, get_pointer),
    INNER("within", within, get_pointer),
    INNER("tunnel", tunnel, get_some_u64),
    INNER("sni", sni, get_text),
    INNER("alpn", alpn, get_text),
    INNER("ja4", ja4, get_text),
    INNER("subject", subject, get_text),
    INNER("issuer", issuer, get_text),
    INNER("client_subject", client_subject, get_text),
    INNER("alert", alert, get_pointer),
    INNER("alert_by_client", alert_by_client, get_flag),
    INNER("resumed", resumed, get_flag),
    INNER("early_data", early_data, get_flag),
    INNER("decrypted", decrypted, get_bool),
    INNER("decrypted_bytes", decrypted_bytes, get_some_u64),
    INNER("undecrypted_records", undecrypted_records, get_some_u64),
    HTTP("n", number, get_u64),
    WHOLE("http[].version", next_http, http_get_version),
    HTTP("stream", stream, get_some_u32),
    HTTP("method", method, get_text),
    HTTP("uri", uri, get_text),
    HTTP("host", host, get_text),
    HTTP("protocol", protocol, get_text),
    HTTP("tunnel", tunnel, get_some_u64),
    HTTP("status", status, get_some_u16),
    HTTP("informational", informational, get_some_u16),
    HTTP("upgraded", upgraded, get_flag),
    HTTP("first", request.first_ns, get_time),
    WHOLE("http[].latency", next_http, http_get_latency),
    WHOLE("http[].wait", next_http, http_get_wait),
    WHOLE("http[].total", next_http, http_get_total),
    MESSAGES(request),
    MESSAGES(response),
    DNS("id", id, get_u16),
    DNS("name", name, get_text),
    DNS("type", qtype, dns_get_question),
    DNS("class", qclass, dns_get_class),
    DNS("first", query_ns, get_time),
    WHOLE("dns[].latency", next_dns, dns_get_latency),
    DNS("rcode", rcode, dns_get_rcode),
    DNS("authoritative", authoritative, get_flag),
    DNS("truncated", truncated, get_flag),
    DNS("answerCount", answer_count, get_some_u32),
    WHOLE("dns[].answers", next_dns, dns_get_answers),
    ANSWER("name", name, get_text),
    ANSWER("type", type, dns_get_type),
    ANSWER("ttl", ttl_s, get_u32),
    ANSWER("data", data, get_text),
    FRAME("n", transaction, get_u64),
    FRAME("time", time_ns, get_time),
    FRAME("direction", from_client, websocket_get_direction),
    FRAME("opcode", opcode, get_u8),
    FRAME("fin", fin, get_bool),
    FRAME("length", payload_bytes, get_u64),
    ALERT("time", wall_ns, get_wall_time),
    ALERT("signature", signature, get_pointer),
    ALERT("signature_id", signature_id, get_u64),
    ALERT("category", category, get_pointer),
    ALERT("severity", severity, get_some_u32),
    ALERT("action", action, get_pointer),
    ICMP("type", type, get_u8),
    ICMP("code", code, get_u8),
    WHOLE("icmp_errors[].from", next_icmp_error, icmp_get_from),
    ICMP("count", count, get_u64),
};
/* clang-format on */

const struct where_items *where_find_facts(const char *path)
{
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (!strcmp(lists[i].path, path))
            return &lists[i];
    return NULL;
}
