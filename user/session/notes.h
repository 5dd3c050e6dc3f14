/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a later process must know of sessions that go on: slots in memory that outlives this one (pinned.h). With
 * no slot free a session has none, and a later process would give it another number.
 */
#ifndef SESSTAP_NOTES_H
#define SESSTAP_NOTES_H

#include <stddef.h>

#include "pinned.h"
#include "session/session.h"

struct notes;

/* Slots that are in use are an earlier process'. They are borrowed. NULL with errno. */
struct notes *notes_new(struct session_note *slots, size_t count);
/* NULL is fine. The slots stay as they are. */
void notes_free(struct notes *notes);

/* The note that an earlier process made of this session; once. NULL: it made none. */
struct session_note *notes_recall(struct notes *notes, uint64_t flow_id);
/* A slot for a new session, with all that is known of it. NULL: none is free. */
struct session_note *notes_take(struct notes *notes, const struct session *session);
/* After a record of it: what is the same in the next one. */
void notes_update(struct session_note *note, const struct session *session);
/* The session is over. NULL is fine. */
void notes_release(struct notes *notes, struct session_note *note);
/* Free what nobody has recalled: those sessions are no more. */
void notes_forget_rest(struct notes *notes);
/* Its place among the slots, from 1; 0 for NULL. */
uint32_t notes_index(const struct notes *notes, const struct session_note *note);

#endif
