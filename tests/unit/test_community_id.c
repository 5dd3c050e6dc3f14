/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Community IDs against the vectors of the specification's reference (pycommunityid's tests) and of
 * the corpus (community-id/tcp, arkime).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "packet.h"
#include "sink/record.h"

/* A packet as it was first seen; for ICMP the ports are type and code. */
struct row {
    const char *name;
    uint8_t l4_proto;
    const char *src;
    const char *dst;
    uint16_t sport;
    uint16_t dport;
    const char *id;
};

static const struct row rows[] = {
    {"corpus: tcp IPv6", IP_PROTO_TCP, "2001:470:e5bf:dead:4957:2174:e82c:4887",
     "2607:f8b0:400c:c03::1a", 63943, 25, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4="},
    {"corpus: tcp", IP_PROTO_TCP, "128.232.110.120", "66.35.250.204", 34855, 80,
     "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {"corpus: tcp, reply", IP_PROTO_TCP, "66.35.250.204", "128.232.110.120", 80, 34855,
     "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
    {"corpus: arkime dns-tcp", IP_PROTO_TCP, "10.180.156.141", "10.2.95.39", 49342, 53,
     "1:aiyyBmnGUlby3uK/mWpMfvJm2U4="},
    {"corpus: arkime http-301-get", IP_PROTO_TCP, "10.180.156.141", "192.30.252.130", 62341, 80,
     "1:/wxImZfyysTBc/FfJh8ZIhrdJbI="},
    {"corpus: arkime tls13", IP_PROTO_TCP, "2001:16d8:ffce:10:aca8:353c:291d:a9b3",
     "2400:cb00:2048:1::6813:c266", 62510, 443, "1:+howsemozCcnIdXPNBANfoSfiAw="},
    {"tcp, ports in network order", IP_PROTO_TCP, "10.0.0.1", "10.0.0.2", 10, 11569,
     "1:SXBGMX1lBOwhhoDrZynfROxnhnM="},
    {"udp", IP_PROTO_UDP, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
    {"udp, reply", IP_PROTO_UDP, "8.8.8.8", "192.168.1.52", 53, 54585,
     "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
    {"sctp", IP_PROTO_SCTP, "192.168.170.8", "192.168.170.56", 7, 80,
     "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
    {"sctp, reply", IP_PROTO_SCTP, "192.168.170.56", "192.168.170.8", 80, 7,
     "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="},
    {"icmp echo", IP_PROTO_ICMP, "192.168.0.89", "192.168.0.1", 8, 0,
     "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
    {"icmp echo, reply", IP_PROTO_ICMP, "192.168.0.1", "192.168.0.89", 0, 8,
     "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
    {"icmp, no answer", IP_PROTO_ICMP, "192.168.0.89", "192.168.0.1", 20, 0,
     "1:3o2RFccXzUgjl7zDpqmY7yJi8rI="},
    {"icmp, no answer, other code", IP_PROTO_ICMP, "192.168.0.89", "192.168.0.1", 20, 1,
     "1:tz/fHIDUHs19NkixVVoOZywde+I="},
    {"icmpv6 neighbour solicitation", IP_PROTO_ICMPV6, "fe80::200:86ff:fe05:80da",
     "fe80::260:97ff:fe07:69ea", 135, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
    {"icmpv6 neighbour advertisement", IP_PROTO_ICMPV6, "fe80::260:97ff:fe07:69ea",
     "fe80::200:86ff:fe05:80da", 136, 0, "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="},
    {"icmpv6 time exceeded", IP_PROTO_ICMPV6, "3ffe:507:0:1:260:97ff:fe07:69ea",
     "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0, "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w="},
    {"icmpv6 time exceeded, other way", IP_PROTO_ICMPV6, "3ffe:507:0:1:200:86ff:fe05:80da",
     "3ffe:507:0:1:260:97ff:fe07:69ea", 3, 0, "1:/OGBt9BN1ofenrmSPWYicpij2Vc="},
};

static void set_addr(struct packet *pkt, unsigned int end, const char *text)
{
    uint8_t *bytes = pkt->key.addr[end].bytes;

    if (strchr(text, ':')) {
        assert_int_equal(inet_pton(AF_INET6, text, bytes), 1);
        return;
    }
    bytes[10] = bytes[11] = 0xff;
    assert_int_equal(inet_pton(AF_INET, text, bytes + 12), 1);
}

/* The key and the client as the parser and the tracker find them from this packet. */
static unsigned int make_key(struct packet *pkt, const struct row *row)
{
    bool is_v6 = strchr(row->src, ':'), is_reply = false;
    uint8_t request = packet_icmp_request((uint8_t)row->sport, is_v6);

    *pkt = (struct packet){.key = {.l4_proto = row->l4_proto, .ip_version = is_v6 ? 6 : 4}};
    set_addr(pkt, 0, row->src);
    set_addr(pkt, 1, row->dst);
    if (row->l4_proto != IP_PROTO_ICMP && row->l4_proto != IP_PROTO_ICMPV6) {
        packet_order_key(pkt, WIRE_BE16(row->sport), WIRE_BE16(row->dport));
        return pkt->from;
    }
    packet_order_key(pkt, 0, 0);
    pkt->key.port[0] = WIRE_BE16(0x1234);
    pkt->key.port[1] = WIRE_BE16(request);
    is_reply = request != row->sport;
    return is_reply ? !pkt->from : pkt->from;
}

static void test_known_ids(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct packet pkt;
        unsigned int client = make_key(&pkt, &rows[i]);
        char id[32] = "";

        record_community_id(id, &pkt.key, client, (uint8_t)rows[i].sport, (uint8_t)rows[i].dport);
        if (strcmp(id, rows[i].id))
            print_error("%s\n", rows[i].name);
        assert_string_equal(id, rows[i].id);
    }
}

/* Who is thought to be the client changes nothing where there are ports. */
static void test_client_does_not_matter(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct packet pkt;
        unsigned int client = make_key(&pkt, &rows[i]);
        char id[32] = "";

        if (rows[i].l4_proto == IP_PROTO_ICMP || rows[i].l4_proto == IP_PROTO_ICMPV6)
            continue;
        record_community_id(id, &pkt.key, !client, 0, 0);
        assert_string_equal(id, rows[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_ids),
        cmocka_unit_test(test_client_does_not_matter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
