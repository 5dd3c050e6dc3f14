/* SPDX-License-Identifier: Apache-2.0 */
/* First packets like one before: which are alike, and that what is recalled is what looking into them comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/identify.h"
#include "app/parser.h"
#include "app/repeats.h"
#include "packet.h"
#include "unit/packet_builder.h"

#define IDENTITY_BYTES 256
#define NDPI_4_2       0x402 /* of identifier_version: of others nothing is recalled */

struct built {
    uint8_t frame[PACKET_BUILDER_ROOM];
    struct app_packet packet;
};

/* ---- keys ------------------------------------------------------------------------------------- */

static void build(struct built *built, const char *line)
{
    size_t len = packet_build(built->frame, sizeof(built->frame), "%s", line);
    struct packet_cursor cur = {built->frame, built->frame, built->frame + len};
    struct packet pkt = {0};

    packet_parse_eth(&pkt, &cur, (uint32_t)len);
    built->packet = (struct app_packet){
        .l3 = built->frame + pkt.l3_off,
        .time_ns = 1000000000,
        .cap_len = (uint32_t)(len - pkt.l3_off),
        .headers_len = (uint32_t)(pkt.payload_off - pkt.l3_off),
        .payload_len = pkt.payload_len,
        .ip_version = pkt.key.ip_version,
        .l4_proto = pkt.key.l4_proto,
    };
}

#define LIKE_THIS \
    "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 40000 > 80 PSH|ACK seq=5 / text \"GET / HTTP/1.1\""

static const struct {
    const char *name;
    const char *line;
    bool has_key;
    bool is_alike; /* LIKE_THIS */
} keys[] = {
    {"the same", LIKE_THIS, true, true},
    {"client's port, numbers, options",
     "eth / ip 10.0.0.1 > 10.0.0.2 id=9 ttl=7 tos=4 / tcp 40001 > 80 PSH|ACK seq=99 ack=7 win=3 opts=ts:1:2 / text \"GET / HTTP/1.1\"",
     true, true},
    {"behind a tag",
     "eth / vlan 7 / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.1\"", true,
     true},
    {"other client", "eth / ip 10.0.0.3 > 10.0.0.2 / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.1\"",
     true, false},
    {"other server", "eth / ip 10.0.0.1 > 10.0.0.3 / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.1\"",
     true, false},
    {"other port", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 81 PSH|ACK / text \"GET / HTTP/1.1\"",
     true, false},
    {"other flags", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 ACK / text \"GET / HTTP/1.1\"", true,
     false},
    {"another byte", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.0\"",
     true, false},
    {"a byte less", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.\"",
     true, false},
    {"a byte more", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.1 \"",
     true, false},
    {"IPv6", "eth / ip6 2001:db8::1 > 2001:db8::2 / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.1\"",
     true, false},
    {"2048 bytes", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 PSH|ACK / data 2048", true, false},
    {"2049 bytes", "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 PSH|ACK / data 2049", false, false},
    {"IP options",
     "eth / ip 10.0.0.1 > 10.0.0.2 opts=4 / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.1\"", false,
     false},
    {"extension header",
     "eth / ip6 2001:db8::1 > 2001:db8::2 / hop / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.1\"",
     false, false},
    {"first fragment",
     "eth / ip 10.0.0.1 > 10.0.0.2 mf / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.1\"", false,
     false},
    {"padded",
     "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 PSH|ACK / text \"GET / HTTP/1.1\" / pad 6", true,
     true},
    {"UDP", "eth / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 80 / text \"GET / HTTP/1.1\"", false, false},
};

static void test_keys(void **state)
{
    static struct built like, other;
    struct repeats *repeats = repeats_new();
    struct repeat_key key;

    (void)state;
    build(&like, LIKE_THIS);
    assert_true(repeat_key_of(&key, &like.packet));
    assert_null(repeats_find(repeats, &key));
    repeats_keep(repeats, &key, &(struct identity){.protocol = "HTTP"});
    memset(like.frame, 0, sizeof(like.frame));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const struct identity *found = NULL;
        bool has_key;

        build(&other, keys[i].line);
        has_key = repeat_key_of(&key, &other.packet);
        if (has_key)
            found = repeats_find(repeats, &key);
        if (has_key != keys[i].has_key || (found != NULL) != keys[i].is_alike)
            fail_msg("%s: key %d, alike %d", keys[i].name, has_key, found != NULL);
        other.packet.cap_len = other.packet.headers_len + other.packet.payload_len - 1;
        if (repeat_key_of(&key, &other.packet))
            fail_msg("%s: a key though a byte is missing", keys[i].name);
    }
    repeats_free(repeats);
}

/* One that is met often stays, whatever passes by; one that is not makes room. */
static void test_bounds(void **state)
{
    static struct built built;
    struct repeats *repeats = repeats_new();
    struct repeat_key often, once, other;
    struct built *kept = malloc(sizeof(*kept)), *left = malloc(sizeof(*left));
    char line[256];

    (void)state;
    build(kept, LIKE_THIS);
    build(left, "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 PSH|ACK / text \"GET /once HTTP/1.1\"");
    assert_true(repeat_key_of(&often, &kept->packet));
    assert_true(repeat_key_of(&once, &left->packet));
    repeats_keep(repeats, &often, &(struct identity){.protocol = "often"});
    repeats_keep(repeats, &once, &(struct identity){.protocol = "once"});
    for (int i = 0; i < 20000; i++) {
        if (i % 50 == 0)
            assert_string_equal(repeats_find(repeats, &often)->protocol, "often");
        snprintf(line, sizeof(line),
                 "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 80 PSH|ACK / text \"GET /%d HTTP/1.1\"",
                 i);
        build(&built, line);
        assert_true(repeat_key_of(&other, &built.packet));
        if (!repeats_find(repeats, &other))
            repeats_keep(repeats, &other, &(struct identity){.protocol = "other"});
    }
    assert_null(repeats_find(repeats, &once));
    free(kept);
    free(left);
    repeats_free(repeats);
}

/* ---- against libndpi -------------------------------------------------------------------------- */

#define END  "\r\n\r\n"
#define HOST "\r\nHost: shop.example"

static const struct session_row {
    const char *name;
    const char *hosts;
    uint16_t client, server;
    const char *payload;
    bool is_recalled; /* when it comes again */
} sessions[] = {
    {"GET", "ip 10.0.0.1 > 10.0.0.2", 40000, 80, "GET / HTTP/1.1" HOST END, true},
    {"low client port", "ip 10.0.0.1 > 10.0.0.2", 1030, 80, "GET /low HTTP/1.1" HOST END, true},
    {"lower than the server's", "ip 10.0.0.1 > 10.0.0.2", 79, 80, "GET /79 HTTP/1.1" HOST END,
     false},
    {"known client port", "ip 10.0.0.1 > 10.0.0.2", 3306, 80, "GET /db HTTP/1.1" HOST END, true},
    {"numeric host", "ip 10.0.0.1 > 10.0.0.2", 40000, 80, "GET / HTTP/1.1\r\nHost: 10.0.0.2" END,
     true},
    {"no host", "ip 10.0.0.1 > 10.0.0.2", 40000, 80, "GET /none HTTP/1.0\r\nAccept: */*" END, true},
    {"one line", "ip 10.0.0.1 > 10.0.0.2", 40000, 80, "GET /one HTTP/1.0\r\n", true},
    {"credentials", "ip 10.0.0.1 > 10.0.0.2", 40000, 80,
     "GET / HTTP/1.1" HOST "\r\nAuthorization: Basic YTpi" END, true},
    {"suspicious agent", "ip 10.0.0.1 > 10.0.0.2", 40000, 80,
     "GET / HTTP/1.1" HOST "\r\nUser-Agent: x" END, true},
    {"suspicious header", "ip 10.0.0.1 > 10.0.0.2", 40000, 80,
     "GET / HTTP/1.1" HOST "\r\nUuid: 1" END, true},
    {"JSON", "ip 10.0.0.1 > 10.0.0.2", 40000, 80,
     "POST /api HTTP/1.1" HOST "\r\nContent-Type: application/json\r\nContent-Length: 2" END "{}",
     true},
    {"binary in text", "ip 10.0.0.1 > 10.0.0.2", 40000, 80,
     "POST /api HTTP/1.1" HOST "\r\nContent-Type: text/plain\r\nContent-Length: 4" END
     "\001\002\003\004",
     true},
    {"IPv6", "ip6 2001:db8::1 > 2001:db8::2", 40000, 80, "GET / HTTP/1.1" HOST END, true},
    {"another port", "ip 10.0.0.1 > 10.0.0.2", 40000, 9100, "GET /metrics HTTP/1.1" HOST END, true},
    {"from a port that may tell", "ip 10.0.0.1 > 10.0.0.2", 30000, 9100, "GET /m HTTP/1.1" HOST END,
     false},
    {"from a known port", "ip 10.0.0.1 > 10.0.0.2", 44818, 9100, "GET /k HTTP/1.1" HOST END, false},
    {"known port of another", "ip 10.0.0.1 > 10.0.0.2", 40000, 6379, "GET /redis HTTP/1.1" HOST END,
     true},
    {"Ookla's port", "ip 10.0.0.1 > 10.0.0.2", 40000, 8080, "GET /speed HTTP/1.1" HOST END, false},
    {"Ookla", "ip 10.0.0.1 > 10.0.0.2", 40000, 8080, "HI\n", false},
    {"Ookla by its page", "ip 10.0.0.1 > 10.0.0.2", 40000, 80,
     "GET / HTTP/1.1" HOST "\r\nReferer: http://www.speedtest.net/" END, false},
    {"address of a known service", "ip 10.0.0.1 > 8.8.8.8", 40000, 80, "GET /dns HTTP/1.1" HOST END,
     false},
    {"name of a known service", "ip 10.0.0.1 > 10.0.0.2", 40000, 80,
     "GET / HTTP/1.1\r\nHost: www.netflix.com" END, false},
    {"proxy", "ip 10.0.0.1 > 10.0.0.2", 40000, 80, "GET http://shop.example/ HTTP/1.1" HOST END,
     false},
    {"CONNECT", "ip 10.0.0.1 > 10.0.0.2", 40000, 80, "CONNECT shop.example:443 HTTP/1.1" HOST END,
     false},
    {"BitTorrent", "ip 10.0.0.1 > 10.0.0.2", 40000, 80,
     "GET /announce?info_hash=1 HTTP/1.1" HOST END, true},
    {"answer first", "ip 10.0.0.2 > 10.0.0.1", 80, 40000,
     "HTTP/1.1 200 OK\r\nContent-Length: 0" END, false},
    {"SSH", "ip 10.0.0.2 > 10.0.0.1", 22, 40000, "SSH-2.0-OpenSSH_9.2\r\n", false},
    {"SMTP", "ip 10.0.0.2 > 10.0.0.1", 25, 40000, "220 mail.example ESMTP\r\n", false},
    {"nothing known", "ip 10.0.0.1 > 10.0.0.2", 40000, 80, "hello, world", false},
    {"HTTP/2", "ip 10.0.0.1 > 10.0.0.2", 40000, 80, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", true},
};
#define SESSIONS (sizeof(sessions) / sizeof(sessions[0]))

static void build_session(struct built *built, const struct session_row *row, uint16_t client,
                          unsigned int nth)
{
    char line[1024];

    snprintf(line, sizeof(line),
             "eth / %s / tcp %u > %u PSH|ACK seq=%u ack=%u win=%u / text \"%s\"", row->hosts,
             client, row->server, 1000 + 77 * nth, 5 + nth, 100 + nth % 7, row->payload);
    build(built, line);
}

static void describe(char *text, const struct identity *identity)
{
    snprintf(text, IDENTITY_BYTES, "%s, %s, %s, risks %llx%s",
             identity->protocol ? identity->protocol : "none",
             identity->category ? identity->category : "none",
             identity->confidence ? identity->confidence : "none",
             (unsigned long long)identity->risks, identity->guessed ? ", guessed" : "");
}

static void look_into(struct identifier *identifier, const struct app_packet *packet,
                      struct identity *identity)
{
    struct identification *one = identification_new(identifier);

    identification_packet(identifier, one, packet);
    identification_tell(identifier, one, identity);
    identification_free(identifier, one);
}

/* As a session with this packet alone is, by one that recalls and one that looks into each. Whether it was recalled. */
static bool compare(struct identifier *recalls, struct identifier *looks,
                    const struct app_packet *packet, const char *name)
{
    struct identity as_recalled, as_is;
    char recalled_text[IDENTITY_BYTES], text[IDENTITY_BYTES];
    bool recalled = identifier_recall(recalls, packet, &as_recalled);

    if (!recalled)
        look_into(recalls, packet, &as_recalled);
    look_into(looks, packet, &as_is);
    describe(recalled_text, &as_recalled);
    describe(text, &as_is);
    if (strcmp(recalled_text, text) != 0)
        fail_msg("%s%s: %s, not %s", name, recalled ? ", recalled" : "", recalled_text, text);
    return recalled;
}

static uint32_t next_random(uint32_t *seed)
{
    return *seed = *seed * 1664525 + 1013904223;
}

static void test_identities(void **state)
{
    static struct built built;
    struct identifier *recalls = identifier_new(0), *looks = identifier_new(0);
    bool can_recall = (identifier_version() & 0xffff) == NDPI_4_2;
    uint32_t seed = 1;

    (void)state;
    if (!recalls) /* libndpi is not built in */
        skip();
    for (size_t i = 0; i < SESSIONS; i++) {
        for (unsigned int nth = 0; nth < 3; nth++) {
            bool recalled;

            build_session(&built, &sessions[i], sessions[i].client, nth);
            recalled = compare(recalls, looks, &built.packet, sessions[i].name);
            if (recalled != (can_recall && nth && sessions[i].is_recalled))
                fail_msg("%s, time %u: %srecalled", sessions[i].name, nth, recalled ? "" : "not ");
        }
    }
    /* In any order, from any port: what one session leaves behind in libndpi changes none of those recalled. */
    for (unsigned int nth = 0; nth < 4000; nth++) {
        const struct session_row *row = &sessions[next_random(&seed) % 1009 % SESSIONS];
        uint16_t client = (uint16_t)(next_random(&seed) >> 16);

        build_session(&built, row, client ? client : 1, nth);
        compare(recalls, looks, &built.packet, row->name);
    }
    identifier_free(recalls);
    identifier_free(looks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_identities),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
