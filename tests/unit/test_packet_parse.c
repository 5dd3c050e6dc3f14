/* SPDX-License-Identifier: Apache-2.0 */
/* The packet parser: each kind of header, each length at its bounds, each frame cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "packet.h"
#include "unit/packet_builder.h"

static const char *const reason_names[] = {
#define X(upper, lower, help) #lower,
    UNACCOUNTED_REASONS(X)
#undef X
};

static const char *verdict_name(int verdict)
{
    return verdict ? reason_names[verdict] : "ok";
}

/* Parse len bytes that end where their memory ends, of a frame wire_len bytes long. */
static int parse(struct packet *pkt, const uint8_t *bytes, size_t len, size_t wire_len)
{
    uint8_t *frame = malloc(len ? len : 1);
    struct packet_cursor cur = {frame, frame, frame + len};
    int verdict;

    memcpy(frame, bytes, len);
    memset(pkt, 0, sizeof(*pkt));
    verdict = packet_parse_eth(pkt, &cur, (uint32_t)wire_len);
    free(frame);
    return verdict;
}

/* The verdict, and where it found what. */
static void describe(char *text, size_t room, int verdict, const struct packet *pkt)
{
    int n = snprintf(text, room, "%s", verdict_name(verdict));

    if (verdict && verdict != UNACCOUNTED_FRAGMENT_NO_FIRST)
        return;
    n += snprintf(text + n, room - (size_t)n, " v%u/%u l3=%u+%u l4=%u+%u pay=%u+%u",
                  pkt->key.ip_version, pkt->key.l4_proto, pkt->l3_off, pkt->l3_hdr_len, pkt->l4_off,
                  pkt->l4_hdr_len, pkt->payload_off, pkt->payload_len);
    if (pkt->vlan_count)
        n += snprintf(text + n, room - (size_t)n, " vlan=%u:%x:%x", pkt->vlan_count, pkt->vlan[0],
                      pkt->vlan[1]);
    if (pkt->is_fragment)
        n += snprintf(text + n, room - (size_t)n, " frag=%u%s id=%x", pkt->frag_off,
                      pkt->frag_more ? "+" : "", WIRE_HOST32(pkt->frag_id));
    if (pkt->tos)
        n += snprintf(text + n, room - (size_t)n, " tos=%x", pkt->tos);
    if (pkt->icmp_type || pkt->icmp_code)
        snprintf(text + n, room - (size_t)n, " icmp=%u.%u", pkt->icmp_type, pkt->icmp_code);
}

#define IP  "ip 10.0.0.1 > 10.0.0.2"
#define IP6 "ip6 fd00::1 > fd00::2"
#define TCP " / tcp 1000 > 80 ACK"
#define UDP " / udp 1000 > 53"

static const struct row {
    const char *name, *frame, *expect;
} rows[] = {
    /* link layer */
    {"plain TCP", "eth / " IP TCP " / data 5", "ok v4/6 l3=14+20 l4=34+20 pay=54+5"},
    {"ARP", "eth type=0x806 / data 46", "not_ip"},
    {"802.3 length, not a type", "eth type=100 / data 100", "not_ip"},
    {"IPv6 type around IPv4", "eth type=0x86dd / ip 10.0.0.1 > 10.0.0.2" TCP, "malformed"},
    {"IPv4 type around IPv6", "eth type=0x800 / " IP6 TCP, "malformed"},
    {"padding", "eth / " IP TCP " / pad 6", "ok v4/6 l3=14+20 l4=34+20 pay=54+0"},
    {"padding after UDP", "eth / " IP UDP " / data 1 / pad 17",
     "ok v4/17 l3=14+20 l4=34+8 pay=42+1"},
    {"one VLAN tag", "eth / vlan 5 pcp=3 / " IP TCP,
     "ok v4/6 l3=18+20 l4=38+20 pay=58+0 vlan=1:6005:0"},
    {"two VLAN tags", "eth / vlan 7 tpid=0x88a8 / vlan 5 / " IP6 UDP,
     "ok v6/17 l3=22+40 l4=62+8 pay=70+0 vlan=2:7:5"},
    {"two VLAN tags of the old kind", "eth / vlan 7 tpid=0x9100 / vlan 5 / " IP UDP,
     "ok v4/17 l3=22+20 l4=42+8 pay=50+0 vlan=2:7:5"},
    {"three VLAN tags", "eth / vlan 7 / vlan 5 / vlan 6 / " IP TCP, "not_ip"},
    {"ARP in a VLAN", "eth / vlan 5 / hex 0806 / data 40", "not_ip"},
    {"MPLS", "eth / mpls 16 / " IP TCP, "ok v4/6 l3=18+20 l4=38+20 pay=58+0"},
    {"MPLS, four labels, IPv6", "eth / mpls 1 / mpls 2 / mpls 3 / mpls 4 / " IP6 TCP,
     "ok v6/6 l3=30+40 l4=70+20 pay=90+0"},
    {"MPLS, five labels", "eth / mpls 1 / mpls 2 / mpls 3 / mpls 4 / mpls 5 / " IP TCP, "not_ip"},
    {"MPLS around something else", "eth type=0x8847 / hex 0001014000000000 / data 40", "not_ip"},
    {"PPPoE", "eth / pppoe / " IP TCP " / data 3", "ok v4/6 l3=22+20 l4=42+20 pay=62+3"},
    {"PPPoE, IPv6", "eth / pppoe / " IP6 UDP, "ok v6/17 l3=22+40 l4=62+8 pay=70+0"},
    {"PPPoE, link control", "eth / pppoe / hex c021 / data 40", "not_ip"},
    {"VLAN, then PPPoE", "eth / vlan 9 / pppoe / " IP UDP,
     "ok v4/17 l3=26+20 l4=46+8 pay=54+0 vlan=1:9:0"},
    /* IPv4 */
    {"options", "eth / " IP " opts=4" TCP, "ok v4/6 l3=14+24 l4=38+20 pay=58+0"},
    {"all options", "eth / " IP " opts=40" TCP " / data 9", "ok v4/6 l3=14+60 l4=74+20 pay=94+9"},
    {"IHL 0", "eth / " IP " ihl=0" TCP, "malformed"},
    {"IHL 4", "eth / " IP " ihl=4" TCP, "malformed"},
    {"IHL beyond the packet", "eth / " IP " ihl=15" TCP, "malformed"},
    {"IHL to the packet's end", "eth / " IP " ihl=10" TCP, "truncated"},
    {"version 5", "eth / " IP " ver=5" TCP, "malformed"},
    {"total length 0: to the end", "eth / " IP " len=0" TCP " / data 7",
     "ok v4/6 l3=14+20 l4=34+20 pay=54+7"},
    {"total length 19", "eth / " IP " len=19" TCP, "malformed"},
    {"total length 20: nothing in it", "eth / " IP " len=20" TCP, "malformed"},
    {"total length 39: a byte less than TCP", "eth / " IP " len=39" TCP, "malformed"},
    {"total length 40: TCP alone", "eth / " IP " len=40" TCP " / data 7",
     "ok v4/6 l3=14+20 l4=34+20 pay=54+0"},
    {"total length to the last byte", "eth / " IP " len=47" TCP " / data 7",
     "ok v4/6 l3=14+20 l4=34+20 pay=54+7"},
    {"total length a byte more", "eth / " IP " len=48" TCP " / data 7", "malformed"},
    {"total length 65535", "eth / " IP " len=65535" TCP " / data 7", "malformed"},
    {"TOS with congestion mark", "eth / " IP " tos=0xbb" TCP,
     "ok v4/6 l3=14+20 l4=34+20 pay=54+0 tos=bb"},
    {"DF is no fragment", "eth / " IP " df" TCP, "ok v4/6 l3=14+20 l4=34+20 pay=54+0"},
    {"first fragment", "eth / " IP " id=0x77 mf" UDP " len=3000 / data 1472",
     "ok v4/17 l3=14+20 l4=34+8 pay=42+1472 frag=0+ id=770000"},
    {"middle fragment", "eth / " IP " id=0x77 mf frag=1480 proto=17 / data 1480",
     "fragment_no_first v4/17 l3=14+20 l4=34+0 pay=34+1480 frag=1480+ id=770000"},
    {"last fragment", "eth / " IP " id=0x77 frag=2960 proto=17 / data 48",
     "fragment_no_first v4/17 l3=14+20 l4=34+0 pay=34+48 frag=2960 id=770000"},
    {"fragment at the largest offset", "eth / " IP " frag=65528 proto=6 / data 8",
     "fragment_no_first v4/6 l3=14+20 l4=34+0 pay=34+8 frag=65528 id=0"},
    {"fragment of options", "eth / " IP " opts=8 frag=8 proto=6 / data 8",
     "fragment_no_first v4/6 l3=14+28 l4=42+0 pay=42+8 frag=8 id=0"},
    {"GRE", "eth / " IP " proto=47 / data 40", "l4_unsupported"},
    {"ESP", "eth / " IP " proto=50 / data 40", "l4_unsupported"},
    {"IP in IP", "eth / " IP " / " IP TCP, "l4_unsupported"},
    {"protocol 255", "eth / " IP " proto=255 / data 40", "l4_unsupported"},
    /* IPv6 */
    {"IPv6", "eth / " IP6 TCP " / data 5", "ok v6/6 l3=14+40 l4=54+20 pay=74+5"},
    {"IPv6 traffic class", "eth / " IP6 " class=0xb9" UDP,
     "ok v6/17 l3=14+40 l4=54+8 pay=62+0 tos=b9"},
    {"IPv6 version 7", "eth / " IP6 " ver=7" TCP, "malformed"},
    {"IPv6 payload length 0: to the end", "eth / " IP6 " len=0" TCP " / data 9",
     "ok v6/6 l3=14+40 l4=54+20 pay=74+9"},
    {"IPv6 payload length 19", "eth / " IP6 " len=19" TCP, "malformed"},
    {"IPv6 payload length less than the frame", "eth / " IP6 " len=22" TCP " / data 9",
     "ok v6/6 l3=14+40 l4=54+20 pay=74+2"},
    {"IPv6 payload length a byte more", "eth / " IP6 " len=30" TCP " / data 9", "malformed"},
    {"hop-by-hop", "eth / " IP6 " / hop" TCP, "ok v6/6 l3=14+48 l4=62+20 pay=82+0"},
    {"hop-by-hop, long", "eth / " IP6 " / hop size=2048" TCP,
     "ok v6/6 l3=14+2088 l4=2102+20 pay=2122+0"},
    {"destination and routing", "eth / " IP6 " / dst size=24 / route size=40" UDP " / data 1",
     "ok v6/17 l3=14+104 l4=118+8 pay=126+1"},
    {"mobility", "eth / " IP6 " / mobility size=16" UDP, "ok v6/17 l3=14+56 l4=70+8 pay=78+0"},
    {"AH counts 4-byte words", "eth / " IP6 " / ah size=24" TCP,
     "ok v6/6 l3=14+64 l4=78+20 pay=98+0"},
    {"AH between others", "eth / " IP6 " / hop / ah size=12 / dst" TCP,
     "ok v6/6 l3=14+68 l4=82+20 pay=102+0"},
    {"eight extension headers", "eth / " IP6 " / hop / dst / dst / dst / dst / dst / dst / dst" TCP,
     "ok v6/6 l3=14+104 l4=118+20 pay=138+0"},
    {"nine extension headers",
     "eth / " IP6 " / hop / dst / dst / dst / dst / dst / dst / dst / dst" TCP,
     "extension_headers"},
    {"extension headers beyond the payload length", "eth / " IP6 " len=8 / hop / dst" TCP,
     "malformed"},
    {"extension header to the frame's end", "eth / " IP6 " / hop next=0 size=8", "truncated"},
    {"no next header", "eth / " IP6 " next=59 / data 9", "l4_unsupported"},
    {"no next header after options", "eth / " IP6 " / dst next=59 / data 9", "l4_unsupported"},
    {"ESP in IPv6", "eth / " IP6 " next=50 / data 40", "l4_unsupported"},
    {"IPv6 first fragment", "eth / " IP6 " / frag 0 mf id=9" UDP " len=2000 / data 1400",
     "ok v6/17 l3=14+48 l4=62+8 pay=70+1400 frag=0+ id=9"},
    {"IPv6 later fragment", "eth / " IP6 " / frag 1408 mf id=9 next=17 / data 1408",
     "fragment_no_first v6/17 l3=14+48 l4=62+0 pay=62+1408 frag=1408+ id=9"},
    {"IPv6 last fragment after hop-by-hop",
     "eth / " IP6 " / hop / frag 2816 id=9 next=17 / data 100",
     "fragment_no_first v6/17 l3=14+56 l4=70+0 pay=70+100 frag=2816 id=9"},
    {"IPv6 atomic fragment", "eth / " IP6 " / frag 0 id=9" TCP,
     "ok v6/6 l3=14+48 l4=62+20 pay=82+0 frag=0 id=9"},
    {"IPv6 later fragment of options", "eth / " IP6 " / frag 8 id=9 next=60 / data 16",
     "fragment_no_first v6/60 l3=14+48 l4=62+0 pay=62+16 frag=8 id=9"},
    /* TCP */
    {"TCP options", "eth / " IP " / tcp 1 > 2 SYN opts=mss:1460,sack,ts:1:0,nop,ws:7 / data 3",
     "ok v4/6 l3=14+20 l4=34+40 pay=74+3"},
    {"data offset 0", "eth / " IP TCP " doff=0", "malformed"},
    {"data offset 4", "eth / " IP TCP " doff=4", "malformed"},
    {"data offset 6, with the room", "eth / " IP TCP " doff=6 / data 4",
     "ok v4/6 l3=14+20 l4=34+24 pay=58+0"},
    {"data offset 6, a byte short", "eth / " IP TCP " doff=6 / data 3", "malformed"},
    {"data offset 15", "eth / " IP TCP " doff=15 / data 41", "ok v4/6 l3=14+20 l4=34+60 pay=94+1"},
    {"data offset 15, a byte short, and padding", "eth / " IP TCP " doff=15 / data 39 / pad 40",
     "malformed"},
    {"largest TCP segment", "eth / " IP TCP " / data 65495",
     "ok v4/6 l3=14+20 l4=34+20 pay=54+65495"},
    /* UDP */
    {"UDP of nothing", "eth / " IP UDP, "ok v4/17 l3=14+20 l4=34+8 pay=42+0"},
    {"UDP length 0: to the end", "eth / " IP UDP " len=0 / data 9",
     "ok v4/17 l3=14+20 l4=34+8 pay=42+9"},
    {"UDP length 7", "eth / " IP UDP " len=7 / data 9", "malformed"},
    {"UDP length 8", "eth / " IP UDP " len=8 / data 9", "ok v4/17 l3=14+20 l4=34+8 pay=42+0"},
    {"UDP length shorter", "eth / " IP UDP " len=16 / data 9",
     "ok v4/17 l3=14+20 l4=34+8 pay=42+8"},
    {"UDP length a byte more", "eth / " IP UDP " len=18 / data 9", "malformed"},
    {"UDP in an IP packet too short for it", "eth / " IP " len=27" UDP " / pad 9", "malformed"},
    {"UDP length 0 in an IP packet too short for it", "eth / " IP " len=27" UDP " len=0 / pad 9",
     "malformed"},
    /* the others */
    {"SCTP", "eth / " IP " / sctp 5000 > 38412 / hex 0300000400000000",
     "ok v4/132 l3=14+20 l4=34+12 pay=46+8"},
    {"SCTP too short", "eth / " IP " len=31 / sctp 1 > 2 / pad 9", "malformed"},
    {"echo request", "eth / " IP " / icmp 8 id=7 seq=1 / data 56",
     "ok v4/1 l3=14+20 l4=34+8 pay=42+56 icmp=8.0"},
    {"port unreachable", "eth / " IP " / icmp 3 code=3 / data 28",
     "ok v4/1 l3=14+20 l4=34+8 pay=42+28 icmp=3.3"},
    {"ICMP too short", "eth / " IP " len=27 / icmp 8 / pad 9", "malformed"},
    {"ICMPv6 echo", "eth / " IP6 " / icmp6 128 id=7 / data 8",
     "ok v6/58 l3=14+40 l4=54+8 pay=62+8 icmp=128.0"},
    {"ICMPv6 after hop-by-hop (MLD)", "eth / " IP6 " / hop / icmp6 143 / data 20",
     "ok v6/58 l3=14+48 l4=62+8 pay=70+20 icmp=143.0"},
};

static void test_rows(void **state)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];
    int failed = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = packet_build(frame, sizeof(frame), "%s", rows[i].frame);
        struct packet pkt;
        char text[256];

        describe(text, sizeof(text), parse(&pkt, frame, len, len), &pkt);
        if (strcmp(text, rows[i].expect)) {
            print_error("%s\nis       %s\nmust be  %s\n", rows[i].name, text, rows[i].expect);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

/* Bytes without which a frame can't be told: headers, but TCP options are not looked at. */
static size_t bytes_needed(const struct packet *pkt)
{
    if (pkt->key.l4_proto == IP_PROTO_TCP && pkt->l4_hdr_len)
        return pkt->l4_off + sizeof(struct tcp_hdr);
    return pkt->payload_off;
}

/* A snapshot that holds the headers gives what the whole frame gives, a shorter one is truncated. */
static void test_cut_by_the_capture(void **state)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = packet_build(frame, sizeof(frame), "%s", rows[i].frame),
               most = len < 300 ? len : 300;
        struct packet whole, part;
        int verdict = parse(&whole, frame, len, len);

        for (size_t n = 0; n < most; n++) {
            int cut = parse(&part, frame, n, len);

            if (verdict == 0 && n < bytes_needed(&whole))
                assert_int_equal(cut, UNACCOUNTED_TRUNCATED);
            if (verdict == 0 && n >= bytes_needed(&whole)) {
                assert_int_equal(cut, 0);
                assert_memory_equal(&part, &whole, sizeof(part));
            }
            if (verdict)
                assert_true(cut == verdict || cut == UNACCOUNTED_TRUNCATED);
        }
    }
}

/* A frame that ended early on the wire is no session's, unless only padding is missing. */
static void test_cut_on_the_wire(void **state)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = packet_build(frame, sizeof(frame), "%s", rows[i].frame),
               most = len < 300 ? len : 300;
        struct packet whole, part;
        int verdict = parse(&whole, frame, len, len);
        int to_the_end = strstr(rows[i].name, "to the end") != NULL;

        for (size_t n = 0; n < most; n++) {
            int cut = parse(&part, frame, n, n);

            if (verdict == 0 && n < (size_t)whole.payload_off + whole.payload_len && !to_the_end &&
                !strstr(rows[i].name, "shorter") && !strstr(rows[i].name, "UDP length 8"))
                assert_true(cut == UNACCOUNTED_TRUNCATED || cut == UNACCOUNTED_MALFORMED);
            if (cut == 0)
                assert_true((size_t)part.payload_off + part.payload_len <= n);
        }
    }
}

static const struct pair {
    const char *name, *out, *back;
} pairs[] = {
    {"TCP", IP " / tcp 1000 > 80 ACK", "ip 10.0.0.2 > 10.0.0.1 / tcp 80 > 1000 ACK"},
    {"UDP", IP " / udp 1000 > 53", "ip 10.0.0.2 > 10.0.0.1 / udp 53 > 1000"},
    {"SCTP", IP " / sctp 1000 > 53", "ip 10.0.0.2 > 10.0.0.1 / sctp 53 > 1000"},
    {"equal ports", IP " / tcp 80 > 80 ACK", "ip 10.0.0.2 > 10.0.0.1 / tcp 80 > 80 ACK"},
    {"equal addresses", "ip 127.0.0.1 > 127.0.0.1 / tcp 1000 > 80 ACK",
     "ip 127.0.0.1 > 127.0.0.1 / tcp 80 > 1000 ACK"},
    {"addresses that differ in the last byte", "ip 10.0.0.255 > 10.0.0.254 / udp 1 > 2",
     "ip 10.0.0.254 > 10.0.0.255 / udp 2 > 1"},
    {"addresses that differ in the first byte", "ip 255.0.0.1 > 1.0.0.1 / udp 1 > 2",
     "ip 1.0.0.1 > 255.0.0.1 / udp 2 > 1"},
    {"IPv6, first half", "ip6 fd00::1 > fd01::1 / tcp 1 > 2 ACK",
     "ip6 fd01::1 > fd00::1 / tcp 2 > 1 ACK"},
    {"IPv6, second half", "ip6 fd00::1 > fd00::2 / tcp 1 > 2 ACK",
     "ip6 fd00::2 > fd00::1 / tcp 2 > 1 ACK"},
    {"IPv6, halves that pull apart", "ip6 1::9 > 9::1 / tcp 1 > 2 ACK",
     "ip6 9::1 > 1::9 / tcp 2 > 1 ACK"},
    {"IPv6, loopback", "ip6 ::1 > ::1 / udp 1 > 2", "ip6 ::1 > ::1 / udp 2 > 1"},
    {"echo", IP " / icmp 8 id=77", "ip 10.0.0.2 > 10.0.0.1 / icmp 0 id=77"},
    {"echo to itself", "ip 127.0.0.1 > 127.0.0.1 / icmp 8 id=77",
     "ip 127.0.0.1 > 127.0.0.1 / icmp 0 id=77"},
    {"timestamp", IP " / icmp 13 id=77 / data 12",
     "ip 10.0.0.2 > 10.0.0.1 / icmp 14 id=77 / data 12"},
    {"ICMPv6 echo", IP6 " / icmp6 128 id=77", "ip6 fd00::2 > fd00::1 / icmp6 129 id=77"},
    {"ICMPv6 echo to itself", "ip6 ::1 > ::1 / icmp6 128 id=77", "ip6 ::1 > ::1 / icmp6 129 id=77"},
    {"neighbor solicitation", IP6 " / icmp6 135 / data 16",
     "ip6 fd00::2 > fd00::1 / icmp6 136 / data 16"},
    {"router solicitation", IP6 " / icmp6 133 / data 8",
     "ip6 fd00::2 > fd00::1 / icmp6 134 / data 8"},
    {"errors, each way", IP " / icmp 3 code=3 / data 28",
     "ip 10.0.0.2 > 10.0.0.1 / icmp 3 code=1 / data 28"},
};

static void build_and_parse(struct packet *pkt, const char *line)
{
    uint8_t frame[400];
    size_t len = packet_build(frame, sizeof(frame), "eth / %s", line);

    assert_int_equal(parse(pkt, frame, len, len), 0);
}

static void test_both_ways_one_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct packet out, back;

        build_and_parse(&out, pairs[i].out);
        build_and_parse(&back, pairs[i].back);
        if (memcmp(&out.key, &back.key, sizeof(out.key)) || out.from == back.from)
            fail_msg("%s: from %u and %u", pairs[i].name, out.from, back.from);
    }
}

/* What must not share a session. */
static void test_other_keys(void **state)
{
    static const struct pair apart[] = {
        {"other port", IP " / tcp 1 > 2 ACK", IP " / tcp 1 > 3 ACK"},
        {"ports the other way round", IP " / tcp 1 > 2 ACK", IP " / tcp 2 > 1 ACK"},
        {"protocol", IP " / tcp 1 > 2 ACK", IP " / udp 1 > 2"},
        {"echo identifier", IP " / icmp 8 id=1", IP " / icmp 8 id=2"},
        {"ICMP type", IP " / icmp 8 id=1", IP " / icmp 13 id=1"},
        {"mapped address", "ip 1.2.3.4 > 5.6.7.8 / udp 1 > 2",
         "ip6 ::ffff:1.2.3.4 > ::ffff:5.6.7.8 / udp 1 > 2"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
        struct packet a, b;

        build_and_parse(&a, apart[i].out);
        build_and_parse(&b, apart[i].back);
        if (!memcmp(&a.key, &b.key, sizeof(a.key)))
            fail_msg("%s: one key", apart[i].name);
    }
}

/* The key itself: addresses and ports of each endpoint in network order. */
static void test_key(void **state)
{
    struct packet pkt;

    (void)state;
    build_and_parse(
        &pkt,
        "ip 10.0.0.2 > 10.0.0.1 / tcp 0x1234 > 0x5678 PSH|ACK seq=0x01020304 ack=0x05060708 win=0x0a0b");
    assert_memory_equal(pkt.key.addr[pkt.from].bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x02",
                        16);
    assert_memory_equal(pkt.key.addr[!pkt.from].bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01",
                        16);
    assert_memory_equal(&pkt.key.port[pkt.from], "\x12\x34", 2);
    assert_memory_equal(&pkt.key.port[!pkt.from], "\x56\x78", 2);
    assert_int_equal(pkt.seq, 0x01020304);
    assert_int_equal(pkt.ack, 0x05060708);
    assert_int_equal(pkt.wnd, 0x0a0b);
    assert_int_equal(pkt.tcp_flags, TCP_PSH | TCP_ACK);
    build_and_parse(&pkt, "ip 10.0.0.2 > 10.0.0.1 / icmp 14 id=0x1234 / data 12");
    assert_memory_equal(pkt.key.port, "\x12\x34\0\x0d", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_cut_by_the_capture),
        cmocka_unit_test(test_cut_on_the_wire),
        cmocka_unit_test(test_both_ways_one_key),
        cmocka_unit_test(test_other_keys),
        cmocka_unit_test(test_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
