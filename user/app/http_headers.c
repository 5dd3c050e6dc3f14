/* SPDX-License-Identifier: Apache-2.0 */
#include "app/http_headers.h"

#include <string.h>
#include <strings.h>

/* Of the facts, a transaction without headers that are new: a list of 25 that were said before, and the rest. */
#define TRANSACTION_BYTES 704
#define SLOTS             256 /* a power of two; what finds its place taken goes there instead */
#define SLOTS_FROM        3   /* transactions of a session: before, it hardly pays */

static uint64_t mix(uint64_t hash, const uint8_t *at, size_t len)
{
    uint64_t word;

    for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = (hash ^ word) * 0xff51afd7ed558ccdULL;
        hash ^= hash >> 32;
    }
    word = len;
    memcpy(&word, at, len);
    hash = (hash ^ word ^ (uint64_t)len << 56) * 0xff51afd7ed558ccdULL;
    return hash ^ hash >> 29;
}

static bool is_same(const struct http_header *header, const void *name, size_t name_len,
                    const void *value, size_t value_len)
{
    return header && header->name.len == name_len && header->value.len == value_len &&
           !memcmp(header->name.at, name, name_len) && !memcmp(header->value.at, value, value_len);
}

/* What a transaction is told by, or an upgrade is known by: kept as long as there is any room. */
static bool is_needed(const char *name, size_t len)
{
    static const char *const names[] = {"host", "upgrade", "content-type", "content-encoding",
                                        "content-disposition"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == len && !strncasecmp(names[i], name, len))
            return true;
    return false;
}

/* For transactions still to come, so many in all at most. */
static size_t reserved_bytes(const struct facts *facts, uint64_t transactions)
{
    uint64_t bytes = (transactions - facts->http_count) * TRANSACTION_BYTES;

    return bytes < facts->max_bytes / 2 ? (size_t)bytes : facts->max_bytes / 2;
}

/* In one piece: the header, its name, its value. NULL: no room. */
static const struct http_header *make_header(struct facts *facts, uint64_t transactions,
                                             const void *name, size_t name_len, const void *value,
                                             size_t value_len)
{
    struct http_header *header;
    char *text;

    if (facts->max_bytes - facts->used_bytes < reserved_bytes(facts, transactions) &&
        !is_needed(name, name_len))
        return NULL;
    if (name_len > UINT32_MAX || value_len > UINT32_MAX)
        return NULL;
    header = facts_room(facts, sizeof(*header) + name_len + value_len);
    if (!header)
        return NULL;
    text = (char *)(header + 1);
    memcpy(text, name, name_len);
    if (value_len)
        memcpy(text + name_len, value, value_len);
    *header =
        (struct http_header){{text, (uint32_t)name_len}, {text + name_len, (uint32_t)value_len}};
    return header;
}

/* Two places for each: a new header takes the second, from where it goes to the first when it is found again. */
static const struct http_header *find_or_make(struct facts *facts, uint64_t transactions,
                                              const void *name, size_t name_len, const void *value,
                                              size_t value_len)
{
    const struct http_header **slots, *found;
    uint64_t hash;

    if (!facts->header_slots && facts->http_count >= SLOTS_FROM)
        facts->header_slots = facts_alloc(facts, SLOTS * sizeof(*facts->header_slots));
    if (!facts->header_slots)
        return make_header(facts, transactions, name, name_len, value, value_len);
    hash = mix(mix(0x9e3779b97f4a7c15ULL, name, name_len), value, value_len);
    slots = &facts->header_slots[hash & (SLOTS - 2)];
    if (is_same(slots[0], name, name_len, value, value_len))
        return slots[0];
    found = slots[1];
    if (is_same(found, name, name_len, value, value_len)) {
        slots[1] = slots[0];
        slots[0] = found;
        return found;
    }
    found = make_header(facts, transactions, name, name_len, value, value_len);
    if (found)
        slots[1] = found;
    return found;
}

bool http_headers_add(struct http_headers *headers, struct facts *facts, uint64_t transactions,
                      struct http_message *message, const void *name, size_t name_len,
                      const void *value, size_t value_len)
{
    const struct http_header *header = NULL;

    if (headers->of != message) {
        headers->of = message;
        headers->count = 0;
    }
    if (headers->count < HTTP_HEADERS_MAX - message->header_count)
        header = find_or_make(facts, transactions, name, name_len, value, value_len);
    if (!header) {
        message->headers_cut = true;
        facts->cut_headers++;
        return false;
    }
    headers->list[headers->count++] = header;
    return true;
}

bool http_headers_take(struct http_headers *headers, struct facts *facts,
                       struct http_message *message)
{
    size_t count = headers->of == message ? headers->count : 0;
    const struct http_header **list;

    headers->of = NULL;
    if (!count)
        return true;
    list = facts_room(facts, (message->header_count + count) * sizeof(*list));
    if (!list) {
        message->headers_cut = true;
        facts->cut_headers += count;
        return false;
    }
    if (message->header_count)
        memcpy(list, message->headers, message->header_count * sizeof(*list));
    memcpy(list + message->header_count, headers->list, count * sizeof(*list));
    message->headers = list;
    message->header_count += count;
    return true;
}

void http_headers_forget(struct http_headers *headers, const struct http_message *message)
{
    if (headers->of == message)
        headers->of = NULL;
}
