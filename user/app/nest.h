/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside app/: the layers of a session in a tree: what it speaks on the wire, and what that carries: TLS deciphered, the
 * rest of a connection that was handed over, the tunnels of HTTP/2.
 */
#ifndef SESSTAP_APP_NEST_H
#define SESSTAP_APP_NEST_H

#include "app/layer.h"

#define NEST_CANDIDATES 6

struct app_conf;
struct nested;
struct session;

/* What the layers of all sessions are made with; by nest_kit_init. */
struct nest_kit {
    const struct app_conf *conf;
    struct http_shared *http; /* NULL: HTTP is not looked into */
    struct facts_pool *pool;
    /* Parsers to try on the bytes of a session: of TCP, of datagrams, of a connection handed over, of what TLS carries. */
    const struct app_parser *streams[NEST_CANDIDATES];
    const struct app_parser *datagrams[NEST_CANDIDATES];
    const struct app_parser *carried[NEST_CANDIDATES];
    const struct app_parser *inner[NEST_CANDIDATES];
    struct nested *spare;
};

/* A layer, and where it is. */
struct nested {
    struct nested *next;   /* in the order begun: behind the one that it is in */
    struct nested *parent; /* NULL: the outermost */
    struct nested
        *latest; /* of those in it, the one that was asked for last; NULL: none is known */
    struct nest *nest;
    uint64_t tunnel; /* which one of its parent's it is, 0: what its parent carries */
    uint8_t depth;
    bool veiled;  /* what is seen of it is what TLS in it deciphers */
    bool refused; /* something in it was not looked into */
    bool over;    /* nothing more comes, but maybe secrets */
    bool leaves;
    struct layer layer;
};

/* A session's. */
struct nest {
    struct nest_kit *kit;
    const struct flow_key *key;
    const struct session *session;
    struct facts *facts; /* NULL: nothing was found; owned */
    bool begun;          /* the outermost layer was */
    bool is_stream;
    uint32_t open_streams;
    uint32_t count; /* of those in the list */
    uint64_t clear_bytes[2];
    struct nested *first, *last; /* within the outermost one */
    struct nested outermost;
};

/* conf and http are borrowed. 0 or -ENOMEM. */
int nest_kit_init(struct nest_kit *kit, const struct app_conf *conf, struct http_shared *http);
void nest_kit_fini(struct nest_kit *kit);
/* The parsers for what is on the wire, ended by NULL. */
const struct app_parser *const *nest_kit_outer(const struct nest_kit *kit, bool is_stream);

/* Memory of any content becomes a session's that nothing is known of; key and session outlive it. */
void nest_init(struct nest *nest, struct nest_kit *kit, const struct flow_key *key,
               const struct session *session);
void nest_fini(struct nest *nest);
/* Begun with its first bytes: many sessions are but identified. */
struct layer *nest_outermost(struct nest *nest);
/* All directions are over; by_fin: the server's by its FIN. */
void nest_end(struct nest *nest, uint64_t time_ns, bool by_fin);
bool nest_is_closed(const struct nest *nest);

#endif
