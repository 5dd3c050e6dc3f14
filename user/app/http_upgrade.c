/* SPDX-License-Identifier: Apache-2.0 */
#include "app/http_upgrade.h"

#include <string.h>
#include <strings.h>

#include "app/http.h"

#define STATUS_SWITCHING 101

static bool is_text(struct fact_text text, const char *word)
{
    return text.len == strlen(word) && !strncasecmp(text.at, word, text.len);
}

static void begin(struct http_upgrade *upgrade, const struct app_env *env,
                  const struct http_transaction *transaction)
{
    upgrade->env = *env;
    upgrade->number = transaction->number;
    upgrade->happened = true;
}

/* The parser's env is its own: frames say by which transaction they came. */
static void choose_websocket(struct http_upgrade *upgrade)
{
    upgrade->parser = &app_websocket;
    upgrade->env.tunnel = upgrade->number;
}

static void choose_http2(struct http_upgrade *upgrade, const struct http_transaction *transaction)
{
    upgrade->parser = &app_http2;
    upgrade->asked = (struct http_asked){transaction->method, transaction->uri, transaction->host};
    upgrade->env.asked = &upgrade->asked;
}

bool http_upgrade_judge(struct http_upgrade *upgrade, const struct app_env *env,
                        const struct http_transaction *transaction)
{
    struct fact_text to = http_find_header(&transaction->response, "upgrade");
    struct fact_text method = transaction->method;

    if (method.len == 7 && !memcmp(method.at, "CONNECT", 7) && transaction->status >= 200 &&
        transaction->status < 300) {
        http_upgrade_connect(upgrade, env, transaction, NULL);
        return true;
    }
    if (transaction->status != STATUS_SWITCHING)
        return false;
    begin(upgrade, env, transaction);
    if (is_text(to, "websocket"))
        choose_websocket(upgrade);
    else if (is_text(to, "h2c"))
        choose_http2(upgrade, transaction);
    return true;
}

void http_upgrade_connect(struct http_upgrade *upgrade, const struct app_env *env,
                          const struct http_transaction *transaction, const char *protocol)
{
    begin(upgrade, env, transaction);
    upgrade->tunnel = !protocol;
    if (protocol && !strcasecmp(protocol, "websocket"))
        choose_websocket(upgrade);
}

enum app_verdict http_upgrade_data(struct http_upgrade *upgrade, const struct app_piece *piece)
{
    const struct app_env *env = &upgrade->env;
    const struct app_carrier carrier = {.by = "http", .tunnel = upgrade->number};

    if (upgrade->tunnel)
        return env->carried(env->ctx, &carrier, piece) ? APP_MORE : APP_DONE;
    if (!upgrade->parser)
        return APP_DONE;
    if (!upgrade->state)
        upgrade->state = upgrade->parser->open(env);
    return upgrade->state ? upgrade->parser->data(upgrade->state, piece) : APP_BROKEN;
}

enum app_verdict http_upgrade_hole(struct http_upgrade *upgrade, enum app_side side,
                                   uint64_t length)
{
    const struct app_env *env = &upgrade->env;

    if (upgrade->tunnel)
        return env->carried_hole(env->ctx, upgrade->number, side, length) ? APP_MORE : APP_DONE;
    return upgrade->state ? upgrade->parser->hole(upgrade->state, side, length) : APP_DONE;
}

void http_upgrade_end(struct http_upgrade *upgrade, enum app_side side, uint64_t time_ns)
{
    if (upgrade->state && upgrade->parser->end)
        upgrade->parser->end(upgrade->state, side, time_ns);
}

void http_upgrade_close(struct http_upgrade *upgrade)
{
    if (upgrade->state)
        upgrade->parser->close(upgrade->state);
    upgrade->state = NULL;
}
