/* SPDX-License-Identifier: Apache-2.0 */
/* A record's transactions of HTTP and frames of WebSocket. */
#include "sink/record_items.h"

/* ---- HTTP ---------------------------------------------------------------------------------------- */

const char *http_version_name(uint8_t version)
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

static void write_headers(struct buf *out, const struct http_message *message)
{
    if (!message->header_count)
        return;
    item_add_key(out, "headers");
    for (size_t i = 0; i < message->header_count; i++) {
        buf_add_str(out, i ? ",{" : "[{");
        item_add_text(out, "name", message->headers[i]->name);
        item_add_text(out, "value", message->headers[i]->value);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void write_message(struct buf *out, const char *key, const struct http_message *message)
{
    if (!message->first_ns)
        return;
    item_add_key(out, key);
    buf_add_char(out, '{');
    item_add_u64(out, "header_bytes", message->header_bytes);
    item_add_u64(out, "body_bytes", message->body_bytes);
    item_add_u64(out, "content_bytes", message->content_bytes);
    item_add_text(out, "content_type", message->content_type);
    item_add_text(out, "content_encoding", message->content_encoding);
    if (message->has_content_sha256 && message->complete)
        item_add_hex(out, "sha256", message->content_sha256, sizeof(message->content_sha256));
    item_add_key(out, "complete");
    buf_add_str(out, message->complete ? "true" : "false");
    item_add_flag(out, "decode_failed", message->decode_failed);
    item_add_flag(out, "cut", message->cut);
    item_add_flag(out, "headers_cut", message->headers_cut);
    write_headers(out, message);
    buf_add_char(out, '}');
}

static void write_transaction(struct buf *out, const struct record_view *view,
                              const struct http_transaction *transaction)
{
    const struct http_message *request = &transaction->request;
    const struct http_message *response = &transaction->response;

    buf_add_char(out, '{');
    item_add_u64(out, "n", transaction->number);
    item_add_word(out, "version", http_version_name(transaction->version));
    item_add_some(out, "stream", transaction->stream);
    item_add_text(out, "method", transaction->method);
    item_add_text(out, "uri", transaction->uri);
    item_add_text(out, "host", transaction->host);
    item_add_text(out, "protocol", transaction->protocol);
    item_add_some(out, "tunnel", transaction->tunnel);
    item_add_some(out, "status", transaction->status);
    item_add_some(out, "informational", transaction->informational);
    item_add_flag(out, "upgraded", transaction->upgraded);
    if (request->first_ns)
        item_add_time(out, "first", request->first_ns, view->record->wall_offset_ns);
    item_add_span(out, "latency", request->first_ns, response->first_ns);
    if (request->complete)
        item_add_span(out, "wait", request->last_ns, response->first_ns);
    item_add_span(out, "total", request->first_ns, response->last_ns);
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
        item_add_u64(out, "n", at->transaction);
        item_add_time(out, "time", at->time_ns, view->record->wall_offset_ns);
        item_add_word(out, "direction", at->from_client ? "out" : "in");
        item_add_u64(out, "opcode", at->opcode);
        item_add_key(out, "fin");
        buf_add_str(out, at->fin ? "true" : "false");
        item_add_u64(out, "length", at->payload_bytes);
        buf_add_char(out, '}');
    }
}
