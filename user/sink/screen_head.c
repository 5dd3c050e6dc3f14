/* SPDX-License-Identifier: Apache-2.0 */
/* Totals as a run of items; one that does not fit begins the next line. */
#include "sink/screen_head.h"

#include <string.h>

#include "base/buf.h"
#include "base/plural.h"
#include "sink/screen_line.h"
#include "sink/screen_units.h"
#include "sink/text.h"

#define ITEM_BYTES          64
#define ITEM_GAP            2
#define TABLE_FULL_PERMILLE 900 /* from here on the table's fill is a warning */

struct head_item {
    char text[ITEM_BYTES];
    size_t len;
    enum line_look look;
};

enum head_place {
    HEAD_TITLE,
    HEAD_INTERFACES,
    HEAD_OPEN,
    HEAD_OPENED,
    HEAD_CLOSED,
    HEAD_PACKETS,
    HEAD_BYTES,
    HEAD_TABLE,
    HEAD_LOST,
    HEAD_UNACCOUNTED,
    HEAD_ITEMS,
};

static void add(struct head_item *item, const char *text)
{
    item->len +=
        text_put_printable(item->text + item->len, ITEM_BYTES - item->len, text, strlen(text));
}

static void add_u64(struct head_item *item, uint64_t value, const char *what)
{
    item->len = (size_t)(text_put_u64(item->text + item->len, value) - item->text);
    add(item, what);
}

static void add_bytes(struct head_item *item, uint64_t bytes, const char *what)
{
    item->len = (size_t)(units_put_bytes(item->text + item->len, bytes) - item->text);
    add(item, what);
}

static void add_fill(struct head_item *item, const struct screen_totals *totals)
{
    uint64_t capacity = totals->table_capacity;
    uint64_t permille = capacity ? totals->table_entries * 1000 / capacity : 0;

    if (!capacity)
        return;
    add(item, "table ");
    add_u64(item, permille / 10, ".");
    add_u64(item, permille % 10, "%");
    if (permille >= TABLE_FULL_PERMILLE)
        item->look = LOOK_RED;
}

static void make_items(struct head_item *items, const char *title,
                       const struct screen_totals *totals)
{
    memset(items, 0, HEAD_ITEMS * sizeof(*items));
    add(&items[HEAD_TITLE], title);
    items[HEAD_TITLE].look = LOOK_BOLD;
    add_u64(&items[HEAD_INTERFACES], totals->interfaces, " interface");
    add(&items[HEAD_INTERFACES], plural_s(totals->interfaces));
    add_u64(&items[HEAD_OPEN], totals->sessions_open, " open");
    items[HEAD_OPEN].look = LOOK_BOLD;
    add_u64(&items[HEAD_OPENED], totals->sessions_opened, " opened");
    add_u64(&items[HEAD_CLOSED], totals->sessions_closed, " closed");
    items[HEAD_PACKETS].len =
        (size_t)(units_put_count(items[HEAD_PACKETS].text, totals->packets_per_second) -
                 items[HEAD_PACKETS].text);
    add(&items[HEAD_PACKETS], " packets/s");
    add_bytes(&items[HEAD_BYTES], totals->bytes_per_second, "/s");
    add_fill(&items[HEAD_TABLE], totals);
    add(&items[HEAD_LOST], "payload lost ");
    add_bytes(&items[HEAD_LOST], totals->payload_lost_bytes, "");
    if (totals->payload_lost_bytes)
        items[HEAD_LOST].look = LOOK_RED;
    add(&items[HEAD_UNACCOUNTED], "unaccounted ");
    add_u64(&items[HEAD_UNACCOUNTED], totals->unaccounted_packets, "");
}

unsigned int head_put(struct buf *out, const char *title, const struct screen_totals *totals,
                      unsigned int max_lines, const struct line_style *style)
{
    struct head_item items[HEAD_ITEMS];
    unsigned int lines = 0;
    struct line line;
    int at = 0;

    make_items(items, title, totals);
    while (lines < max_lines && at < HEAD_ITEMS) {
        line_begin(&line, out, style->columns, style->colour);
        for (; at < HEAD_ITEMS; at++) {
            if (!items[at].len)
                continue;
            /* An item that is wider than a line of its own is clipped. */
            if (line.width && line.width + line.owed + items[at].len > style->columns)
                break;
            line_look(&line, items[at].look);
            line_put(&line, items[at].text, items[at].len);
            line_space(&line, ITEM_GAP);
        }
        line_break(out, line_end(&line), style->columns);
        lines++;
    }
    return lines;
}
