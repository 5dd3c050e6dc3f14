/* SPDX-License-Identifier: Apache-2.0 */
/* Rows stand in a hash table with open addressing; the largest come first when they are asked for. */
#include "sink/totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "sink/record.h"

#define FIRST_SLOTS 256 /* a power of two */
#define FULL_IN_8   5   /* eighths of the slots that may be taken */

struct totals {
    enum totals_by by;
    struct totals_row *rows;
    size_t count;
    size_t cap;
    uint32_t *slots; /* index of a row + 1; 0: free */
    size_t slot_count;
    struct totals_app *apps; /* a few dozen at most; row.app is index + 1 */
    uint32_t app_count;
    struct totals_row total;
};

int totals_by_parse(enum totals_by *by, const char *word)
{
    static const char *const words[] = {"conversation", "host", "service", "protocol"};

    for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(words[i], word)) {
            *by = (enum totals_by)i;
            return 0;
        }
    return -EINVAL;
}

struct totals *totals_new(enum totals_by by)
{
    struct totals *totals = calloc(1, sizeof(*totals));

    if (!totals)
        return NULL;
    totals->by = by;
    totals->slots = calloc(FIRST_SLOTS, sizeof(*totals->slots));
    totals->slot_count = FIRST_SLOTS;
    if (totals->slots)
        return totals;
    free(totals);
    return NULL;
}

void totals_free(struct totals *totals)
{
    if (!totals)
        return;
    for (uint32_t i = 0; i < totals->app_count; i++)
        free(totals->apps[i].name);
    for (size_t i = 0; i < totals->count; i++)
        free(totals->rows[i].name);
    free(totals->apps);
    free(totals->rows);
    free(totals->slots);
    free(totals);
}

enum totals_by totals_by(const struct totals *totals)
{
    return totals->by;
}

const struct totals_app *totals_app(const struct totals *totals, uint32_t app)
{
    return &totals->apps[app - 1];
}

/* 0: no memory. */
static uint32_t find_app(struct totals *totals, const struct identity *identity)
{
    struct totals_app *apps;

    for (uint32_t i = 0; i < totals->app_count; i++)
        if (totals->apps[i].guessed == identity->guessed &&
            !strcmp(totals->apps[i].name, identity->protocol))
            return i + 1;
    apps = reallocarray(totals->apps, totals->app_count + 1, sizeof(*apps));
    if (!apps)
        return 0;
    totals->apps = apps;
    apps[totals->app_count] = (struct totals_app){strdup(identity->protocol), identity->guessed};
    return apps[totals->app_count].name ? ++totals->app_count : 0;
}

/* ---- rows by key --------------------------------------------------------------------------------- */

/* The key is what a row begins with. */
#define KEY_BYTES offsetof(struct totals_row, sessions)
_Static_assert(offsetof(struct totals_row, addr) == 4 && KEY_BYTES == 40, "key with holes");

static size_t hash_key(const struct totals_row *key)
{
    uint64_t words[KEY_BYTES / 8], hash = 0x9e3779b97f4a7c15ULL;

    memcpy(words, key, KEY_BYTES);
    for (size_t i = 0; i < KEY_BYTES / 8; i++) {
        hash = (hash ^ words[i]) * 0xff51afd7ed558ccdULL;
        hash ^= hash >> 32;
    }
    return (size_t)hash;
}

static size_t find_slot(const struct totals *totals, const struct totals_row *key)
{
    size_t at = hash_key(key);

    for (;; at++) {
        uint32_t index = totals->slots[at & (totals->slot_count - 1)];

        if (!index || !memcmp(&totals->rows[index - 1], key, KEY_BYTES))
            return at & (totals->slot_count - 1);
    }
}

static int grow_slots(struct totals *totals)
{
    uint32_t *slots = calloc(totals->slot_count * 2, sizeof(*slots));

    if (!slots)
        return -ENOMEM;
    free(totals->slots);
    totals->slots = slots;
    totals->slot_count *= 2;
    for (size_t i = 0; i < totals->count; i++)
        slots[find_slot(totals, &totals->rows[i])] = (uint32_t)i + 1;
    return 0;
}

static int grow_rows(struct totals *totals)
{
    size_t cap = totals->cap ? totals->cap * 2 : FIRST_SLOTS / 2;
    struct totals_row *rows = reallocarray(totals->rows, cap, sizeof(*rows));

    if (!rows)
        return -ENOMEM;
    totals->rows = rows;
    totals->cap = cap;
    return 0;
}

/* The row with this key, a new one if there is none. NULL: no memory. Good until the next call. */
static struct totals_row *get_row(struct totals *totals, const struct totals_row *key)
{
    size_t slot = find_slot(totals, key);

    if (totals->slots[slot])
        return &totals->rows[totals->slots[slot] - 1];
    if (totals->count == totals->cap && grow_rows(totals))
        return NULL;
    if (totals->count >= totals->slot_count / 8 * FULL_IN_8) {
        if (grow_slots(totals))
            return NULL;
        slot = find_slot(totals, key);
    }
    totals->rows[totals->count] = *key;
    totals->slots[slot] = (uint32_t)++totals->count;
    return &totals->rows[totals->count - 1];
}

/* ---- sums ---------------------------------------------------------------------------------------- */

/* What an endpoint sent. */
static struct totals_way way_of(const struct record *record, unsigned int from)
{
    const struct flow *flow = record->flow;
    const struct flow_key *key = &record->session->key;
    uint64_t payload = flow->dir[from].payload_bytes;

    return (struct totals_way){
        .pkts = flow->pkts[from],
        .payload_bytes = payload,
        .wire_bytes = payload + flow_l3_bytes(flow, key, from) + flow_l4_bytes(flow, key, from),
        .retransmits = flow->quality[from].retransmits,
    };
}

static void add_way(struct totals_way *sum, const struct totals_way *way)
{
    sum->pkts += way->pkts;
    sum->payload_bytes += way->payload_bytes;
    sum->wire_bytes += way->wire_bytes;
    sum->retransmits += way->retransmits;
}

/* Way 0 of the row is what endpoint first sent. */
static void add_session(struct totals_row *row, const struct record *record, unsigned int first)
{
    const struct flow *flow = record->flow;
    int64_t began = (int64_t)flow->first_ns + record->wall_offset_ns, ended = began;

    for (unsigned int from = 0; from < 2; from++) {
        struct totals_way way = way_of(record, from);
        int64_t last = (int64_t)flow->dir[from].last_ns + record->wall_offset_ns;

        add_way(&row->way[from ^ first], &way);
        if (flow->pkts[from] && last > ended)
            ended = last;
    }
    if (!row->sessions || began < row->first_ns)
        row->first_ns = began;
    if (!row->sessions || ended > row->last_ns)
        row->last_ns = ended;
    row->begun[flow_client(flow) ^ first]++;
    row->sessions++;
}

/* A record's names may go with it: the row has its own. */
static int keep_name(struct totals_row *row, const char *name)
{
    char *copy;

    if (!name || (row->name && !strcmp(row->name, name)))
        return 0;
    copy = strdup(name);
    if (!copy)
        return -ENOMEM;
    free(row->name);
    row->name = copy;
    return 0;
}

static int add_host(struct totals *totals, const struct record *record, unsigned int endpoint)
{
    struct totals_row key = {.ip_version = record->session->key.ip_version}, *row;

    memcpy(key.addr[0], record->session->key.addr[endpoint].bytes, sizeof(key.addr[0]));
    row = get_row(totals, &key);
    if (!row || keep_name(row, record->names[endpoint]))
        return -ENOMEM;
    add_session(row, record, endpoint);
    return 0;
}

/* The endpoint with the lower address; of a host with itself the client. */
static unsigned int lower_end(const struct record *record)
{
    const struct flow_key *ends = &record->session->key;
    int order = memcmp(ends->addr[0].bytes, ends->addr[1].bytes, sizeof(ends->addr[0].bytes));

    return order ? order > 0 : flow_client(record->flow);
}

static int add_conversation(struct totals *totals, const struct record *record)
{
    const struct flow_key *ends = &record->session->key;
    unsigned int low = lower_end(record);
    struct totals_row key = {.ip_version = ends->ip_version}, *row;

    memcpy(key.addr[0], ends->addr[low].bytes, sizeof(key.addr[0]));
    memcpy(key.addr[1], ends->addr[!low].bytes, sizeof(key.addr[1]));
    row = get_row(totals, &key);
    if (!row)
        return -ENOMEM;
    add_session(row, record, low);
    return 0;
}

static bool has_ports(uint8_t l4_proto)
{
    return l4_proto == IP_PROTO_TCP || l4_proto == IP_PROTO_UDP || l4_proto == IP_PROTO_SCTP;
}

static int add_kind(struct totals *totals, const struct record *record)
{
    const struct flow_key *ends = &record->session->key;
    unsigned int client = flow_client(record->flow);
    struct totals_row key = {.l4_proto = ends->l4_proto}, *row;

    if (totals->by == TOTALS_SERVICE && has_ports(ends->l4_proto))
        key.port = WIRE_HOST16(ends->port[!client]);
    if (totals->by == TOTALS_PROTOCOL && record->identity.protocol) {
        key.l4_proto = 0;
        key.app = find_app(totals, &record->identity);
        if (!key.app)
            return -ENOMEM;
    }
    row = get_row(totals, &key);
    if (!row)
        return -ENOMEM;
    add_session(row, record, client);
    return 0;
}

int totals_add(struct totals *totals, const struct record *record)
{
    int err;

    switch (totals->by) {
    case TOTALS_CONVERSATION:
        err = add_conversation(totals, record);
        break;
    case TOTALS_HOST:
        err = add_host(totals, record, 0);
        if (!err)
            err = add_host(totals, record, 1);
        break;
    default:
        err = add_kind(totals, record);
        break;
    }
    if (err)
        return err;
    add_session(&totals->total, record,
                totals->by == TOTALS_CONVERSATION ? lower_end(record) : flow_client(record->flow));
    if (totals->by == TOTALS_HOST)
        add_session(&totals->total, record, !flow_client(record->flow));
    return 0;
}

static int compare_rows(const void *left, const void *right)
{
    const struct totals_row *a = left, *b = right;
    uint64_t a_bytes = a->way[0].wire_bytes + a->way[1].wire_bytes;
    uint64_t b_bytes = b->way[0].wire_bytes + b->way[1].wire_bytes;

    if (a_bytes != b_bytes)
        return a_bytes < b_bytes ? 1 : -1;
    return memcmp(a, b, KEY_BYTES);
}

const struct totals_row *totals_finish(struct totals *totals, size_t *count,
                                       const struct totals_row **total)
{
    if (totals->count)
        qsort(totals->rows, totals->count, sizeof(*totals->rows), compare_rows);
    *count = totals->count;
    *total = &totals->total;
    return totals->rows;
}
