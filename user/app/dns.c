/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS over UDP and TCP (RFC 1035), mDNS and LLMNR too: queries paired with their answers, and the names that
 * answers give to addresses.
 *
 *   id(16) qr(1) opcode(4) aa tc rd ra z(3) rcode(4) | counts of questions, answers, authorities, additionals
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/parser.h"
#include "packet.h"
#include "session/names.h"

#define HEAD_BYTES        12
#define NAME_BYTES        255
#define LABEL_BYTES       63
#define TEXT_BYTES        1100 /* a name with each byte escaped */
#define DATA_BYTES        8192 /* of an answer; longer ones are left out */
#define POINTERS_MAX      64
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

enum dns_type {
    TYPE_A = 1,
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_PTR = 12,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_AAAA = 28,
    TYPE_SRV = 33,
};

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

/* ---- names --------------------------------------------------------------------------------------- */

/* One label as a zone file has it. Returns its length; room for 4 characters a byte. */
static size_t put_label(char *out, const uint8_t *label, size_t len)
{
    char *p = out;

    for (size_t i = 0; i < len; i++) {
        if (label[i] == '.' || label[i] == '\\') {
            *p++ = '\\';
            *p++ = (char)label[i];
        } else if (label[i] <= ' ' || label[i] >= 0x7f) {
            p += sprintf(p, "\\%03u", label[i]);
        } else {
            *p++ = (char)label[i];
        }
    }
    return (size_t)(p - out);
}

/*
 * The name at *at, which is moved behind it, as text without the last dot ("." for the root). Returns its
 * length; 0: it is broken.
 */
static size_t take_name(const uint8_t *data, size_t len, size_t *at, char out[TEXT_BYTES])
{
    size_t pos = *at, text = 0, bytes = 0;
    unsigned int pointers = 0;

    while (pos < len) {
        uint8_t length = data[pos];

        if ((length & 0xc0) == 0xc0) {
            if (pos + 1 >= len || ++pointers > POINTERS_MAX)
                return 0;
            if (pointers == 1)
                *at = pos + 2;
            pos = (size_t)(length & 0x3f) << 8 | data[pos + 1];
            continue;
        }
        if (length > LABEL_BYTES || pos + 1 + length > len)
            return 0;
        pos++;
        if (!length) {
            if (!pointers)
                *at = pos;
            if (!text)
                out[text++] = '.';
            return text;
        }
        bytes += length + 1u;
        if (bytes > NAME_BYTES)
            return 0;
        if (text)
            out[text++] = '.';
        text += put_label(out + text, data + pos, length);
        pos += length;
    }
    return 0;
}

static size_t read_name(struct reader *reader, char out[TEXT_BYTES])
{
    size_t len = reader->failed ? 0 : take_name(reader->data, reader->len, &reader->at, out);

    if (!len)
        reader->failed = true;
    return len;
}

/* ---- records ------------------------------------------------------------------------------------- */

/* A character string in quotes (RFC 1035 section 5.1). Returns its length; room for 4 characters a byte, and 2. */
static size_t put_string(char *out, const uint8_t *string, size_t len)
{
    char *p = out;

    *p++ = '"';
    for (size_t i = 0; i < len; i++) {
        if (string[i] < ' ' || string[i] >= 0x7f) {
            p += sprintf(p, "\\%03u", string[i]);
            continue;
        }
        if (string[i] == '"' || string[i] == '\\')
            *p++ = '\\';
        *p++ = (char)string[i];
    }
    *p++ = '"';
    return (size_t)(p - out);
}

/* The strings of a TXT record; 0: they do not fit. */
static size_t put_strings(char out[DATA_BYTES], const uint8_t *data, size_t len)
{
    size_t text = 0;

    for (size_t i = 0; i < len;) {
        size_t part = data[i] < len - i - 1 ? data[i] : len - i - 1;

        if (text + 4 * part + 3 > DATA_BYTES)
            return 0;
        if (text)
            out[text++] = ' ';
        text += put_string(out + text, data + i + 1, part);
        i += part + 1;
    }
    return text;
}

/*
 * RDATA as a zone file has it: names and addresses, a number before them; else RFC 3597's \# form. Returns its length, 0: it is
 * broken, or does not fit.
 */
static size_t put_data(const struct reader *message, uint16_t type, size_t at, size_t len,
                       char out[DATA_BYTES])
{
    const uint8_t *data = message->data + at;
    size_t numbers = type == TYPE_MX ? 1 : type == TYPE_SRV ? 3 : 0, text = 0;

    if (type == TYPE_A && len == 4)
        return inet_ntop(AF_INET, data, out, TEXT_BYTES) ? strlen(out) : 0;
    if (type == TYPE_AAAA && len == 16)
        return inet_ntop(AF_INET6, data, out, TEXT_BYTES) ? strlen(out) : 0;
    if (type == TYPE_NS || type == TYPE_CNAME || type == TYPE_PTR || type == TYPE_MX ||
        type == TYPE_SRV) {
        char name[TEXT_BYTES];
        size_t pos = at + 2 * numbers, name_len;

        if (2 * numbers >= len)
            return 0;
        for (size_t i = 0; i < numbers; i++)
            text += (size_t)sprintf(out + text, "%u ", get_u16(data + 2 * i));
        name_len = take_name(message->data, message->len, &pos, name);
        if (!name_len || text + name_len >= TEXT_BYTES)
            return 0;
        memcpy(out + text, name, name_len);
        return text + name_len;
    }
    if (type == TYPE_TXT)
        return put_strings(out, data, len);
    if (2 * len + sizeof("\\# 65535 ") > DATA_BYTES)
        return 0;
    text = (size_t)sprintf(out, len ? "\\# %zu " : "\\# %zu", len);
    for (size_t i = 0; i < len; i++)
        text += (size_t)sprintf(out + text, "%02x", data[i]);
    return text;
}

/* What an address is called: the name that was asked for, not where its aliases lead to. */
static void tell_name(const struct dns *dns, uint16_t type, const uint8_t *data, size_t len,
                      struct fact_text asked)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    uint8_t addr[16];

    if (!dns->env->names || !asked.at)
        return;
    if (type == TYPE_A && len == 4) {
        memcpy(addr, mapped, sizeof(mapped));
        memcpy(addr + sizeof(mapped), data, 4);
    } else if (type == TYPE_AAAA && len == 16) {
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
    char text[DATA_BYTES];

    transaction->answer_count++;
    if (transaction->answer_count <= ANSWERS_MAX)
        answer = facts_alloc(facts, sizeof(*answer));
    if (!answer)
        return;
    answer->name = facts_text(facts, owner, owner_len);
    answer->type = type;
    answer->ttl_s = ttl_s;
    answer->data = facts_text(facts, text, put_data(message, type, at, len, text));
    while (*last)
        last = &(*last)->next;
    *last = answer;
}

static void read_answers(struct dns *dns, struct dns_transaction *transaction,
                         struct reader *message, unsigned int count)
{
    char owner[TEXT_BYTES];

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
    char name[TEXT_BYTES];
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
    char name[TEXT_BYTES];
    size_t at = HEAD_BYTES;

    return is_head(data, len) && take_name(data, len, &at, name) && at + 4 <= len;
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
