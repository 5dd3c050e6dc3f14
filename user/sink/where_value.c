/* SPDX-License-Identifier: Apache-2.0 */
/* Literals of expressions: what a word is as a number, time, address, or word of a field. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <arpa/inet.h>

#include "base/buf.h"
#include "sink/record_view.h"
#include "sink/where_internal.h"
#include "wire.h"

#define NS_PER_SECOND 1000000000LL
#define NS_PER_MINUTE (60 * NS_PER_SECOND)
#define NS_PER_DAY    (86400 * NS_PER_SECOND)
#define TIME_GRAIN_NS 1000    /* as records print times */
#define DATE_GRAIN_NS 1000000 /* and dates */
#define LAST_YEAR     2261    /* of 64 bits of nanoseconds */

enum unit_class { UNIT_COUNT = 1 << 0, UNIT_BYTES = 1 << 1, UNIT_TIME = 1 << 2 };

static const struct {
    const char *name;
    long double factor;
    unsigned int class;
} units[] = {
    {"k", 1e3L, UNIT_COUNT | UNIT_BYTES},
    {"M", 1e6L, UNIT_COUNT | UNIT_BYTES},
    {"G", 1e9L, UNIT_COUNT | UNIT_BYTES},
    {"T", 1e12L, UNIT_COUNT | UNIT_BYTES},
    {"B", 1, UNIT_BYTES},
    {"kB", 1e3L, UNIT_BYTES},
    {"MB", 1e6L, UNIT_BYTES},
    {"GB", 1e9L, UNIT_BYTES},
    {"TB", 1e12L, UNIT_BYTES},
    {"KiB", 1ULL << 10, UNIT_BYTES},
    {"MiB", 1ULL << 20, UNIT_BYTES},
    {"GiB", 1ULL << 30, UNIT_BYTES},
    {"TiB", 1ULL << 40, UNIT_BYTES},
    {"ns", 1, UNIT_TIME},
    {"us", 1e3L, UNIT_TIME},
    {"\302\265s", 1e3L, UNIT_TIME},
    {"ms", 1e6L, UNIT_TIME},
    {"s", 1e9L, UNIT_TIME},
    {"m", 60e9L, UNIT_TIME},
    {"min", 60e9L, UNIT_TIME},
    {"h", 3600e9L, UNIT_TIME},
    {"d", 86400e9L, UNIT_TIME},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_number(const char *text)
{
    if (*text == '+' || *text == '-')
        text++;
    return is_digit(text[0]) || (text[0] == '.' && is_digit(text[1]));
}

/* The factor of a unit; 0 when it is none of that class. Of bytes and counts the case is free. */
static long double unit_factor(const char *name, unsigned int class)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!(units[i].class & class))
            continue;
        if (class == UNIT_TIME ? !strcmp(units[i].name, name) : !strcasecmp(units[i].name, name))
            return units[i].factor;
    }
    return 0;
}

static const char *wanted_units(unsigned int class)
{
    if (class == UNIT_TIME)
        return "a time is wanted: seconds, or a number with ns, us, ms, s, min, h, d";
    if (class == UNIT_BYTES)
        return "a number of bytes is wanted, with B, kB, MB, KiB, MiB ... or without";
    return "a number is wanted, with k, M, G or without";
}

/* A number without unit is multiplied with plain. */
static int read_number(struct where_test *test, const char *text, unsigned int class,
                       long double plain, struct buf *why)
{
    long double number, factor = plain, whole;
    char *end = NULL;

    if (begins_number(text)) {
        number = strtold(text, &end);
        if (*end)
            factor = unit_factor(end, class);
    }
    if (!end || factor == 0) {
        buf_add_str(why, wanted_units(class));
        return -EINVAL;
    }
    number *= factor;
    whole = roundl(number);
    /* 1.1 has no exact form, 1.1kB has. */
    test->number = class == UNIT_TIME || fabsl(number - whole) < 1e-6L ? whole : number;
    test->kind = WHERE_NUMBER;
    return 0;
}

/* ---- times --------------------------------------------------------------------------------------- */

static bool take_digits(const char **p, unsigned int count, int *out)
{
    *out = 0;
    for (; count; count--, (*p)++) {
        if (!is_digit(**p))
            return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool take_char(const char **p, const char *any_of)
{
    if (!**p || !strchr(any_of, **p))
        return false;
    (*p)++;
    return true;
}

/* Digits after the point as ns; *grain is the weight of the last one. */
static int64_t take_fraction(const char **p, int64_t *grain)
{
    int64_t ns = 0, weight = NS_PER_SECOND;

    for (; is_digit(**p); (*p)++) {
        if (weight > 1) {
            weight /= 10;
            ns += (**p - '0') * weight;
        }
    }
    *grain = weight;
    return ns;
}

/* "Z", "+01:00", "-0230" or nothing; in minutes. */
static bool take_zone(const char **p, int *minutes)
{
    int sign, hours, rest;

    *minutes = 0;
    if (take_char(p, "Zz") || !**p)
        return true;
    sign = **p == '-' ? -1 : 1;
    if (!take_char(p, "+-") || !take_digits(p, 2, &hours))
        return false;
    take_char(p, ":");
    if (!take_digits(p, 2, &rest) || hours > 23 || rest > 59)
        return false;
    *minutes = sign * (hours * 60 + rest);
    return true;
}

static bool take_clock(const char **p, struct tm *tm, int64_t *fraction_ns, int64_t *grain)
{
    *grain = NS_PER_MINUTE;
    if (!take_digits(p, 2, &tm->tm_hour) || !take_char(p, ":") || !take_digits(p, 2, &tm->tm_min) ||
        tm->tm_hour > 23 || tm->tm_min > 59)
        return false;
    if (!take_char(p, ":"))
        return true;
    *grain = NS_PER_SECOND;
    if (!take_digits(p, 2, &tm->tm_sec) || tm->tm_sec > 60)
        return false;
    if (take_char(p, "."))
        *fraction_ns = take_fraction(p, grain);
    return true;
}

/* ISO 8601: date, or date and time to the minute, second or less; UTC if it names no zone. */
static bool read_date(const char *p, int64_t *ns, int64_t *grain)
{
    struct tm tm = {0}, day;
    int64_t fraction_ns = 0;
    int zone = 0;

    if (!take_digits(&p, 4, &tm.tm_year) || !take_char(&p, "-") ||
        !take_digits(&p, 2, &tm.tm_mon) || !take_char(&p, "-") ||
        !take_digits(&p, 2, &tm.tm_mday) || tm.tm_year > LAST_YEAR || tm.tm_year < 1970)
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon--;
    day = tm;
    timegm(&day);
    if (day.tm_mon != tm.tm_mon || day.tm_mday != tm.tm_mday)
        return false;
    *grain = NS_PER_DAY;
    if (take_char(&p, "Tt ") &&
        (!take_clock(&p, &tm, &fraction_ns, grain) || !take_zone(&p, &zone)))
        return false;
    *ns = ((int64_t)timegm(&tm) - zone * 60) * NS_PER_SECOND + fraction_ns;
    return !*p;
}

/* Seconds since 1970. */
static bool read_epoch(const char *p, int64_t *ns, int64_t *grain)
{
    uint64_t seconds = 0;

    if (!is_digit(*p))
        return false;
    for (; is_digit(*p); p++) {
        seconds = seconds * 10 + (uint64_t)(*p - '0');
        if (seconds >= INT64_MAX / NS_PER_SECOND)
            return false;
    }
    *grain = NS_PER_SECOND;
    *ns = (int64_t)seconds * NS_PER_SECOND;
    if (take_char(&p, "."))
        *ns += take_fraction(&p, grain);
    return !*p;
}

/*
 * Equal is what is equal as far as it was written: `first == 2026-11-21` is that day. What is before or after
 * is decided as finely as records print it.
 */
static int read_time(struct where_test *test, const char *text, int64_t printed, struct buf *why)
{
    int64_t ns, grain;

    if (!read_date(text, &ns, &grain) && !read_epoch(text, &ns, &grain)) {
        buf_add_str(
            why, "a time is wanted: 2026-11-21, 2026-11-21T09:44:00.123Z, or seconds since 1970");
        return -EINVAL;
    }
    if (test->op != WHERE_EQ && test->op != WHERE_NE)
        grain = ns % printed ? 0 : printed;
    test->number = ns;
    test->grain_ns = grain;
    test->kind = WHERE_NUMBER;
    return 0;
}

/* ---- words --------------------------------------------------------------------------------------- */

static int read_bool(struct where_test *test, const char *text, struct buf *why)
{
    test->kind = WHERE_NUMBER;
    if (!strcasecmp(text, "true") || !strcasecmp(text, "yes") || !strcmp(text, "1")) {
        test->number = 1;
    } else if (!strcasecmp(text, "false") || !strcasecmp(text, "no") || !strcmp(text, "0")) {
        test->number = 0;
    } else {
        buf_add_str(why, "true or false is wanted");
        return -EINVAL;
    }
    return 0;
}

/* Addresses as in struct flow_key. */
static int read_network(struct where_test *test, const char *text, struct buf *why)
{
    unsigned int most = strchr(text, ':') ? 128 : 32, bits = most;
    char addr[INET6_ADDRSTRLEN];
    const char *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    bool good = len < sizeof(addr);

    memset(test->addr, 0, sizeof(test->addr));
    if (slash && test->op != WHERE_OP_IN) {
        buf_add_str(why, "this is a network; write 'in' before it");
        return -EINVAL;
    }
    if (good) {
        memcpy(addr, text, len);
        addr[len] = '\0';
        good = inet_pton(most == 32 ? AF_INET : AF_INET6, addr,
                         most == 32 ? test->addr + 12 : test->addr) == 1;
    }
    if (good && slash) {
        char *end;
        unsigned long number = strtoul(slash + 1, &end, 10);

        good = is_digit(slash[1]) && !*end && number <= most;
        bits = (unsigned int)number;
    }
    if (!good) {
        buf_add_str(why, test->op == WHERE_OP_IN
                             ? "an address or a network is wanted: 10.0.0.0/8, 2001:db8::/32"
                             : "an address is wanted");
        return -EINVAL;
    }
    if (most == 32)
        test->addr[10] = test->addr[11] = 0xff;
    test->ip_version = most == 32 ? 4 : 6;
    test->prefix_bits = (uint8_t)(bits + 128 - most);
    test->kind = WHERE_NET;
    return 0;
}

static bool is_one_of(const char *words, const char *text, size_t len)
{
    for (const char *at = words; *at; at += strspn(at, " ")) {
        size_t word_len = strcspn(at, " ");

        if (word_len == len && !memcmp(at, text, len))
            return true;
        at += word_len;
    }
    return false;
}

static int read_word(struct where_test *test, const char *text, size_t len, struct buf *why)
{
    const char *words = test->fields[0]->one_of;

    test->kind = test->op == WHERE_OP_CONTAINS ? WHERE_CONTAINS : WHERE_TEXT;
    if (test->kind == WHERE_TEXT && words && !is_one_of(words, text, len)) {
        buf_printf(why, "%s is one of %s", test->fields[0]->path, words);
        return -EINVAL;
    }
    test->text = malloc(len + 1);
    if (!test->text)
        return -ENOMEM;
    memcpy(test->text, text, len);
    test->text[len] = '\0';
    test->len = len;
    return 0;
}

/* `proto == tcp` */
static bool read_proto(struct where_test *test, const char *text)
{
    static const struct {
        const char *name;
        uint8_t number;
    } protos[] = {{"tcp", IP_PROTO_TCP},
                  {"udp", IP_PROTO_UDP},
                  {"icmp", IP_PROTO_ICMP},
                  {"icmpv6", IP_PROTO_ICMPV6},
                  {"sctp", IP_PROTO_SCTP}};

    for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
        if (test->fields[0]->get == value_proto && !strcasecmp(protos[i].name, text)) {
            test->number = protos[i].number;
            test->kind = WHERE_NUMBER;
            return true;
        }
    return false;
}

/* ---- by the field's type ------------------------------------------------------------------------- */

static unsigned int value_type_of(const struct where_test *test)
{
    const struct field *field = test->fields[0];

    if (field->type != FIELD_LIST)
        return field->type;
    return field->item_type == FIELD_OBJECT ? FIELD_U64 : field->item_type;
}

/* Which operators a type has, as the reason why not. */
static const char *wrong_op(unsigned int type, unsigned int op, bool is_address)
{
    bool equality = op == WHERE_EQ || op == WHERE_NE;

    switch (type) {
    case FIELD_OBJECT:
        return "is an object: name one of its fields, or ask 'has' for it";
    case FIELD_BOOL:
        return equality ? NULL : "is true or false: only == and != compare it";
    case FIELD_STRING:
        if (op == WHERE_OP_IN && !is_address)
            return "is no address: 'in' is for src.ip, dst.ip and ip";
        return equality || op == WHERE_OP_CONTAINS || op == WHERE_OP_IN
                   ? NULL
                   : "is text: ==, != and 'contains' compare it";
    default:
        if (op == WHERE_OP_IN || op == WHERE_OP_CONTAINS)
            return "is a number: == != < <= > >= compare it";
        return NULL;
    }
}

int where_read_literal(struct where_test *test, const char *text, size_t len, struct buf *why)
{
    const struct field *field = test->fields[0];
    unsigned int type = value_type_of(test);
    bool is_address = field->get == value_ip;
    const char *wrong = wrong_op(type, test->op, is_address);

    if (wrong) {
        buf_printf(why, "%s %s", field->path, wrong);
        return -EINVAL;
    }
    test->is_count = field->type == FIELD_LIST && field->item_type == FIELD_OBJECT;
    switch (type) {
    case FIELD_BOOL:
        return read_bool(test, text, why);
    case FIELD_TIME:
        return read_time(test, text, TIME_GRAIN_NS, why);
    case FIELD_DATE:
        return read_time(test, text, DATE_GRAIN_NS, why);
    case FIELD_DURATION:
        return read_number(test, text, UNIT_TIME, NS_PER_SECOND, why);
    case FIELD_STRING:
        if (is_address && test->op != WHERE_OP_CONTAINS)
            return read_network(test, text, why);
        return read_word(test, text, len, why);
    default:
        if (read_proto(test, text))
            return 0;
        return read_number(test, text, strcmp(field->unit, "bytes") ? UNIT_COUNT : UNIT_BYTES, 1,
                           why);
    }
}
