/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one list of a record's fields: each with its path, type, unit and meaning, and the function that
 * reads it. JSON, tables, filters on records, the schema and docs/records.md are made from it.
 */
#ifndef SESSTAP_FIELD_H
#define SESSTAP_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct record;
struct record_view;
struct field;
struct field_value;

enum field_type {
    FIELD_END, /* of the object or list that was opened last */
    FIELD_OBJECT,
    FIELD_LIST, /* its value is the number of items */
    FIELD_NULL, /* only of values */
    FIELD_BOOL,
    FIELD_U64,
    FIELD_TIME,     /* ns since 1970; printed as seconds with 6 digits after the point */
    FIELD_DURATION, /* ns; printed as seconds with 6 or 9 digits */
    FIELD_DATE,     /* ns since 1970; printed as ISO 8601, UTC, milliseconds */
    FIELD_STRING,
};

enum field_flag {
    FIELD_ALWAYS = 1 << 0,   /* there whenever its object is */
    FIELD_NULLABLE = 1 << 1, /* may be null */
};

/* Protocols that have the field; 0: all of them. */
enum field_proto {
    FIELD_TCP = 1 << 0,
    FIELD_UDP = 1 << 1,
    FIELD_ICMP = 1 << 2, /* and ICMPv6 */
    FIELD_SCTP = 1 << 3,
};

/* True when the record has the field; then *value is set. */
typedef bool field_getter(struct record_view *view, const struct field *field,
                          struct field_value *value);
/* Append the items of a list that is not empty, with commas, without brackets. */
typedef void field_list_writer(struct buf *out, struct record_view *view);

#define FIELD_KEY_BYTES 32
struct field {
    char key[FIELD_KEY_BYTES]; /* ,"name": as it stands in JSON */
    uint8_t key_len;
    uint8_t type;      /* enum field_type */
    uint8_t item_type; /* of a list */
    uint8_t flags;     /* enum field_flag */
    uint8_t protos;    /* enum field_proto */
    uint8_t side;      /* for get: 0 the client's, 1 the server's */
    uint16_t arg;      /* for get: which one */
    const char *words; /* for get: of what */
    /* Of an object: whether there is anything in it to look at; NULL: always. */
    field_getter *get;
    field_list_writer *write_items;
    const char *path;   /* "out.payload"; of a list's items "holes[].offset" */
    const char *unit;   /* "bytes", "packets" ...; "" for none, and for types that have their own */
    const char *help;   /* one line */
    const char *one_of; /* the words that a string may be, separated by spaces; NULL: any */
};

#define FIELD_TEXT_BYTES 640
struct field_value {
    enum field_type type; /* FIELD_NULL, or the field's own */
    bool flag;
    bool plain;       /* text needs no escape in JSON */
    uint64_t u64;     /* FIELD_U64, FIELD_LIST */
    int64_t ns;       /* FIELD_TIME, FIELD_DURATION, FIELD_DATE */
    const char *text; /* FIELD_STRING; no NUL; points into room or the record */
    size_t len;
    char room[FIELD_TEXT_BYTES];
};

/* The list: *count rows in the order of JSON, objects and lists closed by FIELD_END. */
const struct field *field_list(size_t *count);

/* The field with this path, NULL when there is none. */
const struct field *field_find(const char *path);

/*
 * Whether the record has this field; then *value is its value, good until the record or *value
 * changes. Objects and what is inside of lists have no value.
 */
bool field_get(const struct field *field, const struct record *record, struct field_value *value);

#endif
