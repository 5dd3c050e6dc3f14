/* SPDX-License-Identifier: Apache-2.0 */
/* A record's transactions of DNS. */
#include <stdio.h>

#include "sink/record_items.h"

/* The name of a number by a table, else the word and the number, as RFC 3597 has it. */
struct dns_word {
    uint16_t number;
    const char *name;
};

static const struct dns_word types[] = {
    {1, "A"},        {2, "NS"},          {5, "CNAME"},  {6, "SOA"},     {10, "NULL"},
    {12, "PTR"},     {13, "HINFO"},      {15, "MX"},    {16, "TXT"},    {17, "RP"},
    {18, "AFSDB"},   {24, "SIG"},        {25, "KEY"},   {28, "AAAA"},   {29, "LOC"},
    {33, "SRV"},     {35, "NAPTR"},      {37, "CERT"},  {39, "DNAME"},  {41, "OPT"},
    {42, "APL"},     {43, "DS"},         {44, "SSHFP"}, {46, "RRSIG"},  {47, "NSEC"},
    {48, "DNSKEY"},  {50, "NSEC3"},      {52, "TLSA"},  {53, "SMIMEA"}, {59, "CDS"},
    {60, "CDNSKEY"}, {61, "OPENPGPKEY"}, {64, "SVCB"},  {65, "HTTPS"},  {99, "SPF"},
    {249, "TKEY"},   {250, "TSIG"},      {251, "IXFR"}, {252, "AXFR"},  {255, "ANY"},
    {256, "URI"},    {257, "CAA"},
};
static const struct dns_word classes[] = {
    {1, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"}};
static const struct dns_word rcodes[] = {
    {0, "NOERROR"}, {1, "FORMERR"}, {2, "SERVFAIL"}, {3, "NXDOMAIN"},
    {4, "NOTIMP"},  {5, "REFUSED"}, {6, "YXDOMAIN"}, {7, "YXRRSET"},
    {8, "NXRRSET"}, {9, "NOTAUTH"}, {10, "NOTZONE"},
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static const char *find_word(char *text, const struct dns_word *words, size_t count,
                             const char *prefix, uint16_t number)
{
    snprintf(text, DNS_WORD_BYTES, "%s%u", prefix, number);
    for (size_t i = 0; i < count; i++)
        if (words[i].number == number)
            snprintf(text, DNS_WORD_BYTES, "%s", words[i].name);
    return text;
}

const char *dns_put_type(char *text, uint16_t number)
{
    return find_word(text, types, COUNT(types), "TYPE", number);
}

const char *dns_put_class(char *text, uint16_t number)
{
    return find_word(text, classes, COUNT(classes), "CLASS", number);
}

const char *dns_put_rcode(char *text, uint16_t number)
{
    return find_word(text, rcodes, COUNT(rcodes), "RCODE", number);
}

static void write_answers(struct buf *out, const struct dns_transaction *transaction)
{
    char word[DNS_WORD_BYTES];

    if (!transaction->answer_count)
        return;
    item_add_u64(out, "answerCount", transaction->answer_count);
    if (!transaction->answers)
        return;
    item_add_key(out, "answers");
    for (const struct dns_answer *at = transaction->answers; at; at = at->next) {
        buf_add_str(out, at == transaction->answers ? "[{" : ",{");
        item_add_text(out, "name", at->name);
        item_add_word(out, "type", dns_put_type(word, at->type));
        item_add_u64(out, "ttl", at->ttl_s);
        item_add_text(out, "data", at->data);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

static void write_transaction(struct buf *out, const struct record_view *view,
                              const struct dns_transaction *transaction)
{
    char word[DNS_WORD_BYTES];

    buf_add_char(out, '{');
    item_add_u64(out, "id", transaction->id);
    item_add_text(out, "name", transaction->name);
    if (transaction->qtype)
        item_add_word(out, "type", dns_put_type(word, transaction->qtype));
    if (transaction->qclass > 1)
        item_add_word(out, "class", dns_put_class(word, transaction->qclass));
    if (transaction->query_ns)
        item_add_time(out, "first", transaction->query_ns, view->record->wall_offset_ns);
    item_add_span(out, "latency", transaction->query_ns, transaction->answer_ns);
    if (transaction->rcode >= 0)
        item_add_word(out, "rcode", dns_put_rcode(word, (uint16_t)transaction->rcode));
    item_add_flag(out, "authoritative", transaction->authoritative);
    item_add_flag(out, "truncated", transaction->truncated);
    write_answers(out, transaction);
    buf_add_char(out, '}');
}

bool value_dns_count(struct record_view *view, const struct field *field, struct field_value *value)
{
    const struct facts *facts = view->record->facts;

    (void)field;
    return facts && facts->dns_count && give_u64(value, facts->dns_count);
}

void write_dns(struct buf *out, struct record_view *view)
{
    for (const struct dns_transaction *at = view->record->facts->dns; at; at = at->next) {
        if (at != view->record->facts->dns)
            buf_add_char(out, ',');
        write_transaction(out, view, at);
    }
}

static void add_text(struct buf *out, struct fact_text text)
{
    buf_add_char(out, ' ');
    if (text.at)
        buf_add_printable(out, text.at, text.len);
}

void dns_write_line(struct buf *out, const struct dns_transaction *transaction)
{
    char word[DNS_WORD_BYTES];

    buf_add_str(out, dns_put_type(word, transaction->qtype));
    add_text(out, transaction->name);
    if (transaction->rcode < 0) {
        buf_add_str(out, ", no answer");
        return;
    }
    buf_printf(out, ", %s", dns_put_rcode(word, (uint16_t)transaction->rcode));
    if (transaction->query_ns && transaction->answer_ns >= transaction->query_ns) {
        buf_add_str(out, " after ");
        buf_add_seconds(out, (int64_t)(transaction->answer_ns - transaction->query_ns), 6);
        buf_add_str(out, " s");
    }
    for (const struct dns_answer *at = transaction->answers; at; at = at->next) {
        buf_printf(out, "%s %s", at == transaction->answers ? ":" : ",",
                   dns_put_type(word, at->type));
        add_text(out, at->data);
    }
}
