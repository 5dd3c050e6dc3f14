/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are kept packed, each cell as its length and text, since widths are known only at the end. */
#include "sink/screen_table.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "sink/screen_columns.h"

struct screen_table {
    struct columns columns;
    struct buf cells;
    size_t count;
};

struct screen_table *screen_table_new(void)
{
    struct screen_table *table = calloc(1, sizeof(*table));

    if (table)
        columns_init(&table->columns);
    return table;
}

void screen_table_free(struct screen_table *table)
{
    if (!table)
        return;
    buf_fini(&table->cells);
    free(table);
}

int screen_table_add(struct screen_table *table, const struct record *record)
{
    struct table_row row;

    /* Room for all first, so that a row is there whole or not at all. */
    if (!buf_reserve(&table->cells, sizeof(row.cells)))
        return -ENOMEM;
    columns_fill(&table->columns, &row, record);
    for (int i = 0; i < COLUMNS; i++) {
        buf_add_char(&table->cells, (char)row.cells[i].len);
        buf_add(&table->cells, row.cells[i].text, row.cells[i].len);
    }
    table->count++;
    return 0;
}

size_t screen_table_count(const struct screen_table *table)
{
    return table->count;
}

void screen_write_table(struct buf *out, const struct screen_table *table, unsigned int width)
{
    const struct line_style style = {.columns = width};
    const char *at = table->cells.data;
    struct table_row row = {.mood = ROW_PLAIN};
    struct column_layout layout;

    if (!table->count)
        return;
    columns_fit(&table->columns, width, &layout);
    columns_put_titles(out, &layout, &style);
    buf_add_char(out, '\n');
    for (size_t n = 0; n < table->count; n++) {
        for (int i = 0; i < COLUMNS; i++) {
            row.cells[i].len = (uint8_t)*at++;
            memcpy(row.cells[i].text, at, row.cells[i].len);
            at += row.cells[i].len;
        }
        columns_put_row(out, &layout, &row, &style);
        buf_add_char(out, '\n');
    }
}
