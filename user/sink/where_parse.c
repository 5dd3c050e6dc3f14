/* SPDX-License-Identifier: Apache-2.0 */
/* The language of expressions: words, and how they stand together. `not` binds before `and` before `or`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "sink/field_names.h"
#include "sink/where.h"
#include "sink/where_internal.h"

enum token {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_QUOTED,
    TOKEN_OP,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_OPEN,
    TOKEN_CLOSE
};

struct parser {
    const char *text;
    size_t begin; /* of the token */
    size_t end;
    enum token token;
    unsigned int op;    /* of TOKEN_OP */
    struct buf literal; /* of TOKEN_WORD and TOKEN_QUOTED: what it says, and a NUL */
    unsigned int depth;
    struct where *where;
    struct buf *error;
};

/* ---- errors -------------------------------------------------------------------------------------- */

#define MAX_SHOWN 40

/* Where and at what; the reason is the caller's to add. False, so that callers can return it. */
static bool begin_error(struct parser *p)
{
    size_t len = p->end - p->begin;

    if (p->token == TOKEN_END)
        buf_add_str(p->error, "at the end: ");
    else
        buf_printf(p->error, "character %zu, '%.*s%s': ", p->begin + 1,
                   (int)(len < MAX_SHOWN ? len : MAX_SHOWN), p->text + p->begin,
                   len < MAX_SHOWN ? "" : "...");
    return false;
}

static bool refuse(struct parser *p, const char *reason)
{
    begin_error(p);
    buf_add_str(p->error, reason);
    return false;
}

static bool no_memory(struct parser *p)
{
    buf_clear(p->error);
    buf_add_str(p->error, "no memory");
    return false;
}

/* ---- words --------------------------------------------------------------------------------------- */

static const struct {
    const char *sign;
    enum token token;
    unsigned int op;
} signs[] = {
    /* longer ones first */
    {"==", TOKEN_OP, WHERE_EQ}, {"!=", TOKEN_OP, WHERE_NE}, {"<=", TOKEN_OP, WHERE_LE},
    {">=", TOKEN_OP, WHERE_GE}, {"&&", TOKEN_AND, 0},       {"||", TOKEN_OR, 0},
    {"<", TOKEN_OP, WHERE_LT},  {">", TOKEN_OP, WHERE_GT},  {"=", TOKEN_OP, WHERE_EQ},
    {"!", TOKEN_NOT, 0},        {"(", TOKEN_OPEN, 0},       {")", TOKEN_CLOSE, 0},
};

static const struct {
    const char *word;
    enum token token;
    unsigned int op;
} keywords[] = {
    {"and", TOKEN_AND, 0},         {"or", TOKEN_OR, 0},
    {"not", TOKEN_NOT, 0},         {"contains", TOKEN_OP, WHERE_OP_CONTAINS},
    {"in", TOKEN_OP, WHERE_OP_IN},
};

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (unsigned char)c >= 0x80 || (c && strchr("_@[]:/+-.,*%#~", c));
}

static bool read_quoted(struct parser *p)
{
    char quote = p->text[p->begin];
    const char *at = p->text + p->begin + 1;

    for (; *at && *at != quote; at++) {
        if (*at == '\\' && at[1])
            at++;
        buf_add_char(&p->literal, *at);
    }
    p->end = (size_t)(at - p->text);
    p->token = TOKEN_QUOTED;
    if (!*at)
        return refuse(p, "the quote is not closed");
    p->end++;
    return true;
}

static bool read_sign(struct parser *p)
{
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        size_t len = strlen(signs[i].sign);

        if (!strncmp(p->text + p->begin, signs[i].sign, len)) {
            p->end = p->begin + len;
            p->token = signs[i].token;
            p->op = signs[i].op;
            return true;
        }
    }
    p->end = p->begin + 1;
    p->token = TOKEN_OP;
    return refuse(p, "this character means nothing here; put text in quotes");
}

/* A keyword is one only where a value is not expected; '=' is of a word only there: communityId ends with it. */
static void read_word(struct parser *p, bool as_value)
{
    size_t len;

    while (is_word_char(p->text[p->end]) || (as_value && p->text[p->end] == '='))
        p->end++;
    len = p->end - p->begin;
    p->token = TOKEN_WORD;
    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]) && !as_value; i++)
        if (strlen(keywords[i].word) == len && !memcmp(keywords[i].word, p->text + p->begin, len)) {
            p->token = keywords[i].token;
            p->op = keywords[i].op;
        }
    buf_add(&p->literal, p->text + p->begin, len);
}

/* The next token. False after an error. */
static bool advance(struct parser *p, bool as_value)
{
    bool good = true;

    buf_clear(&p->literal);
    p->begin = p->end + strspn(p->text + p->end, " \t\r\n");
    p->end = p->begin;
    if (!p->text[p->begin])
        p->token = TOKEN_END;
    else if (p->text[p->begin] == '"' || p->text[p->begin] == '\'')
        good = read_quoted(p);
    else if (is_word_char(p->text[p->begin]))
        read_word(p, as_value);
    else
        good = read_sign(p);
    buf_add_char(&p->literal, '\0');
    return good && (p->literal.failed ? no_memory(p) : true);
}

/* ---- jumps --------------------------------------------------------------------------------------- */

#define LIST_END (-1)

/* A piece of the program. Jumps not decided yet are linked in lists, by outcome: test * 2 + outcome. */
struct piece {
    int entry;
    int out[2];
};

static int16_t *jump_at(struct parser *p, int code)
{
    return &p->where->tests[code / 2].next[code & 1];
}

static void set_jumps(struct parser *p, int code, int target)
{
    while (code != LIST_END) {
        int16_t *jump = jump_at(p, code);

        code = *jump;
        *jump = (int16_t)target;
    }
}

static int join_jumps(struct parser *p, int first, int second)
{
    int code = first;

    if (first == LIST_END)
        return second;
    while (*jump_at(p, code) != LIST_END)
        code = *jump_at(p, code);
    *jump_at(p, code) = (int16_t)second;
    return first;
}

/* outcome of the left piece that leads on to the right one: 1 for `and`, 0 for `or`. */
static void chain(struct parser *p, struct piece *left, const struct piece *right, int outcome)
{
    set_jumps(p, left->out[outcome], right->entry);
    left->out[outcome] = right->out[outcome];
    left->out[!outcome] = join_jumps(p, left->out[!outcome], right->out[!outcome]);
}

static void negate(struct piece *piece)
{
    int code = piece->out[0];

    piece->out[0] = piece->out[1];
    piece->out[1] = code;
}

static struct where_test *add_test(struct parser *p, struct piece *piece)
{
    struct where *where = p->where;
    int index = (int)where->count;
    struct where_test *tests;

    if (where->count == WHERE_MAX_TESTS) {
        refuse(p, "the expression is too long");
        return NULL;
    }
    tests = reallocarray(where->tests, where->count + 1, sizeof(*tests));
    if (!tests) {
        no_memory(p);
        return NULL;
    }
    where->tests = tests;
    tests[where->count++] = (struct where_test){.next = {LIST_END, LIST_END}};
    *piece = (struct piece){index, {index * 2, index * 2 + 1}};
    return &tests[index];
}

/* ---- the grammar --------------------------------------------------------------------------------- */

static bool parse_or(struct parser *p, struct piece *piece);

static bool read_field(struct parser *p, struct where_test *test)
{
    size_t len = p->literal.len - 1;
    struct buf nearest = {0};

    if (p->token != TOKEN_WORD)
        return refuse(p, "a field's name is wanted here");
    if (field_find_named(test->fields, p->literal.data, len)) {
        test->items = where_find_items(test->fields[0]);
        return true;
    }
    field_add_nearest(&nearest, p->literal.data, len);
    begin_error(p);
    buf_add_str(p->error, "no field has this name");
    if (nearest.len)
        buf_printf(p->error, "; near are %.*s", (int)nearest.len, nearest.data);
    buf_fini(&nearest);
    return false;
}

static bool read_value(struct parser *p, struct where_test *test)
{
    struct buf why = {0};
    int err;

    if (p->token != TOKEN_WORD && p->token != TOKEN_QUOTED)
        return refuse(p, "a value is wanted here");
    err = where_read_literal(test, p->literal.data, p->literal.len - 1, &why);
    if (err == -EINVAL) {
        begin_error(p);
        buf_add(p->error, why.data, why.len);
    } else if (err) {
        no_memory(p);
    }
    buf_fini(&why);
    return !err;
}

/* "has FIELD", "FIELD", "FIELD OP VALUE"; also "FIELD not in VALUE". */
static bool parse_test(struct parser *p, struct piece *piece)
{
    bool has = p->token == TOKEN_WORD && !strcmp(p->literal.data, "has");
    bool denied = false;
    struct where_test *test = add_test(p, piece);

    if (!test || (has && !advance(p, false)) || !read_field(p, test) || !advance(p, false))
        return false;
    test->kind = test->fields[0]->type == FIELD_BOOL && !has ? WHERE_TRUE : WHERE_HAS;
    if (has)
        return true;
    if (p->token == TOKEN_NOT) {
        denied = true;
        if (!advance(p, false))
            return false;
        if (p->token != TOKEN_OP || p->op < WHERE_OP_CONTAINS)
            return refuse(p, "'in' or 'contains' is wanted after this 'not'");
    }
    if (p->token != TOKEN_OP)
        return true;
    test->op = (uint8_t)p->op;
    if (!advance(p, true) || !read_value(p, test))
        return false;
    if (denied)
        negate(piece);
    return advance(p, false);
}

static bool parse_group(struct parser *p, struct piece *piece)
{
    if (!advance(p, false) || !parse_or(p, piece))
        return false;
    if (p->token != TOKEN_CLOSE)
        return refuse(p, "')' is wanted here, or and, or");
    return advance(p, false);
}

static bool parse_not(struct parser *p, struct piece *piece)
{
    bool good;

    if (p->token != TOKEN_NOT && p->token != TOKEN_OPEN)
        return parse_test(p, piece);
    if (++p->depth > WHERE_MAX_DEPTH)
        return refuse(p, "this is nested too deeply");
    if (p->token == TOKEN_OPEN) {
        good = parse_group(p, piece);
    } else {
        good = advance(p, false) && parse_not(p, piece);
        if (good)
            negate(piece);
    }
    p->depth--;
    return good;
}

static bool parse_and(struct parser *p, struct piece *piece)
{
    struct piece right;

    if (!parse_not(p, piece))
        return false;
    while (p->token == TOKEN_AND) {
        if (!advance(p, false) || !parse_not(p, &right))
            return false;
        chain(p, piece, &right, 1);
    }
    return true;
}

static bool parse_or(struct parser *p, struct piece *piece)
{
    struct piece right;

    if (!parse_and(p, piece))
        return false;
    while (p->token == TOKEN_OR) {
        if (!advance(p, false) || !parse_and(p, &right))
            return false;
        chain(p, piece, &right, 0);
    }
    return true;
}

static bool parse_all(struct parser *p)
{
    struct piece piece;

    if (!advance(p, false) || !parse_or(p, &piece))
        return false;
    if (p->token != TOKEN_END)
        return refuse(p, "and, or, or the end is wanted here");
    p->where->entry = piece.entry;
    set_jumps(p, piece.out[0], WHERE_NO);
    set_jumps(p, piece.out[1], WHERE_YES);
    return true;
}

struct where *where_compile(const char *text, struct buf *error)
{
    struct parser p = {.text = text, .error = error, .where = calloc(1, sizeof(struct where))};
    bool good = p.where ? parse_all(&p) : no_memory(&p);

    buf_fini(&p.literal);
    if (good)
        return p.where;
    where_free(p.where);
    return NULL;
}
