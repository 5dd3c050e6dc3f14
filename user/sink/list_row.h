/* SPDX-License-Identifier: Apache-2.0 */
/* A session as a row of `sesstap list`: what its columns are, and what stands in them. */
#ifndef SESSTAP_LIST_ROW_H
#define SESSTAP_LIST_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "sink/text_table.h"

struct field;
struct record;

#define LIST_COLUMNS       14
#define LIST_COLUMN_FIELDS 2

/* The columns with their fields found. */
struct list_row {
    struct text_column columns[LIST_COLUMNS];
    size_t count; /* of columns in use */
    const struct field *fields[LIST_COLUMNS][LIST_COLUMN_FIELDS];
};

/* with_alerts: one more column, what the alerts say. */
void list_row_init(struct list_row *list, bool with_alerts);
/* Append the record's cells, packed as text_table_pack does. */
void list_row_pack(const struct list_row *list, struct buf *row, const struct record *record);

#endif
