/* SPDX-License-Identifier: Apache-2.0 */
/* See flow_text.h. */
#include "kernel/flow_text.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct line {
    char *at;
    size_t room;
};

static __attribute__((format(printf, 2, 3))) void say(struct line *line, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line->at, line->room, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < line->room) {
        line->at += n;
        line->room -= (size_t)n;
    }
}

static void say_pair(struct line *line, const char *name, uint64_t a, uint64_t b)
{
    say(line, " %s=%llu/%llu", name, (unsigned long long)a, (unsigned long long)b);
}

static void say_pair_if(struct line *line, const char *name, uint64_t a, uint64_t b)
{
    if (a || b)
        say_pair(line, name, a, b);
}

static const char *proto_name(uint8_t proto)
{
    switch (proto) {
    case IP_PROTO_TCP:
        return "tcp";
    case IP_PROTO_UDP:
        return "udp";
    case IP_PROTO_ICMP:
        return "icmp";
    case IP_PROTO_ICMPV6:
        return "icmp6";
    case IP_PROTO_SCTP:
        return "sctp";
    }
    return "other";
}

static void say_endpoint(struct line *line, const struct flow_key *key, int endpoint)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (key->ip_version == 4)
        inet_ntop(AF_INET, &key->addr[endpoint].word[3], text, sizeof(text));
    else
        inet_ntop(AF_INET6, key->addr[endpoint].bytes, text, sizeof(text));
    say(line, " %s:%u", text, ntohs(key->port[endpoint]));
}

void flow_text(const struct flow_key *key, const struct flow *flow, char text[FLOW_TEXT_ROOM])
{
    struct line line = {text, FLOW_TEXT_ROOM};
    const struct flow_quality *q = flow->quality;

    say(&line, "%u %s", key->ip_version, proto_name(key->l4_proto));
    say_endpoint(&line, key, 0);
    say(&line, " >");
    say_endpoint(&line, key, 1);
    say_pair(&line, "pkts", flow->pkts[0], flow->pkts[1]);
    say_pair(&line, "payload", flow->dir[0].payload_bytes, flow->dir[1].payload_bytes);
    say_pair(&line, "l3", flow_l3_bytes(flow, key, 0), flow_l3_bytes(flow, key, 1));
    say_pair(&line, "l4", flow_l4_bytes(flow, key, 0), flow_l4_bytes(flow, key, 1));
    if (key->scope)
        say(&line, " scope=%u", key->scope);
    say_pair_if(&line, "vlan", flow->vlan[0], flow->vlan[1]);
    say_pair_if(&line, "icmp", flow->icmp_type, flow->icmp_code);
    say_pair_if(&line, "segs", q[0].gso_extra_pkts, q[1].gso_extra_pkts);
    say_pair_if(&line, "ce", q[0].ce_pkts, q[1].ce_pkts);
    say_pair_if(&line, "path", flow->path[0], flow->path[1]);
}
