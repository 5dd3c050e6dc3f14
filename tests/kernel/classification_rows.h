/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of test_classification.c: every kind of packet that is hard to give to its session, and the sessions
 * that come of it. frames: lines of packet_builder.h parted by newlines; a line "+N" lets N seconds pass. expect:
 * a line a session in the order of their text (flow_text.h), ` error=TYPE/CODEx COUNT` for each kind of ICMP
 * error that quoted it, then a line `REASON N` for packets of no session.
 */
#ifndef SESSTAP_TESTS_CLASSIFICATION_ROWS_H
#define SESSTAP_TESTS_CLASSIFICATION_ROWS_H

enum row_where {
    ROW_BOTH,       /* the same with --tunnels and without, in the kernel and offline */
    ROW_TUNNELS,    /* with --tunnels, and offline, where tunnels are always looked into */
    ROW_NO_TUNNELS, /* in the kernel without it */
    ROW_KERNEL,     /* offline says it otherwise: the next row does */
    ROW_OFFLINE,
};

struct row {
    const char *name;
    enum row_where where;
    const char *frames;
    const char *expect;
};

#define V4    "eth / ip 10.0.0.1 > 10.0.0.2 "
#define BACK4 "eth / ip 10.0.0.2 > 10.0.0.1 "
#define V6    "eth / ip6 fd00::1 > fd00::2 / "
#define BACK6 "eth / ip6 fd00::2 > fd00::1 / "

/* A session for errors to quote; its sequence numbers so far end at 1001. */
#define UDP4       V4 "/ udp 5000 > 53 / data 30\n"
#define UDP6       V6 "udp 5000 > 53 / data 30\n"
#define TCP4       V4 "/ tcp 4000 > 80 SYN seq=1000\n"
#define TCP6       V6 "tcp 4000 > 80 SYN seq=1000\n"
#define ROUTER4    "eth / ip 10.0.9.9 > 10.0.0.1 / "
#define ROUTER6    "eth / ip6 fd00::99 > fd00::1 / "
#define QUOTE_UDP4 " / ip 10.0.0.1 > 10.0.0.2 / udp 5000 > 53 / data 30"
#define QUOTE_UDP6 " / ip6 fd00::1 > fd00::2 / udp 5000 > 53 / data 30"
#define QUOTE_TCP4 \
    " / ip 10.0.0.1 > 10.0.0.2 len=40 proto=6 / hex 0fa00050000003e8" /* 8 bytes, seq=1000 */

#define FLOW_UDP4 "4 udp 10.0.0.1:5000 > 10.0.0.2:53 pkts=1/0 payload=30/0 l3=20/0 l4=8/0"
#define FLOW_UDP6 "6 udp fd00::1:5000 > fd00::2:53 pkts=1/0 payload=30/0 l3=40/0 l4=8/0"
#define FLOW_TCP4 "4 tcp 10.0.0.1:4000 > 10.0.0.2:80 pkts=1/0 payload=0/0 l3=20/0 l4=20/0"

/* An error of IPv4 and of IPv6 on the UDP session, by type and code; 58 and 78 bytes are quoted. */
/* clang-format off */
#define ERROR4_ROW(label, type, code)                                                           \
    {label, ROW_BOTH, UDP4 ROUTER4 "icmp " #type " code=" #code QUOTE_UDP4,                      \
     "4 icmp 10.0.0.1:0 > 10.0.9.9:" #type " pkts=0/1 payload=0/58 l3=0/20 l4=0/8 icmp=" #type   \
     "/" #code "\n" FLOW_UDP4 " error=" #type "/" #code "x1\n"}
#define ERROR6_ROW(label, type, code)                                                           \
    {label, ROW_BOTH, UDP6 ROUTER6 "icmp6 " #type " code=" #code QUOTE_UDP6,                     \
     "6 icmp6 fd00::1:0 > fd00::99:" #type " pkts=0/1 payload=0/78 l3=0/40 l4=0/8 icmp=" #type   \
     "/" #code "\n" FLOW_UDP6 " error=" #type "/" #code "x1\n"}
/* clang-format on */

/* What a tunnel's row has inside: one Ethernet frame or one packet. */
#define INSIDE4    "ip 192.168.0.1 > 192.168.0.2 / tcp 1 > 2 ACK / data 9"
#define INSIDE6    "ip6 fd01::1 > fd01::2 / udp 1 > 2 / data 9"
#define FLOW_IN4   "4 tcp 192.168.0.1:1 > 192.168.0.2:2 pkts=1/0 payload=9/0 l3=20/0 l4=20/0"
#define FLOW_IN6   "6 udp fd01::1:1 > fd01::2:2 pkts=1/0 payload=9/0 l3=40/0 l4=8/0"
#define SCOPE      " scope=32768"
#define TO_VXLAN   V4 "/ udp 50000 > 4789 / hex 0800000000000500 / "
#define TO_GENEVE  V4 "/ udp 50000 > 6081 / hex 02006558000007000102030100000000 / "
#define FLOW_OUTER "4 udp 10.0.0.1:50000 > 10.0.0.2:"

static const struct row rows[] = {
    /* ---- IPv6 extension headers */
    {"hop-by-hop options", ROW_BOTH, V6 "hop / udp 1 > 2 / data 5",
     "6 udp fd00::1:1 > fd00::2:2 pkts=1/0 payload=5/0 l3=48/0 l4=8/0\n"},
    {"routing header", ROW_BOTH, V6 "route size=40 / tcp 1 > 2 ACK / data 5",
     "6 tcp fd00::1:1 > fd00::2:2 pkts=1/0 payload=5/0 l3=80/0 l4=20/0\n"},
    {"destination options", ROW_BOTH, V6 "dst size=16 / sctp 1 > 2 / data 16",
     "6 sctp fd00::1:1 > fd00::2:2 pkts=1/0 payload=16/0 l3=56/0 l4=12/0\n"},
    {"authentication header", ROW_BOTH, V6 "ah size=24 / icmp6 128 id=7 / data 8",
     "6 icmp6 fd00::1:7 > fd00::2:128 pkts=1/0 payload=8/0 l3=64/0 l4=8/0 icmp=128/0\n"},
    {"atomic fragment", ROW_BOTH, V6 "frag 0 id=1 / udp 1 > 2 / data 5",
     "6 udp fd00::1:1 > fd00::2:2 pkts=1/0 payload=5/0 l3=48/0 l4=8/0\n"},
    {"eight extension headers", ROW_BOTH,
     V6 "hop / dst / route / dst / ah / dst / mobility / dst / udp 1 > 2 / data 5",
     "6 udp fd00::1:1 > fd00::2:2 pkts=1/0 payload=5/0 l3=108/0 l4=8/0\n"},
    {"nine extension headers", ROW_BOTH,
     V6 "hop / dst / route / dst / ah / dst / mobility / dst / dst / udp 1 > 2 / data 5",
     "extension_headers 1\n"},
    {"one of the largest extension headers", ROW_BOTH, V6 "dst size=2048 / udp 1 > 2 / data 5",
     "6 udp fd00::1:1 > fd00::2:2 pkts=1/0 payload=5/0 l3=2088/0 l4=8/0\n"},
    {"no next header", ROW_BOTH, V6 "dst next=59", "l4_unsupported 1\n"},
    {"encrypted: no ports to see", ROW_BOTH, V6 "dst next=50 / data 40", "l4_unsupported 1\n"},

    /* ---- fragments */
    {"IPv4: later fragments are of the first one's session", ROW_BOTH,
     V4 "id=9 mf / udp 5000 > 53 len=3008 / data 1472\n" V4
        "id=9 mf frag=1480 proto=17 / data 1480\n" V4 "id=9 frag=2960 proto=17 / data 48",
     "4 udp 10.0.0.1:5000 > 10.0.0.2:53 pkts=3/0 payload=3000/0 l3=60/0 l4=8/0\n"},
    {"IPv4: the other direction's fragments", ROW_BOTH,
     BACK4 "id=9 mf / udp 53 > 5000 len=1488 / data 1472\n" BACK4
           "id=9 frag=1480 proto=17 / data 8",
     "4 udp 10.0.0.1:5000 > 10.0.0.2:53 pkts=0/2 payload=0/1480 l3=0/40 l4=0/8\n"},
    {"IPv4: both directions with one id", ROW_BOTH,
     V4 "id=9 mf / udp 5000 > 53 len=1488 / data 1472\n" BACK4
        "id=9 mf / udp 53 > 5000 len=1488 / data 1472\n" V4
        "id=9 frag=1480 proto=17 / data 8\n" BACK4 "id=9 frag=1480 proto=17 / data 8",
     "4 udp 10.0.0.1:5000 > 10.0.0.2:53 pkts=2/2 payload=1480/1480 l3=40/40 l4=8/8\n"},
    {"IPv4: one id of two protocols", ROW_BOTH,
     V4 "id=9 mf / udp 5000 > 53 len=1488 / data 1472\n" V4
        "id=9 mf / tcp 1 > 2 ACK seq=100 / data 1460\n" V4 "id=9 frag=1480 proto=17 / data 8\n" V4
        "id=9 frag=1480 proto=6 / data 40",
     "4 tcp 10.0.0.1:1 > 10.0.0.2:2 pkts=2/0 payload=1500/0 l3=40/0 l4=20/0\n"
     "4 udp 10.0.0.1:5000 > 10.0.0.2:53 pkts=2/0 payload=1480/0 l3=40/0 l4=8/0\n"},
    {"IPv4: ICMP echo in fragments", ROW_BOTH,
     V4 "id=9 mf / icmp 8 id=77 / data 1472\n" V4 "id=9 frag=1480 proto=1 / data 528",
     "4 icmp 10.0.0.1:77 > 10.0.0.2:8 pkts=2/0 payload=2000/0 l3=40/0 l4=8/0 icmp=8/0\n"},
    {"IPv4: a first fragment that comes late, in the kernel", ROW_KERNEL,
     V4 "id=9 frag=1480 proto=17 / data 8\n" V4 "id=9 mf / udp 5000 > 53 len=1488 / data 1472",
     "4 udp 10.0.0.1:5000 > 10.0.0.2:53 pkts=1/0 payload=1472/0 l3=20/0 l4=8/0\nfragment_no_first 1\n"},
    {"IPv4: a first fragment that comes late, from a file", ROW_OFFLINE,
     V4 "id=9 frag=1480 proto=17 / data 8\n" V4 "id=9 mf / udp 5000 > 53 len=1488 / data 1472",
     "4 udp 10.0.0.1:5000 > 10.0.0.2:53 pkts=2/0 payload=1480/0 l3=40/0 l4=8/0\n"},
    {"IPv4: an id that nobody began", ROW_BOTH,
     V4 "id=9 mf / udp 5000 > 53 len=1488 / data 1472\n" V4 "id=8 frag=1480 proto=17 / data 8",
     "4 udp 10.0.0.1:5000 > 10.0.0.2:53 pkts=1/0 payload=1472/0 l3=20/0 l4=8/0\nfragment_no_first 1\n"},
    {"IPv4: the id is used again after its age", ROW_BOTH,
     V4 "id=9 mf / tcp 1 > 2 ACK seq=100 / data 1460\n+31\n" V4 "id=9 frag=1480 proto=6 / data 40",
     "4 tcp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=1460/0 l3=20/0 l4=20/0\nfragment_no_first 1\n"},
    {"IPv4: within its age", ROW_BOTH,
     V4 "id=9 mf / tcp 1 > 2 ACK seq=100 / data 1460\n+29\n" V4 "id=9 frag=1480 proto=6 / data 40",
     "4 tcp 10.0.0.1:1 > 10.0.0.2:2 pkts=2/0 payload=1500/0 l3=40/0 l4=20/0\n"},
    {"IPv4: the newest first one counts", ROW_BOTH,
     V4 "id=9 mf / udp 5000 > 53 len=1488 / data 1472\n" V4
        "id=9 mf / udp 6000 > 53 len=1488 / data 1472\n" V4 "id=9 frag=1480 proto=17 / data 8",
     "4 udp 10.0.0.1:5000 > 10.0.0.2:53 pkts=1/0 payload=1472/0 l3=20/0 l4=8/0\n"
     "4 udp 10.0.0.1:6000 > 10.0.0.2:53 pkts=2/0 payload=1480/0 l3=40/0 l4=8/0\n"},
    {"IPv6: later fragments", ROW_BOTH,
     V6 "frag 0 id=9 mf / udp 5000 > 53 len=2008 / data 1440\n" V6
        "frag 1448 id=9 next=17 / data 560",
     "6 udp fd00::1:5000 > fd00::2:53 pkts=2/0 payload=2000/0 l3=96/0 l4=8/0\n"},
    {"IPv6: extension headers in front of and behind the fragment header", ROW_BOTH,
     V6 "hop / frag 0 id=9 mf / dst / udp 5000 > 53 len=2008 / data 1432\n" V6
        "hop / frag 1448 id=9 next=60 / data 568",
     "6 udp fd00::1:5000 > fd00::2:53 pkts=2/0 payload=2000/0 l3=120/0 l4=8/0\n"},
    {"IPv6: within its age", ROW_BOTH,
     V6 "frag 0 id=9 mf / tcp 1 > 2 ACK seq=100 / data 1428\n+59\n" V6
        "frag 1448 id=9 next=6 / data 60",
     "6 tcp fd00::1:1 > fd00::2:2 pkts=2/0 payload=1488/0 l3=96/0 l4=20/0\n"},
    {"IPv6: the id is used again after its age", ROW_BOTH,
     V6 "frag 0 id=9 mf / tcp 1 > 2 ACK seq=100 / data 1428\n+61\n" V6
        "frag 1448 id=9 next=6 / data 60",
     "6 tcp fd00::1:1 > fd00::2:2 pkts=1/0 payload=1428/0 l3=48/0 l4=20/0\nfragment_no_first 1\n"},
    {"IPv6: nine extension headers in the first fragment", ROW_KERNEL,
     V6
     "frag 0 id=9 mf / dst / dst / dst / dst / dst / dst / dst / dst / udp 1 > 2 len=100 / data 8\n" V6
     "frag 80 id=9 next=60 / data 8",
     "fragment_no_first 1\nextension_headers 1\n"},

    /* ---- tags and labels */
    {"QinQ", ROW_BOTH, "eth / vlan 100 tpid=0x88a8 / vlan 200 / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 2",
     "4 udp 10.0.0.1:1 > 10.0.0.2:2 pkts=1/0 payload=0/0 l3=20/0 l4=8/0 vlan=100/200\n"},
    {"a fragment with a tag", ROW_BOTH,
     "eth / vlan 5 / ip 10.0.0.1 > 10.0.0.2 id=9 mf / udp 1 > 2 len=1488 / data 1472\n"
     "eth / vlan 5 / ip 10.0.0.1 > 10.0.0.2 id=9 frag=1480 proto=17 / data 8",
     "4 udp 10.0.0.1:1 > 10.0.0.2:2 pkts=2/0 payload=1480/0 l3=40/0 l4=8/0 vlan=5/0\n"},

    /* ---- ICMP errors */
    ERROR4_ROW("network unreachable", 3, 0),
    ERROR4_ROW("port unreachable", 3, 3),
    ERROR4_ROW("fragmentation needed", 3, 4),
    ERROR4_ROW("source quench", 4, 0),
    ERROR4_ROW("redirect", 5, 1),
    ERROR4_ROW("TTL exceeded", 11, 0),
    ERROR4_ROW("parameter problem", 12, 0),
    ERROR6_ROW("IPv6: no route", 1, 0),
    ERROR6_ROW("IPv6: packet too big", 2, 0),
    ERROR6_ROW("IPv6: hop limit exceeded", 3, 0),
    ERROR6_ROW("IPv6: parameter problem", 4, 1),
    {"an error that quotes the answer", ROW_BOTH,
     UDP4
     "eth / ip 10.0.9.9 > 10.0.0.2 / icmp 3 code=3 / ip 10.0.0.2 > 10.0.0.1 / udp 53 > 5000 / data 30",
     "4 icmp 10.0.0.2:0 > 10.0.9.9:3 pkts=0/1 payload=0/58 l3=0/20 l4=0/8 icmp=3/3\n" FLOW_UDP4
     " error=3/3x1\n"},
    {"the same error twice, and another", ROW_BOTH,
     UDP4 ROUTER4 "icmp 3 code=3" QUOTE_UDP4 "\n" ROUTER4 "icmp 3 code=3" QUOTE_UDP4 "\n" ROUTER4
                  "icmp 11" QUOTE_UDP4,
     "4 icmp 10.0.0.1:0 > 10.0.9.9:11 pkts=0/1 payload=0/58 l3=0/20 l4=0/8 icmp=11/0\n"
     "4 icmp 10.0.0.1:0 > 10.0.9.9:3 pkts=0/2 payload=0/116 l3=0/40 l4=0/16 icmp=3/3\n" FLOW_UDP4
     " error=3/3x2 error=11/0x1\n"},
    {"eight bytes of TCP are quoted", ROW_BOTH, TCP4 ROUTER4 "icmp 3 code=1" QUOTE_TCP4,
     "4 icmp 10.0.0.1:0 > 10.0.9.9:3 pkts=0/1 payload=0/28 l3=0/20 l4=0/8 icmp=3/1\n" FLOW_TCP4
     " error=3/1x1\n"},
    {"forged: no such sequence number was sent", ROW_BOTH,
     TCP4 ROUTER4 "icmp 3 code=1 / ip 10.0.0.1 > 10.0.0.2 len=40 proto=6 / hex 0fa0005070000000",
     "4 icmp 10.0.0.1:0 > 10.0.9.9:3 pkts=0/1 payload=0/28 l3=0/20 l4=0/8 icmp=3/1\n" FLOW_TCP4
     "\n"},
    {"forged: quotes a session that is not there", ROW_BOTH,
     UDP4 ROUTER4 "icmp 3 code=3 / ip 10.0.0.1 > 10.0.0.2 / udp 5001 > 53 / data 30",
     "4 icmp 10.0.0.1:0 > 10.0.9.9:3 pkts=0/1 payload=0/58 l3=0/20 l4=0/8 icmp=3/3\n" FLOW_UDP4
     "\n"},
    {"the quote ends within the ports", ROW_BOTH,
     UDP4 ROUTER4 "icmp 3 code=3 / ip 10.0.0.1 > 10.0.0.2 len=58 proto=17 / hex 13880035",
     "4 icmp 10.0.0.1:0 > 10.0.9.9:3 pkts=0/1 payload=0/24 l3=0/20 l4=0/8 icmp=3/3\n" FLOW_UDP4
     "\n"},
    {"quotes an echo request", ROW_BOTH,
     V4 "/ icmp 8 id=7 / data 8\n" ROUTER4
        "icmp 11 / ip 10.0.0.1 > 10.0.0.2 / icmp 8 id=7 / data 8",
     "4 icmp 10.0.0.1:0 > 10.0.9.9:11 pkts=0/1 payload=0/36 l3=0/20 l4=0/8 icmp=11/0\n"
     "4 icmp 10.0.0.1:7 > 10.0.0.2:8 pkts=1/0 payload=8/0 l3=20/0 l4=8/0 icmp=8/0 error=11/0x1\n"},
    {"quotes IPv4 options", ROW_BOTH,
     UDP4 ROUTER4 "icmp 3 code=3 / ip 10.0.0.1 > 10.0.0.2 opts=40 / udp 5000 > 53 / data 30",
     "4 icmp 10.0.0.1:0 > 10.0.9.9:3 pkts=0/1 payload=0/98 l3=0/20 l4=0/8 icmp=3/3\n" FLOW_UDP4
     " error=3/3x1\n"},
    {"IPv6: quotes extension headers", ROW_BOTH,
     UDP6 ROUTER6
     "icmp6 1 code=4 / ip6 fd00::1 > fd00::2 / hop / dst size=16 / udp 5000 > 53 / data 30",
     "6 icmp6 fd00::1:0 > fd00::99:1 pkts=0/1 payload=0/102 l3=0/40 l4=0/8 icmp=1/4\n" FLOW_UDP6
     " error=1/4x1\n"},

    {"IPv6: redirect", ROW_BOTH,
     UDP6 ROUTER6
     "icmp6 137 / hex 0000000000000000000000000000000000000000000000000000000000000000 / "
     "hex 040b000000000000" QUOTE_UDP6,
     "6 icmp6 fd00::1:0 > fd00::99:137 pkts=0/1 payload=0/118 l3=0/40 l4=0/8 icmp=137/0\n" FLOW_UDP6
     " error=137/0x1\n"},
    {"IPv6: redirect, another option before the packet", ROW_BOTH,
     UDP6 ROUTER6
     "icmp6 137 / hex 0000000000000000000000000000000000000000000000000000000000000000 / "
     "hex 02020000000000000000000000000000 / hex 040b000000000000" QUOTE_UDP6,
     "6 icmp6 fd00::1:0 > fd00::99:137 pkts=0/1 payload=0/134 l3=0/40 l4=0/8 icmp=137/0\n" FLOW_UDP6
     " error=137/0x1\n"},
    {"IPv6: forged", ROW_BOTH,
     TCP6 ROUTER6 "icmp6 1 / ip6 fd00::1 > fd00::2 next=6 / hex 0fa0005070000000",
     "6 icmp6 fd00::1:0 > fd00::99:1 pkts=0/1 payload=0/48 l3=0/40 l4=0/8 icmp=1/0\n"
     "6 tcp fd00::1:4000 > fd00::2:80 pkts=1/0 payload=0/0 l3=40/0 l4=20/0\n"},
    {"IPv6: eight bytes of TCP are quoted", ROW_BOTH,
     TCP6 ROUTER6 "icmp6 1 / ip6 fd00::1 > fd00::2 next=6 / hex 0fa00050000003e8",
     "6 icmp6 fd00::1:0 > fd00::99:1 pkts=0/1 payload=0/48 l3=0/40 l4=0/8 icmp=1/0\n"
     "6 tcp fd00::1:4000 > fd00::2:80 pkts=1/0 payload=0/0 l3=40/0 l4=20/0 error=1/0x1\n"},

    /* ---- tunnels */
    {"VXLAN", ROW_TUNNELS, TO_VXLAN "eth / " INSIDE4, FLOW_IN4 SCOPE "\n"},
    {"VXLAN, not looked into", ROW_NO_TUNNELS, TO_VXLAN "eth / " INSIDE4,
     FLOW_OUTER "4789 pkts=1/0 payload=71/0 l3=20/0 l4=8/0\n"},
    {"Geneve with options", ROW_TUNNELS, TO_GENEVE "eth / " INSIDE6, FLOW_IN6 SCOPE "\n"},
    {"Geneve, not looked into", ROW_NO_TUNNELS, TO_GENEVE "eth / " INSIDE6,
     FLOW_OUTER "6081 pkts=1/0 payload=87/0 l3=20/0 l4=8/0\n"},
    {"GRE", ROW_TUNNELS, V4 "proto=47 / hex 00000800 / " INSIDE4, FLOW_IN4 "\n"},
    {"GRE with checksum, key and number", ROW_TUNNELS,
     V4 "proto=47 / hex b00086dd000000000000000900000001 / " INSIDE6, FLOW_IN6 SCOPE "\n"},
    {"GRE with Ethernet inside", ROW_TUNNELS, V4 "proto=47 / hex 00006558 / eth / " INSIDE4,
     FLOW_IN4 "\n"},
    {"GRE, not looked into", ROW_NO_TUNNELS, V4 "proto=47 / hex 00000800 / " INSIDE4,
     "l4_unsupported 1\n"},
    {"IPIP", ROW_TUNNELS, V4 "/ " INSIDE4, FLOW_IN4 "\n"},
    {"IPIP, not looked into", ROW_NO_TUNNELS, V4 "/ " INSIDE4, "l4_unsupported 1\n"},
    {"SIT", ROW_TUNNELS, V4 "/ " INSIDE6, FLOW_IN6 "\n"},
    {"IPv4 in IPv6", ROW_TUNNELS, V6 INSIDE4, FLOW_IN4 "\n"},
    {"one level, no more", ROW_TUNNELS,
     TO_VXLAN
     "eth / ip 192.168.0.1 > 192.168.0.2 / udp 50000 > 4789 / hex 0800000000000600 / eth / " INSIDE4,
     "4 udp 192.168.0.1:50000 > 192.168.0.2:4789 pkts=1/0 payload=71/0 l3=20/0 l4=8/0" SCOPE "\n"},
    {"two networks with the same addresses", ROW_TUNNELS,
     TO_VXLAN "eth / " INSIDE4 "\n" V4 "/ udp 50000 > 4789 / hex 0800000000000600 / eth / " INSIDE4,
     FLOW_IN4 SCOPE "\n" FLOW_IN4 " scope=32769\n"},
    {"a VLAN inside of VXLAN", ROW_TUNNELS, TO_VXLAN "eth / vlan 7 / " INSIDE4,
     FLOW_IN4 SCOPE " vlan=7/0\n"},
    {"QinQ inside of Geneve", ROW_TUNNELS,
     TO_GENEVE "eth / vlan 100 tpid=0x88a8 / vlan 200 / " INSIDE6,
     FLOW_IN6 SCOPE " vlan=100/200\n"},
    {"MPLS inside of GRE", ROW_TUNNELS, V4 "proto=47 / hex 00008847 / mpls 16 / mpls 17 / " INSIDE4,
     FLOW_IN4 "\n"},
    {"MPLS inside of VXLAN", ROW_TUNNELS, TO_VXLAN "eth / mpls 16 / " INSIDE6, FLOW_IN6 SCOPE "\n"},
    {"extension headers inside of a tunnel", ROW_TUNNELS,
     TO_VXLAN "eth / ip6 fd01::1 > fd01::2 / hop / dst / udp 1 > 2 / data 9",
     "6 udp fd01::1:1 > fd01::2:2 pkts=1/0 payload=9/0 l3=56/0 l4=8/0" SCOPE "\n"},
    {"fragments inside of a tunnel", ROW_TUNNELS,
     TO_VXLAN "eth / ip 192.168.0.1 > 192.168.0.2 id=9 mf / udp 1 > 2 len=816 / data 800\n" TO_VXLAN
              "eth / ip 192.168.0.1 > 192.168.0.2 id=9 frag=808 proto=17 / data 8",
     "4 udp 192.168.0.1:1 > 192.168.0.2:2 pkts=2/0 payload=808/0 l3=40/0 l4=8/0" SCOPE "\n"},
    {"an error inside of a tunnel", ROW_TUNNELS,
     TO_VXLAN "eth / ip 10.0.0.1 > 10.0.0.2 / udp 5000 > 53 / data 30\n" TO_VXLAN
              "eth / ip 10.0.9.9 > 10.0.0.1 / icmp 3 code=3" QUOTE_UDP4,
     "4 icmp 10.0.0.1:0 > 10.0.9.9:3 pkts=0/1 payload=0/58 l3=0/20 l4=0/8" SCOPE
     " icmp=3/3\n" FLOW_UDP4 SCOPE " error=3/3x1\n"},
    {"VXLAN with no VNI is UDP", ROW_TUNNELS,
     V4 "/ udp 50000 > 4789 / hex 0000000000000500 / data 8",
     FLOW_OUTER "4789 pkts=1/0 payload=16/0 l3=20/0 l4=8/0\n"},
};

#endif
