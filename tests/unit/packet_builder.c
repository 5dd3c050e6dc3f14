/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packet builder: a first pass writes the layers one after the other, a second one, from the
 * inside out, fills in lengths and checksums. The second pass is in packet_finish.c.
 */
#include "unit/packet_builder.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net_order.h"
#include "unit/packet_layers.h"
#include "wire.h"

static void builder_fail(const struct builder *b, const char *what)
{
    fprintf(stderr, "packet builder: %s in \"%s\" at \"%.24s\"\n", what, b->line, b->at);
    abort();
}

uint8_t *builder_append(struct builder *b, size_t len)
{
    uint8_t *here = b->frame + b->len;

    if (b->len + len > b->room)
        builder_fail(b, "no room");
    memset(here, 0, len);
    b->len += len;
    return here;
}

/* The next word of this layer, or NULL at its end. */
static char *builder_word(struct builder *b)
{
    size_t len = 0;

    b->at += strspn(b->at, " ");
    if (!*b->at || (*b->at == '/' && (b->at[1] == ' ' || !b->at[1])))
        return NULL;
    while (b->at[len] && b->at[len] != ' ')
        len++;
    if (len >= sizeof(b->word))
        builder_fail(b, "word too long");
    memcpy(b->word, b->at, len);
    b->word[len] = 0;
    b->at += len;
    return b->word;
}

static uint64_t builder_number(struct builder *b, const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 0);

    if (end == text || (*end && *end != ':' && *end != ','))
        builder_fail(b, "no number");
    return value;
}

static uint64_t builder_next_number(struct builder *b)
{
    char *word = builder_word(b);

    if (!word)
        builder_fail(b, "number missing");
    return builder_number(b, word);
}

/* The rest of the layer: words of the form name=value, or name alone, that the layer knows. */
static void builder_settings(struct builder *b, const struct setting *setting)
{
    char *word;

    while ((word = builder_word(b))) {
        const struct setting *s = setting;
        size_t len = strcspn(word, "=");

        while (s->name && (strlen(s->name) != len || strncmp(s->name, word, len)))
            s++;
        if (!s->name)
            builder_fail(b, "unknown word");
        *s->value = word[len] ? (long)builder_number(b, word + len + 1) : 1;
    }
}

static unsigned builder_hex(struct builder *b, const char *text, uint8_t *out, unsigned room)
{
    unsigned n = 0, byte;

    for (; text[0] && text[0] != ',' && text[0] != ' '; text += 2) {
        if (n >= room || sscanf(text, "%2x", &byte) != 1 || !text[1])
            builder_fail(b, "bad hex");
        out[n++] = (uint8_t)byte;
    }
    return n;
}

static void add_eth(struct builder *b, struct layer *layer)
{
    uint8_t *p = builder_append(b, 14);
    const struct setting settings[] = {{"type", &layer->next}, {NULL, NULL}};

    memcpy(p, "\x02\0\0\0\0\x02\x02\0\0\0\0\x01", 12);
    builder_settings(b, settings);
}

/* The tag's protocol id goes into the header before, its own next type follows the tag. */
static void add_vlan(struct builder *b, struct layer *layer)
{
    long id = (long)builder_next_number(b), pcp = 0;
    const struct setting settings[] = {{"tpid", &layer->code}, {"pcp", &pcp}, {NULL, NULL}};

    put16(builder_append(b, 4), (uint32_t)(pcp << 13 | id));
    builder_settings(b, settings);
    put16(b->frame + layer->at, (uint32_t)(pcp << 13 | id));
}

static void add_mpls(struct builder *b, struct layer *layer)
{
    (void)layer;
    put32(builder_append(b, 4), (uint32_t)builder_next_number(b) << 12 | 64);
}

static void add_pppoe(struct builder *b, struct layer *layer)
{
    (void)layer;
    put32(builder_append(b, 8), 0x11000001);
}

static void add_address(struct builder *b, int family, uint8_t *to)
{
    char *word = builder_word(b);

    if (word && !strcmp(word, ">"))
        word = builder_word(b);
    if (!word || inet_pton(family, word, to) != 1)
        builder_fail(b, "bad address");
}

static void add_ip(struct builder *b, struct layer *layer)
{
    uint8_t *p = builder_append(b, 20);
    long tos = 0, id = 0, ttl = 64, ver = 4, ihl = -1, frag = 0, mf = 0, df = 0, opts = 0;
    const struct setting settings[] = {{"tos", &tos},
                                       {"id", &id},
                                       {"ttl", &ttl},
                                       {"ver", &ver},
                                       {"ihl", &ihl},
                                       {"frag", &frag},
                                       {"mf", &mf},
                                       {"df", &df},
                                       {"opts", &opts},
                                       {"len", &layer->len},
                                       {"proto", &layer->next},
                                       {"sum", &layer->sum},
                                       {NULL, NULL}};

    add_address(b, AF_INET, p + 12);
    add_address(b, AF_INET, p + 16);
    builder_settings(b, settings);
    memset(builder_append(b, (size_t)opts), 1, (size_t)opts);
    p[0] = (uint8_t)(ver << 4 | (ihl >= 0 ? ihl : 5 + (opts + 3) / 4));
    p[1] = (uint8_t)tos;
    put16(p + 4, (uint32_t)id);
    put16(p + 6, (uint32_t)(df << 14 | mf << 13 | frag / 8));
    p[8] = (uint8_t)ttl;
}

static void add_ip6(struct builder *b, struct layer *layer)
{
    uint8_t *p = builder_append(b, 40);
    long class = 0, ver = 6;
    const struct setting settings[] = {{"class", &class},
                                       {"ver", &ver},
                                       {"len", &layer->len},
                                       {"next", &layer->next},
                                       {NULL, NULL}};

    add_address(b, AF_INET6, p + 8);
    add_address(b, AF_INET6, p + 24);
    builder_settings(b, settings);
    put32(p, (uint32_t)(ver << 28 | class << 20));
    p[7] = 64;
}

/* Extension headers count 8-byte units after the first; the authentication header 4-byte words less 2. */
static void add_extension(struct builder *b, struct layer *layer)
{
    long size = layer->type == LAYER_AH ? 12 : 8;
    const struct setting settings[] = {{"next", &layer->next}, {"size", &size}, {NULL, NULL}};
    uint8_t *p;

    builder_settings(b, settings);
    p = builder_append(b, (size_t)size);
    p[1] = (uint8_t)(layer->type == LAYER_AH ? size / 4 - 2 : size / 8 - 1);
}

static void add_frag(struct builder *b, struct layer *layer)
{
    uint8_t *p = builder_append(b, 8);
    long off = (long)builder_next_number(b), id = 0, mf = 0;
    const struct setting settings[] = {
        {"next", &layer->next}, {"id", &id}, {"mf", &mf}, {NULL, NULL}};

    builder_settings(b, settings);
    put16(p + 2, (uint32_t)((off & 0xfff8) | mf));
    put32(p + 4, (uint32_t)id);
}

static void add_ports(struct builder *b, uint8_t *p)
{
    put16(p, (uint32_t)builder_next_number(b));
    if (!builder_word(b) || strcmp(b->word, ">"))
        builder_fail(b, "> missing");
    put16(p + 2, (uint32_t)builder_next_number(b));
}

static unsigned add_option(struct builder *b, const char *text, uint8_t *o, unsigned room)
{
    const char *arg = strchr(text, ':');

    if (!strncmp(text, "mss:", 4)) {
        memcpy(o, "\x02\x04", 2);
        put16(o + 2, (uint32_t)builder_number(b, arg + 1));
        return 4;
    }
    if (!strncmp(text, "ws:", 3)) {
        memcpy(o, "\x03\x03", 2);
        o[2] = (uint8_t)builder_number(b, arg + 1);
        return 3;
    }
    if (!strncmp(text, "ts:", 3)) {
        memcpy(o, "\x08\x0a", 2);
        put32(o + 2, (uint32_t)builder_number(b, arg + 1));
        put32(o + 6, (uint32_t)builder_number(b, strchr(arg + 1, ':') + 1));
        return 10;
    }
    if (!strncmp(text, "fo:", 3)) {
        unsigned n = builder_hex(b, arg + 1, o + 2, room - 2);

        o[0] = TCP_OPT_FAST_OPEN;
        o[1] = (uint8_t)(n + 2);
        return n + 2;
    }
    if (!strncmp(text, "raw:", 4))
        return builder_hex(b, arg + 1, o, room);
    if (!strncmp(text, "sack", 4))
        return (void)memcpy(o, "\x04\x02", 2), 2;
    if (!strncmp(text, "mptcp", 5))
        return (void)memcpy(o, "\x1e\x04\x01\x81", 4), 4;
    o[0] = !strncmp(text, "nop", 3);
    if (!o[0] && strncmp(text, "end", 3))
        builder_fail(b, "unknown option");
    return 1;
}

int packet_flags_of(const char *text)
{
    static const char *const name[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    int flags = 0;

    if (!strcmp(text, "NONE"))
        return 0;
    while (*text) {
        int bit = 0;

        while (bit < 8 && strncmp(text, name[bit], 3))
            bit++;
        if (bit == 8 || (text[3] && text[3] != '|'))
            return -1;
        flags |= 1 << bit;
        text += text[3] ? 4 : 3;
    }
    return flags;
}

static void add_tcp(struct builder *b, struct layer *layer)
{
    uint8_t *p = builder_append(b, 20), opts[80] = {0};
    long seq = 0, ack = 0, win = 65535, doff = -1;
    unsigned opts_len = 0;
    int flags;
    char *word;

    add_ports(b, p);
    flags = builder_word(b) ? packet_flags_of(b->word) : -1;
    if (flags < 0)
        builder_fail(b, "TCP flags missing");
    while ((word = builder_word(b))) {
        if (!strncmp(word, "seq=", 4))
            seq = (long)builder_number(b, word + 4);
        else if (!strncmp(word, "ack=", 4))
            ack = (long)builder_number(b, word + 4);
        else if (!strncmp(word, "win=", 4))
            win = (long)builder_number(b, word + 4);
        else if (!strncmp(word, "doff=", 5))
            doff = (long)builder_number(b, word + 5);
        else if (!strncmp(word, "sum=", 4))
            layer->sum = (long)builder_number(b, word + 4);
        else if (!strncmp(word, "opts=", 5))
            for (char *o = word + 5; o; o = strchr(o, ',') ? strchr(o, ',') + 1 : NULL)
                opts_len += add_option(b, o, opts + opts_len, 40 - opts_len);
        else
            builder_fail(b, "unknown word");
        if (opts_len > 40)
            builder_fail(b, "too many options");
    }
    opts_len = (opts_len + 3) & ~3u;
    memcpy(builder_append(b, opts_len), opts, opts_len);
    put32(p + 4, (uint32_t)seq);
    put32(p + 8, (uint32_t)ack);
    p[12] = (uint8_t)((doff >= 0 ? (unsigned)doff : 5 + opts_len / 4) << 4);
    p[13] = (uint8_t)flags;
    put16(p + 14, (uint32_t)win);
}

static void add_udp(struct builder *b, struct layer *layer)
{
    const struct setting settings[] = {{"len", &layer->len}, {"sum", &layer->sum}, {NULL, NULL}};

    add_ports(b, builder_append(b, 8));
    builder_settings(b, settings);
}

static void add_sctp(struct builder *b, struct layer *layer)
{
    uint8_t *p = builder_append(b, 12);
    long tag = 1;
    const struct setting settings[] = {{"tag", &tag}, {"sum", &layer->sum}, {NULL, NULL}};

    add_ports(b, p);
    builder_settings(b, settings);
    put32(p + 4, (uint32_t)tag);
}

static void add_icmp(struct builder *b, struct layer *layer)
{
    uint8_t *p = builder_append(b, 8);
    long code = 0, id = 0, seq = 0;
    const struct setting settings[] = {
        {"code", &code}, {"id", &id}, {"seq", &seq}, {"sum", &layer->sum}, {NULL, NULL}};

    p[0] = (uint8_t)builder_next_number(b);
    builder_settings(b, settings);
    p[1] = (uint8_t)code;
    put16(p + 4, (uint32_t)id);
    put16(p + 6, (uint32_t)seq);
}

static void add_data(struct builder *b, struct layer *layer)
{
    size_t len = builder_next_number(b);
    uint8_t *p = builder_append(b, len);
    long from = 0;
    const struct setting settings[] = {{"from", &from}, {NULL, NULL}};

    (void)layer;
    builder_settings(b, settings);
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)('a' + ((size_t)from + i) % 26);
}

static void add_text(struct builder *b, struct layer *layer)
{
    const char *open = strchr(b->at, '"'), *close = open ? strchr(open + 1, '"') : NULL;

    (void)layer;
    if (!close)
        builder_fail(b, "quote missing");
    memcpy(builder_append(b, (size_t)(close - open - 1)), open + 1, (size_t)(close - open - 1));
    b->at = close + 1;
}

static void add_hex(struct builder *b, struct layer *layer)
{
    char *word = builder_word(b);

    (void)layer;
    for (; word && word[0]; word += 2)
        builder_hex(b, (char[3]){word[0], word[1], 0}, builder_append(b, 1), 1);
}

static void add_pad(struct builder *b, struct layer *layer)
{
    b->pad = builder_next_number(b);
    (void)layer;
}

/* Ethernet type, IP protocol and PPP protocol by which the layer before names this one. */
static const struct layer_kind {
    const char *name;
    long code[NAMED_BYS];
    void (*add)(struct builder *b, struct layer *layer);
} layer_kinds[LAYER_TYPES] = {
    [LAYER_ETH] = {"eth", {-1, 97, -1}, add_eth},
    [LAYER_VLAN] = {"vlan", {ETH_TYPE_VLAN, -1, -1}, add_vlan},
    [LAYER_MPLS] = {"mpls", {ETH_TYPE_MPLS_UC, 137, 0x281}, add_mpls},
    [LAYER_PPPOE] = {"pppoe", {ETH_TYPE_PPPOE, -1, -1}, add_pppoe},
    [LAYER_IP] = {"ip", {ETH_TYPE_IPV4, IP_PROTO_IPIP, PPP_IPV4}, add_ip},
    [LAYER_IP6] = {"ip6", {ETH_TYPE_IPV6, IP_PROTO_IPV6, PPP_IPV6}, add_ip6},
    [LAYER_HOP] = {"hop", {-1, IP_PROTO_HOPOPTS, -1}, add_extension},
    [LAYER_DST] = {"dst", {-1, IP_PROTO_DSTOPTS, -1}, add_extension},
    [LAYER_ROUTE] = {"route", {-1, IP_PROTO_ROUTING, -1}, add_extension},
    [LAYER_MOBILITY] = {"mobility", {-1, IP_PROTO_MOBILITY, -1}, add_extension},
    [LAYER_AH] = {"ah", {-1, IP_PROTO_AH, -1}, add_extension},
    [LAYER_FRAG] = {"frag", {-1, IP_PROTO_FRAGMENT, -1}, add_frag},
    [LAYER_TCP] = {"tcp", {-1, IP_PROTO_TCP, -1}, add_tcp},
    [LAYER_UDP] = {"udp", {-1, IP_PROTO_UDP, -1}, add_udp},
    [LAYER_SCTP] = {"sctp", {-1, IP_PROTO_SCTP, -1}, add_sctp},
    [LAYER_ICMP] = {"icmp", {-1, IP_PROTO_ICMP, -1}, add_icmp},
    [LAYER_ICMP6] = {"icmp6", {-1, IP_PROTO_ICMPV6, -1}, add_icmp},
    [LAYER_DATA] = {"data", {-1, -1, -1}, add_data},
    [LAYER_TEXT] = {"text", {-1, -1, -1}, add_text},
    [LAYER_HEX] = {"hex", {-1, -1, -1}, add_hex},
    [LAYER_PAD] = {"pad", {-1, -1, -1}, add_pad},
};

static void builder_add_layer(struct builder *b)
{
    struct layer *layer = &b->layer[b->layers];
    char *name = builder_word(b);
    int type = 0;

    while (name && type < LAYER_TYPES && strcmp(layer_kinds[type].name, name))
        type++;
    if (!name || type == LAYER_TYPES)
        builder_fail(b, "unknown layer");
    if (b->layers == BUILDER_LAYERS)
        builder_fail(b, "too many layers");
    b->layers++;
    *layer = (struct layer){type, b->len, -1, -1, -1, -1};
    layer_kinds[type].add(b, layer);
    if (type >= LAYER_DATA)
        b->layers--;
}

/* Write into each header what follows it. */
static void builder_link(struct builder *b)
{
    for (unsigned i = 0; i < b->layers; i++) {
        struct layer *layer = &b->layer[i], *inner = layer + 1;
        long code = layer->next;

        if (code < 0 && i + 1 < b->layers) {
            code = inner->code;
            if (code < 0)
                code = layer_kinds[inner->type].code[layer_names_next_by(layer)];
        }
        if (code >= 0)
            layer_set_next(b, layer, (uint32_t)code);
    }
}

size_t packet_build(uint8_t *frame, size_t room, const char *format, ...)
{
    struct builder b = {.frame = frame, .room = room};
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(b.line, sizeof(b.line), format, args);
    va_end(args);
    b.at = b.line;
    if (n < 0 || (size_t)n >= sizeof(b.line))
        builder_fail(&b, "line too long");
    for (;;) {
        builder_add_layer(&b);
        b.at += strspn(b.at, " ");
        if (!*b.at)
            break;
        if (*b.at++ != '/')
            builder_fail(&b, "/ missing");
    }
    builder_link(&b);
    layers_finish(&b);
    builder_append(&b, b.pad);
    return b.len;
}
