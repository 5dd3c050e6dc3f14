/* SPDX-License-Identifier: Apache-2.0 */
/* Inside app/: an HTTP/1 connection as http1.c feeds it to libhtp, and http1_messages.c hears of it. */
#ifndef SESSTAP_APP_HTTP1_INTERNAL_H
#define SESSTAP_APP_HTTP1_INTERNAL_H

#include <htp/htp.h>

#include "app/http.h"
#include "app/http_upgrade.h"

/* What libhtp did not take of a side's bytes until the other side says more. */
struct http_rest {
    uint8_t *data; /* owned */
    size_t len;
    struct app_piece piece; /* the last of those that it came in */
};

struct http1 {
    const struct app_env *env;
    htp_connp_t *connp;
    const struct app_piece *piece; /* while it is read */
    struct http_moment end;
    struct http_upgrade upgrade;
    bool closing; /* what ends now ends with the connection */
    struct http_rest rest[2];
};

/* Its messages are over, or will not go on. */
void http1_finish_messages(struct http1 *http);

#endif
