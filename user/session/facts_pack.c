/* SPDX-License-Identifier: Apache-2.0 */
/* One walk over the facts, which either writes or reads: so the two can't disagree. */
#include "session/facts_pack.h"

#include <errno.h>
#include <string.h>

#define MAX_BYTES (64u << 20) /* of facts read back */
#define NO_TEXT   0           /* a length plus one is written */

struct codec {
    struct buf *out;         /* NULL: reading */
    const uint8_t *at, *end; /* reading */
    struct facts *facts;     /* reading: where texts go */
    bool failed;
};

/* ---- numbers and texts --------------------------------------------------------------------------- */

static void put_number(struct buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        buf_add_char(out, (char)(value | 0x80));
    buf_add_char(out, (char)value);
}

static uint64_t take_number(struct codec *codec)
{
    uint64_t value = 0;

    for (unsigned int shift = 0; shift < 64 && codec->at < codec->end; shift += 7) {
        uint8_t byte = *codec->at++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    codec->failed = true;
    return 0;
}

static uint64_t walk_number(struct codec *codec, uint64_t value)
{
    if (!codec->out)
        return codec->failed ? 0 : take_number(codec);
    put_number(codec->out, value);
    return value;
}

#define WALK(codec, member) ((member) = (__typeof__(member))walk_number(codec, (uint64_t)(member)))

/* A NUL is written behind it in memory, so that it is a string as well. */
static void walk_text(struct codec *codec, struct fact_text *text)
{
    uint64_t len = walk_number(codec, text->at ? (uint64_t)text->len + 1 : NO_TEXT);
    char *room;

    if (len == NO_TEXT) {
        *text = (struct fact_text){0};
        return;
    }
    len--;
    if (codec->out) {
        buf_add(codec->out, text->at, (size_t)len);
        return;
    }
    *text = (struct fact_text){0};
    room = len <= (uint64_t)(codec->end - codec->at) ? facts_alloc(codec->facts, (size_t)len + 1)
                                                     : NULL;
    if (!room) {
        codec->failed = true;
        return;
    }
    memcpy(room, codec->at, (size_t)len);
    codec->at += len;
    *text = (struct fact_text){room, (uint32_t)len};
}

static void walk_string(struct codec *codec, const char **string)
{
    struct fact_text text = {*string, *string ? (uint32_t)strlen(*string) : 0};

    walk_text(codec, &text);
    if (!codec->out)
        *string = text.at;
}

/* Zeroed memory for what is read; what is written is there. */
static void *make(struct codec *codec, uint64_t count, size_t bytes)
{
    void *room = NULL;

    /* Each item takes a byte at least. */
    if (!codec->failed && count <= (uint64_t)(codec->end - codec->at))
        room = facts_alloc(codec->facts, (size_t)count * bytes);
    if (!room)
        codec->failed = true;
    return room;
}

/* ---- facts --------------------------------------------------------------------------------------- */

static void walk_tls(struct codec *codec, struct tls_facts *tls)
{
    WALK(codec, tls->seen);
    if (!tls->seen)
        return;
    walk_string(codec, &tls->version);
    walk_string(codec, &tls->cipher);
    walk_string(codec, &tls->within);
    WALK(codec, tls->tunnel);
    walk_text(codec, &tls->sni);
    walk_text(codec, &tls->alpn);
    walk_text(codec, &tls->ja4);
    walk_text(codec, &tls->subject);
    walk_text(codec, &tls->issuer);
    walk_text(codec, &tls->client_subject);
    walk_string(codec, &tls->alert);
    WALK(codec, tls->alert_by_client);
    WALK(codec, tls->resumed);
    WALK(codec, tls->early_data);
    WALK(codec, tls->decrypted);
    WALK(codec, tls->decrypted_bytes);
    WALK(codec, tls->undecrypted_records);
    WALK(codec, tls->name_count);
    if (!codec->out && tls->name_count)
        tls->names = make(codec, tls->name_count, sizeof(*tls->names));
    for (size_t i = 0; !codec->failed && i < tls->name_count; i++)
        walk_text(codec, &tls->names[i]);
}

/* The first one lies in the facts. */
static void walk_all_tls(struct codec *codec, struct facts *facts)
{
    uint64_t count = 0;

    walk_tls(codec, &facts->tls);
    for (const struct tls_facts *at = codec->out ? facts->tls.next : NULL; at; at = at->next)
        count++;
    count = walk_number(codec, count);
    for (struct tls_facts **at = &facts->tls.next; count-- && !codec->failed; at = &(*at)->next) {
        if (!codec->out)
            *at = make(codec, 1, sizeof(**at));
        if (!*at)
            return;
        walk_tls(codec, *at);
    }
}

static void walk_answer(struct codec *codec, struct dns_answer *answer)
{
    walk_text(codec, &answer->name);
    WALK(codec, answer->type);
    WALK(codec, answer->ttl_s);
    walk_text(codec, &answer->data);
}

static void walk_answers(struct codec *codec, struct dns_answer **first)
{
    uint64_t count = 0;

    for (const struct dns_answer *at = codec->out ? *first : NULL; at; at = at->next)
        count++;
    count = walk_number(codec, count);
    for (struct dns_answer **at = first; count-- && !codec->failed; at = &(*at)->next) {
        if (!codec->out)
            *at = make(codec, 1, sizeof(**at));
        if (*at)
            walk_answer(codec, *at);
        else
            return;
    }
}

static void walk_dns(struct codec *codec, struct dns_transaction *transaction)
{
    uint64_t rcode = (uint64_t)(transaction->rcode + 1);

    WALK(codec, transaction->query_ns);
    WALK(codec, transaction->answer_ns);
    WALK(codec, transaction->id);
    WALK(codec, transaction->qtype);
    WALK(codec, transaction->qclass);
    rcode = walk_number(codec, rcode);
    transaction->rcode = (int16_t)((int)rcode - 1);
    WALK(codec, transaction->truncated);
    WALK(codec, transaction->authoritative);
    walk_text(codec, &transaction->name);
    WALK(codec, transaction->answer_count);
    walk_answers(codec, &transaction->answers);
}

static void walk_all_dns(struct codec *codec, struct facts *facts)
{
    uint64_t count = walk_number(codec, facts->dns_count);

    for (struct dns_transaction **at = &facts->dns; count-- && !codec->failed; at = &(*at)->next) {
        if (!codec->out) {
            *at = make(codec, 1, sizeof(**at));
            facts->dns_count += *at != NULL;
        }
        if (!*at)
            return;
        walk_dns(codec, *at);
    }
}

/* The parsers that a plain reading has; others are told when they are asked for. */
static const char *const parser_names[] = {"tls", "dns"};

static unsigned int parser_code(const char *name)
{
    for (unsigned int i = 0; i < sizeof(parser_names) / sizeof(parser_names[0]); i++)
        if (!strcmp(parser_names[i], name))
            return i + 1;
    return 0;
}

static void walk_parser(struct codec *codec, struct parser_fact *parser)
{
    WALK(codec, parser->status);
    WALK(codec, parser->items);
    WALK(codec, parser->last_lot);
    WALK(codec, parser->last_packet);
    if (parser->status > PARSER_BROKEN)
        codec->failed = true;
}

static void walk_parsers(struct codec *codec, struct facts *facts)
{
    for (size_t i = 0; codec->out && i < facts->parser_count; i++) {
        unsigned int code = parser_code(facts->parsers[i].name);

        if (!code)
            continue;
        walk_number(codec, code);
        walk_parser(codec, &facts->parsers[i]);
    }
    if (codec->out) {
        walk_number(codec, 0);
        return;
    }
    for (;;) {
        uint64_t code = walk_number(codec, 0);

        if (!code || codec->failed)
            return;
        if (code > sizeof(parser_names) / sizeof(parser_names[0]) ||
            facts->parser_count == FACTS_PARSERS) {
            codec->failed = true;
            return;
        }
        facts->parsers[facts->parser_count].name = parser_names[code - 1];
        walk_parser(codec, &facts->parsers[facts->parser_count++]);
    }
}

static void walk_facts(struct codec *codec, struct facts *facts)
{
    walk_parsers(codec, facts);
    walk_all_tls(codec, facts);
    walk_all_dns(codec, facts);
    WALK(codec, facts->cut_bytes);
    WALK(codec, facts->cut_transactions);
    WALK(codec, facts->cut_content_bytes);
    WALK(codec, facts->cut_headers);
    WALK(codec, facts->cut_layers);
}

static void walk(struct codec *codec, struct told *told, struct facts *facts)
{
    bool has_facts = walk_number(codec, facts != NULL && told->facts != NULL);

    walk_string(codec, &told->identity.protocol);
    walk_string(codec, &told->identity.category);
    walk_string(codec, &told->identity.confidence);
    WALK(codec, told->identity.guessed);
    WALK(codec, told->identity.risks);
    walk_string(codec, &told->names[0]);
    walk_string(codec, &told->names[1]);
    if (has_facts)
        walk_facts(codec, facts);
}

void facts_pack(struct buf *out, const struct told *told)
{
    struct told copy = *told;
    struct codec codec = {.out = out};

    if (told->facts || told->identity.protocol || told->identity.risks || told->names[0] ||
        told->names[1])
        walk(&codec, &copy, (struct facts *)told->facts); /* writing changes nothing */
}

int facts_unpack(const uint8_t *data, size_t len, const char *(*risk_name)(unsigned int bit),
                 struct told *told)
{
    struct facts *facts = facts_new(NULL, MAX_BYTES);
    struct codec codec = {.at = data, .end = data + len, .facts = facts};

    memset(told, 0, sizeof(*told));
    if (!facts)
        return -ENOMEM;
    told->identity.risk_name = risk_name;
    walk(&codec, told, facts);
    if (codec.failed || codec.at != codec.end) {
        facts_free(facts);
        memset(told, 0, sizeof(*told));
        return -EBADMSG;
    }
    told->facts = facts;
    return 0;
}
