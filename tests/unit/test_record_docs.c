/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/records.schema.json and the table in docs/records.md are made from the list of fields; here
 * they are made again and compared. SESSTAP_WRITE_DOCS=1 writes them instead.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "made_docs.h"
#include "sink/field.h"
#include "sink/record.h"

#define SCHEMA_PATH "docs/records.schema.json"
#define TABLE_PATH  "docs/records.md"
#define TABLE_BEGIN "<!-- fields: from user/sink/field.c -->\n"
#define TABLE_END   "<!-- end of fields -->\n"

static const struct {
    unsigned int bit;
    const char *name;
    const char *type;
} protos[] = {
    {FIELD_TCP, "TCP", "TcpSession"},
    {FIELD_UDP, "UDP", "UdpSession"},
    {FIELD_ICMP, "ICMP", "IcmpSession"},
    {FIELD_SCTP, "SCTP", "SctpSession"},
};
#define PROTOS (sizeof(protos) / sizeof(protos[0]))

/* ---- the schema ---------------------------------------------------------------------------------- */

/* Rows of the list that are being written; each level of the schema takes those of one object. */
struct rows {
    const struct field *at;
    const struct field *end;
};

static const char *name_of(const struct field *field)
{
    const char *dot = strrchr(field->path, '.');

    return dot ? dot + 1 : field->path;
}

static void indent(struct buf *out, unsigned int depth)
{
    buf_add_char(out, '\n');
    while (depth--)
        buf_add_str(out, "  ");
}

static const char *schema_type(enum field_type type)
{
    switch (type) {
    case FIELD_BOOL:
        return "\"boolean\"";
    case FIELD_U64:
        return "\"integer\"";
    case FIELD_TIME:
    case FIELD_DURATION:
        return "\"number\"";
    case FIELD_OBJECT:
        return "\"object\"";
    case FIELD_LIST:
        return "\"array\"";
    default:
        return "\"string\"";
    }
}

static void write_words(struct buf *out, const char *words)
{
    char copy[512], *save = NULL;
    bool more = false;

    snprintf(copy, sizeof(copy), "%s", words);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        buf_printf(out, "%s\"%s\"", more ? ", " : "", word);
        more = true;
    }
}

static void write_limits(struct buf *out, enum field_type type)
{
    if (type == FIELD_U64 || type == FIELD_TIME || type == FIELD_DURATION)
        buf_add_str(out, ", \"minimum\": 0");
    if (type == FIELD_DATE)
        buf_add_str(
            out, ", \"pattern\": \"^\\\\d{4}-\\\\d\\\\d-\\\\d\\\\dT\\\\d\\\\d:\\\\d\\\\d:\\\\d\\\\d"
                 "\\\\.\\\\d{3}Z$\"");
}

static const char *unit_of(const struct field *field)
{
    if (field->type == FIELD_TIME)
        return "seconds since 1970";
    if (field->type == FIELD_DURATION)
        return "seconds";
    return field->unit;
}

static void write_description(struct buf *out, const struct field *field)
{
    const char *unit = unit_of(field);

    buf_add_str(out, "\"description\": \"");
    buf_add_str(out, field->help);
    if (*unit)
        buf_printf(out, " (%s)", unit);
    buf_add_char(out, '"');
}

static void write_object(struct buf *out, struct rows *rows, unsigned int depth, unsigned int of);

static void write_property(struct buf *out, struct rows *rows, unsigned int depth, unsigned int of)
{
    const struct field *field = rows->at++;

    indent(out, depth);
    buf_printf(out, "\"%s\": {", name_of(field));
    write_description(out, field);
    if (field->flags & FIELD_NULLABLE)
        buf_printf(out, ", \"type\": [%s, \"null\"]", schema_type(field->type));
    else
        buf_printf(out, ", \"type\": %s", schema_type(field->type));
    write_limits(out, field->type);
    if (field->one_of) {
        buf_add_str(out, ", \"enum\": [");
        write_words(out, field->one_of);
        buf_add_char(out, ']');
    }
    if (field->type == FIELD_OBJECT) {
        write_object(out, rows, depth + 1, field->protos ? field->protos : of);
    } else if (field->type == FIELD_LIST) {
        buf_printf(out, ", \"minItems\": 1, \"items\": {\"type\": %s",
                   schema_type(field->item_type));
        write_limits(out, field->item_type);
        if (field->item_type == FIELD_OBJECT)
            write_object(out, rows, depth + 1, of);
        else
            rows->at++;
        buf_add_char(out, '}');
    }
    buf_add_char(out, '}');
}

static void add_required(struct buf *required, const struct field *field)
{
    buf_printf(required, "%s\"%s\"", required->len ? ", " : "", name_of(field));
}

/* Properties up to the END; required are those that every session of the object has. */
static void write_object(struct buf *out, struct rows *rows, unsigned int depth, unsigned int of)
{
    struct buf required = {0};
    bool more = false;

    buf_add_str(out, ", \"additionalProperties\": false, \"properties\": {");
    while (rows->at < rows->end && rows->at->type != FIELD_END) {
        if ((rows->at->flags & FIELD_ALWAYS) && (!rows->at->protos || rows->at->protos == of))
            add_required(&required, rows->at);
        if (more)
            buf_add_char(out, ',');
        more = true;
        write_property(out, rows, depth, of);
    }
    rows->at++;
    buf_add_char(out, '}');
    if (required.len) {
        buf_add_char(out, ',');
        indent(out, depth - 1);
        buf_printf(out, "\"required\": [%.*s]", (int)required.len, required.data);
    }
    buf_fini(&required);
}

static bool is_required_of(const struct field *field, unsigned int proto)
{
    return (field->flags & FIELD_ALWAYS) && (field->protos & protos[proto].bit);
}

/* What a session of one protocol must have besides: fields of the record, and of its plain objects. */
static void write_required_of(struct buf *out, unsigned int proto)
{
    size_t count, depth = 0;
    const struct field *fields = field_list(&count), *object = NULL;
    struct buf top = {0}, inner = {0}, nested = {0};

    for (const struct field *field = fields; field < fields + count; field++) {
        if (field->type == FIELD_END) {
            if (--depth == 0 && inner.len && !object->protos)
                buf_printf(&nested, "%s\"%s\": {\"required\": [%.*s]}", nested.len ? ", " : "",
                           object->path, (int)inner.len, inner.data);
            continue;
        }
        if (depth < 2 && is_required_of(field, proto))
            add_required(depth ? &inner : &top, field);
        if (field->type != FIELD_OBJECT && field->type != FIELD_LIST)
            continue;
        if (depth++ == 0) {
            object = field;
            buf_clear(&inner);
        }
    }
    buf_printf(out, "\"required\": [%.*s], \"properties\": {%.*s}", (int)top.len, top.data,
               (int)nested.len, nested.data);
    buf_fini(&top);
    buf_fini(&inner);
    buf_fini(&nested);
}

static void make_schema(struct buf *out)
{
    size_t count;
    struct rows rows = {.at = field_list(&count)};

    rows.end = rows.at + count;
    buf_add_str(
        out, "{\n"
             "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
             "  \"title\": \"sesstap session record\",\n"
             "  \"$comment\": \"made from user/sink/field.c by tests/unit/test_record_docs.c\",\n"
             "  \"type\": \"object\"");
    write_object(out, &rows, 2, 0);
    buf_add_str(out, ",\n  \"allOf\": [");
    for (unsigned int i = 0; i < PROTOS; i++) {
        buf_printf(
            out, "%s\n    {\"if\": {\"properties\": {\"@type\": {\"const\": \"%s\"}}}, \"then\": {",
            i ? "," : "", protos[i].type);
        write_required_of(out, i);
        buf_add_str(out, "}}");
    }
    buf_add_str(out, "]\n}\n");
    buf_add(out, "", 1);
}

/* ---- the table ----------------------------------------------------------------------------------- */

static const char *table_type(const struct field *field)
{
    switch (field->type) {
    case FIELD_BOOL:
        return "boolean";
    case FIELD_U64:
        return *field->unit ? field->unit : "number";
    case FIELD_TIME:
        return "s since 1970";
    case FIELD_DURATION:
        return "seconds";
    case FIELD_DATE:
        return "date";
    case FIELD_OBJECT:
        return "object";
    case FIELD_LIST:
        return "list";
    default:
        return "text";
    }
}

static void write_presence(struct buf *out, const struct field *field)
{
    bool more = false;

    for (unsigned int i = 0; i < PROTOS; i++) {
        if (!(field->protos & protos[i].bit))
            continue;
        buf_printf(out, "%s%s", more ? " " : "", protos[i].name);
        more = true;
    }
    if (!(field->flags & FIELD_ALWAYS))
        buf_add_str(out, more ? ", if known" : "if known");
    else if (!more)
        buf_add_str(out, "always");
}

static void make_table(struct buf *out)
{
    size_t count;
    const struct field *field = field_list(&count), *end = field + count;

    buf_add_str(out, "| field | type | there | meaning |\n|---|---|---|---|\n");
    for (; field < end; field++) {
        if (field->type == FIELD_END)
            continue;
        buf_printf(out, "| %s%s%s | %s | ", field->type == FIELD_OBJECT ? "**" : "", field->path,
                   field->type == FIELD_OBJECT ? "**" : "", table_type(field));
        write_presence(out, field);
        buf_printf(out, " | %s%s%s |\n", field->help, field->one_of ? ": " : "",
                   field->one_of ? field->one_of : "");
    }
    buf_add(out, "", 1);
}

/* ---- the tests ----------------------------------------------------------------------------------- */

static void test_schema_is_of_the_list(void **state)
{
    struct buf made = {0};

    (void)state;
    make_schema(&made);
    made_docs_file(SCHEMA_PATH, made.data);
    buf_fini(&made);
}

static void test_table_is_of_the_list(void **state)
{
    struct buf made = {0};

    (void)state;
    make_table(&made);
    made_docs_part(TABLE_PATH, TABLE_BEGIN, TABLE_END, made.data);
    buf_fini(&made);
}

static void test_list_is_sound(void **state)
{
    size_t count;
    const struct field *fields = field_list(&count);
    int depth = 0;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct field *field = &fields[i];
        char key[FIELD_KEY_BYTES + 1];

        if (field->type == FIELD_END) {
            assert_true(--depth >= 0);
            continue;
        }
        if (field->type == FIELD_OBJECT || field->type == FIELD_LIST)
            depth++;
        assert_ptr_equal(field_find(field->path), field);
        snprintf(key, sizeof(key), ",\"%s\":", name_of(field));
        assert_int_equal(field->key_len, strlen(key));
        assert_memory_equal(field->key, key, field->key_len);
        assert_true(*field->help);
        if (field->type == FIELD_LIST && !strstr(field->path, "[]"))
            assert_non_null(field->write_items);
        if (field->type != FIELD_OBJECT && !strstr(field->path, "[]"))
            assert_non_null(field->get);
    }
    assert_int_equal(depth, 0);
    assert_null(field_find("out.nothing"));
    assert_null(field_find(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_is_sound),
        cmocka_unit_test(test_schema_is_of_the_list),
        cmocka_unit_test(test_table_is_of_the_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
