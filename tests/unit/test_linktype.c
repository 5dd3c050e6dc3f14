/* SPDX-License-Identifier: Apache-2.0 */
/* Each link type of capture files, each of its variants, each frame cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/capfile/linktype.h"
#include "unit/packet_builder.h"

#define IP  "ip 10.0.0.1 > 10.0.0.2 / tcp 1000 > 80 ACK / data 5"
#define IP6 "ip6 fd00::1 > fd00::2 / udp 1000 > 53 / data 7"

/* 802.11: frame control and duration, three addresses, sequence control */
#define DOT11(control) "hex " control "0000020000000001020000000002020000000003a000 / "
#define SNAP(type)     "hex aaaa03000000" type " / "
#define SLL(arphrd)    "hex 0000" arphrd "00060200000000010000"
#define SLL2(proto)                                 \
    "hex " proto "00000000000500010006020000000001" \
    "0000 / "

static const struct row {
    const char *name;
    uint16_t linktype;
    const char *frame, *expect;
} rows[] = {
    {"Ethernet", 1, "eth / " IP, "v4/6 l3=14 l4=34 pay=54+5"},
    {"Ethernet, VLAN", 1, "eth / vlan 5 / " IP6, "v6/17 l3=18 l4=58 pay=66+7"},
    {"Ethernet, ARP", 1, "eth type=0x806 / data 28", "not_ip"},
    /* Linux cooked */
    {"cooked, IPv4", 113, SLL("0001") "0800 / " IP, "v4/6 l3=16 l4=36 pay=56+5"},
    {"cooked, IPv6", 113, SLL("0001") "86dd / " IP6, "v6/17 l3=16 l4=56 pay=64+7"},
    {"cooked, VLAN", 113, SLL("0001") "8100 / hex 00050800 / " IP, "v4/6 l3=20 l4=40 pay=60+5"},
    {"cooked, PPP's PPPoE", 113, SLL("0001") "8864 / hex 1100000100290021 / " IP,
     "v4/6 l3=24 l4=44 pay=64+5"},
    {"cooked, ARP", 113, SLL("0001") "0806 / data 28", "not_ip"},
    {"cooked, 802.2", 113, SLL("0001") "0004 / " SNAP("0800") IP, "v4/6 l3=24 l4=44 pay=64+5"},
    {"cooked, netlink", 113, SLL("0338") "0004 / " SNAP("0800") IP, "not_ip"},
    {"cooked, radiotap", 113,
     SLL("0323") "0000 / hex 0000080000000000 / " DOT11("0801") SNAP("0800") IP,
     "v4/6 l3=56 l4=76 pay=96+5"},
    {"cooked 2, IPv4", 276, SLL2("0800") IP, "v4/6 l3=20 l4=40 pay=60+5"},
    {"cooked 2, IPv6", 276, SLL2("86dd") IP6, "v6/17 l3=20 l4=60 pay=68+7"},
    {"cooked 2, VLAN", 276, SLL2("8100") "hex 000586dd / " IP6, "v6/17 l3=24 l4=64 pay=72+7"},
    {"cooked 2, ARP", 276, SLL2("0806") "data 28", "not_ip"},
    /* raw */
    {"raw, IPv4", 101, IP, "v4/6 l3=0 l4=20 pay=40+5"},
    {"raw, IPv6", 101, IP6, "v6/17 l3=0 l4=40 pay=48+7"},
    {"raw, neither", 101, "hex 5500 / data 40", "not_ip"},
    {"raw as BSD numbers it", 12, IP, "v4/6 l3=0 l4=20 pay=40+5"},
    {"raw as OpenBSD numbers it", 14, IP6, "v6/17 l3=0 l4=40 pay=48+7"},
    {"IPv4", 228, IP, "v4/6 l3=0 l4=20 pay=40+5"},
    {"IPv4 that is IPv6", 228, IP6, "malformed"},
    {"IPv6", 229, IP6, "v6/17 l3=0 l4=40 pay=48+7"},
    {"IPv6 that is IPv4", 229, IP, "malformed"},
    /* loopback: the family in either byte order, IPv6 as each system numbers it */
    {"null, IPv4, little-endian", 0, "hex 02000000 / " IP, "v4/6 l3=4 l4=24 pay=44+5"},
    {"null, IPv4, big-endian", 0, "hex 00000002 / " IP, "v4/6 l3=4 l4=24 pay=44+5"},
    {"null, Linux", 0, "hex 0a000000 / " IP6, "v6/17 l3=4 l4=44 pay=52+7"},
    {"null, Windows", 0, "hex 17000000 / " IP6, "v6/17 l3=4 l4=44 pay=52+7"},
    {"null, NetBSD and OpenBSD", 0, "hex 18000000 / " IP6, "v6/17 l3=4 l4=44 pay=52+7"},
    {"null, Solaris", 0, "hex 0000001a / " IP6, "v6/17 l3=4 l4=44 pay=52+7"},
    {"null, FreeBSD", 0, "hex 1c000000 / " IP6, "v6/17 l3=4 l4=44 pay=52+7"},
    {"null, Darwin", 0, "hex 1e000000 / " IP6, "v6/17 l3=4 l4=44 pay=52+7"},
    {"null, Darwin, big-endian", 0, "hex 0000001e / " IP6, "v6/17 l3=4 l4=44 pay=52+7"},
    {"null, another family", 0, "hex 10000000 / data 40", "not_ip"},
    {"loopback of OpenBSD, IPv4", 108, "hex 00000002 / " IP, "v4/6 l3=4 l4=24 pay=44+5"},
    {"loopback of OpenBSD, IPv6", 108, "hex 00000018 / " IP6, "v6/17 l3=4 l4=44 pay=52+7"},
    /* PPP */
    {"PPP, IPv4", 9, "hex ff030021 / " IP, "v4/6 l3=4 l4=24 pay=44+5"},
    {"PPP, IPv6", 9, "hex ff030057 / " IP6, "v6/17 l3=4 l4=44 pay=52+7"},
    {"PPP without address and control", 9, "hex 0021 / " IP, "v4/6 l3=2 l4=22 pay=42+5"},
    {"PPP, short protocol number", 9, "hex 21 / " IP, "v4/6 l3=1 l4=21 pay=41+5"},
    {"PPP, short number after address and control", 9, "hex ff0357 / " IP6,
     "v6/17 l3=3 l4=43 pay=51+7"},
    {"PPP, MPLS", 9, "hex 0281 / mpls 16 / " IP, "v4/6 l3=6 l4=26 pay=46+5"},
    {"PPP, link control", 9, "hex ff03c021 / data 40", "not_ip"},
    {"HDLC, PPP", 50, "hex ff030021 / " IP, "v4/6 l3=4 l4=24 pay=44+5"},
    {"HDLC, Cisco", 50, "hex 0f000800 / " IP, "v4/6 l3=4 l4=24 pay=44+5"},
    {"HDLC, Cisco, to all", 50, "hex 8f0086dd / " IP6, "v6/17 l3=4 l4=44 pay=52+7"},
    {"HDLC, Cisco, keep-alive", 50, "hex 8f008035 / data 18", "not_ip"},
    {"Cisco HDLC", 104, "hex 0f000800 / " IP, "v4/6 l3=4 l4=24 pay=44+5"},
    {"PPPoE, IPv4", 51, "hex 1100000100290021 / " IP, "v4/6 l3=8 l4=28 pay=48+5"},
    {"PPPoE, IPv6", 51, "hex 1100000100290057 / " IP6, "v6/17 l3=8 l4=48 pay=56+7"},
    {"PPPoE, link control", 51, "hex 110000010029c021 / data 40", "not_ip"},
    /* 802.11 */
    {"802.11 data, to the network", 105, DOT11("0801") SNAP("0800") IP,
     "v4/6 l3=32 l4=52 pay=72+5"},
    {"802.11 data, from the network", 105, DOT11("0802") SNAP("86dd") IP6,
     "v6/17 l3=32 l4=72 pay=80+7"},
    {"802.11 data, ad hoc", 105, DOT11("0800") SNAP("0800") IP, "v4/6 l3=32 l4=52 pay=72+5"},
    {"802.11 data, sent again", 105, DOT11("0809") SNAP("0800") IP, "v4/6 l3=32 l4=52 pay=72+5"},
    {"802.11 data, frame check sequence", 105, DOT11("0801") SNAP("0800") IP " / pad 4",
     "v4/6 l3=32 l4=52 pay=72+5"},
    {"802.11, four addresses", 105, DOT11("0803") "hex 020000000004 / " SNAP("0800") IP,
     "v4/6 l3=38 l4=58 pay=78+5"},
    {"802.11 QoS", 105, DOT11("8801") "hex 0000 / " SNAP("0800") IP, "v4/6 l3=34 l4=54 pay=74+5"},
    {"802.11 QoS, four addresses", 105,
     DOT11("8803") "hex 020000000004 / hex 0000 / " SNAP("0800") IP, "v4/6 l3=40 l4=60 pay=80+5"},
    {"802.11 QoS, HT control", 105, DOT11("8881") "hex 0000 / hex 00000000 / " SNAP("0800") IP,
     "v4/6 l3=38 l4=58 pay=78+5"},
    {"802.11 without QoS, order bit", 105, DOT11("0881") SNAP("0800") IP,
     "v4/6 l3=32 l4=52 pay=72+5"},
    {"802.11, bridge tunnel", 105, DOT11("0801") "hex aaaa030000f80800 / " IP,
     "v4/6 l3=32 l4=52 pay=72+5"},
    {"802.11, other organisation", 105, DOT11("0801") "hex aaaa0300000c0800 / " IP, "not_ip"},
    {"802.11, spanning tree", 105, DOT11("0801") "hex 424203 / data 35", "not_ip"},
    {"802.11, encrypted", 105, DOT11("0841") SNAP("0800") IP, "not_ip"},
    {"802.11, more fragments", 105, DOT11("0805") SNAP("0800") IP, "not_ip"},
    {"802.11, a later fragment", 105,
     "hex 08010000020000000001020000000002020000000003a100 / " SNAP("0800") IP, "not_ip"},
    {"802.11 QoS, aggregate", 105, DOT11("8801") "hex 8000 / " SNAP("0800") IP, "not_ip"},
    {"802.11, null data", 105, DOT11("4801") "data 8", "not_ip"},
    {"802.11, QoS null data", 105, DOT11("c801") "data 8", "not_ip"},
    {"802.11, beacon", 105, DOT11("8000") "data 40", "not_ip"},
    {"802.11, acknowledgment", 105, "hex d400000002000000 / hex 0001", "not_ip"},
    {"802.11, version 1", 105, DOT11("0901") SNAP("0800") IP, "not_ip"},
    /* radiotap, Prism, AVS */
    {"radiotap, bare", 127, "hex 0000080000000000 / " DOT11("0801") SNAP("0800") IP,
     "v4/6 l3=40 l4=60 pay=80+5"},
    {"radiotap, odd length", 127, "hex 000009000200000000 / " DOT11("0801") SNAP("0800") IP,
     "v4/6 l3=41 l4=61 pay=81+5"},
    {"radiotap, time and flags: padded", 127,
     "hex 0000120003000000aaaaaaaaaaaaaaaa2000 / " DOT11("8801") "hex 00000000 / " SNAP("0800") IP,
     "v4/6 l3=54 l4=74 pay=94+5"},
    {"radiotap, two words, flags: padded", 127,
     "hex 00000d00020000800000000020 / " DOT11("8801") "hex 00000000 / " SNAP("0800") IP,
     "v4/6 l3=49 l4=69 pay=89+5"},
    {"radiotap, two words, time on its boundary, flags: padded", 127,
     "hex 000019000300008000000000bbbbbbbb000000000000000020 / " DOT11(
         "8801") "hex 00000000 / " SNAP("0800") IP,
     "v4/6 l3=61 l4=81 pay=101+5"},
    {"radiotap, flags: not padded", 127,
     "hex 00000a00020000001000 / " DOT11("8801") "hex 0000 / " SNAP("0800") IP,
     "v4/6 l3=44 l4=64 pay=84+5"},
    {"radiotap, words without end", 127,
     "hex 00000c000200008000000080 / " DOT11("0801") SNAP("0800") IP, "v4/6 l3=44 l4=64 pay=84+5"},
    {"radiotap, version 1", 127, "hex 0100080000000000 / " DOT11("0801") SNAP("0800") IP,
     "malformed"},
    {"radiotap, length 7", 127, "hex 0000070000000000 / " DOT11("0801") SNAP("0800") IP,
     "malformed"},
    {"radiotap, length beyond reason", 127, "hex 0000ffff00000000 / data 40", "malformed"},
    {"radiotap, length beyond the frame", 127, "hex 0000ff0000000000 / data 40", "truncated"},
    {"Prism, little-endian", 119,
     "hex 4400000090000000 / data 136 / " DOT11("0801") SNAP("0800") IP,
     "v4/6 l3=176 l4=196 pay=216+5"},
    {"Prism, big-endian", 119, "hex 0000004400000090 / data 136 / " DOT11("0801") SNAP("0800") IP,
     "v4/6 l3=176 l4=196 pay=216+5"},
    {"AVS behind Prism's number", 119,
     "hex 8021100100000040 / data 56 / " DOT11("0801") SNAP("0800") IP,
     "v4/6 l3=96 l4=116 pay=136+5"},
    {"AVS", 163, "hex 8021100100000040 / data 56 / " DOT11("0801") SNAP("0800") IP,
     "v4/6 l3=96 l4=116 pay=136+5"},
    {"AVS, length 4", 163, "hex 8021100100000004 / data 60", "malformed"},
    {"AVS, length beyond reason", 163, "hex 80211001ffffffff / data 60", "malformed"},
    /* none of these */
    {"a type that is only named", 189, IP, "not_ip"},
    {"a type that nobody knows", 60000, IP, "not_ip"},
};

static const char *const reason_names[] = {
#define X(upper, lower, help) #lower,
    UNACCOUNTED_REASONS(X)
#undef X
};

/* Parse len bytes that end where their memory ends. */
static int parse(const struct row *row, const uint8_t *bytes, size_t len, size_t wire_len,
                 struct packet *pkt)
{
    uint8_t *frame = malloc(len ? len : 1);
    struct packet_cursor cur = {frame, frame, frame + len};
    int verdict;

    memcpy(frame, bytes, len);
    memset(pkt, 0, sizeof(*pkt));
    verdict = linktype_parse(row->linktype, pkt, &cur, (uint32_t)wire_len);
    free(frame);
    return verdict;
}

static void test_rows(void **state)
{
    uint8_t frame[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = packet_build(frame, sizeof(frame), "%s", rows[i].frame);
        struct packet pkt;
        int verdict = parse(&rows[i], frame, len, len, &pkt);
        char text[200];

        snprintf(text, sizeof(text), "v%u/%u l3=%u l4=%u pay=%u+%u", pkt.key.ip_version,
                 pkt.key.l4_proto, pkt.l3_off, pkt.l4_off, pkt.payload_off, pkt.payload_len);
        if (strcmp(verdict ? reason_names[verdict] : text, rows[i].expect))
            fail_msg("%s: \"%s\" instead of \"%s\"", rows[i].name,
                     verdict ? reason_names[verdict] : text, rows[i].expect);
    }
}

/* Cut by the capture: headers that are there are read, lengths stay those of the wire. */
static void test_cut_at_every_byte(void **state)
{
    uint8_t frame[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t whole = packet_build(frame, sizeof(frame), "%s", rows[i].frame);
        struct packet full, pkt;
        int verdict = parse(&rows[i], frame, whole, whole, &full);

        for (size_t len = 0; len < whole; len++) {
            int cut = parse(&rows[i], frame, len, whole, &pkt);

            if (verdict == 0 && cut != (len < full.payload_off ? UNACCOUNTED_TRUNCATED : 0))
                fail_msg("%s: cut at %zu: %s", rows[i].name, len, cut ? reason_names[cut] : "ok");
            if (verdict == 0 && cut == 0)
                assert_memory_equal(&pkt, &full, sizeof(pkt));
        }
    }
}

static void test_names(void **state)
{
    static const uint16_t known[] = {0,   1,   9,   12,  14,  50,  51,  101, 104,
                                     105, 108, 113, 119, 127, 163, 228, 229, 276};
    size_t n = 0;

    (void)state;
    for (unsigned int type = 0; type <= UINT16_MAX; type++) {
        bool is_known = n < sizeof(known) / sizeof(known[0]) && known[n] == type;

        n += is_known;
        if (linktype_is_known((uint16_t)type) != is_known)
            fail_msg("%u", type);
    }
    assert_string_equal(linktype_name(1), "ETHERNET");
    assert_string_equal(linktype_name(276), "LINUX_SLL2");
    assert_string_equal(linktype_name(189), "USB_LINUX");
    assert_string_equal(linktype_name(60000), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
