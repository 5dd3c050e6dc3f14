/* SPDX-License-Identifier: Apache-2.0 */
/* A record's transactions of HTTP and frames of WebSocket. */
#include "sink/record_view.h"

/* The next key of an object that was begun with its brace. */
static void add_key(struct buf *out, const char *key)
{
    if (out->len && out->data[out->len - 1] != '{')
        buf_add_char(out, ',');
    buf_add_char(out, '"');
    buf_add_str(out, key);
    buf_add_str(out, "\":");
}

static void add_u64(struct buf *out, const char *key, uint64_t value)
{
    add_key(out, key);
    buf_add_u64(out, value);
}

static void add_some(struct buf *out, const char *key, uint64_t value)
{
    if (value)
        add_u64(out, key, value);
}

static void add_flag(struct buf *out, const char *key, bool flag)
{
    if (!flag)
        return;
    add_key(out, key);
    buf_add_str(out, "true");
}

static void add_text(struct buf *out, const char *key, struct fact_text text)
{
    if (!text.at)
        return;
    add_key(out, key);
    buf_add_json_str(out, text.at, text.len);
}

static void add_time(struct buf *out, const char *key, uint64_t ns, int64_t wall_offset_ns)
{
    add_key(out, key);
    buf_add_seconds(out, (int64_t)ns + wall_offset_ns, 6);
}

/* From one moment to a later one, when both are known. */
static void add_span(struct buf *out, const char *key, uint64_t from_ns, uint64_t to_ns)
{
    if (!from_ns || to_ns < from_ns)
        return;
    add_key(out, key);
    buf_add_seconds(out, (int64_t)(to_ns - from_ns), (to_ns - from_ns) % 1000 ? 9 : 6);
}

/* ---- HTTP ---------------------------------------------------------------------------------------- */

static const char *version_name(uint8_t version)
{
    switch (version) {
    case 9:
        return "0.9";
    case 10:
        return "1.0";
    case 20:
        return "2";
    default:
        return "1.1";
    }
}

static void write_sha256(struct buf *out, const uint8_t hash[32])
{
    static const char digits[] = "0123456789abcdef";

    add_key(out, "sha256");
    buf_add_char(out, '"');
    for (int i = 0; i < 32; i++) {
        buf_add_char(out, digits[hash[i] >> 4]);
        buf_add_char(out, digits[hash[i] & 0xf]);
    }
    buf_add_char(out, '"');
}

static void write_headers(struct buf *out, const struct http_message *message)
{
    if (!message->header_count)
        return;
    add_key(out, "headers");
    for (size_t i = 0; i < message->header_count; i++) {
        buf_add_str(out, i ? ",{" : "[{");
        add_text(out, "name", message->headers[i].name);
        add_text(out, "value", message->headers[i].value);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void write_message(struct buf *out, const char *key, const struct http_message *message)
{
    if (!message->first_ns)
        return;
    add_key(out, key);
    buf_add_char(out, '{');
    add_u64(out, "header_bytes", message->header_bytes);
    add_u64(out, "body_bytes", message->body_bytes);
    add_u64(out, "content_bytes", message->content_bytes);
    add_text(out, "content_type", message->content_type);
    add_text(out, "content_encoding", message->content_encoding);
    if (message->has_content_sha256)
        write_sha256(out, message->content_sha256);
    add_key(out, "complete");
    buf_add_str(out, message->complete ? "true" : "false");
    add_flag(out, "decode_failed", message->decode_failed);
    add_flag(out, "cut", message->cut);
    write_headers(out, message);
    buf_add_char(out, '}');
}

static void write_transaction(struct buf *out, const struct record_view *view,
                              const struct http_transaction *transaction)
{
    const struct http_message *request = &transaction->request;
    const struct http_message *response = &transaction->response;

    buf_add_char(out, '{');
    add_u64(out, "n", transaction->number);
    add_key(out, "version");
    buf_add_json_str(out, version_name(transaction->version),
                     strlen(version_name(transaction->version)));
    add_some(out, "stream", transaction->stream);
    add_text(out, "method", transaction->method);
    add_text(out, "uri", transaction->uri);
    add_text(out, "host", transaction->host);
    add_some(out, "status", transaction->status);
    add_some(out, "informational", transaction->informational);
    add_flag(out, "upgraded", transaction->upgraded);
    if (request->first_ns)
        add_time(out, "first", request->first_ns, view->record->wall_offset_ns);
    add_span(out, "latency", request->first_ns, response->first_ns);
    add_span(out, "total", request->first_ns, response->last_ns);
    write_message(out, "request", request);
    write_message(out, "response", response);
    buf_add_char(out, '}');
}

bool value_http_count(struct record_view *view, const struct field *field,
                      struct field_value *value)
{
    const struct facts *facts = view->record->facts;

    (void)field;
    return facts && facts->http_count && give_u64(value, facts->http_count);
}

void write_http(struct buf *out, struct record_view *view)
{
    for (const struct http_transaction *at = view->record->facts->http; at; at = at->next) {
        if (at != view->record->facts->http)
            buf_add_char(out, ',');
        write_transaction(out, view, at);
    }
}

/* ---- WebSocket ----------------------------------------------------------------------------------- */

bool value_websocket_count(struct record_view *view, const struct field *field,
                           struct field_value *value)
{
    const struct facts *facts = view->record->facts;

    (void)field;
    return facts && facts->websocket_count && give_u64(value, facts->websocket_count);
}

void write_websocket(struct buf *out, struct record_view *view)
{
    for (const struct websocket_frame *at = view->record->facts->websocket; at; at = at->next) {
        if (at != view->record->facts->websocket)
            buf_add_char(out, ',');
        buf_add_char(out, '{');
        add_time(out, "time", at->time_ns, view->record->wall_offset_ns);
        add_key(out, "direction");
        buf_add_str(out, at->from_client ? "\"out\"" : "\"in\"");
        add_u64(out, "opcode", at->opcode);
        add_key(out, "fin");
        buf_add_str(out, at->fin ? "true" : "false");
        add_u64(out, "length", at->payload_bytes);
        buf_add_char(out, '}');
    }
}
