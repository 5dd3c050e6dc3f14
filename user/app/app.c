/* SPDX-License-Identifier: Apache-2.0 */
/* A session in app/: identification beside layers of parsers, each protocol and what it carries. */
#include "app/app.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/http.h"
#include "app/identify.h"
#include "app/keylog.h"
#include "app/nest.h"
#include "base/log.h"
#include "packet.h"
#include "session/names.h"

/* Rises when sessions are looked into otherwise, or what is found means something else. */
#define TOLD_VERSION 6u

struct app {
    struct app_conf conf;
    struct identifier
        *identifier; /* NULL: no packet has come yet, or sessions are not identified */
    bool identify;
    struct http_shared *http; /* NULL: HTTP is not looked into */
    struct nest_kit kit;
    struct app_session *spare;
};

struct app_session {
    struct app_session *next_spare;
    struct app *app;
    struct identification *identification;
    struct identity identity;
    bool identified; /* no more packets are wanted */
    bool finished;
    struct nest nest;
};

static const struct app_limits default_limits = {
    .stream_bytes = 1ULL << 30,
    .held_bytes = 1 << 20,
    .transactions = 10000,
    .header_bytes = 64 << 10,
    .content_bytes = 64 << 20,
    .content_ratio = 1000,
    .facts_bytes = 12 << 20,
};

static void default_limit(uint64_t *limit, uint64_t value)
{
    if (!*limit)
        *limit = value;
}

static void complete_limits(struct app_limits *limits)
{
    default_limit(&limits->stream_bytes, default_limits.stream_bytes);
    default_limit(&limits->held_bytes, default_limits.held_bytes);
    default_limit(&limits->transactions, default_limits.transactions);
    default_limit(&limits->header_bytes, default_limits.header_bytes);
    default_limit(&limits->content_bytes, default_limits.content_bytes);
    default_limit(&limits->content_ratio, default_limits.content_ratio);
    default_limit(&limits->facts_bytes, default_limits.facts_bytes);
}

uint32_t app_told_by(const struct app_conf *conf)
{
    if (!conf)
        return 0;
    if (keylog_is_active(conf->keylog))
        return APP_TOLD_ONCE;
    return TOLD_VERSION + (conf->identify ? identifier_version() * 2654435761u : 0);
}

const char *app_risk_name(unsigned int bit)
{
    return identifier_risk_name(bit);
}

bool app_can_identify(void)
{
#ifdef HAVE_NDPI
    return true;
#else
    return false;
#endif
}

struct app *app_new(const struct app_conf *conf)
{
    struct app *app = calloc(1, sizeof(*app));

    if (!app)
        return NULL;
    app->conf = *conf;
    complete_limits(&app->conf.limits);
    app->identify = conf->identify && app_can_identify();
    if (conf->http)
        app->http = http_shared_new();
    if (!nest_kit_init(&app->kit, &app->conf, app->http))
        return app;
    http_shared_free(app->http);
    free(app);
    errno = ENOMEM;
    return NULL;
}

void app_close(struct app *app)
{
    if (app->identifier)
        identifier_close(app->identifier);
}

bool app_turns_down(const struct app *app, const struct flow_key *key,
                    const struct app_piece *first)
{
    bool is_stream = key->l4_proto == IP_PROTO_TCP;

    return layer_turns_down(nest_kit_outer(&app->kit, is_stream), key, is_stream, first);
}

void app_free(struct app *app)
{
    if (!app)
        return;
    while (app->spare) {
        struct app_session *next = app->spare->next_spare;

        free(app->spare);
        app->spare = next;
    }
    identifier_free(app->identifier);
    http_shared_free(app->http);
    nest_kit_fini(&app->kit);
    free(app);
}

/* ---- a session ----------------------------------------------------------------------------------- */

struct app_session *app_session_new(struct app *app, const struct flow_key *key,
                                    const struct session *session)
{
    struct app_session *one = app->spare;

    if (one)
        app->spare = one->next_spare;
    else
        one = malloc(sizeof(*one));
    if (!one)
        return NULL;
    one->app = app;
    one->identity = (struct identity){0};
    one->finished = false;
    one->identification = NULL;
    one->identified = !app->identify;
    nest_init(&one->nest, &app->kit, key, session);
    return one;
}

void app_session_free(struct app_session *one)
{
    if (!one)
        return;
    nest_fini(&one->nest);
    identification_free(one->app->identifier, one->identification);
    one->next_spare = one->app->spare;
    one->app->spare = one;
}

/*
 * With its first packet: libndpi takes longer to begin than to look at a small file. False: it is over, too, since there is
 * no memory, or such a packet is known.
 */
static bool begin_identification(struct app_session *one, const struct app_packet *packet)
{
    struct app *app = one->app;

    if (!app->identifier) {
        app->identifier = identifier_new(app->conf.wall_offset_ns);
        if (!app->identifier) {
            log_error("no memory to identify protocols: records go without");
            app->identify = false;
        }
    }
    if (app->identifier && !identifier_recall(app->identifier, packet, &one->identity))
        one->identification = identification_new(app->identifier);
    one->identified = !one->identification;
    return one->identification;
}

static void tell_identity(struct app_session *one)
{
    if (one->identification)
        identification_tell(one->app->identifier, one->identification, &one->identity);
    identification_free(one->app->identifier, one->identification);
    one->identification = NULL;
    one->identified = true;
}

bool app_session_packet(struct app_session *one, const struct app_packet *packet)
{
    if (one->identified || (!one->identification && !begin_identification(one, packet)))
        return false;
    if (identification_packet(one->app->identifier, one->identification, packet))
        return true;
    tell_identity(one);
    return false;
}

void app_session_data(struct app_session *one, const struct app_piece *piece)
{
    layer_data(nest_outermost(&one->nest), piece);
}

void app_session_hole(struct app_session *one, enum app_side side, uint64_t length)
{
    layer_hole(nest_outermost(&one->nest), side, length);
}

bool app_session_wants_data(const struct app_session *one)
{
    return !one->nest.begun || one->nest.outermost.layer.state != LAYER_CLOSED;
}

/* TLS that waits for secrets may get them until the session's end. */
void app_session_over(struct app_session *one)
{
    const struct keylog *keylog = one->app->conf.keylog;

    if (!keylog || !keylog_is_active(keylog))
        nest_end(&one->nest, 0, true);
}

static void add_cuts(struct app_cuts *cuts, const struct facts *facts)
{
    cuts->sessions += facts->cut_bytes || facts->cut_transactions || facts->cut_content_bytes ||
                      facts->cut_headers || facts->cut_layers;
    cuts->bytes += facts->cut_bytes;
    cuts->transactions += facts->cut_transactions;
    cuts->content_bytes += facts->cut_content_bytes;
    cuts->headers += facts->cut_headers;
    cuts->layers += facts->cut_layers;
}

void app_session_finish(struct app_session *one, uint64_t time_ns, bool by_fin)
{
    if (one->finished)
        return;
    one->finished = true;
    nest_end(&one->nest, time_ns, by_fin);
    if (one->nest.facts && one->app->conf.cuts)
        add_cuts(one->app->conf.cuts, one->nest.facts);
    if (!one->identified)
        tell_identity(one);
}

bool app_session_is_settled(const struct app_session *one, bool wants_data)
{
    if (!one->identified || (wants_data && app_session_wants_data(one)))
        return false;
    return nest_is_closed(&one->nest);
}

void app_tell_name(const struct facts *facts, struct names *names, const uint8_t server[16])
{
    const char *within = facts ? facts->tls.within : NULL;

    /* The server is a proxy, which has another name. */
    if (facts && (facts->tls.tunnel || (within && !strcmp(within, "http"))))
        return;
    if (facts && facts->tls.sni.at)
        names_add(names, server, facts->tls.sni.at, facts->tls.sni.len, NAME_OF_TLS);
}

const struct identity *app_session_identity(const struct app_session *one)
{
    return &one->identity;
}

const struct facts *app_session_facts(const struct app_session *one)
{
    return one->nest.facts;
}
