/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions over the fields of a record (--where): `close.reason == rst and out.payload > 1.5MB`.
 * The language: docs/sesstap-list.8.
 */
#ifndef SESSTAP_WHERE_H
#define SESSTAP_WHERE_H

#include <stdbool.h>

struct buf;
struct record;
struct where;

/*
 * Compile an expression. NULL when it is none, with one line (no newline, no NUL) appended to error that says
 * at which character, at which word and why; or without memory.
 */
struct where *where_compile(const char *text, struct buf *error);
/* Whether the record is one that the expression describes. Allocates nothing. */
bool where_match(const struct where *where, const struct record *record);
/* Whether it asks for packet lots, which are only kept when wanted. */
bool where_needs_lots(const struct where *where);
/* The same of transactions of HTTP and frames of WebSocket. */
bool where_needs_http(const struct where *where);
/* NULL is fine. */
void where_free(struct where *where);

#endif
