/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What app/ found out about a session as bytes, for an index, and back. Transactions of HTTP and frames of WebSocket are
 * left out: they are told only by a reading that asks for them.
 */
#ifndef SESSTAP_FACTS_PACK_H
#define SESSTAP_FACTS_PACK_H

#include "base/buf.h"
#include "session/facts.h"

/* What a record says of its session besides the flow. */
struct told {
    struct identity identity;
    const struct facts *facts; /* NULL: none */
    const char *names[2];      /* of endpoint 0 and 1; NULL: unknown */
};

/* Append; nothing when there is nothing to say. */
void facts_pack(struct buf *out, const struct told *told);
/*
 * risk_name: of the identity. told->facts is owned by the caller and holds all texts. 0; -EBADMSG, -ENOMEM: told is empty.
 */
int facts_unpack(const uint8_t *data, size_t len, const char *(*risk_name)(unsigned int bit),
                 struct told *told);

#endif
