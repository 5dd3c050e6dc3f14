/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS over UDP and TCP (RFC 1035), mDNS and LLMNR too: queries paired with their answers, and the names that
 * answers give to addresses.
 *
 *   id(16) qr(1) opcode(4) aa tc rd ra z(3) rcode(4) | counts of questions, answers, authorities, additionals
 */
#include <stdlib.h>
#include <string.h>

#include "app/dns_text.h"
#include "app/parser.h"
#include "packet.h"
#include "session/names.h"

#define HEAD_BYTES        12
#define PENDING_MAX       256 /* queries that wait for their answer */
#define ANSWERS_MAX       64  /* kept of one message */
#define LENGTH_BYTES      2   /* before each message of TCP */
#define FLAG_RESPONSE     0x8000
#define FLAG_AUTHORITY    0x0400
#define FLAG_TRUNCATED    0x0200
#define OPCODE(flags)     ((flags) >> 11 & 0xf)
#define RCODE(flags)      ((flags)&0xf)
#define OPCODE_QUERY      0
#define DNS_PORT          53
#define NETBIOS_NAME_PORT 137
#define CLASS_MASK        0x7fff /* mDNS uses the top bit */
#define CLASS_IN          1
#define COUNT_SANE        64 /* records of each section in a message that is taken for DNS */

struct pending {
    struct dns_transaction *transaction; /* NULL: free */
};

/* Bytes of one direction of TCP until a message is whole. */
struct assembly {
    uint8_t *data; /* owned; LENGTH_BYTES + message */
    size_t len;
    size_t room;
};

struct dns {
    const struct app_env *env;
    bool is_stream;
    struct pending pending[PENDING_MAX]; /* a ring: the oldest gives way */
    unsigned int next_pending;
    struct assembly sides[2];
};

/* A message under the reader's finger. */
struct reader {
    const uint8_t *data;
    size_t len;
    size_t at;
    bool failed;
};

static uint16_t get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint16_t take_u16(struct reader *reader)
{
    uint16_t value = 0;

    if (reader->len - reader->at < 2) {
        reader->failed = true;
        return 0;
    }
    value = get_u16(reader->data + reader->at);
    reader->at += 2;
    return value;
}

static uint32_t take_u32(struct reader *reader)
{
    uint32_t high = take_u16(reader);

    return high << 16 | take_u16(reader);
}

/* ---- records ------------------------------------------------------------------------------------- */

static size_t read_name(struct reader *reader, char out[DNS_NAME_TEXT])
{
    size_t len = reader->failed ? 0 : dns_take_name(reader->data, reader->len, &reader->at, out);

    if (!len)
        reader->failed = true;
    return len;
}

/* What an address is called: the name that was asked for, not where its aliases lead to. */
static void tell_name(const struct dns *dns, uint16_t type, const uint8_t *data, size_t len,
                      struct fact_text asked)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    uint8_t addr[16];

    if (!dns->env->names || !asked.at)
        return;
    if (type == DNS_TYPE_A && len == 4) {
        memcpy(addr, mapped, sizeof(mapped));
        memcpy(addr + sizeof(mapped), data, 4);
    } else if (type == DNS_TYPE_AAAA && len == 16) {
        memcpy(addr, data, 16);
    } else {
        return;
    }
    names_add(dns->env->names, addr, asked.at, asked.len, NAME_OF_DNS);
}

static void keep_answer(struct dns *dns, struct dns_transaction *transaction,
                        const struct reader *message, const char *owner, size_t owner_len,
                        uint16_t type, uint32_t ttl_s, size_t at, size_t len)
{
    struct facts *facts = dns->env->facts;
    struct dns_answer *answer = NULL, **last = &transaction->answers;
    char text[DNS_DATA_TEXT];

    transaction->answer_count++;
    if (transaction->answer_count <= ANSWERS_MAX)
        answer = facts_alloc(facts, sizeof(*answer));
    if (!answer)
        return;
    answer->name = facts_text(facts, owner, owner_len);
    answer->type = type;
    answer->ttl_s = ttl_s;
    answer->data =
        facts_text(facts, text, dns_put_data(message->data, message->len, type, at, len, text));
    while (*last)
        last = &(*last)->next;
    *last = answer;
}

static void read_answers(struct dns *dns, struct dns_transaction *transaction,
                         struct reader *message, unsigned int count)
{
    char owner[DNS_NAME_TEXT];

    while (count-- && !message->failed) {
        size_t owner_len = read_name(message, owner);
        uint16_t type = take_u16(message);
        uint16_t class = take_u16(message) & CLASS_MASK;
        uint32_t ttl_s = take_u32(message);
        uint16_t len = take_u16(message);

        if (message->failed || len > message->len - message->at)
            return;
        if (class == CLASS_IN)
            tell_name(dns, type, message->data + message->at, len,
                      transaction->name.at ? transaction->name
                                           : (struct fact_text){owner, (uint32_t)owner_len});
        keep_answer(dns, transaction, message, owner, owner_len, type, ttl_s, message->at, len);
        message->at += len;
    }
}

/* ---- transactions -------------------------------------------------------------------------------- */

static struct dns_transaction *new_transaction(struct dns *dns, uint16_t id)
{
    struct facts *facts = dns->env->facts;
    struct dns_transaction *transaction = NULL;

    if (facts->dns_count < dns->env->limits->transactions)
        transaction = facts_alloc(facts, sizeof(*transaction));
    if (!transaction) {
        facts->cut_transactions++;
        return NULL;
    }
    transaction->id = id;
    transaction->rcode = -1;
    if (facts->dns_last)
        facts->dns_last->next = transaction;
    else
        facts->dns = transaction;
    facts->dns_last = transaction;
    facts->dns_count++;
    return transaction;
}

/* The open query with that id; of several, the newest. */
static struct dns_transaction *take_pending(struct dns *dns, uint16_t id)
{
    for (unsigned int i = 1; i <= PENDING_MAX; i++) {
        struct pending *pending = &dns->pending[(dns->next_pending - i) % PENDING_MAX];
        struct dns_transaction *transaction = pending->transaction;

        if (!transaction || transaction->id != id)
            continue;
        pending->transaction = NULL;
        return transaction;
    }
    return NULL;
}

static void read_question(struct dns *dns, struct dns_transaction *transaction,
                          struct reader *message)
{
    char name[DNS_NAME_TEXT];
    size_t len = read_name(message, name);
    uint16_t type = take_u16(message), class = take_u16(message);

    if (message->failed || transaction->name.at)
        return;
    transaction->name = facts_text(dns->env->facts, name, len);
    transaction->qtype = type;
    transaction->qclass = class & CLASS_MASK;
}

static void take_query(struct dns *dns, struct reader *message, uint16_t id, unsigned int questions,
                       uint64_t time_ns)
{
    struct dns_transaction *transaction = new_transaction(dns, id);

    if (!transaction)
        return;
    transaction->query_ns = time_ns;
    if (questions)
        read_question(dns, transaction, message);
    dns->pending[dns->next_pending++ % PENDING_MAX].transaction = transaction;
}

static void take_response(struct dns *dns, struct reader *message, uint16_t id, uint16_t flags,
                          unsigned int questions, unsigned int answers, uint64_t time_ns)
{
    struct dns_transaction *transaction = take_pending(dns, id);

    if (!transaction)
        transaction = new_transaction(dns, id);
    if (!transaction)
        return;
    transaction->answer_ns = time_ns;
    transaction->rcode = RCODE(flags);
    transaction->truncated = flags & FLAG_TRUNCATED;
    transaction->authoritative = flags & FLAG_AUTHORITY;
    while (questions--)
        read_question(dns, transaction, message);
    read_answers(dns, transaction, message, answers);
}

/* False: it is no message of DNS. */
static bool take_message(struct dns *dns, const uint8_t *data, size_t len,
                         const struct app_piece *piece)
{
    struct reader message = {.data = data, .len = len};
    uint16_t id = take_u16(&message), flags = take_u16(&message);
    unsigned int questions = take_u16(&message), answers = take_u16(&message);

    take_u32(&message); /* how many authorities and additionals: not read */
    if (message.failed)
        return false;
    dns->env->status->items++;
    if (OPCODE(flags) != OPCODE_QUERY)
        return true;
    if (flags & FLAG_RESPONSE)
        take_response(dns, &message, id, flags, questions, answers, piece->time_ns);
    else
        take_query(dns, &message, id, questions, piece->time_ns);
    return !message.failed;
}

/* ---- the parser ---------------------------------------------------------------------------------- */

/* Sane counts, one question at most. */
static bool is_head(const uint8_t *data, size_t len)
{
    uint16_t flags, questions;

    if (len < HEAD_BYTES)
        return false;
    flags = get_u16(data + 2);
    questions = get_u16(data + 4);
    if (OPCODE(flags) != OPCODE_QUERY || questions > 1 || get_u16(data + 6) > COUNT_SANE ||
        get_u16(data + 8) > COUNT_SANE || get_u16(data + 10) > COUNT_SANE)
        return false;
    if (!questions && (!(flags & FLAG_RESPONSE) || !get_u16(data + 6)))
        return false;
    return flags & FLAG_RESPONSE || (!RCODE(flags) && questions);
}

/* By its content: such a head, and a name that ends within the message. */
static bool is_message(const uint8_t *data, size_t len)
{
    char name[DNS_NAME_TEXT];
    size_t at = HEAD_BYTES;

    return is_head(data, len) && dns_take_name(data, len, &at, name) && at + 4 <= len;
}

static bool has_port(const struct flow_key *key, __be16 port)
{
    return key->port[0] == port || key->port[1] == port;
}

/* Names of NetBIOS come in the same form (RFC 1002), and are no names of DNS. */
static bool is_netbios(const struct flow_key *key)
{
    return has_port(key, WIRE_BE16(NETBIOS_NAME_PORT));
}

/* Of a stream the first message may come in parts: its head is enough where DNS is to be expected. */
static bool dns_looks_like(const struct flow_key *key, const struct app_piece *first)
{
    size_t length;

    if (is_netbios(key))
        return false;
    if (key->l4_proto != IP_PROTO_TCP)
        return is_message(first->data, first->len);
    if (first->len < LENGTH_BYTES + HEAD_BYTES)
        return false;
    length = get_u16(first->data);
    if (length < HEAD_BYTES)
        return false;
    if (length > first->len - LENGTH_BYTES)
        return has_port(key, WIRE_BE16(DNS_PORT)) &&
               is_head(first->data + LENGTH_BYTES, first->len - LENGTH_BYTES);
    return is_message(first->data + LENGTH_BYTES, length);
}

static void *dns_open(const struct app_env *env)
{
    struct dns *dns = calloc(1, sizeof(*dns));

    if (!dns)
        return NULL;
    dns->env = env;
    dns->is_stream = env->key->l4_proto == IP_PROTO_TCP;
    return dns;
}

static bool make_room(struct assembly *side, size_t len)
{
    uint8_t *more;

    if (len <= side->room)
        return true;
    more = realloc(side->data, len);
    if (!more)
        return false;
    side->data = more;
    side->room = len;
    return true;
}

static enum app_verdict take_stream(struct dns *dns, const struct app_piece *piece)
{
    struct assembly *side = &dns->sides[piece->side];
    const uint8_t *at = piece->data;
    size_t left = piece->len;

    while (left) {
        size_t want =
            side->len < LENGTH_BYTES ? LENGTH_BYTES : (size_t)get_u16(side->data) + LENGTH_BYTES;
        size_t len = want - side->len < left ? want - side->len : left;

        if (!make_room(side, want))
            return APP_BROKEN;
        memcpy(side->data + side->len, at, len);
        side->len += len;
        at += len;
        left -= len;
        if (side->len < LENGTH_BYTES || side->len < (size_t)get_u16(side->data) + LENGTH_BYTES)
            continue;
        len = side->len - LENGTH_BYTES;
        side->len = 0;
        if (!take_message(dns, side->data + LENGTH_BYTES, len, piece))
            return APP_BROKEN;
    }
    return APP_MORE;
}

static enum app_verdict dns_data(void *state, const struct app_piece *piece)
{
    struct dns *dns = state;

    if (dns->is_stream)
        return take_stream(dns, piece);
    take_message(dns, piece->data, piece->len, piece);
    return APP_MORE;
}

/* Of datagrams the next one begins anew. */
static enum app_verdict dns_hole(void *state, enum app_side side, uint64_t length)
{
    (void)side, (void)length;
    return ((struct dns *)state)->is_stream ? APP_BROKEN : APP_MORE;
}

static void dns_close(void *state)
{
    struct dns *dns = state;

    free(dns->sides[0].data);
    free(dns->sides[1].data);
    free(dns);
}

const struct app_parser app_dns = {
    .name = "dns",
    .looks_like = dns_looks_like,
    .open = dns_open,
    .data = dns_data,
    .hole = dns_hole,
    .close = dns_close,
};
