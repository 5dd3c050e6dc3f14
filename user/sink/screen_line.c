/* SPDX-License-Identifier: Apache-2.0 */
/* Select Graphic Rendition (ECMA-48 8.3.117), and the count of columns beside it. */
#include "sink/screen_line.h"

#include "base/buf.h"

static const char *const escapes[LOOKS] = {
    [LOOK_PLAIN] = "\033[0m",  [LOOK_TITLE] = "\033[0;7m",  [LOOK_BOLD] = "\033[0;1m",
    [LOOK_DIM] = "\033[0;2m",  [LOOK_GREEN] = "\033[0;32m", [LOOK_YELLOW] = "\033[0;33m",
    [LOOK_RED] = "\033[0;31m",
};

void line_begin(struct line *line, struct buf *out, unsigned int columns, bool colour)
{
    *line = (struct line){.out = out, .columns = columns, .colour = colour};
}

static void switch_look(struct line *line, enum line_look look)
{
    if (line->colour && line->look != look)
        buf_add_str(line->out, escapes[look]);
    line->look = look;
}

static unsigned int fit(const struct line *line, size_t len)
{
    unsigned int left = line->columns - line->width;

    return line->columns && left < len ? left : (unsigned int)len;
}

static void put_spaces(struct line *line, unsigned int count)
{
    for (count = fit(line, count); count > 0; count--, line->width++)
        buf_add_char(line->out, ' ');
}

void line_put(struct line *line, const char *text, size_t len)
{
    if (!len)
        return;
    switch_look(line, line->next);
    put_spaces(line, line->owed);
    line->owed = 0;
    len = fit(line, len);
    buf_add(line->out, text, len);
    line->width += (unsigned int)len;
}

void line_fill(struct line *line)
{
    line->owed = 0;
    if (line->colour && line->columns)
        put_spaces(line, line->columns - line->width);
}

unsigned int line_end(struct line *line)
{
    switch_look(line, LOOK_PLAIN);
    return line->width;
}

void line_break(struct buf *out, unsigned int width, unsigned int columns)
{
    if (width < columns)
        buf_add_str(out, "\033[K");
    buf_add_str(out, LINE_BREAK);
}
