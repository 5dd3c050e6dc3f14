/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a terminal: text is clipped to a width, looks are escapes that take no room. */
#ifndef SESSTAP_SCREEN_LINE_H
#define SESSTAP_SCREEN_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum line_look {
    LOOK_PLAIN,
    LOOK_TITLE, /* reverse */
    LOOK_BOLD,
    LOOK_DIM,
    LOOK_GREEN,
    LOOK_YELLOW,
    LOOK_RED,
    LOOKS,
};

struct line {
    struct buf *out;
    unsigned int columns; /* 0: no bound */
    unsigned int width;   /* written so far */
    unsigned int owed;    /* spaces that are written when something follows them */
    bool colour;          /* false: looks are ignored */
    enum line_look look;  /* in force */
    enum line_look next;  /* for what follows */
};

void line_begin(struct line *line, struct buf *out, unsigned int columns, bool colour);
static inline void line_look(struct line *line, enum line_look look)
{
    line->next = look;
}
static inline void line_space(struct line *line, unsigned int count)
{
    line->owed += count;
}
/* Printable ASCII: a byte is a column. */
void line_put(struct line *line, const char *text, size_t len);
/* The look fills the line to its end, where looks and a bound are. */
void line_fill(struct line *line);
/* Looks end here. Returns the line's width. */
unsigned int line_end(struct line *line);
/*
 * To the next line of a terminal of that many columns, after a line of that width: what an earlier
 * picture had behind it goes. A full line is left alone, the cursor still stands on its last column.
 */
void line_break(struct buf *out, unsigned int width, unsigned int columns);
#define LINE_BREAK "\r\n"

#endif
