/* SPDX-License-Identifier: Apache-2.0 */
/* A packed cell is a byte for its length, then its text. */
#include "sink/text_table.h"

#include <string.h>

#define GAP 2

void text_table_init(struct text_table *table, const struct text_column *columns, size_t count)
{
    memset(table, 0, sizeof(*table));
    table->columns = columns;
    table->count = count < TEXT_TABLE_COLUMNS ? count : TEXT_TABLE_COLUMNS;
    for (size_t i = 0; i < table->count; i++) {
        size_t len = strlen(columns[i].title);

        table->widths[i] = (uint8_t)(columns[i].usual > len ? columns[i].usual : len);
    }
}

void text_table_pack(struct buf *row, const char *text, size_t len)
{
    if (len > TEXT_TABLE_CELL_BYTES)
        len = TEXT_TABLE_CELL_BYTES;
    buf_add_char(row, (char)len);
    for (size_t i = 0; i < len; i++)
        buf_add_char(row, text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
}

void text_table_widen(struct text_table *table, const char *row)
{
    for (size_t i = 0; i < table->count; i++) {
        uint8_t len = (uint8_t)*row;

        if (len > table->widths[i])
            table->widths[i] = len;
        row += 1 + len;
    }
}

static size_t line_width_of(const struct text_table *table)
{
    size_t width = 0;

    for (size_t i = 0; i < table->count; i++)
        if (!table->left_out[i])
            width += table->widths[i] + (i ? GAP : 0u);
    return width;
}

size_t text_table_fit(struct text_table *table, size_t line_width)
{
    size_t count = 0;

    while (line_width_of(table) > line_width) {
        size_t most = table->count;

        for (size_t i = 0; i < table->count; i++)
            if (!table->left_out[i] && table->columns[i].spare &&
                (most == table->count || table->columns[i].spare > table->columns[most].spare))
                most = i;
        if (most == table->count)
            break;
        table->left_out[most] = true;
        count++;
    }
    return count;
}

static void add_spaces(struct buf *out, size_t count)
{
    while (count--)
        buf_add_char(out, ' ');
}

static void write_cell(struct buf *out, const struct text_table *table, size_t column,
                       const char *text, size_t len)
{
    size_t padding = table->widths[column] > len ? table->widths[column] - len : 0;

    if (table->left_out[column])
        return;
    if (column)
        add_spaces(out, GAP);
    if (table->columns[column].right)
        add_spaces(out, padding);
    buf_add(out, text, len);
    if (!table->columns[column].right)
        add_spaces(out, padding);
}

/* From begin on a line was written: what it ends with goes. */
static void trim(struct buf *out, size_t begin)
{
    while (out->len > begin && out->data[out->len - 1] == ' ')
        out->len--;
}

void text_table_write_titles(struct buf *out, const struct text_table *table)
{
    size_t begin = out->len;

    for (size_t i = 0; i < table->count; i++)
        write_cell(out, table, i, table->columns[i].title, strlen(table->columns[i].title));
    trim(out, begin);
}

void text_table_write_row(struct buf *out, const struct text_table *table, const char *row)
{
    size_t begin = out->len;

    for (size_t i = 0; i < table->count; i++) {
        uint8_t len = (uint8_t)*row;

        write_cell(out, table, i, row + 1, len);
        row += 1 + len;
    }
    trim(out, begin);
}
