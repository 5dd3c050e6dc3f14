/* SPDX-License-Identifier: Apache-2.0 */
#include "app/alerts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "packet.h"

#define BUCKETS_MIN     1024
#define COMMUNITY_BYTES 40
/* An alert is raised with a packet, or when the stream is looked at, or flushed. */
#define EARLY_NS 1000000000LL
#define LATE_NS  10000000000LL
#define YEAR_MAX 2200 /* nanoseconds since 1970 in 64 bits go to 2262 */

struct alert {
    struct alert *hash_next;
    struct alert_fact fact;
    struct flow_key key; /* scope 0 */
    char community_id[COMMUNITY_BYTES];
    bool taken;
    char text[]; /* signature, category, action */
};

/* A session's list. */
struct taken {
    struct taken *next;
    const struct alert_fact *list[];
};

struct alerts {
    struct alert **buckets;
    size_t bucket_count; /* a power of two */
    uint64_t count;
    uint64_t left;
    struct taken *taken;
};

/* ---- keys ---------------------------------------------------------------------------------------- */

/* Both directions alike, no scope: the detection system knows none. */
static uint64_t hash_key(const struct flow_key *key)
{
    uint64_t hash = key->l4_proto;

    for (int i = 0; i < 2; i++) {
        uint64_t end = key->addr[i].half[0] * 31 + key->addr[i].half[1];

        hash += (end ^ key->port[i]) * 0x9e3779b97f4a7c15ULL;
    }
    return hash ^ hash >> 29;
}

static bool is_same_key(const struct flow_key *a, const struct flow_key *b)
{
    return a->l4_proto == b->l4_proto && !memcmp(a->addr, b->addr, sizeof(a->addr)) &&
           !memcmp(a->port, b->port, sizeof(a->port));
}

#ifdef HAVE_JANSSON

#include <jansson.h>

/* ---- a line -------------------------------------------------------------------------------------- */

static bool parse_addr(const char *text, struct flow_key *key, int end)
{
    uint8_t *addr = key->addr[end].bytes;

    if (!text)
        return false;
    if (inet_pton(AF_INET6, text, addr) == 1) {
        key->ip_version = 6;
        return true;
    }
    memset(addr, 0, 10);
    addr[10] = addr[11] = 0xff;
    key->ip_version = 4;
    return inet_pton(AF_INET, text, addr + 12) == 1;
}

static uint8_t parse_proto(const char *text, uint8_t ip_version)
{
    if (!text)
        return 0;
    if (!strcasecmp(text, "TCP"))
        return IP_PROTO_TCP;
    if (!strcasecmp(text, "UDP"))
        return IP_PROTO_UDP;
    if (!strcasecmp(text, "SCTP"))
        return IP_PROTO_SCTP;
    if (!strcasecmp(text, "ICMP") || !strcasecmp(text, "IPv6-ICMP"))
        return ip_version == 6 ? IP_PROTO_ICMPV6 : IP_PROTO_ICMP;
    return 0;
}

/* "2017-01-17T16:30:25.972667+0100", as Suricata writes it. False: it is something else. */
static bool parse_time(const char *text, int64_t *ns)
{
    struct tm tm = {0};
    const char *at = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    int64_t fraction = 0, unit = 100000000;
    int hours, minutes;

    if (!at || tm.tm_year + 1900 < 1970 || tm.tm_year + 1900 > YEAR_MAX)
        return false;
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
            fraction += unit * (*at - '0');
    *ns = (int64_t)timegm(&tm) * 1000000000 + fraction;
    if (*at == 'Z' || !*at)
        return true;
    if ((*at != '+' && *at != '-') || (sscanf(at + 1, "%2d:%2d", &hours, &minutes) != 2 &&
                                       sscanf(at + 1, "%2d%2d", &hours, &minutes) != 2))
        return false;
    *ns -= (*at == '-' ? -60 : 60) * (hours * 60LL + minutes) * 1000000000;
    return true;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static __be16 port_of(const json_t *event, const char *key)
{
    return htons((uint16_t)json_integer_value(json_object_get(event, key)));
}

/* As the parser makes keys. */
static bool parse_key(const json_t *event, struct flow_key *key)
{
    struct packet pkt = {0};
    bool with_ports;

    if (!parse_addr(text_of(event, "src_ip"), &pkt.key, 0) ||
        !parse_addr(text_of(event, "dest_ip"), &pkt.key, 1))
        return false;
    pkt.key.l4_proto = parse_proto(text_of(event, "proto"), pkt.key.ip_version);
    with_ports = pkt.key.l4_proto != IP_PROTO_ICMP && pkt.key.l4_proto != IP_PROTO_ICMPV6;
    packet_order_key(&pkt, with_ports ? port_of(event, "src_port") : 0,
                     with_ports ? port_of(event, "dest_port") : 0);
    *key = pkt.key;
    return true;
}

static const char *keep_text(char **room, const char *text)
{
    char *kept = *room;

    if (!text)
        return NULL;
    *room = stpcpy(kept, text) + 1;
    return kept;
}

static size_t text_bytes(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

/* NULL: it can't be tied to a session, or there is no memory. */
static struct alert *make_alert(const json_t *event, const json_t *what)
{
    const char *signature = text_of(what, "signature"), *category = text_of(what, "category"),
               *action = text_of(what, "action"), *community = text_of(event, "community_id");
    struct alert *alert = calloc(1, sizeof(*alert) + text_bytes(signature) + text_bytes(category) +
                                        text_bytes(action));
    char *room;

    if (!alert)
        return NULL;
    room = alert->text;
    alert->fact.signature = keep_text(&room, signature);
    alert->fact.category = keep_text(&room, category);
    alert->fact.action = keep_text(&room, action);
    alert->fact.signature_id = (uint64_t)json_integer_value(json_object_get(what, "signature_id"));
    alert->fact.severity = (uint32_t)json_integer_value(json_object_get(what, "severity"));
    if (community)
        snprintf(alert->community_id, sizeof(alert->community_id), "%s", community);
    if (!parse_time(text_of(event, "timestamp"), &alert->fact.wall_ns) ||
        !parse_key(event, &alert->key)) {
        free(alert);
        return NULL;
    }
    return alert;
}

static bool is_blank(const char *line)
{
    return !line[strspn(line, " \t\r\n")];
}

/* An alert, or NULL; *bad when the line is neither that nor another event. */
static struct alert *read_line(const char *line, size_t len, bool *bad)
{
    json_t *event = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    const char *type = event ? text_of(event, "event_type") : NULL;
    const json_t *what = event ? json_object_get(event, "alert") : NULL;
    struct alert *alert = NULL;

    *bad = !event && !is_blank(line);
    if (json_is_object(what) && (!type || !strcmp(type, "alert"))) {
        alert = make_alert(event, what);
        *bad = !alert;
    }
    json_decref(event);
    return alert;
}

/* ---- the file ------------------------------------------------------------------------------------ */

static struct alert **bucket_of(const struct alerts *alerts, const struct flow_key *key)
{
    return &alerts->buckets[hash_key(key) & (alerts->bucket_count - 1)];
}

/* In front of its chain. */
static void chain(struct alerts *alerts, struct alert *alert)
{
    struct alert **at = bucket_of(alerts, &alert->key);

    alert->hash_next = *at;
    *at = alert;
}

/* As many buckets as there are alerts. list: the last one first, so that chains are in the order of the file. */
static bool hash_all(struct alerts *alerts, struct alert *list)
{
    alerts->bucket_count = BUCKETS_MIN;
    while (alerts->bucket_count < alerts->count)
        alerts->bucket_count *= 2;
    alerts->buckets = calloc(alerts->bucket_count, sizeof(struct alert *));
    while (list) {
        struct alert *next = list->hash_next;

        if (alerts->buckets)
            chain(alerts, list);
        else
            free(list);
        list = next;
    }
    return alerts->buckets;
}

bool alerts_are_built_in(void)
{
    return true;
}

struct alerts *alerts_read(const char *path, struct alerts_reading *reading)
{
    struct alerts *alerts = calloc(1, sizeof(*alerts));
    FILE *file = alerts ? fopen(path, "re") : NULL;
    struct alert *last = NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    int err = 0;

    memset(reading, 0, sizeof(*reading));
    if (!file) {
        err = alerts ? errno : ENOMEM;
        free(alerts);
        errno = err;
        return NULL;
    }
    for (uint64_t number = 1; (len = getline(&line, &room, file)) >= 0; number++) {
        bool bad;
        struct alert *alert = read_line(line, (size_t)len, &bad);

        if (bad && !reading->bad_lines++)
            reading->first_bad_line = number;
        if (!alert)
            continue;
        alert->hash_next = last;
        last = alert;
        alerts->count++;
    }
    if (ferror(file))
        err = EIO;
    fclose(file);
    free(line);
    alerts->left = reading->alerts = alerts->count;
    if (!hash_all(alerts, last) || err) {
        alerts_free(alerts);
        errno = err ? err : ENOMEM;
        return NULL;
    }
    return alerts;
}

#else

bool alerts_are_built_in(void)
{
    return false;
}

struct alerts *alerts_read(const char *path, struct alerts_reading *reading)
{
    (void)path;
    memset(reading, 0, sizeof(*reading));
    errno = ENOTSUP;
    return NULL;
}

static struct alert **bucket_of(const struct alerts *alerts, const struct flow_key *key)
{
    return &alerts->buckets[hash_key(key) & (alerts->bucket_count - 1)];
}

#endif

void alerts_free(struct alerts *alerts)
{
    if (!alerts)
        return;
    for (size_t i = 0; alerts->buckets && i < alerts->bucket_count; i++) {
        while (alerts->buckets[i]) {
            struct alert *next = alerts->buckets[i]->hash_next;

            free(alerts->buckets[i]);
            alerts->buckets[i] = next;
        }
    }
    while (alerts->taken) {
        struct taken *next = alerts->taken->next;

        free(alerts->taken);
        alerts->taken = next;
    }
    free(alerts->buckets);
    free(alerts);
}

/* ---- sessions ------------------------------------------------------------------------------------ */

static bool is_icmp(const struct flow_key *key)
{
    return key->l4_proto == IP_PROTO_ICMP || key->l4_proto == IP_PROTO_ICMPV6;
}

/* ICMP's ports are type and id here: addresses alone are compared. */
static struct flow_key key_without_scope(const struct flow_key *key)
{
    struct flow_key plain = *key;

    plain.scope = 0;
    if (is_icmp(key))
        plain.port[0] = plain.port[1] = 0;
    return plain;
}

/* Community IDs that differ over the same addresses and ports have another seed; over ICMP another type and code. */
static bool is_of(const struct alert *alert, const struct flow_key *key,
                  const struct alerts_query *query)
{
    if (alert->taken || alert->fact.wall_ns < query->first_ns - EARLY_NS ||
        alert->fact.wall_ns > query->last_ns + LATE_NS || !is_same_key(&alert->key, key))
        return false;
    return !is_icmp(key) || !alert->community_id[0] || !query->community_id ||
           !strcmp(alert->community_id, query->community_id);
}

const struct alert_fact *const *alerts_of(struct alerts *alerts, const struct alerts_query *query,
                                          size_t *count)
{
    struct flow_key key = key_without_scope(query->key);
    struct alert *first = *bucket_of(alerts, &key);
    struct taken *taken;
    size_t found = 0, at = 0;

    for (const struct alert *alert = first; alert; alert = alert->hash_next)
        found += is_of(alert, &key, query);
    *count = 0;
    if (!found)
        return NULL;
    taken = malloc(sizeof(*taken) + found * sizeof(taken->list[0]));
    if (!taken)
        return NULL;
    for (struct alert *alert = first; alert; alert = alert->hash_next) {
        if (!is_of(alert, &key, query))
            continue;
        alert->taken = true;
        taken->list[at++] = &alert->fact;
    }
    taken->next = alerts->taken;
    alerts->taken = taken;
    alerts->left -= found;
    *count = found;
    return taken->list;
}

uint64_t alerts_left(const struct alerts *alerts)
{
    return alerts->left;
}
