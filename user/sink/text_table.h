/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain tables: rows of cells are packed as they are made, each widens its columns, and is written when the
 * caller thinks that the widths are known well enough. The rows themselves are the caller's to keep.
 */
#ifndef SESSTAP_TEXT_TABLE_H
#define SESSTAP_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define TEXT_TABLE_COLUMNS    16
#define TEXT_TABLE_CELL_BYTES 255 /* longer ones are cut */
#define TEXT_GUESS_MARK       '?' /* behind a protocol that is a guess by port or address */

struct text_column {
    const char *title;
    bool right;    /* numbers */
    uint8_t usual; /* wide enough nearly always; 0: as wide as its title */
    uint8_t spare; /* what may be left out of a narrow table, the highest first; 0: never */
};

struct text_table {
    const struct text_column *columns; /* borrowed */
    size_t count;
    uint8_t widths[TEXT_TABLE_COLUMNS];
    bool left_out[TEXT_TABLE_COLUMNS];
};

/* At most TEXT_TABLE_COLUMNS columns. */
void text_table_init(struct text_table *table, const struct text_column *columns, size_t count);
/* Append a row's next cell to row; whatever is not printable ASCII becomes a question mark. */
void text_table_pack(struct buf *row, const char *text, size_t len);
/* A packed row of as many cells as there are columns makes room for itself. */
void text_table_widen(struct text_table *table, const char *row);
/* Leave out columns, as widths are now, until a line fits, or all are that can be; how many these are. */
size_t text_table_fit(struct text_table *table, size_t line_width);
/* Append a line without newline, without spaces at its end. */
void text_table_write_titles(struct buf *out, const struct text_table *table);
void text_table_write_row(struct buf *out, const struct text_table *table, const char *row);

#endif
