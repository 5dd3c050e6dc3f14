/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions as rows of a table for people: the columns, what stands in them, and which of them fit into how
 * much room. The live picture and the plain table are made of these.
 */
#ifndef SESSTAP_SCREEN_COLUMNS_H
#define SESSTAP_SCREEN_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct field;
struct record;

/* In the order in which they stand. */
enum column {
    COLUMN_NUMBER,
    COLUMN_STATE,
    COLUMN_CLIENT,
    COLUMN_SERVER,
    COLUMN_OUT,
    COLUMN_IN,
    COLUMN_PACKETS,
    COLUMN_DURATION,
    COLUMN_HANDSHAKE,
    COLUMN_RETRANSMITS,
    COLUMN_CLOSE,
    COLUMN_INTERFACE,
    COLUMN_CONTAINER,
    COLUMNS,
};

/* What a session is, for colours. */
enum row_mood { ROW_PLAIN, ROW_OPENING, ROW_ESTABLISHED, ROW_ENDED, ROW_RESET };

#define CELL_BYTES 56 /* an address and a port are 53 at most; longer names are cut */
/* Printable ASCII only: whatever else was in a name is a question mark. */
struct cell {
    uint8_t len;
    char text[CELL_BYTES];
};

struct table_row {
    struct cell cells[COLUMNS];
    enum row_mood mood;
};

#define COLUMN_FIELDS 2
/* The columns with their fields found; and how wide each must be for all that was put in it so far. */
struct columns {
    const struct field *fields[COLUMNS][COLUMN_FIELDS];
    uint8_t widths[COLUMNS];
    uint8_t whole[COLUMNS]; /* likewise, of cells that should not be cut: IPv4 addresses */
    bool filled[COLUMNS];   /* something was put in it */
};

/* How the columns are laid out: 0 for one that is left out. */
struct column_layout {
    unsigned int widths[COLUMNS];
    unsigned int gap;
};

/* What colours and clipping a line is written with. */
struct line_style {
    unsigned int columns; /* nothing is written beyond; 0: no bound */
    bool colour;
};

void columns_init(struct columns *columns);
/* Back to the widths of an empty table. */
void columns_reset(struct columns *columns);
/* The row of a record; its cells widen the columns. */
void columns_fill(struct columns *columns, struct table_row *row, const struct record *record);
/* Into width characters, 0 for as many as it takes: addresses get shorter, then columns are left out. */
void columns_fit(const struct columns *columns, unsigned int width, struct column_layout *layout);
/* Append a line without newline; returns its width. */
unsigned int columns_put_titles(struct buf *out, const struct column_layout *layout,
                                const struct line_style *style);
unsigned int columns_put_row(struct buf *out, const struct column_layout *layout,
                             const struct table_row *row, const struct line_style *style);

/* At most max bytes of text that may hold anything, made safe to print; returns how many. */
size_t text_put_printable(char *out, size_t max, const char *text, size_t len);

#endif
