/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1 messages: what libhtp tells of a connection, put down in its transactions. */
#include <string.h>

#include "app/http.h"

#ifdef HAVE_HTP

#include "app/http1_internal.h"

#define FIELD_SOFT_BYTES 16384
#define FIELD_HARD_BYTES 65536
#define HEADERS_MOST     1024
#define STATUS_CONTINUE  100
#define STATUS_SWITCHING 101

#define STATUS_NO_CONTENT   204
#define STATUS_NOT_MODIFIED 304

static struct http1 *http1_of(const htp_tx_t *tx)
{
    return htp_connp_get_user_data(tx->connp);
}

static struct http_moment now(const struct http1 *http)
{
    if (!http->piece)
        return http->end;
    return (struct http_moment){http->piece->time_ns, http->piece->packet};
}

static struct fact_text text_of(struct http_exchange *exchange, const bstr *text)
{
    return text ? http_text(exchange, bstr_ptr(text), bstr_len(text)) : (struct fact_text){0};
}

/* ---- libhtp tells -------------------------------------------------------------------------------- */

static struct http_exchange *exchange_of(htp_tx_t *tx)
{
    struct http_exchange *exchange = htp_tx_get_user_data(tx);

    if (!exchange) {
        struct http1 *http = http1_of(tx);

        exchange = http->waiting ? http->waiting : http_begin(http->env, 11);
        http->waiting = NULL;
        htp_tx_set_user_data(tx, exchange);
    }
    return exchange;
}

static int on_request_start(htp_tx_t *tx)
{
    struct http_exchange *exchange = exchange_of(tx);

    if (!exchange)
        return HTP_ERROR;
    http_message_begins(exchange, APP_CLIENT, now(http1_of(tx)));
    http1_of(tx)->unanswered++;
    return HTP_OK;
}

static uint8_t version_of(int protocol)
{
    switch (protocol) {
    case HTP_PROTOCOL_0_9:
        return 9;
    case HTP_PROTOCOL_1_0:
        return 10;
    default:
        return 11;
    }
}

/* A start line as it was on the wire: libhtp has taken CR and LF off. */
static size_t line_bytes(const bstr *line)
{
    return line ? bstr_len(line) + 2 : 0;
}

static int on_request_line(htp_tx_t *tx)
{
    struct http_exchange *exchange = exchange_of(tx);
    struct http_transaction *transaction;

    if (!exchange)
        return HTP_ERROR;
    if (http1_of(tx)->adopts)
        return HTP_OK;
    transaction = http_transaction(exchange);
    transaction->method = text_of(exchange, tx->request_method);
    transaction->uri = text_of(exchange, tx->request_uri);
    transaction->version = version_of(tx->request_protocol_number);
    transaction->request.header_bytes = line_bytes(tx->request_line);
    return HTP_OK;
}

/* Raw bytes of the header, its last line too: libhtp tells them as they come. */
static int on_request_header_data(htp_tx_data_t *data)
{
    struct http_exchange *exchange = exchange_of(data->tx);

    if (exchange && !http1_of(data->tx)->adopts)
        http_transaction(exchange)->request.header_bytes += data->len;
    return HTP_OK;
}

static int on_response_header_data(htp_tx_data_t *data)
{
    struct http_exchange *exchange = exchange_of(data->tx);
    struct http1 *http = http1_of(data->tx);

    if (exchange && !http->owes_header)
        http_transaction(exchange)->response.header_bytes += data->len;
    http->owes_header = false;
    return HTP_OK;
}

static void tell_headers_from(struct http_exchange *exchange, enum app_side side,
                              const htp_table_t *headers, size_t first)
{
    for (size_t i = first; i < htp_table_size(headers); i++) {
        bstr *key = NULL;
        const htp_header_t *header = htp_table_get_index(headers, i, &key);

        if (header)
            http_header(exchange, side, bstr_ptr(header->name), bstr_len(header->name),
                        bstr_ptr(header->value), bstr_len(header->value));
    }
}

static void tell_headers(struct http1 *http, struct http_exchange *exchange, enum app_side side,
                         const htp_table_t *headers)
{
    struct http_transaction *transaction = http_transaction(exchange);
    struct http_message *message =
        side == APP_CLIENT ? &transaction->request : &transaction->response;

    tell_headers_from(exchange, side, headers, 0);
    http->told_headers[side] = htp_table_size(headers);
    http_headers_end(exchange, side, message->header_bytes);
}

/* Behind a body in chunks: libhtp adds them to the headers. Their bytes count as they come. */
static void tell_trailers(const struct http1 *http, struct http_exchange *exchange,
                          enum app_side side, const htp_table_t *headers)
{
    tell_headers_from(exchange, side, headers, http->told_headers[side]);
    http_trailers_end(exchange, side, 0);
}

static int on_request_trailer(htp_tx_t *tx)
{
    struct http_exchange *exchange = exchange_of(tx);
    struct http1 *http = http1_of(tx);

    if (exchange && !http->adopts)
        tell_trailers(http, exchange, APP_CLIENT, tx->request_headers);
    return HTP_OK;
}

static int on_response_trailer(htp_tx_t *tx)
{
    struct http_exchange *exchange = exchange_of(tx);

    if (exchange)
        tell_trailers(http1_of(tx), exchange, APP_SERVER, tx->response_headers);
    return HTP_OK;
}

/* The headers are over. Where no body follows, what does is beyond its end. */
static void begin_body(struct http_body *body, enum htp_transfer_coding_t coding, int64_t length,
                       bool has_none)
{
    *body = (struct http_body){
        .chunked = !has_none && coding == HTP_CODING_CHUNKED,
        .has_length = has_none || (coding == HTP_CODING_IDENTITY && length >= 0),
        .length = has_none || length < 0 ? 0 : (uint64_t)length,
    };
}

static int on_request_headers(htp_tx_t *tx)
{
    struct http_exchange *exchange = exchange_of(tx);
    struct http_transaction *transaction;

    if (!exchange)
        return HTP_ERROR;
    if (http1_of(tx)->adopts)
        return HTP_OK;
    transaction = http_transaction(exchange);
    tell_headers(http1_of(tx), exchange, APP_CLIENT, tx->request_headers);
    transaction->host = http_find_header(&transaction->request, "host");
    if (!transaction->host.at)
        transaction->host = text_of(exchange, tx->request_hostname);
    begin_body(&http1_of(tx)->body[APP_CLIENT], tx->request_transfer_coding,
               tx->request_content_length, tx->request_transfer_coding == HTP_CODING_NO_BODY);
    return HTP_OK;
}

/* libhtp takes what follows a body and is no message for more of it. */
static size_t within_length(struct http1 *http, struct http_body *body, size_t len)
{
    uint64_t left = body->length - body->told_bytes;

    if (body->has_length && len > left) {
        http->env->facts->cut_bytes += len - left;
        len = (size_t)left;
    }
    body->told_bytes += len;
    return len;
}

static int on_body(htp_tx_data_t *data, enum app_side side)
{
    struct http_exchange *exchange = exchange_of(data->tx);
    struct http1 *http = http1_of(data->tx);
    size_t len;

    if (!exchange)
        return HTP_OK;
    if (side == APP_CLIENT && data->tx->is_protocol_0_9) /* a line end more, no body */
        return HTP_OK;
    len = within_length(http, &http->body[side], data->len);
    if (!len)
        return HTP_OK;
    if (http->in_hole) {
        http->hole_bytes += len;
        http_body_hole(exchange, side);
    } else {
        http_body(exchange, side, data->data, len);
    }
    return HTP_OK;
}

static int on_request_body(htp_tx_data_t *data)
{
    return on_body(data, APP_CLIENT);
}

static int on_response_body(htp_tx_data_t *data)
{
    return on_body(data, APP_SERVER);
}

/*
 * What ends with the connection is whole when all of its length came, or when its end is that of the connection, by FIN. libhtp takes
 * chunks that are none for a body without length.
 */
static bool is_whole(const struct http1 *http, enum app_side side)
{
    const struct http_body *body = &http->body[side];

    if (body->has_length)
        return body->told_bytes == body->length;
    return !http->closing ||
           (side == APP_SERVER && !body->chunked && !http->lost && !http->env->cut_short);
}

static void end_message(struct http1 *http, struct http_exchange *exchange, enum app_side side)
{
    http_message_ends(exchange, side, is_whole(http, side), now(http));
    http->body[side] = (struct http_body){0};
}

static int on_request_complete(htp_tx_t *tx)
{
    struct http_exchange *exchange = exchange_of(tx);

    if (exchange)
        end_message(http1_of(tx), exchange, APP_CLIENT);
    return HTP_OK;
}

static int on_response_start(htp_tx_t *tx)
{
    struct http_exchange *exchange = exchange_of(tx);

    if (!exchange)
        return HTP_ERROR;
    if (!tx->request_method) /* libhtp puts words of its own where the request was missed */
        http_transaction(exchange)->uri = (struct fact_text){0};
    http_message_begins(exchange, APP_SERVER, now(http1_of(tx)));
    http1_of(tx)->in_answer = true;
    return HTP_OK;
}

/* A final response follows (RFC 9110 section 15.2); after 101 another protocol does. */
static bool is_interim(int status)
{
    return status >= STATUS_CONTINUE && status < 200 && status != STATUS_SWITCHING;
}

/* libhtp passes over one 100 a transaction: every interim response is made one, and the first. */
static int on_response_line(htp_tx_t *tx)
{
    struct http_exchange *exchange = exchange_of(tx);
    struct http_transaction *transaction;

    if (!exchange)
        return HTP_ERROR;
    transaction = http_transaction(exchange);
    http1_of(tx)->owes_header = transaction->informational;
    if (is_interim(tx->response_status_number)) {
        transaction->informational++;
        tx->response_status_number = STATUS_CONTINUE;
        tx->seen_100continue = 0;
        http_response_was_interim(exchange);
        return HTP_OK;
    }
    if (transaction->informational)
        http_message_begins(exchange, APP_SERVER, now(http1_of(tx)));
    if (tx->response_status_number > 0 && tx->response_status_number < 1000)
        transaction->status = (uint16_t)tx->response_status_number;
    transaction->response.header_bytes = line_bytes(tx->response_line);
    transaction->answer_version = version_of(tx->response_protocol_number);
    if (!transaction->request.first_ns)
        transaction->version = transaction->answer_version;
    if (http1_of(tx)->env->message)
        transaction->reason = text_of(exchange, tx->response_message);
    if (transaction->status == STATUS_NO_CONTENT || transaction->status == STATUS_NOT_MODIFIED)
        tx->request_method_number = HTP_M_HEAD; /* whatever length it states, no body follows */
    return HTP_OK;
}

/* What the connection speaks from here on. libhtp looks at nothing more of it. */
static void note_upgrade(struct http1 *http, struct http_exchange *exchange)
{
    struct http_transaction *transaction = http_transaction(exchange);

    if (!http_upgrade_judge(&http->upgrade, http->env, transaction))
        return;
    http_message_ends(exchange, APP_CLIENT, true, now(http));
    http_message_ends(exchange, APP_SERVER, true, now(http));
    transaction->upgraded = true;
}

/* A 100 with content in chunks: libhtp takes no more responses for this request. */
static void take_as_final(struct http1 *http, struct http_exchange *exchange)
{
    struct http_transaction *transaction = http_transaction(exchange);

    transaction->informational--;
    transaction->status = STATUS_CONTINUE;
    http_message_begins(exchange, APP_SERVER, now(http));
}

static int on_response_headers(htp_tx_t *tx)
{
    struct http_exchange *exchange = exchange_of(tx);

    if (!exchange)
        return HTP_ERROR;
    if (tx->response_status_number == STATUS_CONTINUE)
        take_as_final(http1_of(tx), exchange);
    tell_headers(http1_of(tx), exchange, APP_SERVER, tx->response_headers);
    begin_body(&http1_of(tx)->body[APP_SERVER], tx->response_transfer_coding,
               tx->response_content_length, tx->request_method_number == HTP_M_HEAD);
    note_upgrade(http1_of(tx), exchange);
    return HTP_OK;
}

static int on_response_complete(htp_tx_t *tx)
{
    struct http_exchange *exchange = exchange_of(tx);

    http1_of(tx)->in_answer = false;
    http1_of(tx)->unanswered -= http1_of(tx)->unanswered > 0;
    if (exchange)
        end_message(http1_of(tx), exchange, APP_SERVER);
    return HTP_OK;
}

static int on_transaction_complete(htp_tx_t *tx)
{
    http_finish(htp_tx_get_user_data(tx));
    htp_tx_set_user_data(tx, NULL);
    return HTP_OK;
}

void http1_finish_messages(struct http1 *http)
{
    htp_list_t *open = htp_connp_get_connection(http->connp)->transactions;

    for (size_t i = 0; i < htp_list_size(open); i++) {
        htp_tx_t *tx = htp_list_get(open, i);

        if (tx)
            on_transaction_complete(tx);
    }
}

struct http_exchange *http1_take_last(struct http1 *http)
{
    htp_list_t *open = htp_connp_get_connection(http->connp)->transactions;
    htp_tx_t *tx = htp_list_size(open) ? htp_list_get(open, htp_list_size(open) - 1) : NULL;
    struct http_exchange *exchange = tx ? htp_tx_get_user_data(tx) : NULL;

    if (!exchange || !http_transaction(exchange)->request.complete ||
        http_transaction(exchange)->response.first_ns)
        return NULL;
    htp_tx_set_user_data(tx, NULL);
    return exchange;
}

/* ---- who is told ---------------------------------------------------------------------------------- */

struct http1_conf *http1_conf_new(void)
{
    htp_cfg_t *conf = htp_config_create();

    if (!conf)
        return NULL;
    htp_config_set_server_personality(conf, HTP_SERVER_IDS);
    htp_config_set_tx_auto_destroy(conf, 1);
    htp_config_set_response_decompression(conf, 0); /* content.c knows more encodings */
    htp_config_set_request_decompression(conf, 0);
    htp_config_set_parse_request_cookies(conf, 0);
    htp_config_set_parse_request_auth(conf, 0);
    htp_config_set_log_level(conf, HTP_LOG_NONE);
    htp_config_set_field_limits(conf, FIELD_SOFT_BYTES, FIELD_HARD_BYTES);
    htp_config_set_number_headers_limit(conf, HEADERS_MOST);
    htp_config_register_request_start(conf, on_request_start);
    htp_config_register_request_line(conf, on_request_line);
    htp_config_register_request_header_data(conf, on_request_header_data);
    htp_config_register_request_headers(conf, on_request_headers);
    htp_config_register_request_body_data(conf, on_request_body);
    htp_config_register_request_trailer(conf, on_request_trailer);
    htp_config_register_request_trailer_data(conf, on_request_header_data);
    htp_config_register_request_complete(conf, on_request_complete);
    htp_config_register_response_start(conf, on_response_start);
    htp_config_register_response_line(conf, on_response_line);
    htp_config_register_response_header_data(conf, on_response_header_data);
    htp_config_register_response_headers(conf, on_response_headers);
    htp_config_register_response_body_data(conf, on_response_body);
    htp_config_register_response_trailer(conf, on_response_trailer);
    htp_config_register_response_trailer_data(conf, on_response_header_data);
    htp_config_register_response_complete(conf, on_response_complete);
    htp_config_register_transaction_complete(conf, on_transaction_complete);
    return (struct http1_conf *)conf;
}

void http1_conf_free(struct http1_conf *conf)
{
    if (conf)
        htp_config_destroy((htp_cfg_t *)conf);
}

#else

struct http1_conf *http1_conf_new(void)
{
    return NULL;
}

void http1_conf_free(struct http1_conf *conf)
{
    (void)conf;
}

#endif
