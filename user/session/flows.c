/* SPDX-License-Identifier: Apache-2.0 */
#include "session/flows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "icmp_error.h"
#include "session/expiry.h"
#include "tcp.h"

#define SECOND_NS   1000000000ull
#define MIN_BUCKETS 4096
#define SLAB_COUNT  64

#define CACHE_LINE_BYTES 64
/* Of what hangs on a session, as much as its end looks at. */
#define DIALOG_SEEN_BYTES 704
#define OTHERS_SEEN_BYTES 64

/*
 * A closed session waits for late packets: twice the maximum segment lifetime (RFC 9293), but of those
 * that wait only so many, so that memory goes with open sessions.
 */
#define CLOSED_LINGER_NS (120 * SECOND_NS)
#define CLOSED_MAX       8192
#define CLOSED_MIN_NS    (SECOND_NS / 2)
/* An open session is looked at this often, whether it has been silent too long. */
#define CHECK_EVERY_S 8
#define CHECK_LISTS   16 /* a wheel of this many seconds */

enum { LIST_CLOSED = CHECK_LISTS, LISTS };

struct slab {
    struct slab *next;
    struct tracked tracked[SLAB_COUNT];
};

struct list {
    struct tracked *first;
    struct tracked *last;
    size_t count;
};

struct flows {
    struct tracked **buckets;
    size_t bucket_count;
    size_t open;
    uint64_t made;
    uint64_t streams[256]; /* by IP protocol; ICMPv6 counts with ICMP */
    uint64_t now_ns;
    uint64_t checked_s; /* the second that was checked last */
    struct list lists[LISTS];
    struct tracked *free_tracked;
    struct slab *slabs;
    flows_end *on_end;
    void *ctx;
};

/* ---- lists ------------------------------------------------------------------------------------ */

static void list_append(struct flows *flows, struct tracked *tracked, uint32_t which)
{
    struct list *list = &flows->lists[which];

    tracked->list = which;
    tracked->next = NULL;
    tracked->prev = list->last;
    if (list->last)
        list->last->next = tracked;
    else
        list->first = tracked;
    list->last = tracked;
    list->count++;
}

static void list_remove(struct flows *flows, struct tracked *tracked)
{
    struct list *list = &flows->lists[tracked->list];

    if (tracked->prev)
        tracked->prev->next = tracked->next;
    else
        list->first = tracked->next;
    if (tracked->next)
        tracked->next->prev = tracked->prev;
    else
        list->last = tracked->prev;
    list->count--;
}

/* ---- the table -------------------------------------------------------------------------------- */

uint32_t flows_hash(const struct flow_key *key)
{
    const uint64_t mul = 0x9e3779b97f4a7c15ull;
    uint64_t words[5], hash = 0;

    memcpy(words, key, sizeof(words));
    for (int i = 0; i < 5; i++)
        hash = (hash ^ words[i]) * mul ^ (hash >> 29);
    return (uint32_t)(hash >> 32) ^ (uint32_t)(hash >> 15);
}

struct flows *flows_new(flows_end *on_end, void *ctx)
{
    struct flows *flows = calloc(1, sizeof(*flows));

    if (!flows)
        return NULL;
    flows->bucket_count = MIN_BUCKETS;
    flows->buckets = calloc(flows->bucket_count, sizeof(struct tracked *));
    if (!flows->buckets) {
        free(flows);
        errno = ENOMEM;
        return NULL;
    }
    flows->on_end = on_end;
    flows->ctx = ctx;
    return flows;
}

void flows_free(struct flows *flows)
{
    if (!flows)
        return;
    for (int i = 0; i < LISTS; i++) {
        for (struct tracked *at = flows->lists[i].first; at; at = at->next)
            free(at->session.extra);
    }
    while (flows->slabs) {
        struct slab *slab = flows->slabs;

        flows->slabs = slab->next;
        free(slab);
    }
    free(flows->buckets);
    free(flows);
}

/* Without memory for more buckets the chains grow instead. */
static void grow(struct flows *flows)
{
    size_t count = flows->bucket_count * 2;
    struct tracked **buckets = calloc(count, sizeof(struct tracked *));

    if (!buckets)
        return;
    for (size_t i = 0; i < flows->bucket_count; i++) {
        while (flows->buckets[i]) {
            struct tracked *tracked = flows->buckets[i];

            flows->buckets[i] = tracked->hash_next;
            tracked->hash_next = buckets[tracked->hash & (count - 1)];
            buckets[tracked->hash & (count - 1)] = tracked;
        }
    }
    free(flows->buckets);
    flows->buckets = buckets;
    flows->bucket_count = count;
}

static struct tracked *find(const struct flows *flows, const struct flow_key *key, uint32_t hash)
{
    struct tracked *tracked = flows->buckets[hash & (flows->bucket_count - 1)];

    while (tracked && (tracked->hash != hash || memcmp(&tracked->session.key, key, sizeof(*key))))
        tracked = tracked->hash_next;
    return tracked;
}

static struct tracked *allocate(struct flows *flows)
{
    struct tracked *tracked;

    if (!flows->free_tracked) {
        struct slab *slab = aligned_alloc(CACHE_LINE_BYTES, sizeof(*slab));

        if (!slab)
            return NULL;
        slab->next = flows->slabs;
        flows->slabs = slab;
        for (size_t i = SLAB_COUNT; i-- > 0;) {
            slab->tracked[i].hash_next = flows->free_tracked;
            flows->free_tracked = &slab->tracked[i];
        }
    }
    tracked = flows->free_tracked;
    flows->free_tracked = tracked->hash_next;
    memset(tracked, 0, sizeof(*tracked));
    return tracked;
}

static uint8_t kind_of(uint8_t l4_proto)
{
    return l4_proto == IP_PROTO_ICMPV6 ? IP_PROTO_ICMP : l4_proto;
}

static void begin(struct flows *flows, struct tracked *tracked, const struct packet *pkt)
{
    uint8_t kind = kind_of(pkt->key.l4_proto);
    struct session *session = &tracked->session;

    session->number = ++flows->made;
    session->id = session->number;
    session->key = pkt->key;
    session->stream_index = flows->streams[kind]++;
    flow_begin(&tracked->flow, pkt, session->id, flows->now_ns);
}

static uint32_t check_list(uint64_t now_ns)
{
    return (uint32_t)((now_ns / SECOND_NS + CHECK_EVERY_S) % CHECK_LISTS);
}

static struct tracked *make(struct flows *flows, const struct packet *pkt, uint32_t hash)
{
    struct tracked *tracked = allocate(flows);
    size_t bucket;

    if (!tracked) {
        errno = ENOMEM;
        return NULL;
    }
    if (flows->open >= flows->bucket_count / 2)
        grow(flows);
    bucket = hash & (flows->bucket_count - 1);
    begin(flows, tracked, pkt);
    tracked->hash = hash;
    tracked->hash_next = flows->buckets[bucket];
    flows->buckets[bucket] = tracked;
    flows->open++;
    list_append(flows, tracked, check_list(flows->now_ns));
    return tracked;
}

static void end(struct flows *flows, struct tracked *tracked, enum close_reason reason)
{
    struct tracked **at = &flows->buckets[tracked->hash & (flows->bucket_count - 1)];

    flows->on_end(flows->ctx, tracked, reason);
    free(tracked->session.extra);
    while (*at != tracked)
        at = &(*at)->hash_next;
    *at = tracked->hash_next;
    list_remove(flows, tracked);
    tracked->hash_next = flows->free_tracked;
    flows->free_tracked = tracked;
    flows->open--;
}

struct tracked *flows_find(const struct flows *flows, const struct flow_key *key)
{
    return find(flows, key, flows_hash(key));
}

int flows_note_error(struct tracked *tracked, const struct packet *error,
                     const struct packet *quoted)
{
    struct session *session = &tracked->session;

    if (!icmp_quote_plausible(&tracked->flow, quoted))
        return -EINVAL;
    if (!session->extra)
        session->extra = calloc(1, sizeof(*session->extra));
    if (!session->extra)
        return -ENOMEM;
    tracked->flow.bits |= FLOW_NOTED;
    icmp_error_add(session->extra, error);
    return 0;
}

void flows_expect(struct flows *flows, uint64_t number, uint8_t l4_proto, uint64_t stream_index)
{
    flows->made = number - 1;
    flows->streams[kind_of(l4_proto)] = stream_index;
}

void flows_end_one(struct flows *flows, const struct flow_key *key, enum close_reason reason)
{
    struct tracked *tracked = find(flows, key, flows_hash(key));

    if (tracked)
        end(flows, tracked, reason);
}

/* ---- packets ---------------------------------------------------------------------------------- */

static void read_syn(struct flow_syn *syn, const struct packet *pkt, const uint8_t *frame,
                     uint32_t cap_len)
{
    uint8_t opts[TCP_OPTIONS_BUFFER] = {0};
    uint32_t at = pkt->l4_off + (uint32_t)sizeof(struct tcp_hdr);
    uint32_t len = pkt->l4_hdr_len - (uint32_t)sizeof(struct tcp_hdr);

    if (at + len > cap_len) {
        len = at < cap_len ? cap_len - at : 0;
        syn->options = TCP_OPTIONS_CUT;
    }
    if (len)
        memcpy(opts, frame + at, len);
    tcp_parse_syn(syn, opts, len, pkt->tcp_flags);
}

/* All but plain data and acknowledgments: the twin of track_unusual in bpf/. */
static struct tracked *track_unusual(struct flows *flows, struct tracked *tracked,
                                     const struct packet *pkt, uint32_t pkts, const uint8_t *frame,
                                     uint32_t cap_len, struct tcp_verdict *verdict)
{
    struct flow_syn syn = {0};

    if (pkt->tcp_flags & TCP_SYN)
        read_syn(&syn, pkt, frame, cap_len);
    if (tcp_is_restart(&tracked->flow, pkt, flows->now_ns)) {
        uint32_t hash = tracked->hash;

        end(flows, tracked, CLOSE_REUSED);
        tracked = make(flows, pkt, hash);
        if (!tracked)
            return NULL;
    }
    *verdict = tcp_track_any(&tracked->flow, pkt, pkts, &syn, flows->now_ns);
    if (verdict->events & TCP_EV_CLOSED) {
        list_remove(flows, tracked);
        list_append(flows, tracked, LIST_CLOSED);
    }
    return tracked;
}

struct tracked *flows_track(struct flows *flows, const struct packet *pkt, uint32_t pkts,
                            const uint8_t *frame, uint32_t cap_len, uint64_t now_ns,
                            struct tcp_verdict *verdict)
{
    uint32_t hash = flows_hash(&pkt->key);
    struct tracked *tracked = find(flows, &pkt->key, hash);

    *verdict = (struct tcp_verdict){0};
    flows->now_ns = now_ns;
    if (!tracked)
        tracked = make(flows, pkt, hash);
    if (tracked && pkt->key.l4_proto == IP_PROTO_TCP &&
        !tcp_track_expected(&tracked->flow, pkt, now_ns))
        tracked = track_unusual(flows, tracked, pkt, pkts, frame, cap_len, verdict);
    if (tracked)
        flow_count(&tracked->flow, pkt, pkts, tcp_not_new(verdict, pkt), now_ns);
    return tracked;
}

/* ---- time ------------------------------------------------------------------------------------- */

static uint64_t last_ns(const struct flow *flow)
{
    return flow->dir[0].last_ns > flow->dir[1].last_ns ? flow->dir[0].last_ns
                                                       : flow->dir[1].last_ns;
}

static inline __attribute__((always_inline)) void prefetch(const void *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += CACHE_LINE_BYTES)
        __builtin_prefetch((const char *)at + i);
}

/*
 * Closed sessions have waited so long that they are in no cache: ask for those whose end comes next. In line: of a
 * function that does nothing but this, compilers drop the calls.
 */
static inline __attribute__((always_inline)) void foresee(const struct flows *flows,
                                                          const struct tracked *tracked)
{
    const struct tracked *soon = tracked->next;

    if (!soon)
        return;
    prefetch(&flows->buckets[soon->hash & (flows->bucket_count - 1)], 1);
    prefetch(soon->session.dialog, DIALOG_SEEN_BYTES);
    prefetch(soon->session.files, OTHERS_SEEN_BYTES);
    prefetch(soon->session.places, OTHERS_SEEN_BYTES);
    if (soon->next)
        prefetch(soon->next, sizeof(*soon));
}

static void end_closed(struct flows *flows, uint64_t now_ns)
{
    struct list *closed = &flows->lists[LIST_CLOSED];

    while (closed->first) {
        uint64_t since = closed->first->flow.close_ns;
        uint64_t linger = closed->count > CLOSED_MAX ? CLOSED_MIN_NS : CLOSED_LINGER_NS;
        /* Of files one behind the other, the second may be the earlier: don't wait for the first's time. */
        bool stepped_back = closed->count > CLOSED_MAX && since > now_ns;

        if (now_ns < since + linger && !stepped_back)
            break;
        foresee(flows, closed->first);
        end(flows, closed->first, CLOSE_NONE);
    }
}

static void check_second(struct flows *flows, uint64_t now_ns, uint32_t which)
{
    size_t count = flows->lists[which].count;

    while (count-- > 0) {
        struct tracked *tracked = flows->lists[which].first;
        enum close_reason reason =
            expiry_check(&tracked->flow, &tracked->session.key, now_ns, false);

        if (reason != CLOSE_NONE) {
            end(flows, tracked, reason);
        } else {
            list_remove(flows, tracked);
            list_append(flows, tracked, check_list(now_ns));
        }
    }
}

void flows_advance(struct flows *flows, uint64_t now_ns)
{
    uint64_t now_s = now_ns / SECOND_NS, first = flows->checked_s + 1;

    end_closed(flows, now_ns);
    if (now_s <= flows->checked_s)
        return;
    if (first + CHECK_LISTS <= now_s)
        first = now_s - CHECK_LISTS + 1;
    flows->checked_s = now_s;
    for (uint64_t second = first; second <= now_s; second++)
        check_second(flows, now_ns, (uint32_t)(second % CHECK_LISTS));
}

static int by_number(const void *a, const void *b)
{
    const struct tracked *const *left = a, *const *right = b;

    return (*left)->session.number < (*right)->session.number ? -1 : 1;
}

/* The input's end is not a session's: only what its own last packet shows is over. */
static enum close_reason reason_at_end(const struct flows *flows, const struct tracked *tracked)
{
    uint64_t last = last_ns(&tracked->flow);
    enum close_reason reason = expiry_check(&tracked->flow, &tracked->session.key,
                                            flows->now_ns > last ? flows->now_ns : last, false);

    return reason == CLOSE_NONE ? CLOSE_CAPTURE_END : reason;
}

void flows_finish(struct flows *flows)
{
    size_t count = 0;
    struct tracked **all = malloc((flows->open + 1) * sizeof(struct tracked *));

    if (!all) { /* in any order, then */
        for (int i = 0; i < LISTS; i++) {
            while (flows->lists[i].first)
                end(flows, flows->lists[i].first, reason_at_end(flows, flows->lists[i].first));
        }
        return;
    }
    for (int i = 0; i < LISTS; i++) {
        for (struct tracked *at = flows->lists[i].first; at; at = at->next)
            all[count++] = at;
    }
    qsort(all, count, sizeof(struct tracked *), by_number);
    for (size_t i = 0; i < count; i++)
        end(flows, all[i], reason_at_end(flows, all[i]));
    free(all);
}

uint64_t flows_made(const struct flows *flows)
{
    return flows->made;
}

size_t flows_open(const struct flows *flows)
{
    return flows->open;
}
