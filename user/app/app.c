/* SPDX-License-Identifier: Apache-2.0 */
/* A session in app/: identification beside layers of parsers, each protocol and what it carries. */
#include "app/app.h"

#include <stdlib.h>
#include <string.h>

#include "app/http.h"
#include "app/identify.h"
#include "app/keylog.h"
#include "app/layer.h"
#include "base/log.h"
#include "packet.h"
#include "session/names.h"

#define LAYERS     4 /* at most: CONNECT, and in it what hands over to TLS, TLS, and what TLS carries */
#define CANDIDATES 6
/* Rises when sessions are looked into otherwise, or what is found means something else. */
#define TOLD_VERSION 4u

struct app {
    struct app_conf conf;
    struct identifier
        *identifier; /* NULL: no packet has come yet, or sessions are not identified */
    bool identify;
    struct http_shared *http; /* NULL: HTTP is not looked into */
    struct facts_pool *pool;
    /* Parsers to try on the bytes of a session: of TCP, of datagrams, of a connection handed over, of what TLS carries. */
    const struct app_parser *streams[CANDIDATES];
    const struct app_parser *datagrams[CANDIDATES];
    const struct app_parser *carried[CANDIDATES];
    const struct app_parser *inner[CANDIDATES];
    struct app_session *spare;
};

/* A layer, and where it is. */
struct depth {
    struct app_session *one;
    struct layer layer;
};

struct app_session {
    struct app_session *next_spare;
    struct app *app;
    const struct flow_key *key;
    const struct session *session;
    struct identification *identification;
    struct identity identity;
    struct facts *facts;
    bool identified; /* no more packets are wanted */
    bool finished;
    bool is_stream;
    struct depth depths[LAYERS]; /* from the outside in */
    int depth_count;             /* that were begun */
};

static const struct app_limits default_limits = {
    .stream_bytes = 1ULL << 30,
    .held_bytes = 1 << 20,
    .transactions = 10000,
    .header_bytes = 64 << 10,
    .content_bytes = 64 << 20,
    .content_ratio = 1000,
    .facts_bytes = 8 << 20,
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

static void add_candidate(const struct app_parser **list, const struct app_parser *parser)
{
    while (*list)
        list++;
    *list = parser;
}

static void choose_parsers(struct app *app)
{
    add_candidate(app->streams, &app_tls);
    add_candidate(app->streams, &app_dns);
    add_candidate(app->datagrams, &app_dns);
    add_candidate(app->carried, &app_tls);
    if (app->conf.http) {
        const struct app_parser **lists[] = {app->streams, app->carried, app->inner};

        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
            if (app->http && http_shared_http1(app->http))
                add_candidate(lists[i], &app_http1);
            add_candidate(lists[i], &app_http2);
        }
    }
    add_candidate(app->streams, &app_starttls); /* CONNECT too, but HTTP/1 tells more of it */
}

struct app *app_new(const struct app_conf *conf)
{
    struct app *app = calloc(1, sizeof(*app));

    if (!app)
        return NULL;
    app->pool = facts_pool_new();
    if (!app->pool) {
        free(app);
        return NULL;
    }
    app->conf = *conf;
    complete_limits(&app->conf.limits);
    app->identify = conf->identify && app_can_identify();
    if (conf->http)
        app->http = http_shared_new();
    choose_parsers(app);
    return app;
}

void app_close(struct app *app)
{
    if (app->identifier)
        identifier_close(app->identifier);
}

static const struct app_parser *const *outer_parsers(const struct app *app, bool is_stream)
{
    return is_stream ? app->streams : app->datagrams;
}

bool app_turns_down(const struct app *app, const struct flow_key *key,
                    const struct app_piece *first)
{
    bool is_stream = key->l4_proto == IP_PROTO_TCP;

    return layer_turns_down(outer_parsers(app, is_stream), key, is_stream, first);
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
    facts_pool_free(app->pool);
    free(app);
}

/* ---- a session ----------------------------------------------------------------------------------- */

static struct facts *make_facts(void *ctx)
{
    struct app_session *one = ctx;

    if (!one->facts)
        one->facts = facts_new(one->app->pool, one->app->conf.limits.facts_bytes);
    return one->facts;
}

static struct layer *begin_layer(struct app_session *one, const struct app_parser *const *parsers);

/* The layer that a layer's bytes are for; NULL: there is none so deep. */
static struct layer *next_layer(struct depth *depth, const struct app_parser *const *parsers)
{
    struct app_session *one = depth->one;
    int next = (int)(depth - one->depths) + 1;

    if (next < one->depth_count)
        return &one->depths[next].layer;
    return next < LAYERS ? begin_layer(one, parsers) : NULL;
}

/* Deciphered bytes. */
static void on_inner(void *ctx, const struct app_piece *piece)
{
    struct depth *depth = ctx;
    struct app_session *one = depth->one;
    const struct app_conf *conf = &one->app->conf;
    struct layer *layer = next_layer(depth, one->app->inner);

    if (conf->clear)
        conf->clear(conf->ctx, one->session, piece);
    if (layer)
        layer_data(layer, piece);
}

static void on_inner_hole(void *ctx, enum app_side side)
{
    struct depth *depth = ctx;
    struct app_session *one = depth->one;
    const struct app_conf *conf = &one->app->conf;
    struct layer *layer = next_layer(depth, one->app->inner);

    if (conf->clear_hole)
        conf->clear_hole(conf->ctx, one->session, side);
    if (layer)
        layer_hole(layer, side, 0);
}

/* Who is asked about a connection that was handed over. TLS within TLS is not looked into: the facts are of one. */
static const struct app_parser *const *carried_parsers(const struct depth *depth)
{
    const struct app_session *one = depth->one;

    for (const struct depth *at = one->depths; at < depth; at++)
        if (at->layer.parser == &app_tls)
            return one->app->inner;
    return one->app->carried;
}

static bool on_carried(void *ctx, const char *by, const struct app_piece *piece)
{
    struct depth *depth = ctx;
    struct layer *layer = next_layer(depth, carried_parsers(depth));

    if (!layer)
        return false;
    layer->env.within = by;
    layer_data(layer, piece);
    return layer->state != LAYER_CLOSED;
}

static bool on_carried_hole(void *ctx, enum app_side side, uint64_t length)
{
    struct depth *depth = ctx;
    struct layer *layer = next_layer(depth, carried_parsers(depth));

    if (!layer)
        return false;
    layer_hole(layer, side, length);
    return layer->state != LAYER_CLOSED;
}

static void on_content(void *ctx, const struct http_transaction *transaction, enum app_side side,
                       const uint8_t *data, size_t len)
{
    struct app_session *one = ((struct depth *)ctx)->one;
    const struct app_conf *conf = &one->app->conf;

    conf->content(conf->ctx, one->session, transaction, side, data, len);
}

static void on_message(void *ctx, const struct http_transaction *transaction, enum app_side side)
{
    struct app_session *one = ((struct depth *)ctx)->one;
    const struct app_conf *conf = &one->app->conf;

    conf->message(conf->ctx, one->session, transaction, side);
}

/* The next one inwards, for what one of these may be found in. */
static struct layer *begin_layer(struct app_session *one, const struct app_parser *const *parsers)
{
    const struct app_conf *conf = &one->app->conf;
    bool is_outermost = !one->depth_count;
    struct depth *depth = &one->depths[one->depth_count++];

    *depth = (struct depth){
        .one = one,
        .layer =
            {
                .candidates = parsers,
                .env =
                    {
                        .key = one->key,
                        .limits = &conf->limits,
                        .names = conf->names,
                        .keylog = conf->keylog,
                        .http = one->app->http,
                        .inner = on_inner,
                        .inner_hole = on_inner_hole,
                        .carried = on_carried,
                        .carried_hole = on_carried_hole,
                        .content = conf->content ? on_content : NULL,
                        .message = conf->message ? on_message : NULL,
                        .ctx = depth,
                    },
                .make_facts = make_facts,
                .facts_ctx = one,
                .state = *parsers ? LAYER_UNDECIDED : LAYER_CLOSED,
                .is_stream = !is_outermost || one->is_stream,
            },
    };
    return &depth->layer;
}

/* Begun with its first bytes: many sessions are but identified. */
static struct layer *outer_layer(struct app_session *one)
{
    if (one->depth_count)
        return &one->depths[0].layer;
    return begin_layer(one, outer_parsers(one->app, one->is_stream));
}

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
    one->session = session;
    one->facts = NULL;
    one->identity = (struct identity){0};
    one->finished = false;
    one->identification = NULL;
    one->identified = !app->identify;
    one->key = key;
    one->is_stream = key->l4_proto == IP_PROTO_TCP;
    one->depth_count = 0;
    return one;
}

void app_session_free(struct app_session *one)
{
    if (!one)
        return;
    for (int i = 0; i < one->depth_count; i++)
        layer_fini(&one->depths[i].layer);
    identification_free(one->app->identifier, one->identification);
    facts_free(one->facts);
    one->next_spare = one->app->spare;
    one->app->spare = one;
}

/* With its first packet: libndpi takes longer to begin than to look at a small file. */
static bool begin_identification(struct app_session *one)
{
    struct app *app = one->app;

    if (!app->identifier) {
        app->identifier = identifier_new(app->conf.wall_offset_ns);
        if (!app->identifier) {
            log_error("no memory to identify protocols: records go without");
            app->identify = false;
        }
    }
    if (app->identifier)
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
    if (one->identified || (!one->identification && !begin_identification(one)))
        return false;
    if (identification_packet(one->app->identifier, one->identification, packet))
        return true;
    tell_identity(one);
    return false;
}

void app_session_data(struct app_session *one, const struct app_piece *piece)
{
    layer_data(outer_layer(one), piece);
}

void app_session_hole(struct app_session *one, enum app_side side, uint64_t length)
{
    layer_hole(outer_layer(one), side, length);
}

bool app_session_wants_data(const struct app_session *one)
{
    return !one->depth_count || one->depths[0].layer.state != LAYER_CLOSED;
}

static void end_layers(struct app_session *one, uint64_t time_ns)
{
    for (int i = 0; i < one->depth_count; i++)
        layer_end(&one->depths[i].layer, time_ns);
}

/* TLS that waits for secrets may get them until the session's end. */
void app_session_over(struct app_session *one)
{
    const struct keylog *keylog = one->app->conf.keylog;

    if (!keylog || !keylog_is_active(keylog))
        end_layers(one, 0);
}

void app_session_finish(struct app_session *one, uint64_t time_ns)
{
    if (one->finished)
        return;
    one->finished = true;
    end_layers(one, time_ns);
    if (!one->identified)
        tell_identity(one);
}

bool app_session_is_settled(const struct app_session *one, bool wants_data)
{
    if (!one->identified || (wants_data && app_session_wants_data(one)))
        return false;
    for (int i = 0; i < one->depth_count; i++)
        if (one->depths[i].layer.state != LAYER_CLOSED)
            return false;
    return true;
}

void app_tell_name(const struct facts *facts, struct names *names, const uint8_t server[16])
{
    const char *within = facts ? facts->tls.within : NULL;

    if (within && !strcmp(within, "http")) /* the server is a proxy, which has another name */
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
    return one->facts;
}
