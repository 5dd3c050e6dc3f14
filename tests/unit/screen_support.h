/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal that remembers what was written to it, for tests of the live picture. */
#ifndef SESSTAP_SCREEN_SUPPORT_H
#define SESSTAP_SCREEN_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

#define FAKE_ROWS    64
#define FAKE_COLUMNS 260

struct fake_terminal {
    int fd; /* a file in memory, to be given to the screen */
    unsigned int rows, columns;
    unsigned int row, column; /* of the cursor; column == columns: after the last one */
    unsigned int scrolled;    /* lines that left at the top */
    unsigned int wrapped;     /* characters that had to go to the next line by themselves */
    unsigned int unknown;     /* bytes and escapes that a picture should not hold */
    bool cursor_hidden;
    char grid[FAKE_ROWS][FAKE_COLUMNS];
    char looks[FAKE_ROWS]
              [FAKE_COLUMNS]; /* of each character: last digit of its colour or look, 0 plain */
    char look;
    char sequence[16]; /* an escape, of which the end is yet to come */
    size_t sequence_len;
};

void fake_open(struct fake_terminal *terminal, unsigned int rows, unsigned int columns);
void fake_close(struct fake_terminal *terminal);
/* Show what was written since the last call. */
void fake_read(struct fake_terminal *terminal);
/* Bytes as they come; an escape may be in two pieces. */
void fake_show(struct fake_terminal *terminal, const char *data, size_t len);
/* All rows, without spaces at their ends, each with a newline; empty ones at the end left out. To be freed. */
char *fake_text(const struct fake_terminal *terminal);

#endif
