/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bodies that HTTP carried, each as a file of its own in one folder, with manifest.ndjson, a line an object. What a
 * session carried waits under temporary names until its record says whether it is wanted.
 */
#ifndef SESSTAP_OBJECTS_H
#define SESSTAP_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session/facts.h"

struct objects;
struct record;

/*
 * The folder is made; type: NULL, or the content type wanted ("text/html", "image/" and an asterisk, without parameters). NULL
 * after a line that says what can't be.
 */
struct objects *objects_new(const char *dir, const char *type);
/* Content of one message of a session. What can't be written is counted by objects_finish. */
void objects_content(struct objects *objects, uint64_t session_number,
                     const struct http_transaction *transaction, bool from_client,
                     const uint8_t *data, size_t len);
/* Its last record: its objects get their names, and their lines; or, not wanted, go. */
void objects_record(struct objects *objects, const struct record *record, bool wanted);
/* Free. 0, or the first -errno. *count: files written; *lost: those that are not there. */
int objects_finish(struct objects *objects, uint64_t *count, uint64_t *lost);

#endif
