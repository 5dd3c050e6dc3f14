/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS that begins in a connection which spoke something else before. Each direction is cut into the units of the plain
 * protocol until, at the beginning of one, a TLS record stands where the client asked for it; from there on the bytes are
 * the next layer's. Where a hole may have swallowed the asking, a whole hello is believed.
 */
#include "app/starttls.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_ALERT     21
#define RECORD_HANDSHAKE 22
#define RECORD_MAJOR     3
#define HELLO_BYTES      6 /* of a record, up to the type of its first message */
#define HELLO_TYPE_AT    5

/* One direction. */
struct plain_way {
    uint8_t unit[STARTTLS_UNIT_MAX]; /* what is kept of the unit that is not whole */
    size_t len;
    uint64_t left; /* of it, still to come; 0: its length is not known */
    bool torn;     /* bytes are missing: who knows what they said */
    bool searches; /* the beginning of the unit is missing */
    bool carried;  /* it is TLS's now */
};

struct starttls {
    struct app_env env;
    const struct starttls_protocol *protocol; /* NULL: nothing has come */
    struct starttls_talk talk;
    enum { PLAIN, ASKED, REFUSED, AGREED } state;
    struct plain_way ways[2];
};

static const struct starttls_protocol *find_in(const struct starttls_protocol *const *list,
                                               const struct app_piece *first)
{
    for (; *list; list++)
        if ((*list)->begins(first))
            return *list;
    return NULL;
}

static const struct starttls_protocol *find(const struct app_piece *first)
{
    const struct starttls_protocol *found = find_in(starttls_of_lines, first);

    return found ? found : find_in(starttls_of_messages, first);
}

static bool looks_like(const struct flow_key *key, const struct app_piece *first)
{
    (void)key;
    return find(first);
}

static void *starttls_open(const struct app_env *env)
{
    struct starttls *starttls = calloc(1, sizeof(*starttls));

    if (starttls)
        starttls->env = *env;
    return starttls;
}

/* ---- units */

/* A TLS record where a unit would begin. */
static bool is_tls(const struct starttls *starttls, enum app_side side, const uint8_t *data,
                   size_t len)
{
    const struct plain_way *way = &starttls->ways[side];
    uint8_t hello = side == APP_CLIENT ? 1 : 2;
    bool expected =
        starttls->state == AGREED ||
        (side == APP_CLIENT ? starttls->state == ASKED : starttls->ways[APP_CLIENT].carried);

    if (data[0] != RECORD_HANDSHAKE && (data[0] != RECORD_ALERT || side == APP_CLIENT))
        return false;
    if (len >= 2 && data[1] != RECORD_MAJOR)
        return false;
    return expected || (way->torn && len >= HELLO_BYTES && data[HELLO_TYPE_AT] == hello);
}

/* False: there will be no TLS. A refusal may be of what was said before the asking. */
static bool take_word(struct starttls *starttls, enum starttls_word word)
{
    switch (word) {
    case STARTTLS_ASK:
        starttls->state = ASKED;
        break;
    case STARTTLS_BOTH:
        starttls->state = AGREED;
        break;
    case STARTTLS_AGREE:
        if (starttls->state != PLAIN)
            starttls->state = AGREED;
        break;
    case STARTTLS_REFUSE:
        if (starttls->state == ASKED)
            starttls->state = REFUSED;
        break;
    case STARTTLS_OTHER:
        break;
    case STARTTLS_NEVER:
        return false;
    }
    return true;
}

/* A unit is whole. False: there will be no TLS. */
static bool judge(struct starttls *starttls, enum app_side side)
{
    struct plain_way *way = &starttls->ways[side];
    const struct starttls_protocol *protocol = starttls->protocol;
    size_t len = way->len;

    way->len = 0;
    if (way->searches) { /* its beginning is missing */
        way->searches = false;
        return true;
    }
    return take_word(starttls, side == APP_CLIENT
                                   ? protocol->client(&starttls->talk, way->unit, len)
                                   : protocol->server(&starttls->talk, way->unit, len));
}

static void keep(struct plain_way *way, const uint8_t *data, size_t len)
{
    size_t room = sizeof(way->unit) - way->len;

    memcpy(way->unit + way->len, data, len < room ? len : room);
    way->len += len < room ? len : room;
}

/* A unit that ends with a byte. Bytes taken. */
static size_t take_run(struct starttls *starttls, enum app_side side, const uint8_t *data,
                       size_t len, bool *over)
{
    const uint8_t *last = memchr(data, starttls->protocol->last, len);
    size_t some = last ? (size_t)(last - data) + 1 : len;

    keep(&starttls->ways[side], data, some);
    *over = last && !judge(starttls, side);
    return some;
}

/* A unit that tells its length. Bytes taken. */
static size_t take_measured(struct starttls *starttls, enum app_side side, const uint8_t *data,
                            size_t len, bool *over)
{
    struct plain_way *way = &starttls->ways[side];
    size_t some = 1, whole;

    if (way->left) {
        some = way->left < len ? (size_t)way->left : len;
        way->left -= some;
        keep(way, data, some);
        *over = !way->left && !judge(starttls, side);
        return some;
    }
    keep(way, data, some);
    whole = starttls->protocol->measure(side, way->unit, way->len);
    *over = whole == STARTTLS_BAD || (!whole && way->len == sizeof(way->unit));
    if (!whole || *over)
        return some;
    if (whole > way->len)
        way->left = whole - way->len;
    else
        *over = !judge(starttls, side);
    return some;
}

/* ---- the parser */

static enum app_verdict starttls_data(void *state, const struct app_piece *piece)
{
    struct starttls *starttls = state;
    struct plain_way *way = &starttls->ways[piece->side];
    struct app_carrier carrier = {0};
    struct app_piece rest = *piece;
    bool over = false;

    if (!starttls->protocol) {
        starttls->protocol = find(piece);
        if (!starttls->protocol)
            return APP_NOT_MINE;
        starttls->talk.name = starttls->protocol->name;
    }
    while (rest.len && !over && !way->carried) {
        size_t some;

        if (!way->len && !way->left && is_tls(starttls, piece->side, rest.data, rest.len)) {
            way->carried = true;
            break;
        }
        some = starttls->protocol->measure
                   ? take_measured(starttls, piece->side, rest.data, rest.len, &over)
                   : take_run(starttls, piece->side, rest.data, rest.len, &over);
        rest.data += some;
        rest.len -= some;
        rest.offset += some;
    }
    if (over)
        return APP_NOT_MINE;
    if (!rest.len)
        return APP_MORE;
    carrier.by = starttls->talk.name;
    return starttls->env.carried(starttls->env.ctx, &carrier, &rest) ? APP_MORE : APP_DONE;
}

/* Lines are found again; of messages only one that goes on beyond the hole can be. */
static enum app_verdict starttls_hole(void *state, enum app_side side, uint64_t length)
{
    struct starttls *starttls = state;
    struct plain_way *way = &starttls->ways[side];

    if (way->carried)
        return starttls->env.carried_hole(starttls->env.ctx, 0, side, length) ? APP_MORE : APP_DONE;
    if (!starttls->protocol)
        return APP_NOT_MINE;
    if (length && length <= way->left) {
        way->left -= length;
        way->searches = true; /* what it says is not known */
        if (!way->left)
            judge(starttls, side);
        return APP_MORE;
    }
    way->torn = true;
    way->left = way->len = 0;
    way->searches = !starttls->protocol->measure;
    return APP_MORE;
}

static void starttls_close(void *state)
{
    free(state);
}

const struct app_parser app_starttls = {
    .looks_like = looks_like,
    .open = starttls_open,
    .data = starttls_data,
    .hole = starttls_hole,
    .close = starttls_close,
};
