/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/app_turns.h"

#include <stdlib.h>
#include <string.h>

#include "unit/app_driver.h"

#define TURN_HEAD     3
#define TURN_SERVER   1
#define TURN_MISSING  2
#define TRANSACTIONS  50
#define CONTENT_BYTES (1 << 20)
#define HEADER_BYTES  4096

/* What was told while it went on. */
struct told {
    uint64_t content_bytes;
    uint64_t messages;
};

static void on_content(void *ctx, const struct session *session,
                       const struct http_transaction *transaction, enum app_side side,
                       const uint8_t *data, size_t len)
{
    struct told *told = ctx;

    (void)session, (void)side;
    if (!len || !transaction->number || data[0] + data[len - 1] > 2 * UINT8_MAX)
        abort();
    told->content_bytes += len;
}

static void on_message(void *ctx, const struct session *session,
                       const struct http_transaction *transaction, enum app_side side)
{
    struct told *told = ctx;

    (void)session, (void)side;
    if (!transaction->number)
        abort();
    told->messages++;
}

static void check_message(const struct http_message *message)
{
    uint64_t text_bytes = 0;

    if (message->content_bytes > CONTENT_BYTES || (message->complete && !message->last_ns))
        abort();
    for (size_t i = 0; i < message->header_count; i++) {
        if (!message->headers[i]->name.at || !message->headers[i]->value.at)
            abort();
        text_bytes += message->headers[i]->name.len + message->headers[i]->value.len;
    }
    if (text_bytes > HEADER_BYTES)
        abort();
}

static void check(const struct facts *facts, const struct told *told)
{
    uint64_t count = 0, content_bytes = 0;

    for (const struct http_transaction *at = facts->http; at; at = at->next) {
        count++;
        check_message(&at->request);
        check_message(&at->response);
        content_bytes += at->request.content_bytes + at->response.content_bytes;
    }
    if (count != facts->http_count || count > TRANSACTIONS ||
        content_bytes != told->content_bytes || told->messages > 2 * count)
        abort();
    count = 0;
    for (const struct websocket_frame *at = facts->websocket; at; at = at->next)
        count++;
    if (count != facts->websocket_count || count > TRANSACTIONS)
        abort();
    count = 0;
    for (const struct dns_transaction *at = facts->dns; at; at = at->next) {
        uint32_t answers = 0;

        count++;
        for (const struct dns_answer *answer = at->answers; answer; answer = answer->next)
            answers++;
        if (answers > at->answer_count)
            abort();
    }
    if (count != facts->dns_count || count > TRANSACTIONS)
        abort();
}

static void give_turns(struct app_driver *driver, const uint8_t *data, size_t size)
{
    while (size >= TURN_HEAD) {
        enum app_side side = data[0] & TURN_SERVER ? APP_SERVER : APP_CLIENT;
        bool missing = data[0] & TURN_MISSING;
        size_t len = (size_t)(data[1] | data[2] << 8);

        data += TURN_HEAD;
        size -= TURN_HEAD;
        if (missing) {
            driver_hole(driver, side, len);
            continue;
        }
        if (len > size)
            len = size;
        if (len)
            driver_give(driver, side, data, len);
        data += len;
        size -= len;
    }
}

void app_turns_run(uint8_t l4_proto, const char *prelude, const uint8_t *data, size_t size)
{
    struct told told = {0, 0};
    const struct app_conf conf = {
        .http = true,
        .limits = {.transactions = TRANSACTIONS,
                   .content_bytes = CONTENT_BYTES,
                   .header_bytes = HEADER_BYTES,
                   .held_bytes = 1 << 16},
        .content = on_content,
        .message = on_message,
        .ctx = &told,
    };
    struct app_driver driver;
    const struct facts *facts;

    driver_begin(&driver, &conf, l4_proto);
    if (*prelude)
        driver_say(&driver, APP_CLIENT, prelude);
    give_turns(&driver, data, size);
    facts = driver_finish(&driver);
    if (facts)
        check(facts, &told);
    driver_end(&driver);
}
