/* SPDX-License-Identifier: Apache-2.0 */
/* Lines kept with one field of their records, to be taken in its order. */
#ifndef SESSTAP_RECORD_SORT_H
#define SESSTAP_RECORD_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field;
struct record;
struct record_sort;

/* field NULL: by the session's number. NULL with errno; EINVAL: such a field has no order (an object). */
struct record_sort *record_sort_new(const struct field *field, bool descending);
/* NULL is fine. */
void record_sort_free(struct record_sort *sort);
/* Keeps a copy of the line, and of the record's field. 0 or -ENOMEM: then it is not there. */
int record_sort_add(struct record_sort *sort, const struct record *record, const char *line,
                    size_t len);
size_t record_sort_count(const struct record_sort *sort);
/*
 * Bring what was added into order: addresses and numbers by value, text by its bytes, what has not the
 * field last, equals by the session's number.
 */
void record_sort_finish(struct record_sort *sort);
/* Line i in that order; its session's number. Borrowed until the next add. */
uint64_t record_sort_get(const struct record_sort *sort, size_t i, const char **line, size_t *len);
/* Forget the lines. */
void record_sort_clear(struct record_sort *sort);

#endif
