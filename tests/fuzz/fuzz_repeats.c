/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the first packet of sessions: what is recalled of it for one is what looking into it comes to for another, whatever
 * libndpi has met meanwhile. The first bytes are ports and addresses, the others the payload.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/identify.h"
#include "app/parser.h"
#include "wire.h"

#define PAYLOAD_MOST 1500

struct head {
    uint16_t client_ports[2];
    uint8_t server_port;
    uint8_t addr;
    uint8_t flags;
    uint8_t spare;
};

struct frame {
    struct ipv4_hdr ip;
    struct tcp_hdr tcp;
    uint8_t payload[PAYLOAD_MOST];
} WIRE;

static const uint16_t ports[] = {80,    80,   80, 8080, 443, 3000, 9100, 3128,
                                 40000, 8000, 53, 22,   25,  6379, 5001, 79};

static void must(int holds)
{
    if (!holds)
        abort();
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static void look_into(struct identifier *identifier, const struct app_packet *packet,
                      struct identity *identity)
{
    struct identification *one = identification_new(identifier);

    must(one != NULL);
    identification_packet(identifier, one, packet);
    identification_tell(identifier, one, identity);
    identification_free(identifier, one);
}

static void compare(struct identifier *recalls, struct identifier *looks,
                    const struct app_packet *packet)
{
    struct identity recalled = {0}, is = {0};

    if (!identifier_recall(recalls, packet, &recalled))
        look_into(recalls, packet, &recalled);
    look_into(looks, packet, &is);
    must(is_same_text(recalled.protocol, is.protocol));
    must(is_same_text(recalled.category, is.category));
    must(is_same_text(recalled.confidence, is.confidence));
    must(recalled.risks == is.risks && recalled.guessed == is.guessed);
}

static void fill(struct frame *frame, const struct head *head, unsigned int nth,
                 const uint8_t *payload, size_t len)
{
    memset(frame, 0, sizeof(*frame));
    frame->ip.version_ihl = 0x45;
    frame->ip.total_length = WIRE_BE16((uint16_t)(sizeof(frame->ip) + sizeof(frame->tcp) + len));
    frame->ip.ttl = 64;
    frame->ip.proto = IP_PROTO_TCP;
    frame->ip.src = WIRE_BE32(0x0a000001u + (head->addr & 7u));
    frame->ip.dst = WIRE_BE32(0x0a000101u + (head->addr >> 5));
    frame->tcp.src_port = WIRE_BE16(head->client_ports[nth & 1]);
    frame->tcp.dst_port = WIRE_BE16(ports[head->server_port % (sizeof(ports) / sizeof(ports[0]))]);
    frame->tcp.seq = WIRE_BE32(nth * 1000u + 1);
    frame->tcp.ack = WIRE_BE32(nth + 1);
    frame->tcp.data_offset = 5 << 4;
    frame->tcp.flags = head->flags & 1 ? 0x10 : 0x18;
    memcpy(frame->payload, payload, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct identifier *recalls, *looks;
    struct head head;
    size_t len;

    if (!recalls) {
        recalls = identifier_new(0);
        looks = identifier_new(0);
    }
    if (!recalls || !looks || size <= sizeof(head))
        return 0;
    memcpy(&head, data, sizeof(head));
    len = size - sizeof(head) < PAYLOAD_MOST ? size - sizeof(head) : PAYLOAD_MOST;
    for (unsigned int nth = 0; nth < 3; nth++) {
        size_t bytes = sizeof(struct ipv4_hdr) + sizeof(struct tcp_hdr) + len;
        struct frame frame;
        uint8_t *l3 = malloc(bytes);
        struct app_packet packet = {
            .l3 = l3,
            .time_ns = nth * 1000000000ull,
            .cap_len = (uint32_t)bytes,
            .headers_len = sizeof(struct ipv4_hdr) + sizeof(struct tcp_hdr),
            .payload_len = (uint32_t)len,
            .ip_version = 4,
            .l4_proto = IP_PROTO_TCP,
        };

        must(l3 != NULL);
        fill(&frame, &head, nth, data + sizeof(head), len);
        memcpy(l3, &frame, bytes);
        compare(recalls, looks, &packet);
        free(l3);
    }
    return 0;
}
