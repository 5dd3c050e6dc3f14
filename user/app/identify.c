/* SPDX-License-Identifier: Apache-2.0 */
/* libndpi behind identify.h, or nothing when it is not built in. */
#include "app/identify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/parser.h"
#include "app/repeats.h"

#ifdef HAVE_NDPI

#include <arpa/inet.h>
#include <ndpi_api.h>

#include "packet.h"

/* Packets with payload that are looked at: as many as ndpiReader takes of UDP, and for TCP what its dissectors need. */
#define TCP_PACKETS         24
#define UDP_PACKETS         24
#define EXTRA_PACKETS       6    /* after TLS or QUIC is known: who is behind it */
#define LOOK_BYTES          2048 /* of a packet that was put together from many */
#define NAME_BYTES          64
#define HTTP2_PREFACE       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define HTTP2_PREFACE_BYTES 24
#define NAME_SLOTS          1024 /* pairs of protocols; libndpi 4.2 knows some 300 protocols */
#define PORTS               65536
#define MUTE_PORTS          32768 /* no dissector looks for one beyond, but for defaults */
#define OOKLA_PORT          8080
#define REPEATS_ARE_KNOWN   (NDPI_MAJOR == 4 && NDPI_MINOR == 2)

struct protocol_name {
    uint32_t pair; /* 0: free; pairs are kept plus one */
    char text[NAME_BYTES];
};

/* What libndpi guesses by a port of TCP. */
enum port_kind { PORT_UNASKED, PORT_OF_NONE, PORT_OF_HTTP, PORT_OF_OTHERS };

struct identifier {
    struct ndpi_detection_module_struct *module;
    struct repeats *repeats; /* NULL: each packet is looked into */
    size_t flow_bytes;
    int64_t wall_offset_ns;
    struct identification *spare;
    struct protocol_name names[NAME_SLOTS];
    char categories[NDPI_PROTOCOL_NUM_CATEGORIES][NAME_BYTES]; /* "": not met yet */
    uint8_t packet[LOOK_BYTES];
    uint8_t ports[PORTS]; /* enum port_kind */
};

struct identification {
    struct identification *next_spare;
    struct ndpi_flow_struct *flow;
    ndpi_protocol protocol;
    uint16_t packets;
    uint16_t extra;
    bool known;
};

struct identifier *identifier_new(int64_t wall_offset_ns)
{
    struct identifier *identifier = calloc(1, sizeof(*identifier));
    NDPI_PROTOCOL_BITMASK all;

    if (!identifier)
        return NULL;
    identifier->module = ndpi_init_detection_module(ndpi_no_prefs);
    if (!identifier->module) {
        free(identifier);
        return NULL;
    }
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(identifier->module, &all);
    ndpi_finalize_initialization(identifier->module);
    identifier->wall_offset_ns = wall_offset_ns;
    identifier->flow_bytes = ndpi_detection_get_sizeof_ndpi_flow_struct();
    identifier->repeats = REPEATS_ARE_KNOWN ? repeats_new() : NULL;
    return identifier;
}

void identifier_close(struct identifier *identifier)
{
    while (identifier->spare) {
        struct identification *next = identifier->spare->next_spare;

        free(identifier->spare->flow);
        free(identifier->spare);
        identifier->spare = next;
    }
    if (identifier->module)
        ndpi_exit_detection_module(identifier->module);
    identifier->module = NULL;
    repeats_free(identifier->repeats);
    identifier->repeats = NULL;
}

void identifier_free(struct identifier *identifier)
{
    if (identifier)
        identifier_close(identifier);
    free(identifier);
}

struct identification *identification_new(struct identifier *identifier)
{
    struct identification *one = identifier->spare;

    if (one) {
        struct ndpi_flow_struct *flow = one->flow;

        identifier->spare = one->next_spare;
        memset(flow, 0, identifier->flow_bytes);
        *one = (struct identification){.flow = flow};
        return one;
    }
    one = calloc(1, sizeof(*one));
    if (!one)
        return NULL;
    one->flow = calloc(1, identifier->flow_bytes);
    if (!one->flow) {
        free(one);
        return NULL;
    }
    return one;
}

void identification_free(struct identifier *identifier, struct identification *one)
{
    if (!one)
        return;
    ndpi_free_flow_data(one->flow);
    one->next_spare = identifier->spare;
    identifier->spare = one;
}

/* libndpi believes the length of the IP header: what is at hand must be what it says. */
static const uint8_t *cut_packet(struct identifier *identifier, const struct app_packet *packet,
                                 size_t *len)
{
    uint16_t value;

    if (*len > LOOK_BYTES)
        *len = LOOK_BYTES;
    memcpy(identifier->packet, packet->l3, *len);
    if (packet->ip_version == 4) {
        value = htons((uint16_t)*len);
        memcpy(identifier->packet + 2, &value, sizeof(value));
    } else {
        value = htons((uint16_t)(*len - sizeof(struct ipv6_hdr)));
        memcpy(identifier->packet + 4, &value, sizeof(value));
    }
    return identifier->packet;
}

/* libndpi calls it detected when it knows but a category. */
static bool is_named(ndpi_protocol protocol)
{
    return protocol.app_protocol != NDPI_PROTOCOL_UNKNOWN ||
           protocol.master_protocol != NDPI_PROTOCOL_UNKNOWN;
}

/* More packets may tell whose service it is. */
static bool is_vague(uint16_t protocol)
{
    return protocol == NDPI_PROTOCOL_TLS || protocol == NDPI_PROTOCOL_QUIC;
}

/* The client's preface (RFC 9113 section 3.4), which libndpi 4.2 does not know. */
static bool is_http2(const struct app_packet *packet)
{
    const uint8_t *payload = packet->l3 + packet->headers_len;

    return packet->l4_proto == IP_PROTO_TCP &&
           packet->cap_len - packet->headers_len >= HTTP2_PREFACE_BYTES && payload[0] == 'P' &&
           !memcmp(payload, HTTP2_PREFACE, HTTP2_PREFACE_BYTES);
}

/* ---- packets that came before ------------------------------------------------------------------ */

static uint8_t port_kind(struct identifier *identifier, uint16_t port)
{
    uint8_t *kind = &identifier->ports[port];
    ndpi_protocol guess;

    if (*kind == PORT_UNASKED) {
        guess =
            ndpi_guess_undetected_protocol(identifier->module, NULL, IPPROTO_TCP, 0, port, 0, port);
        switch (guess.app_protocol) {
        case NDPI_PROTOCOL_UNKNOWN:
            *kind = PORT_OF_NONE;
            break;
        case NDPI_PROTOCOL_HTTP:
            *kind = PORT_OF_HTTP;
            break;
        default:
            *kind = PORT_OF_OTHERS;
        }
    }
    return *kind;
}

/*
 * Whether a verdict of HTTP on such a packet is the verdict on each one like it. libndpi 4.2 looks up the lower port first, and asks
 * the dissector that it guesses by it before all others: if that is HTTP's, no other is asked. If all are, those that are asked
 * before it look at no port beyond MUTE_PORTS but their protocols' defaults, and at nothing that other sessions left behind; but
 * Ookla's does, at its port.
 */
static bool is_repeatable(struct identifier *identifier, const struct repeat_key *key)
{
    uint16_t port = key->headers.port;

    if (key->client_port <= port)
        return false;
    return port_kind(identifier, port) == PORT_OF_HTTP ||
           (key->client_port >= MUTE_PORTS && port != OOKLA_PORT &&
            port_kind(identifier, key->client_port) == PORT_OF_NONE);
}

bool identifier_recall(struct identifier *identifier, const struct app_packet *packet,
                       struct identity *identity)
{
    const struct identity *found;
    struct repeat_key key;

    if (!identifier->repeats || !repeat_key_of(&key, packet) || !is_repeatable(identifier, &key))
        return false;
    found = repeats_find(identifier->repeats, &key);
    if (found)
        *identity = *found;
    return found;
}

/* one is known by its first packet. */
static void keep_for_repeats(struct identifier *identifier, struct identification *one,
                             const struct app_packet *packet)
{
    struct identity identity;
    struct repeat_key key;

    if (!identifier->repeats || one->protocol.app_protocol != NDPI_PROTOCOL_HTTP ||
        one->flow->confidence != NDPI_CONFIDENCE_DPI || !repeat_key_of(&key, packet) ||
        !is_repeatable(identifier, &key))
        return;
    identification_tell(identifier, one, &identity);
    repeats_keep(identifier->repeats, &key, &identity);
}

/* ---- packets ---------------------------------------------------------------------------------- */

/* False: no more is wanted. */
static bool look_into(struct identifier *identifier, struct identification *one,
                      const struct app_packet *packet)
{
    const uint8_t *l3 = packet->l3;
    size_t len = (size_t)packet->headers_len + packet->payload_len;
    uint64_t wall_ns = packet->time_ns + (uint64_t)identifier->wall_offset_ns;
    uint16_t most = packet->l4_proto == IP_PROTO_TCP ? TCP_PACKETS : UDP_PACKETS;

    if (packet->cap_len < packet->headers_len)
        return true;
    if (len > packet->cap_len || len > UINT16_MAX) {
        len = packet->cap_len;
        l3 = cut_packet(identifier, packet, &len);
    }
    one->packets++;
    if (is_http2(packet)) {
        one->protocol = (ndpi_protocol){.app_protocol = NDPI_PROTOCOL_HTTP,
                                        .category = NDPI_PROTOCOL_CATEGORY_WEB};
        one->flow->confidence = NDPI_CONFIDENCE_DPI;
        one->known = true;
        return false;
    }
    one->protocol = ndpi_detection_process_packet(identifier->module, one->flow, l3,
                                                  (unsigned short)len, wall_ns / 1000000);
    if (one->known || is_named(one->protocol)) {
        one->known = true;
        return is_vague(one->protocol.app_protocol) && one->extra++ < EXTRA_PACKETS &&
               ndpi_extra_dissection_possible(identifier->module, one->flow);
    }
    return one->packets < most;
}

bool identification_packet(struct identifier *identifier, struct identification *one,
                           const struct app_packet *packet)
{
    if (look_into(identifier, one, packet))
        return true;
    if (one->packets == 1)
        keep_for_repeats(identifier, one, packet);
    return false;
}

/* The name of a pair of protocols, in the identifier; NULL when there are too many. */
static const char *protocol_name(struct identifier *identifier, ndpi_protocol protocol)
{
    uint32_t pair = ((uint32_t)protocol.master_protocol << 16 | protocol.app_protocol) + 1;

    for (uint32_t i = 0; i < NAME_SLOTS; i++) {
        struct protocol_name *name = &identifier->names[(pair * 2654435761u + i) % NAME_SLOTS];

        if (name->pair == pair)
            return name->text;
        if (name->pair)
            continue;
        name->pair = pair;
        ndpi_protocol2name(identifier->module, protocol, name->text, sizeof(name->text));
        return name->text;
    }
    return NULL;
}

/* In the identifier: some are in libndpi's module. */
static const char *category_name(struct identifier *identifier, ndpi_protocol_category_t category)
{
    unsigned int number = (unsigned int)category;
    char *text;

    if (number >= NDPI_PROTOCOL_NUM_CATEGORIES)
        return NULL;
    text = identifier->categories[number];
    if (!*text)
        snprintf(text, NAME_BYTES, "%s", ndpi_category_get_name(identifier->module, category));
    return text;
}

uint32_t identifier_version(void)
{
    return (uint32_t)ndpi_get_api_version() << 16 | (uint32_t)(NDPI_MAJOR << 8 | NDPI_MINOR);
}

const char *identifier_risk_name(unsigned int bit)
{
    return bit < NDPI_MAX_RISK ? ndpi_risk2str((ndpi_risk_enum)bit) : "";
}

void identification_tell(struct identifier *identifier, struct identification *one,
                         struct identity *identity)
{
    uint8_t guessed = 0;

    if (!one->known && one->packets) {
        one->protocol = ndpi_detection_giveup(identifier->module, one->flow, 1, &guessed);
        one->known = is_named(one->protocol);
    }
    *identity = (struct identity){.risks = one->flow->risk, .risk_name = identifier_risk_name};
    if (!one->known)
        return;
    identity->protocol = protocol_name(identifier, one->protocol);
    identity->category = category_name(identifier, one->protocol.category);
    identity->confidence = ndpi_confidence_get_name(one->flow->confidence);
    identity->guessed = one->flow->confidence == NDPI_CONFIDENCE_MATCH_BY_PORT ||
                        one->flow->confidence == NDPI_CONFIDENCE_MATCH_BY_IP;
}

#else

uint32_t identifier_version(void)
{
    return 0;
}

const char *identifier_risk_name(unsigned int bit)
{
    (void)bit;
    return "";
}

struct identifier *identifier_new(int64_t wall_offset_ns)
{
    (void)wall_offset_ns;
    return NULL;
}

void identifier_close(struct identifier *identifier)
{
    (void)identifier;
}

void identifier_free(struct identifier *identifier)
{
    (void)identifier;
}

bool identifier_recall(struct identifier *identifier, const struct app_packet *packet,
                       struct identity *identity)
{
    (void)identifier, (void)packet, (void)identity;
    return false;
}

struct identification *identification_new(struct identifier *identifier)
{
    (void)identifier;
    return NULL;
}

void identification_free(struct identifier *identifier, struct identification *one)
{
    (void)identifier;
    (void)one;
}

bool identification_packet(struct identifier *identifier, struct identification *one,
                           const struct app_packet *packet)
{
    (void)identifier, (void)one, (void)packet;
    return false;
}

void identification_tell(struct identifier *identifier, struct identification *one,
                         struct identity *identity)
{
    (void)identifier, (void)one;
    *identity = (struct identity){0};
}

#endif
