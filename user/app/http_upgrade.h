/* SPDX-License-Identifier: Apache-2.0 */
/* Inside app/: what a connection of HTTP/1 is once it is no longer HTTP/1's: WebSocket, HTTP/2, or a tunnel. */
#ifndef SESSTAP_APP_HTTP_UPGRADE_H
#define SESSTAP_APP_HTTP_UPGRADE_H

#include "app/parser.h"

/* Zeroed: it is HTTP/1's still. */
struct http_upgrade {
    const struct app_env *env;
    bool happened;
    bool tunnel;                     /* by CONNECT: what follows is another connection's */
    const struct app_parser *parser; /* NULL: nobody reads what follows */
    void *state;
};

/* Whether the transaction, whose response's headers are known, is the last one of HTTP/1. env outlives upgrade. */
bool http_upgrade_judge(struct http_upgrade *upgrade, const struct app_env *env,
                        const struct http_transaction *transaction);
/* As struct app_parser; after an upgrade that happened. */
enum app_verdict http_upgrade_data(struct http_upgrade *upgrade, const struct app_piece *piece);
enum app_verdict http_upgrade_hole(struct http_upgrade *upgrade, enum app_side side,
                                   uint64_t length);
void http_upgrade_end(struct http_upgrade *upgrade, enum app_side side, uint64_t time_ns);
void http_upgrade_close(struct http_upgrade *upgrade);

#endif
