/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an expression is compiled to: a row of tests, each with where to go when it holds and when it does
 * not, so that `and`, `or` and `not` are nothing but jumps. Shared by the files where*.c.
 */
#ifndef SESSTAP_WHERE_INTERNAL_H
#define SESSTAP_WHERE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sink/field.h"

#define WHERE_MAX_TESTS 1000
#define WHERE_MAX_DEPTH 100 /* parentheses and nots in one another */

struct buf;
struct record_view;

/* Where a test leads to, if not to the test of that index. */
enum where_end { WHERE_NO = -1, WHERE_YES = -2 };

enum where_kind {
    WHERE_HAS,      /* the field is there */
    WHERE_TRUE,     /* and true */
    WHERE_NUMBER,   /* compared as a number */
    WHERE_TEXT,     /* equal */
    WHERE_CONTAINS, /* has the text within */
    WHERE_NET,      /* an address in a network, or equal */
};

enum where_op {
    WHERE_EQ,
    WHERE_NE,
    WHERE_LT,
    WHERE_LE,
    WHERE_GT,
    WHERE_GE,
    WHERE_OP_CONTAINS,
    WHERE_OP_IN,
};

/* How far a walk over the items of a list has come. Zero at the beginning. */
struct where_walk {
    size_t count;
    const void *item; /* the last one; of lists within items, the one that it is in */
    const void *part; /* the last one of a list within an item */
};

/* How the items of a list are read, or a field inside of them: by number, or one after the other. */
struct where_items {
    const char *path;
    /* Item i; false beyond the end. NULL: by next and get. */
    bool (*item)(struct record_view *view, size_t i, struct field_value *value);
    /* The next item, NULL at the end; and its value, at offset in it: false when it has none. */
    const void *(*next)(const struct record_view *view, struct where_walk *walk);
    bool (*get)(const struct record_view *view, const void *at, struct field_value *value);
    size_t offset;
};

struct where_test {
    const struct field *fields[2];   /* the second: either may match (`ip`, `port`); or NULL */
    const struct where_items *items; /* of a list, any item of which may match; or NULL */
    uint8_t kind;                    /* enum where_kind */
    uint8_t op;                      /* enum where_op */
    bool is_count;                   /* a list of objects stands for their number */
    int16_t next[2];                 /* where to go: [1] when it holds */
    uint8_t ip_version;              /* WHERE_NET */
    uint8_t prefix_bits;             /* of 128 */
    uint8_t addr[16];                /* IPv4 mapped */
    long double number;              /* counts as they are, times in ns; exact for 64 bits */
    int64_t grain_ns;                /* times are rounded down to this first; 0: not at all */
    char *text;                      /* owned */
    size_t len;
};

struct where {
    struct where_test *tests;
    size_t count;
    int entry;
};

/*
 * Understand a literal as a value of the test's field, for its op: sets kind and what that needs but text,
 * which stays. 0; -EINVAL with the reason appended to why; -ENOMEM.
 */
int where_read_literal(struct where_test *test, const char *text, size_t len, struct buf *why);

/*
 * How the items of a list of words or numbers are read, or a field inside of items ("holes[].offset"). NULL: it is
 * neither.
 */
const struct where_items *where_find_items(const struct field *field);
/* The same for what where_facts.c knows. */
const struct where_items *where_find_facts(const char *path);
/* The next value; false beyond the end. */
bool where_next_item(const struct where_items *items, struct record_view *view,
                     struct where_walk *walk, struct field_value *value);

#endif
