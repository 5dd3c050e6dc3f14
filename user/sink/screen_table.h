/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as a plain table without colours, in the order in which they were added. */
#ifndef SESSTAP_SCREEN_TABLE_H
#define SESSTAP_SCREEN_TABLE_H

#include <stddef.h>

struct buf;
struct record;
struct screen_table;

/* NULL with errno. */
struct screen_table *screen_table_new(void);
/* NULL is fine. */
void screen_table_free(struct screen_table *table);
/* Nothing of the record is kept but its row, about 100 bytes. 0 or -ENOMEM: then it is not there. */
int screen_table_add(struct screen_table *table, const struct record *record);
size_t screen_table_count(const struct screen_table *table);
/*
 * Append the titles and all rows, a line each, of at most width characters (0: as many as it takes);
 * nothing when there is no row. out->failed: no memory.
 */
void screen_write_table(struct buf *out, const struct screen_table *table, unsigned int width);

#endif
