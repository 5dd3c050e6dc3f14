/* SPDX-License-Identifier: Apache-2.0 */
/* For `follow --http`: messages put together as text, start line, headers and decoded body. */
#ifndef SESSTAP_FOLLOW_HTTP_H
#define SESSTAP_FOLLOW_HTTP_H

#include "base/buf.h"
#include "session/facts.h"

/* Messages whose bodies are being read; zeroed is none. */
struct http_texts {
    struct http_text_body *open;
};

/* Part of a message's body. 0; -ENOMEM. */
int http_texts_content(struct http_texts *texts, const struct http_transaction *transaction,
                       bool from_client, const uint8_t *data, size_t len);
/* A message that is over: all of it, appended to out. */
void http_texts_message(struct http_texts *texts, const struct http_transaction *transaction,
                        bool from_client, struct buf *out);
void http_texts_fini(struct http_texts *texts);

#endif
