/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside app/: what a connection of HTTP/1, or a stream of HTTP/2, is once it is no longer HTTP's: WebSocket, HTTP/2, or a
 * tunnel.
 */
#ifndef SESSTAP_APP_HTTP_UPGRADE_H
#define SESSTAP_APP_HTTP_UPGRADE_H

#include "app/parser.h"

/* Zeroed: it is HTTP's still. */
struct http_upgrade {
    struct app_env env; /* for who reads what follows */
    struct http_asked asked;
    bool happened;
    bool tunnel;                     /* by CONNECT: what follows is another connection's */
    uint64_t number;                 /* of the transaction */
    const struct app_parser *parser; /* NULL: nobody reads what follows */
    void *state;
};

/* Whether the transaction, whose response's headers are known, is the last one of HTTP/1. What env has outlives upgrade. */
bool http_upgrade_judge(struct http_upgrade *upgrade, const struct app_env *env,
                        const struct http_transaction *transaction);
/* What follows is a tunnel, or with protocol (of an extended CONNECT, RFC 8441) what that says. */
void http_upgrade_connect(struct http_upgrade *upgrade, const struct app_env *env,
                          const struct http_transaction *transaction, const char *protocol);
/* As struct app_parser; after an upgrade that happened. */
enum app_verdict http_upgrade_data(struct http_upgrade *upgrade, const struct app_piece *piece);
enum app_verdict http_upgrade_hole(struct http_upgrade *upgrade, enum app_side side,
                                   uint64_t length);
void http_upgrade_end(struct http_upgrade *upgrade, enum app_side side, uint64_t time_ns);
void http_upgrade_close(struct http_upgrade *upgrade);

#endif
