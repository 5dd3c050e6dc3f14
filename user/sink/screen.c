/* SPDX-License-Identifier: Apache-2.0 */
/* Which sessions are in the picture, and the picture: cursor home, every line over the old one, in one write. */
#include "sink/screen.h"

#include <errno.h>
#include <stdlib.h>

#include "abi.h"
#include "sink/record.h"
#include "sink/screen_columns.h"
#include "sink/screen_head.h"
#include "sink/screen_line.h"
#include "sink/screen_select.h"
#include "sink/screen_terminal.h"

#define RECENT_NS   2000000000ULL /* active within this: now */
#define LINGER_NS   5000000000ULL /* an ended session stays */
#define FAREWELL_MS 200
#define HEAD_SHARE  4 /* the head takes at most this part of the lines */
#define ENDED_SHARE 3 /* of the rows, kept for ended sessions when open ones are many */
#define RANK_NOW    UINT64_MAX
#define CURSOR_HOME "\033[H"
#define CURSOR_HIDE "\033[?25l"
#define CURSOR_SHOW "\033[?25h"
#define ERASE_BELOW "\033[J"
#define ERASE_ALL   "\033[2J"

struct pick {
    struct selected selected;
    const struct screen_row *row;
};

struct screen {
    struct screen_conf conf;
    struct terminal terminal;
    struct selection open;
    struct selection ended;
    struct columns columns;
    struct pick *picks; /* capacity of both selections */
    struct table_row *rows;
    size_t allocated; /* rows; picks are twice as many */
    uint64_t now_ns;
    unsigned int drawn_rows; /* size of the terminal at the last picture; 0: there was none */
    unsigned int drawn_columns;
};

/* ---- begin and end ------------------------------------------------------------------------------- */

static void get_size(const struct screen *screen, unsigned int *rows, unsigned int *columns)
{
    *rows = screen->conf.rows;
    *columns = screen->conf.columns;
    if (!*rows || !*columns)
        terminal_size(&screen->terminal, rows, columns);
}

/* Lines of a picture: the last one of the terminal is left to the cursor. */
static unsigned int picture_lines(unsigned int rows)
{
    return rows > 1 ? rows - 1 : 1;
}

static int allocate(struct screen *screen, size_t lines)
{
    struct table_row *rows;
    struct pick *picks;

    if (lines > screen->allocated) {
        rows = realloc(screen->rows, lines * sizeof(*rows));
        if (!rows)
            return -ENOMEM;
        screen->rows = rows;
        picks = realloc(screen->picks, 2 * lines * sizeof(*picks));
        if (!picks)
            return -ENOMEM;
        screen->picks = picks;
        screen->allocated = lines;
    }
    if (selection_limit(&screen->open, lines) || selection_limit(&screen->ended, lines))
        return -ENOMEM;
    return 0;
}

struct screen *screen_new(int fd, const struct screen_conf *conf)
{
    struct screen *screen = calloc(1, sizeof(*screen));
    unsigned int rows, columns;

    if (!screen)
        return NULL;
    screen->conf = *conf;
    if (!screen->conf.title)
        screen->conf.title = "sesstap";
    columns_init(&screen->columns);
    terminal_open(&screen->terminal, fd);
    get_size(screen, &rows, &columns);
    if (allocate(screen, picture_lines(rows))) {
        screen_free(screen);
        errno = ENOMEM;
        return NULL;
    }
    return screen;
}

void screen_free(struct screen *screen)
{
    if (!screen)
        return;
    terminal_finish(&screen->terminal, FAREWELL_MS);
    /* A terminal of one row has no line below the picture: the picture moves up. */
    if (screen->drawn_rows == 1 && !terminal_busy(&screen->terminal)) {
        buf_add_str(terminal_begin_frame(&screen->terminal), LINE_BREAK);
        terminal_finish(&screen->terminal, FAREWELL_MS);
    }
    terminal_close(&screen->terminal);
    selection_fini(&screen->open);
    selection_fini(&screen->ended);
    free(screen->picks);
    free(screen->rows);
    free(screen);
}

/* ---- the choice ---------------------------------------------------------------------------------- */

static uint64_t rank_of(const struct screen *screen, uint64_t active_ns)
{
    return active_ns + RECENT_NS >= screen->now_ns ? RANK_NOW : active_ns;
}

static bool rank_ended(const void *ctx, const struct screen_row *row, uint64_t *rank)
{
    const struct screen *screen = ctx;

    *rank = rank_of(screen, row->active_ns);
    return row->active_ns + LINGER_NS >= screen->now_ns;
}

void screen_begin(struct screen *screen, uint64_t now_ns)
{
    unsigned int rows, columns;

    screen->now_ns = now_ns;
    get_size(screen, &rows, &columns);
    selection_clear(&screen->open);
    selection_rank_again(&screen->ended, rank_ended, screen);
    /* Without memory for a larger picture it stays as large as it was. */
    allocate(screen, picture_lines(rows));
}

static bool has_ended(const struct session *session, const struct flow *flow)
{
    return session->close_reason != CLOSE_NONE || (flow->bits & FLOW_CLOSED);
}

static uint64_t last_ns(const struct flow *flow)
{
    return flow->dir[0].last_ns > flow->dir[1].last_ns ? flow->dir[0].last_ns
                                                       : flow->dir[1].last_ns;
}

bool screen_wants(const struct screen *screen, const struct session *session,
                  const struct flow *flow)
{
    if (has_ended(session, flow))
        return selection_takes(&screen->ended, RANK_NOW, session->number);
    return selection_takes(&screen->open, rank_of(screen, last_ns(flow)), session->number);
}

static void copy_name(char *out, const char *name)
{
    size_t len = name ? strnlen(name, SCREEN_PLACE_BYTES - 1) : 0;

    if (len)
        memcpy(out, name, len);
    out[len] = '\0';
}

static void copy_record(struct screen_row *row, const struct record *record)
{
    const struct record_host *host = record->host;
    const char *interface = record->interfaces[0];

    row->session = *record->session;
    row->flow = *record->flow;
    if (row->session.close_reason == CLOSE_NONE)
        row->session.close_reason = session_close_reason(&row->flow, &row->session.close_by);
    copy_name(row->interface, interface ? interface : record->instance_id);
    copy_name(row->container, !host ? NULL : host->pod ? host->pod : host->container);
}

static void add_ended(struct screen *screen, const struct record *record)
{
    uint64_t number = record->session->number;
    struct screen_row *row;

    if (!selection_takes(&screen->ended, RANK_NOW, number))
        return;
    row = selection_find(&screen->ended, number);
    if (!row) {
        row = selection_add(&screen->ended, RANK_NOW, number);
        row->active_ns = record->now_ns;
    }
    copy_record(row, record);
}

void screen_add(struct screen *screen, const struct record *record)
{
    const struct flow *flow = record->flow;
    uint64_t active_ns, rank, number = record->session->number;
    struct screen_row *row;

    if (has_ended(record->session, flow)) {
        add_ended(screen, record);
        return;
    }
    active_ns = last_ns(flow);
    rank = rank_of(screen, active_ns);
    if (!selection_takes(&screen->open, rank, number))
        return;
    row = selection_add(&screen->open, rank, number);
    row->active_ns = active_ns;
    copy_record(row, record);
}

/* ---- the picture --------------------------------------------------------------------------------- */

static int compare_picks(const void *left, const void *right)
{
    const struct pick *a = left, *b = right;

    if (selected_better(&a->selected, &b->selected))
        return -1;
    return selected_better(&b->selected, &a->selected) ? 1 : 0;
}

/* The selection from the best on; none that is in but too (NULL: none is). Returns how many. */
static size_t take_picks(struct pick *picks, const struct selection *from,
                         const struct selection *but)
{
    size_t count = 0;

    for (size_t i = 0; i < from->count; i++) {
        if (but && selection_find(but, from->heap[i].number))
            continue;
        picks[count].selected = from->heap[i];
        picks[count++].row = &from->rows[from->heap[i].row];
    }
    qsort(picks, count, sizeof(*picks), compare_picks);
    return count;
}

/* Fill screen->picks with what is shown on that many rows, in order; returns how many. */
static size_t choose(struct screen *screen, size_t room)
{
    size_t ended = take_picks(screen->picks, &screen->ended, NULL), kept = room / ENDED_SHARE;
    struct pick *next = screen->picks + ended;
    size_t open = take_picks(next, &screen->open, &screen->ended);

    if (open < room - kept)
        kept = room - open;
    if (ended > kept)
        ended = kept;
    if (open > room - ended)
        open = room - ended;
    memmove(screen->picks + ended, next, open * sizeof(*next));
    qsort(screen->picks, ended + open, sizeof(*screen->picks), compare_picks);
    return ended + open;
}

static void fill_rows(struct screen *screen, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct screen_row *row = screen->picks[i].row;
        struct record_host host = {.container = row->container[0] ? row->container : NULL,
                                   .pid = -1};
        struct record record = {.session = &row->session,
                                .flow = &row->flow,
                                .host = &host,
                                .interfaces = {row->interface},
                                .now_ns = screen->now_ns};

        columns_fill(&screen->columns, &screen->rows[i], &record);
    }
}

static void put_sessions(struct screen *screen, struct buf *out, unsigned int lines,
                         const struct line_style *style)
{
    static const char nothing[] = "no session to show";
    struct column_layout layout;
    struct line line;
    size_t count;

    if (lines < 2)
        return;
    count = choose(screen, lines - 1 < screen->allocated ? lines - 1 : screen->allocated);
    fill_rows(screen, count);
    columns_fit(&screen->columns, style->columns, &layout);
    line_break(out, columns_put_titles(out, &layout, style), style->columns);
    for (size_t i = 0; i < count; i++)
        line_break(out, columns_put_row(out, &layout, &screen->rows[i], style), style->columns);
    if (!count) {
        line_begin(&line, out, style->columns, style->colour);
        line_put(&line, nothing, sizeof(nothing) - 1);
        line_break(out, line_end(&line), style->columns);
    }
}

/* What is on the terminal before the first picture scrolls away, so that nothing of it is lost. */
static void begin_frame(struct screen *screen, struct buf *out, unsigned int rows,
                        unsigned int columns)
{
    bool resized = screen->drawn_rows != rows || screen->drawn_columns != columns;

    buf_add_str(out, CURSOR_HIDE);
    if (!screen->drawn_rows)
        for (unsigned int i = 1; i < rows; i++)
            buf_add_char(out, '\n');
    buf_add_str(out, CURSOR_HOME);
    if (resized)
        buf_add_str(out, ERASE_ALL);
    if (screen->drawn_columns != columns)
        columns_reset(&screen->columns);
    screen->drawn_rows = rows;
    screen->drawn_columns = columns;
}

int screen_draw(struct screen *screen, const struct screen_totals *totals)
{
    struct line_style style = {.colour = screen->conf.colour};
    unsigned int rows, lines, head_lines;
    struct buf *out;
    int err = terminal_send(&screen->terminal);

    if (err || terminal_busy(&screen->terminal))
        return err;
    get_size(screen, &rows, &style.columns);
    lines = picture_lines(rows);
    head_lines = lines < 2 * HEAD_SHARE ? 1 : lines / HEAD_SHARE;
    out = terminal_begin_frame(&screen->terminal);
    begin_frame(screen, out, rows, style.columns);
    head_lines = head_put(out, screen->conf.title, totals, head_lines, &style);
    put_sessions(screen, out, lines - head_lines, &style);
    /* The only line there is must not be ended. */
    if (rows > 1)
        buf_add_str(out, ERASE_BELOW);
    else if (!out->failed)
        out->len -= strlen(LINE_BREAK);
    buf_add_str(out, CURSOR_SHOW);
    if (out->failed) {
        terminal_begin_frame(&screen->terminal);
        return -ENOMEM;
    }
    return terminal_send(&screen->terminal);
}
