/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/follow_http.h"

#include <errno.h>
#include <stdlib.h>

struct http_text_body {
    struct http_text_body *next;
    const struct http_transaction *transaction;
    bool from_client;
    struct buf content;
};

static struct http_text_body **find(struct http_texts *texts,
                                    const struct http_transaction *transaction, bool from_client)
{
    struct http_text_body **at = &texts->open;

    while (*at && ((*at)->transaction != transaction || (*at)->from_client != from_client))
        at = &(*at)->next;
    return at;
}

int http_texts_content(struct http_texts *texts, const struct http_transaction *transaction,
                       bool from_client, const uint8_t *data, size_t len)
{
    struct http_text_body **at = find(texts, transaction, from_client);

    if (!*at) {
        *at = calloc(1, sizeof(**at));
        if (!*at)
            return -ENOMEM;
        (*at)->transaction = transaction;
        (*at)->from_client = from_client;
    }
    buf_add(&(*at)->content, data, len);
    return (*at)->content.failed ? -ENOMEM : 0;
}

static void add_text(struct buf *out, struct fact_text text, const char *otherwise)
{
    if (text.at)
        buf_add(out, text.at, text.len);
    else
        buf_add_str(out, otherwise);
}

static const char *version_name(uint8_t version)
{
    return version == 9    ? "HTTP/0.9"
           : version == 10 ? "HTTP/1.0"
           : version == 20 ? "HTTP/2"
                           : "HTTP/1.1";
}

static void add_start_line(struct buf *out, const struct http_transaction *transaction,
                           bool from_client)
{
    if (from_client) {
        add_text(out, transaction->method, "?");
        buf_add_char(out, ' ');
        add_text(out, transaction->uri, "?");
        buf_add_char(out, ' ');
        buf_add_str(out, version_name(transaction->version));
    } else {
        buf_printf(out, "%s %u",
                   version_name(transaction->answer_version ? transaction->answer_version
                                                            : transaction->version),
                   transaction->status);
        if (transaction->reason.at) {
            buf_add_char(out, ' ');
            add_text(out, transaction->reason, "");
        }
    }
    buf_add_str(out, "\r\n");
    if (from_client && transaction->version == 20 && transaction->host.at) {
        buf_add_str(out, "host: ");
        add_text(out, transaction->host, "");
        buf_add_str(out, "\r\n");
    }
}

void http_texts_message(struct http_texts *texts, const struct http_transaction *transaction,
                        bool from_client, struct buf *out)
{
    const struct http_message *message =
        from_client ? &transaction->request : &transaction->response;
    struct http_text_body **at = find(texts, transaction, from_client), *body = *at;

    add_start_line(out, transaction, from_client);
    for (size_t i = 0; i < message->header_count; i++) {
        add_text(out, message->headers[i]->name, "");
        buf_add_str(out, ": ");
        add_text(out, message->headers[i]->value, "");
        buf_add_str(out, "\r\n");
    }
    buf_add_str(out, "\r\n");
    if (!body)
        return;
    buf_add(out, body->content.data, body->content.len);
    *at = body->next;
    buf_fini(&body->content);
    free(body);
}

void http_texts_fini(struct http_texts *texts)
{
    while (texts->open) {
        struct http_text_body *next = texts->open->next;

        buf_fini(&texts->open->content);
        free(texts->open);
        texts->open = next;
    }
}
