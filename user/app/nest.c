/* SPDX-License-Identifier: Apache-2.0 */
#include "app/nest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/http.h"
#include "app/keylog.h"
#include "packet.h"

#define DEPTH_MOST \
    8 /* layers in one another: two proxies by TLS, and TLS in their tunnels, are six */
#define NESTED_MOST 128 /* within the outermost one, at once */

/* ---- what layers are made with ------------------------------------------------------------------- */

static void add_candidate(const struct app_parser **list, const struct app_parser *parser)
{
    while (*list)
        list++;
    *list = parser;
}

static void choose_http(struct nest_kit *kit)
{
    const struct app_parser **lists[] = {kit->streams, kit->carried, kit->inner};

    for (size_t i = 0; kit->http && i < sizeof(lists) / sizeof(lists[0]); i++) {
        if (http_shared_http1(kit->http))
            add_candidate(lists[i], &app_http1);
        add_candidate(lists[i], &app_http2);
    }
}

int nest_kit_init(struct nest_kit *kit, const struct app_conf *conf, struct http_shared *http)
{
    *kit = (struct nest_kit){.conf = conf, .http = http, .pool = facts_pool_new()};
    if (!kit->pool)
        return -ENOMEM;
    add_candidate(kit->streams, &app_tls);
    add_candidate(kit->streams, &app_dns);
    add_candidate(kit->datagrams, &app_dns);
    add_candidate(kit->carried, &app_tls);
    choose_http(kit);
    add_candidate(kit->inner, &app_tls);
    /* CONNECT too, but HTTP/1 tells more of it. */
    add_candidate(kit->streams, &app_starttls);
    add_candidate(kit->carried, &app_starttls);
    add_candidate(kit->inner, &app_starttls);
    return 0;
}

void nest_kit_fini(struct nest_kit *kit)
{
    while (kit->spare) {
        struct nested *next = kit->spare->next;

        free(kit->spare);
        kit->spare = next;
    }
    facts_pool_free(kit->pool);
}

const struct app_parser *const *nest_kit_outer(const struct nest_kit *kit, bool is_stream)
{
    return is_stream ? kit->streams : kit->datagrams;
}

/* ---- the tree ------------------------------------------------------------------------------------ */

static bool is_within(const struct nested *one, const struct nested *top)
{
    while (one && one != top)
        one = one->parent;
    return one;
}

/* What ends may begin others, and those are ended too: they come behind it. */
static void end_within(struct nest *nest, const struct nested *top, uint64_t time_ns)
{
    for (struct nested *at = nest->first; at; at = at->next)
        if (is_within(at, top))
            layer_end(&at->layer, time_ns);
}

static void free_within(struct nest *nest, struct nested *top)
{
    struct nested **link = &nest->first, *gone = NULL, **gone_end = &gone;

    if (top->parent && top->parent->latest == top)
        top->parent->latest = NULL;
    for (struct nested *at = nest->first; at; at = at->next)
        at->leaves = is_within(at, top);
    nest->last = NULL;
    while (*link) {
        struct nested *at = *link;

        if (!at->leaves) {
            nest->last = at;
            link = &at->next;
            continue;
        }
        *link = at->next;
        at->next = NULL;
        *gone_end = at;
        gone_end = &at->next;
        nest->count--;
    }
    while (gone) { /* parsers that close end their tunnels: these are found no more */
        struct nested *next = gone->next;

        layer_fini(&gone->layer);
        gone->next = nest->kit->spare;
        nest->kit->spare = gone;
        gone = next;
    }
}

/* Room for one more in parent, maybe in place of one that but waits for secrets. */
static bool make_room(struct nest *nest, const struct nested *parent)
{
    struct nested *old = nest->first;

    if (nest->count < NESTED_MOST)
        return true;
    while (old && (!old->over || is_within(parent, old)))
        old = old->next;
    if (!old)
        return false;
    end_within(nest, old, 0);
    free_within(nest, old);
    return nest->count < NESTED_MOST;
}

static struct nested *new_nested(struct nest *nest, struct nested *parent)
{
    struct nest_kit *kit = nest->kit;
    struct nested *one;

    if (parent->depth + 1 == DEPTH_MOST || !make_room(nest, parent))
        return NULL;
    one = kit->spare;
    if (one)
        kit->spare = one->next;
    else
        one = malloc(sizeof(*one));
    if (!one)
        return NULL;
    one->next = NULL;
    if (nest->last)
        nest->last->next = one;
    else
        nest->first = one;
    nest->last = one;
    nest->count++;
    return one;
}

static struct nested *find_nested(struct nested *parent, uint64_t tunnel)
{
    struct nested *at = parent->latest;

    if (at && at->tunnel == tunnel)
        return at;
    for (at = parent->nest->first; at; at = at->next)
        if (at->parent == parent && at->tunnel == tunnel)
            break;
    parent->latest = at;
    return at;
}

/* ---- what parsers hand on ------------------------------------------------------------------------ */

static void begin(struct nested *one, const struct nested *where,
                  const struct app_parser *const *parsers);

/* What a tunnel of parent, or TLS, carries. by: who hands it over, NULL: nobody. NULL: it is not looked into. */
static struct nested *get_nested(struct nested *parent, const struct app_carrier *carrier,
                                 const struct app_parser *const *parsers)
{
    struct nested *one = find_nested(parent, carrier->tunnel);
    struct nested where = {.nest = parent->nest, .parent = parent, .tunnel = carrier->tunnel};

    if (one)
        return one;
    one = new_nested(parent->nest, parent);
    if (!one) {
        parent->nest->facts->cut_layers += !parent->refused || carrier->tunnel;
        parent->refused = true;
        return NULL;
    }
    where.depth = parent->depth + 1;
    where.next = one->next;
    begin(one, &where, parsers);
    one->layer.env.within = carrier->by;
    one->layer.env.tunnel = carrier->tunnel ? carrier->tunnel : parent->layer.env.tunnel;
    parent->latest = one;
    return one;
}

static void give(struct nested *one, const struct app_piece *piece)
{
    layer_data(&one->layer, piece);
    if (one->layer.parser == &app_tls)
        for (struct nested *at = one->parent; at && !at->veiled; at = at->parent)
            at->veiled = true;
}

/* Deciphered bytes. */
static void on_inner(void *ctx, const struct app_piece *piece)
{
    static const struct app_carrier carrier;
    struct nested *tls = ctx;
    struct nest *nest = tls->nest;
    const struct app_conf *conf = nest->kit->conf;
    struct nested *one = get_nested(tls, &carrier, nest->kit->inner);
    struct app_piece clear = *piece;

    if (one)
        give(one, piece);
    else
        nest->facts->cut_bytes += piece->len;
    if (!conf->clear || tls->veiled)
        return;
    clear.offset = nest->clear_bytes[piece->side];
    nest->clear_bytes[piece->side] += piece->len;
    conf->clear(conf->ctx, nest->session, &clear);
}

static void on_inner_hole(void *ctx, enum app_side side)
{
    struct nested *tls = ctx;
    struct nested *one = find_nested(tls, 0);
    const struct app_conf *conf = tls->nest->kit->conf;

    if (one)
        layer_hole(&one->layer, side, 0);
    if (conf->clear_hole && !tls->veiled)
        conf->clear_hole(conf->ctx, tls->nest->session, side);
}

static bool on_carried(void *ctx, const struct app_carrier *carrier, const struct app_piece *piece)
{
    struct nested *parent = ctx;
    struct nested *one = get_nested(parent, carrier, parent->nest->kit->carried);

    if (!one) {
        parent->nest->facts->cut_bytes += piece->len;
        return false;
    }
    give(one, piece);
    return one->layer.state != LAYER_CLOSED;
}

static bool on_carried_hole(void *ctx, uint64_t tunnel, enum app_side side, uint64_t length)
{
    struct nested *one = find_nested(ctx, tunnel);

    if (one)
        layer_hole(&one->layer, side, length);
    return !one || one->layer.state != LAYER_CLOSED;
}

/* TLS that waits for secrets may get them until the session's end. */
static void on_carried_end(void *ctx, uint64_t tunnel)
{
    struct nested *one = find_nested(ctx, tunnel);
    const struct keylog *keylog = one ? one->nest->kit->conf->keylog : NULL;

    if (!one)
        return;
    if (keylog && keylog_is_active(keylog)) {
        one->over = true;
        return;
    }
    end_within(one->nest, one, 0);
    free_within(one->nest, one);
}

static void on_content(void *ctx, const struct http_transaction *transaction, enum app_side side,
                       const uint8_t *data, size_t len)
{
    const struct nest *nest = ((struct nested *)ctx)->nest;
    const struct app_conf *conf = nest->kit->conf;

    conf->content(conf->ctx, nest->session, transaction, side, data, len);
}

static void on_message(void *ctx, const struct http_transaction *transaction, enum app_side side)
{
    const struct nest *nest = ((struct nested *)ctx)->nest;
    const struct app_conf *conf = nest->kit->conf;

    conf->message(conf->ctx, nest->session, transaction, side);
}

static struct facts *make_facts(void *ctx)
{
    struct nest *nest = ctx;

    if (!nest->facts)
        nest->facts = facts_new(nest->kit->pool, nest->kit->conf->limits.facts_bytes);
    return nest->facts;
}

/* ---- layers -------------------------------------------------------------------------------------- */

/* where: it is, without its layer. */
static void begin(struct nested *one, const struct nested *where,
                  const struct app_parser *const *parsers)
{
    struct nest *nest = where->nest;
    const struct app_conf *conf = nest->kit->conf;

    *one = *where;
    one->layer = (struct layer){
        .candidates = parsers,
        .env =
            {
                .key = nest->key,
                .limits = &conf->limits,
                .names = conf->names,
                .keylog = conf->keylog,
                .http = nest->kit->http,
                .inner = on_inner,
                .inner_hole = on_inner_hole,
                .carried = on_carried,
                .carried_hole = on_carried_hole,
                .carried_end = on_carried_end,
                .content = conf->content ? on_content : NULL,
                .message = conf->message ? on_message : NULL,
                .open_streams = &nest->open_streams,
                .ctx = one,
            },
        .make_facts = make_facts,
        .facts_ctx = nest,
        .state = *parsers ? LAYER_UNDECIDED : LAYER_CLOSED,
        .is_stream = one->parent || nest->is_stream,
    };
}

void nest_init(struct nest *nest, struct nest_kit *kit, const struct flow_key *key,
               const struct session *session)
{
    nest->kit = kit;
    nest->key = key;
    nest->session = session;
    nest->facts = NULL;
    nest->begun = false;
    nest->is_stream = key->l4_proto == IP_PROTO_TCP;
    nest->open_streams = 0;
    nest->count = 0;
    nest->clear_bytes[0] = nest->clear_bytes[1] = 0;
    nest->first = nest->last = NULL;
}

struct layer *nest_outermost(struct nest *nest)
{
    const struct nested where = {.nest = nest};

    if (!nest->begun)
        begin(&nest->outermost, &where, nest_kit_outer(nest->kit, nest->is_stream));
    nest->begun = true;
    return &nest->outermost.layer;
}

void nest_end(struct nest *nest, uint64_t time_ns, bool by_fin)
{
    if (!nest->begun)
        return;
    nest->outermost.layer.env.cut_short = !by_fin;
    for (struct nested *at = nest->first; at; at = at->next)
        at->layer.env.cut_short = !by_fin;
    layer_end(&nest->outermost.layer, time_ns);
    end_within(nest, &nest->outermost, time_ns);
}

void nest_fini(struct nest *nest)
{
    if (nest->begun) {
        layer_fini(&nest->outermost.layer);
        for (struct nested *at = nest->first; at;
             at = at->next) /* one may begin another behind it */
            layer_fini(&at->layer);
        free_within(nest, &nest->outermost);
    }
    facts_free(nest->facts);
}

bool nest_is_closed(const struct nest *nest)
{
    if (nest->begun && nest->outermost.layer.state != LAYER_CLOSED)
        return false;
    for (const struct nested *at = nest->first; at; at = at->next)
        if (at->layer.state != LAYER_CLOSED)
            return false;
    return true;
}
