/* SPDX-License-Identifier: Apache-2.0 */
/* As much of ECMA-48 as the picture uses; an xterm waits at the last column before it wraps, so does this. */
#include "screen_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fake_open(struct fake_terminal *terminal, unsigned int rows, unsigned int columns)
{
    *terminal = (struct fake_terminal){.rows = rows, .columns = columns};
    if (rows > FAKE_ROWS || columns > FAKE_COLUMNS)
        abort();
    memset(terminal->grid, ' ', sizeof(terminal->grid));
    terminal->fd = memfd_create("terminal", MFD_CLOEXEC);
    if (terminal->fd < 0)
        abort();
}

void fake_close(struct fake_terminal *terminal)
{
    close(terminal->fd);
}

static void line_feed(struct fake_terminal *terminal)
{
    if (terminal->row + 1 < terminal->rows) {
        terminal->row++;
        return;
    }
    memmove(terminal->grid[0], terminal->grid[1], sizeof(terminal->grid) - FAKE_COLUMNS);
    memmove(terminal->looks[0], terminal->looks[1], sizeof(terminal->looks) - FAKE_COLUMNS);
    memset(terminal->grid[terminal->row], ' ', FAKE_COLUMNS);
    memset(terminal->looks[terminal->row], 0, FAKE_COLUMNS);
    terminal->scrolled++;
}

static void put(struct fake_terminal *terminal, char c)
{
    if (terminal->column == terminal->columns) {
        terminal->wrapped++;
        terminal->column = 0;
        line_feed(terminal);
    }
    terminal->grid[terminal->row][terminal->column] = c;
    terminal->looks[terminal->row][terminal->column] = terminal->look;
    terminal->column++;
}

/* From the cursor to the end of its line; with one waiting at the last column that one goes, as on xterm. */
static void erase_line_end(struct fake_terminal *terminal)
{
    unsigned int from =
        terminal->column < terminal->columns ? terminal->column : terminal->columns - 1;

    memset(terminal->grid[terminal->row] + from, ' ', FAKE_COLUMNS - from);
    memset(terminal->looks[terminal->row] + from, 0, FAKE_COLUMNS - from);
}

static void erase_below(struct fake_terminal *terminal)
{
    erase_line_end(terminal);
    for (unsigned int row = terminal->row + 1; row < terminal->rows; row++) {
        memset(terminal->grid[row], ' ', FAKE_COLUMNS);
        memset(terminal->looks[row], 0, FAKE_COLUMNS);
    }
}

static void control(struct fake_terminal *terminal, const char *sequence, size_t len)
{
    char last = sequence[len - 1];

    if (len == 1 && last == 'H') {
        terminal->row = terminal->column = 0;
    } else if (len == 1 && last == 'K') {
        erase_line_end(terminal);
    } else if (len == 1 && last == 'J') {
        erase_below(terminal);
    } else if (len == 2 && !memcmp(sequence, "2J", 2)) {
        memset(terminal->grid, ' ', sizeof(terminal->grid));
        memset(terminal->looks, 0, sizeof(terminal->looks));
    } else if (len == 4 && !memcmp(sequence, "?25", 3) && (last == 'h' || last == 'l')) {
        terminal->cursor_hidden = last == 'l';
    } else if (last == 'm') {
        terminal->look = sequence[len - 2] == '0' ? 0 : sequence[len - 2];
    } else {
        terminal->unknown++;
    }
}

/* A byte of an escape sequence, which may come in parts. */
static void take_escape(struct fake_terminal *terminal, char byte)
{
    char *sequence = terminal->sequence;
    size_t len = ++terminal->sequence_len;

    sequence[len - 1] = byte;
    if (len == 1 || (len == 2 && byte == '[') ||
        (len > 2 && len < sizeof(terminal->sequence) && (byte < '@' || byte > '~')))
        return;
    terminal->sequence_len = 0;
    if (len > 2 && byte >= '@' && byte <= '~')
        control(terminal, sequence + 2, len - 2);
    else
        terminal->unknown++;
}

void fake_show(struct fake_terminal *terminal, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (terminal->sequence_len || data[i] == '\033')
            take_escape(terminal, data[i]);
        else if (data[i] == '\r')
            terminal->column = 0;
        else if (data[i] == '\n')
            line_feed(terminal);
        else if (data[i] >= ' ' && data[i] <= '~')
            put(terminal, data[i]);
        else
            terminal->unknown++;
    }
}

void fake_read(struct fake_terminal *terminal)
{
    off_t len = lseek(terminal->fd, 0, SEEK_CUR);
    char *data = malloc((size_t)len + 1);

    if (!data || pread(terminal->fd, data, (size_t)len, 0) != len)
        abort();
    fake_show(terminal, data, (size_t)len);
    free(data);
    if (ftruncate(terminal->fd, 0) || lseek(terminal->fd, 0, SEEK_SET))
        abort();
}

char *fake_text(const struct fake_terminal *terminal)
{
    char *text = malloc((size_t)terminal->rows * (terminal->columns + 1) + 1), *p = text,
         *end = text;

    if (!text)
        abort();
    for (unsigned int row = 0; row < terminal->rows; row++) {
        unsigned int len = terminal->columns;

        while (len && terminal->grid[row][len - 1] == ' ')
            len--;
        memcpy(p, terminal->grid[row], len);
        p += len;
        *p++ = '\n';
        if (len)
            end = p;
    }
    *end = '\0';
    return text;
}
