/* SPDX-License-Identifier: Apache-2.0 */
/* An expression at work: one test after the other, as far as it takes to know. */
#include "sink/where.h"

#include <stdlib.h>
#include <string.h>

#include "sink/record_view.h"
#include "sink/where_internal.h"

void where_free(struct where *where)
{
    if (!where)
        return;
    for (size_t i = 0; i < where->count; i++)
        free(where->tests[i].text);
    free(where->tests);
    free(where);
}

static bool get_value(struct record_view *view, const struct field *field,
                      struct field_value *value)
{
    value->type = field->type;
    return field->get && record_view_has(view, field) && field->get(view, field, value) &&
           value->type != FIELD_NULL;
}

/* An object is there when anything in it is. */
static bool has_object(struct record_view *view, const struct field *object)
{
    struct field_value value;
    unsigned int depth = 1;

    if (!record_view_has(view, object))
        return false;
    for (const struct field *row = object + 1; depth; row++) {
        if (row->type == FIELD_END)
            depth--;
        else if (row->type == FIELD_OBJECT || row->type == FIELD_LIST)
            depth++;
        if (row->type != FIELD_END && row->type != FIELD_OBJECT && get_value(view, row, &value))
            return true;
    }
    return false;
}

static bool has_field(const struct where_test *test, const struct field *field,
                      struct record_view *view)
{
    struct where_walk walk = {0};
    struct field_value value;

    if (test->items && !field->get)
        return record_view_has(view, field) && where_next_item(test->items, view, &walk, &value);
    if (field->type == FIELD_OBJECT)
        return has_object(view, field);
    return get_value(view, field, &value);
}

static bool compare(long double left, unsigned int op, long double right)
{
    switch (op) {
    case WHERE_LT:
        return left < right;
    case WHERE_LE:
        return left <= right;
    case WHERE_GT:
        return left > right;
    case WHERE_GE:
        return left >= right;
    default:
        return left == right;
    }
}

static bool number_matches(const struct where_test *test, const struct field_value *value)
{
    int64_t ns = value->ns;

    if (value->type == FIELD_BOOL)
        return value->flag == (test->number != 0);
    if (value->type == FIELD_U64 || value->type == FIELD_LIST)
        return compare((long double)value->u64, test->op, test->number);
    if (test->grain_ns)
        ns -= ns % test->grain_ns;
    return compare((long double)ns, test->op, test->number);
}

static bool value_matches(const struct where_test *test, const struct field_value *value)
{
    switch (test->kind) {
    case WHERE_TRUE:
        return value->flag;
    case WHERE_NUMBER:
        return number_matches(test, value);
    case WHERE_TEXT:
        return value->len == test->len && !memcmp(value->text, test->text, test->len);
    default:
        return memmem(value->text, value->len, test->text, test->len);
    }
}

static bool in_network(const struct where_test *test, const struct record_view *view,
                       const struct field *field)
{
    const uint8_t *addr = view->key->addr[record_view_endpoint(view, field)].bytes;
    unsigned int bytes = test->prefix_bits / 8, bits = test->prefix_bits % 8;

    if (view->key->ip_version != test->ip_version || memcmp(addr, test->addr, bytes) != 0)
        return false;
    return !bits || !((addr[bytes] ^ test->addr[bytes]) >> (8 - bits));
}

/* Whether a value of the field matches; *seen: there was one. */
static bool field_matches(const struct where_test *test, const struct field *field,
                          struct record_view *view, bool *seen)
{
    struct where_walk walk = {0};
    struct field_value value;

    if (test->kind == WHERE_NET) {
        *seen = true;
        return in_network(test, view, field);
    }
    if (test->items) {
        while (record_view_has(view, field) && where_next_item(test->items, view, &walk, &value)) {
            *seen = true;
            if (value_matches(test, &value))
                return true;
        }
        return false;
    }
    if (!get_value(view, field, &value)) {
        if (!test->is_count)
            return false;
        value.u64 = 0;
    }
    *seen = true;
    return value_matches(test, &value);
}

static bool test_holds(const struct where_test *test, struct record_view *view)
{
    bool seen = false;

    for (int i = 0; i < 2 && test->fields[i]; i++) {
        bool hit = test->kind == WHERE_HAS ? has_field(test, test->fields[i], view)
                                           : field_matches(test, test->fields[i], view, &seen);

        if (hit)
            return test->op != WHERE_NE;
    }
    return test->op == WHERE_NE && seen;
}

static bool asks_for(const struct where *where, const char *list)
{
    for (size_t i = 0; i < where->count; i++)
        if (!strncmp(where->tests[i].fields[0]->path, list, strlen(list)))
            return true;
    return false;
}

bool where_needs_lots(const struct where *where)
{
    return asks_for(where, "packetLots");
}

bool where_needs_http(const struct where *where)
{
    return asks_for(where, "http") || asks_for(where, "websocket") ||
           asks_for(where, "parsers.http");
}

bool where_match(const struct where *where, const struct record *record)
{
    struct record_view view;
    int at = where->entry;

    record_view_init(&view, record);
    while (at >= 0)
        at = where->tests[at].next[test_holds(&where->tests[at], &view)];
    return at == WHERE_YES;
}
