/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/record_sort.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"
#include "flow.h"
#include "sink/record_view.h"

struct row {
    size_t line; /* where it is in lines */
    uint32_t line_len;
    uint32_t text_len;
    uint64_t number;
    bool has;
    union {
        uint64_t value; /* signed ones are shifted up, so that their order stays */
        size_t text;    /* where it is in texts */
        uint8_t addr[16];
    } key;
};

enum key_kind { KEY_NONE, KEY_VALUE, KEY_TEXT, KEY_ADDRESS };

struct record_sort {
    const struct field *field;
    bool descending;
    enum key_kind kind;
    struct buf lines;
    struct buf texts;
    struct row *rows;
    size_t count;
    size_t cap;
};

static enum key_kind kind_of(const struct field *field)
{
    if (!field)
        return KEY_NONE;
    if (field->get == value_ip)
        return KEY_ADDRESS;
    return field->type == FIELD_STRING ? KEY_TEXT : KEY_VALUE;
}

struct record_sort *record_sort_new(const struct field *field, bool descending)
{
    struct record_sort *sort;

    if (field && !field->get) {
        errno = EINVAL;
        return NULL;
    }
    sort = calloc(1, sizeof(*sort));
    if (sort) {
        sort->field = field;
        sort->descending = descending;
        sort->kind = kind_of(field);
    }
    return sort;
}

void record_sort_free(struct record_sort *sort)
{
    if (!sort)
        return;
    buf_fini(&sort->lines);
    buf_fini(&sort->texts);
    free(sort->rows);
    free(sort);
}

/* The key of the record's field. */
static void take_key(struct record_sort *sort, struct row *row, const struct record *record)
{
    struct field_value value;

    row->has = sort->field && field_get(sort->field, record, &value) && value.type != FIELD_NULL;
    if (!row->has)
        return;
    switch (value.type) {
    case FIELD_STRING:
        if (sort->kind == KEY_ADDRESS) {
            unsigned int client = flow_client(record->flow);

            memcpy(row->key.addr, record->session->key.addr[client ^ sort->field->side].bytes, 16);
            break;
        }
        row->key.text = sort->texts.len;
        row->text_len = (uint32_t)value.len;
        buf_add(&sort->texts, value.text, value.len);
        break;
    case FIELD_BOOL:
        row->key.value = value.flag;
        break;
    case FIELD_U64:
    case FIELD_LIST:
        row->key.value = value.u64;
        break;
    default:
        row->key.value = (uint64_t)value.ns ^ (1ULL << 63);
        break;
    }
}

int record_sort_add(struct record_sort *sort, const struct record *record, const char *line,
                    size_t len)
{
    struct row row = {
        .line = sort->lines.len, .line_len = (uint32_t)len, .number = record->session->number};

    if (sort->count == sort->cap) {
        size_t cap = sort->cap ? sort->cap * 2 : 256;
        struct row *rows = reallocarray(sort->rows, cap, sizeof(*rows));

        if (!rows)
            return -ENOMEM;
        sort->rows = rows;
        sort->cap = cap;
    }
    buf_add(&sort->lines, line, len);
    take_key(sort, &row, record);
    if (sort->lines.failed || sort->texts.failed) {
        sort->lines.failed = sort->texts.failed = false;
        sort->lines.len = row.line;
        return -ENOMEM;
    }
    sort->rows[sort->count++] = row;
    return 0;
}

size_t record_sort_count(const struct record_sort *sort)
{
    return sort->count;
}

static int compare_text(const struct record_sort *sort, const struct row *a, const struct row *b)
{
    size_t len = a->text_len < b->text_len ? a->text_len : b->text_len;
    int order =
        len ? memcmp(sort->texts.data + a->key.text, sort->texts.data + b->key.text, len) : 0;

    return order ? order : (a->text_len > b->text_len) - (a->text_len < b->text_len);
}

static int compare_keys(const struct record_sort *sort, const struct row *a, const struct row *b)
{
    switch (sort->kind) {
    case KEY_VALUE:
        return (a->key.value > b->key.value) - (a->key.value < b->key.value);
    case KEY_TEXT:
        return compare_text(sort, a, b);
    case KEY_ADDRESS:
        return memcmp(a->key.addr, b->key.addr, sizeof(a->key.addr));
    default:
        return 0;
    }
}

static int compare_rows(const void *left, const void *right, void *ctx)
{
    const struct record_sort *sort = ctx;
    const struct row *a = left, *b = right;
    int order;

    if (a->has != b->has)
        return b->has - a->has;
    order = a->has ? compare_keys(sort, a, b) : 0;
    if (order)
        return sort->descending ? -order : order;
    return (a->number > b->number) - (a->number < b->number);
}

void record_sort_finish(struct record_sort *sort)
{
    if (sort->count)
        qsort_r(sort->rows, sort->count, sizeof(*sort->rows), compare_rows, sort);
}

uint64_t record_sort_get(const struct record_sort *sort, size_t i, const char **line, size_t *len)
{
    const struct row *row = &sort->rows[i];

    *line = sort->lines.data + row->line;
    *len = row->line_len;
    return row->number;
}

void record_sort_clear(struct record_sort *sort)
{
    buf_clear(&sort->lines);
    buf_clear(&sort->texts);
    sort->count = 0;
}
