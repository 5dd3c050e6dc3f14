/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside app/: headers on their way into the facts. A connection says most of them again and again: what was said once is
 * kept once.
 */
#ifndef SESSTAP_APP_HTTP_HEADERS_H
#define SESSTAP_APP_HTTP_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "session/facts.h"

#define HTTP_HEADERS_MAX 1024 /* of a message */

/* Those of the message that is told of just now; zeroed: none. */
struct http_headers {
    const struct http_message *of;
    size_t count;
    const struct http_header *list[HTTP_HEADERS_MAX];
};

/*
 * One more of a message. transactions: that the session may have, for which room is left. False: it is not kept, and
 * counted; headers_cut of the message is set.
 */
bool http_headers_add(struct http_headers *headers, struct facts *facts, uint64_t transactions,
                      struct http_message *message, const void *name, size_t name_len,
                      const void *value, size_t value_len);
/* All were told: they are the message's, behind those that it has. False: there is no room for them. */
bool http_headers_take(struct http_headers *headers, struct facts *facts,
                       struct http_message *message);
/* The message will not be told to its end. */
void http_headers_forget(struct http_headers *headers, const struct http_message *message);

#endif
