/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions that user space knows, by flow id; and those that are over, in the order they are due. */
#ifndef SESSTAP_TABLE_H
#define SESSTAP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "pinned.h"
#include "session/session.h"

struct table;

/* NULL with errno. */
struct table *table_new(void);
/* Numbers go on from these, which are borrowed and kept up to date. Before the first session. */
void table_use_numbers(struct table *table, struct session_numbers *numbers);
/* Frees the sessions too, but not what later stages hung on them. NULL is fine. */
void table_free(struct table *table);

/* NULL: not there. */
struct session *table_find(const struct table *table, uint64_t flow_id);
/*
 * A new session with the next number and, per transport protocol, the next stream index. Its id must not be
 * in the table. NULL with errno.
 */
struct session *table_insert(struct table *table, uint64_t flow_id, const struct flow_key *key);
/* One that an earlier process has numbered. NULL with errno. */
struct session *table_restore(struct table *table, uint64_t flow_id, const struct flow_key *key,
                              const struct session_note *note);
/* Out of the table, freed. It must not be due any more. */
void table_remove(struct table *table, struct session *session);

/* Sessions in the table now, those that are due among them. */
size_t table_count(const struct table *table);
/* Sessions inserted so far. */
uint64_t table_inserted(const struct table *table);

/* The session is over: it is taken once its lateness is past. Times must not fall from call to call. */
void table_set_due(struct table *table, struct session *session, uint64_t due_ns);
/* The session that has been due longest, taken off that list, when it is due by now_ns; else NULL. */
struct session *table_take_due(struct table *table, uint64_t now_ns);
size_t table_due_count(const struct table *table);

/*
 * Calls visit for every session, in no order; it may remove the session it is given, no other.
 */
void table_each(struct table *table, void (*visit)(void *ctx, struct session *session), void *ctx);

#endif
