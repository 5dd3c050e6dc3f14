/* SPDX-License-Identifier: Apache-2.0 */
/* What is inside tunnels: each kind, each header option, each frame cut at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel.h"
#include "unit/packet_builder.h"

#define OUT   "eth / ip 192.0.2.1 > 192.0.2.2"
#define OUT6  "eth / ip6 2001:db8::1 > 2001:db8::2"
#define VXLAN " / udp 50000 > 4789 / hex 0800000000002a00"
#define IP    " / ip 10.0.0.1 > 10.0.0.2"
#define IP6   " / ip6 fd00::1 > fd00::2"
#define TCP   " / tcp 1000 > 80 ACK / data 5"
#define UDP   " / udp 1000 > 53 / data 7"

/* expect: "no", or kind:id, the inner verdict, and IP version/protocol, l3, l4, payload offset+length */
static const struct row {
    const char *name, *frame, *expect;
} rows[] = {
    {"plain TCP", OUT TCP, "no"},
    {"plain UDP", OUT UDP, "no"},
    {"ICMP", OUT " / icmp 8", "no"},
    /* VXLAN */
    {"VXLAN", OUT VXLAN " / eth" IP TCP, "vxlan:42 0 v4/6 l3=64 l4=84 pay=104+5"},
    {"VXLAN, addresses turned round", "eth / ip 192.0.2.2 > 192.0.2.1" VXLAN " / eth" IP TCP,
     "vxlan:42 0 v4/6 l3=64 l4=84 pay=104+5"},
    {"VXLAN from its own port", OUT " / udp 4789 > 4789 / hex 0800000000002a00 / eth" IP TCP,
     "vxlan:42 0 v4/6 l3=64 l4=84 pay=104+5"},
    {"from the port, but not to it", OUT " / udp 4789 > 5000 / hex 0800000000002a00 / eth" IP TCP,
     "no"},
    {"VXLAN, Linux's old port", OUT " / udp 50000 > 8472 / hex 08000000ffffff00 / eth" IP6 UDP,
     "vxlan:16777215 0 v6/17 l3=64 l4=104 pay=112+7"},
    {"VXLAN over IPv6", OUT6 VXLAN " / eth" IP TCP, "vxlan:42 0 v4/6 l3=84 l4=104 pay=124+5"},
    {"VXLAN, group policy", OUT " / udp 50000 > 4789 / hex 8800000700002a00 / eth" IP TCP,
     "vxlan:42 0 v4/6 l3=64 l4=84 pay=104+5"},
    {"VXLAN, VNI not valid", OUT " / udp 50000 > 4789 / hex 0000000000002a00 / eth" IP TCP, "no"},
    {"VXLAN, VLAN inside", OUT VXLAN " / eth / vlan 9" IP TCP,
     "vxlan:42 0 v4/6 l3=68 l4=88 pay=108+5"},
    {"VXLAN, VLAN outside", "eth / vlan 3 / ip 1.2.3.4 > 5.6.7.8" VXLAN " / eth" IP TCP,
     "vxlan:42 0 v4/6 l3=68 l4=88 pay=108+5"},
    {"VXLAN, ARP inside", OUT VXLAN " / eth type=0x806 / data 28", "vxlan:42 not_ip"},
    {"VXLAN, nothing inside", OUT VXLAN, "vxlan:42 truncated"},
    {"VXLAN, inner IP longer than what is there", OUT VXLAN " / eth" IP " len=46" TCP,
     "vxlan:42 malformed"},
    {"VXLAN, inner fragment", OUT VXLAN " / eth" IP " frag=64 mf proto=17 / data 8",
     "vxlan:42 fragment_no_first"},
    {"VXLAN in VXLAN: one level", OUT VXLAN " / eth / ip 10.0.0.1 > 10.0.0.2" VXLAN " / eth" IP TCP,
     "vxlan:42 0 v4/17 l3=64 l4=84 pay=92+67"},
    {"VXLAN, outer UDP shorter than its header",
     OUT " / udp 50000 > 4789 len=12 / hex 0800000000002a00 / eth" IP TCP, "vxlan:42 malformed"},
    {"VXLAN, outer UDP ends within the inner IP",
     OUT " / udp 50000 > 4789 len=40 / hex 0800000000002a00 / eth" IP TCP, "vxlan:42 malformed"},
    {"VXLAN, first fragment of the outer",
     "eth / ip 192.0.2.1 > 192.0.2.2 mf" VXLAN " / eth" IP TCP, "no"},
    /* Geneve */
    {"Geneve, Ethernet", OUT " / udp 50000 > 6081 / hex 0000655800002a00 / eth" IP TCP,
     "geneve:42 0 v4/6 l3=64 l4=84 pay=104+5"},
    {"Geneve, IPv4", OUT " / udp 50000 > 6081 / hex 0000080000002a00" IP TCP,
     "geneve:42 0 v4/6 l3=50 l4=70 pay=90+5"},
    {"Geneve, IPv6, critical options",
     OUT " / udp 50000 > 6081 / hex 024086dd00002a00010180010badcafe" IP6 UDP,
     "geneve:42 0 v6/17 l3=58 l4=98 pay=106+7"},
    {"Geneve, all options",
     OUT " / udp 50000 > 6081 / hex 3f00655800002a00 / data 252 / eth" IP TCP,
     "geneve:42 0 v4/6 l3=316 l4=336 pay=356+5"},
    {"Geneve, options beyond the packet", OUT " / udp 50000 > 6081 / hex 3f00655800002a00 / data 9",
     "geneve:42 truncated"},
    {"Geneve, version 1", OUT " / udp 50000 > 6081 / hex 4000655800002a00 / eth" IP TCP, "no"},
    {"Geneve, control", OUT " / udp 50000 > 6081 / hex 0080655800002a00 / eth" IP TCP, "no"},
    {"Geneve, something else inside", OUT " / udp 50000 > 6081 / hex 0000080600002a00 / data 28",
     "no"},
    /* GRE */
    {"GRE, IPv4", OUT " proto=47 / hex 00000800" IP TCP, "gre:0 0 v4/6 l3=38 l4=58 pay=78+5"},
    {"GRE, IPv6 in IPv4", OUT " proto=47 / hex 000086dd" IP6 TCP,
     "gre:0 0 v6/6 l3=38 l4=78 pay=98+5"},
    {"GRE over IPv6", OUT6 " next=47 / hex 00000800" IP UDP, "gre:0 0 v4/17 l3=58 l4=78 pay=86+7"},
    {"GRE, Ethernet", OUT " proto=47 / hex 00006558 / eth" IP TCP,
     "gre:0 0 v4/6 l3=52 l4=72 pay=92+5"},
    {"GRE, MPLS", OUT " proto=47 / hex 00008847 / mpls 16" IP TCP,
     "gre:0 0 v4/6 l3=42 l4=62 pay=82+5"},
    {"GRE, checksum", OUT " proto=47 / hex 80000800aaaa0000" IP TCP,
     "gre:0 0 v4/6 l3=42 l4=62 pay=82+5"},
    {"GRE, key", OUT " proto=47 / hex 2000080012345678" IP TCP,
     "gre:305419896 0 v4/6 l3=42 l4=62 pay=82+5"},
    {"GRE, sequence number", OUT " proto=47 / hex 1000080000000007" IP TCP,
     "gre:0 0 v4/6 l3=42 l4=62 pay=82+5"},
    {"GRE, all three", OUT " proto=47 / hex b0000800aaaa00000000002a00000007" IP TCP,
     "gre:42 0 v4/6 l3=50 l4=70 pay=90+5"},
    {"NVGRE", OUT " proto=47 / hex 2000655800002a01 / eth" IP TCP,
     "gre:10753 0 v4/6 l3=56 l4=76 pay=96+5"},
    {"GRE, routing", OUT " proto=47 / hex 40000800aaaa0000" IP TCP, "no"},
    {"GRE of PPTP", OUT " proto=47 / hex 3001880b0004000000000000 / data 8", "no"},
    {"GRE, keep-alive", OUT " proto=47 / hex 00000000", "no"},
    /* IP in IP */
    {"IPIP", OUT " proto=4" IP TCP, "ipip:0 0 v4/6 l3=34 l4=54 pay=74+5"},
    {"IPIP, outer options", OUT " proto=4 opts=8" IP TCP, "ipip:0 0 v4/6 l3=42 l4=62 pay=82+5"},
    {"6in4", OUT " proto=41" IP6 UDP, "sit:0 0 v6/17 l3=34 l4=74 pay=82+7"},
    {"IPv6 in IPv6", OUT6 " next=41" IP6 TCP, "ip6tnl:0 0 v6/6 l3=54 l4=94 pay=114+5"},
    {"IPv4 in IPv6, an option", OUT6 " / dst next=4" IP TCP,
     "ip6tnl:0 0 v4/6 l3=62 l4=82 pay=102+5"},
    {"IPIP in IPIP: one level", OUT " proto=4 / ip 1.1.1.1 > 2.2.2.2 proto=4" IP TCP,
     "ipip:0 l4_unsupported"},
    {"IPIP, IPv6 inside", OUT " proto=4" IP6 TCP, "ipip:0 malformed"},
    {"IPIP, a later fragment", OUT " proto=4 frag=64 / data 64", "no"},
    {"ESP", OUT " proto=50 / data 64", "no"},
};

static const char *const reason_names[] = {
#define X(upper, lower, help) #lower,
    UNACCOUNTED_REASONS(X)
#undef X
};

/* Look into len bytes that end where their memory ends. */
static int look(const uint8_t *bytes, size_t len, struct tunnel *tunnel, struct packet *inner)
{
    uint8_t *frame = malloc(len ? len : 1);
    struct packet_cursor cur = {frame, frame, frame + len};
    struct packet outer = {0};
    int verdict = -1;

    memcpy(frame, bytes, len);
    memset(inner, 0, sizeof(*inner));
    packet_parse_eth(&outer, &cur, (uint32_t)len);
    if (tunnel_inner(&outer, &cur, (uint32_t)len, tunnel))
        verdict = tunnel_parse_inner(inner, &cur, tunnel);
    free(frame);
    return verdict;
}

static void test_rows(void **state)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = packet_build(frame, sizeof(frame), "%s", rows[i].frame);
        struct tunnel tunnel;
        struct packet inner;
        char text[200] = "no";
        int verdict = look(frame, len, &tunnel, &inner);

        if (verdict > 0)
            snprintf(text, sizeof(text), "%s:%u %s", tunnel_kind_name(tunnel.kind), tunnel.id,
                     reason_names[verdict]);
        else if (verdict == 0)
            snprintf(text, sizeof(text), "%s:%u 0 v%u/%u l3=%u l4=%u pay=%u+%u",
                     tunnel_kind_name(tunnel.kind), tunnel.id, inner.key.ip_version,
                     inner.key.l4_proto, inner.l3_off, inner.l4_off, inner.payload_off,
                     inner.payload_len);
        if (strcmp(text, rows[i].expect))
            fail_msg("%s: \"%s\" instead of \"%s\"", rows[i].name, text, rows[i].expect);
    }
}

/* A frame that ends earlier never gives an inner packet that reaches beyond its end. */
static void test_cut_at_every_byte(void **state)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t whole = packet_build(frame, sizeof(frame), "%s", rows[i].frame);

        for (size_t len = 0; len < whole; len++) {
            struct tunnel tunnel;
            struct packet inner;

            if (look(frame, len, &tunnel, &inner) == 0)
                assert_in_range(inner.payload_off + inner.payload_len, 1, len);
        }
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(tunnel_kind_name(TUNNEL_NONE), "none");
    assert_string_equal(tunnel_kind_name(TUNNEL_IP6TNL), "ip6tnl");
    assert_string_equal(tunnel_kind_name(TUNNEL_KIND_COUNT), "none");
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
