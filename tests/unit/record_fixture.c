/* SPDX-License-Identifier: Apache-2.0 */
/* Each session is put together by hand, so that a test knows every number in it. */
#include "record_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>

#include "tcp.h"

#define MS        1000000ULL
#define US        1000ULL
#define BOOT_NS   5000000000ULL         /* first packet, flow clock */
#define OFFSET_NS 1795254235000000000LL /* then it is 2026-11-21T09:44:00.000Z */

void fixture_set_ends(struct flow_key *key, uint8_t l4_proto, const char *end0, uint16_t port0,
                      const char *end1, uint16_t port1)
{
    const char *text[2] = {end0, end1};

    key->l4_proto = l4_proto;
    key->port[0] = WIRE_BE16(port0);
    key->port[1] = WIRE_BE16(port1);
    key->ip_version = strchr(end0, ':') ? 6 : 4;
    for (int i = 0; i < 2; i++) {
        if (key->ip_version == 6) {
            if (inet_pton(AF_INET6, text[i], key->addr[i].bytes) != 1)
                abort();
            continue;
        }
        key->addr[i].bytes[10] = key->addr[i].bytes[11] = 0xff;
        if (inet_pton(AF_INET, text[i], key->addr[i].bytes + 12) != 1)
            abort();
    }
}

void fixture_base(struct fixture *f)
{
    *f = (struct fixture){0};
    f->session.number = 7;
    f->session.stream_index = 6;
    f->flow.first_ns = BOOT_NS + 123456789;
    f->flow.dir[0].last_ns = f->flow.first_ns;
    f->flow.dir[1].last_ns = f->flow.first_ns + 1500 * US;
    f->flow.pkts[0] = f->flow.pkts[1] = 1;
    f->host.pid = -1;
    f->record.session = &f->session;
    f->record.flow = &f->flow;
    f->record.whisperer = "node-1";
    f->record.instance_id = "eth0";
    f->record.wall_offset_ns = OFFSET_NS;
    f->record.now_ns = f->flow.first_ns + 2000 * MS;
}

void fixture_tcp_full(struct fixture *f)
{
    struct flow_quality *client = &f->flow.quality[1], *server = &f->flow.quality[0];

    fixture_base(f);
    fixture_set_ends(&f->session.key, IP_PROTO_TCP, "10.0.0.1", 80, "10.0.0.200", 43512);
    f->session.key.scope = 3;
    f->session.updates = 1;
    f->session.created_ns = f->flow.first_ns + 1000 * MS;
    f->session.close_reason = CLOSE_FIN;
    f->session.close_by = CLOSE_BY_CLIENT;
    f->flow.bits = FLOW_SEEN | FLOW_SYN | FLOW_SYN_ACKED | FLOW_FIN | FLOW_FIN_ACKED | FLOW_DATA;
    f->flow.bits |= f->flow.bits << FLOW_ENDPOINT_SHIFT;
    f->flow.bits |= FLOW_SYNACK | FLOW_CLIENT_1 | FLOW_CLIENT_SURE | FLOW_ESTABLISHED |
                    FLOW_CLOSED | FLOW_FIN_FIRST_1;
    f->flow.pkts[0] = 6;
    f->flow.pkts[1] = 7;
    f->flow.last_data_pkt = 9;
    f->flow.lots = 2;
    f->flow.syn_ns = f->flow.first_ns;
    f->flow.synack_ns = f->flow.first_ns + 300 * US;
    f->flow.established_ns = f->flow.first_ns + 350 * US;
    f->flow.vlan[0] = 0x2064;
    f->flow.vlan[1] = 0x00c8;
    f->flow.dir[0] = (struct flow_dir){.payload_bytes = 5000,
                                       .last_ns = BOOT_NS + 60000 * MS,
                                       .l4_hdr_extra = 8,
                                       .first_seq = 1000,
                                       .ack = 5421};
    f->flow.dir[1] = (struct flow_dir){.payload_bytes = 420,
                                       .last_ns = BOOT_NS + 59000 * MS,
                                       .l4_hdr_extra = 8,
                                       .first_seq = 5000,
                                       .ack = 6001};
    *client = (struct flow_quality){
        .retransmits = 1,
        .retransmit_bytes = 20,
        .out_of_window = 3,
        .duplicate_acks = 2,
        .zero_windows = 3,
        .rtt_samples = 2,
        .rtt_sum_ns = 500 * US,
        .rtt_min_ns = 200 * US,
        .rtt_max_ns = 300 * US,
        .syn = {.mss = 1460,
                .window_scale = 7,
                .flags = TCP_SYN | TCP_ECE | TCP_CWR,
                .options = TCP_HAS_MSS | TCP_HAS_WINDOW_SCALE | TCP_HAS_SACK_PERMITTED |
                           TCP_HAS_TIMESTAMPS | TCP_HAS_FAST_OPEN | TCP_HAS_MPTCP,
                .unknown_count = 6,
                .unknown = {19, 28, 69, 253}},
    };
    *server = (struct flow_quality){
        .out_of_order = 4,
        .keep_alives = 5,
        .ce_pkts = 6,
        .l3_hdr_extra = 24,
        .rtt_samples = 1,
        .rtt_sum_ns = 45123,
        .rtt_min_ns = 45123,
        .rtt_max_ns = 45123,
        .syn = {.mss = 1400, .flags = TCP_SYN | TCP_ACK | TCP_ECE, .options = TCP_HAS_MSS},
    };
    f->ledger = (struct ledger){.seen = 5400,
                                .delivered = 5000,
                                .beyond_depth = 300,
                                .lost = 100,
                                .retransmitted = {0, 20},
                                .out_of_window = {0, 7},
                                .samples_dropped = 1};
    f->tally[0] = (struct stream_tally){.holes = 1, .hole_bytes = 100};
    f->tally[1] = (struct stream_tally){.overlaps = 2, .overlap_conflicts = 1};
    f->hole = (struct stream_hole){.offset = 1200, .length = 100, .from = 0};
    f->lots[0] = (struct packet_lot){.first_ns = f->flow.first_ns + 400 * US,
                                     .last_ns = f->flow.first_ns + 400 * US,
                                     .payload_bytes = 400,
                                     .pkts = 1,
                                     .from = 1};
    f->lots[1] = (struct packet_lot){.first_ns = f->flow.first_ns + 900 * US,
                                     .last_ns = f->flow.first_ns + 901 * US + 5,
                                     .payload_bytes = 4900,
                                     .pkts = 4,
                                     .from = 0,
                                     .late = true};
    f->host = (struct record_host){.container = "0123abcd",
                                   .pod = "web-0",
                                   .namespace_name = "shop",
                                   .image = "nginx:1.22",
                                   .process = "nginx",
                                   .netns = "cni-1",
                                   .pid = 4711};
    f->record.ledger = &f->ledger;
    f->record.tally = f->tally;
    f->record.host = &f->host;
    f->record.holes = &f->hole;
    f->record.hole_count = 1;
    f->record.lots = f->lots;
    f->record.lot_count = 2;
    f->record.interfaces[0] = "veth1";
    f->record.interfaces[1] = "br-\"0\"";
    f->record.names[1] = "client.example";
}

void fixture_tcp_refused(struct fixture *f)
{
    fixture_base(f);
    fixture_set_ends(&f->session.key, IP_PROTO_TCP, "2001:db8::1", 40000, "2001:db8::2", 81);
    f->session.close_reason = CLOSE_RST;
    f->session.close_by = CLOSE_BY_SERVER;
    f->flow.bits = FLOW_SEEN | FLOW_SYN | FLOW_CLIENT_SURE | FLOW_CLOSED | FLOW_RST_FIRST_1 |
                   FLOW_BIT(1, FLOW_SEEN | FLOW_RST);
    f->flow.syn_ns = f->flow.first_ns;
    f->flow.dir[0].first_seq = 4294967295;
    f->flow.dir[1].l4_hdr_extra = -12;
    f->flow.quality[0].syn.flags = TCP_SYN;
    f->record.ledger = &f->ledger;
    f->record.host = &f->host;
}

void fixture_tcp_midstream(struct fixture *f)
{
    fixture_base(f);
    fixture_set_ends(&f->session.key, IP_PROTO_TCP, "192.168.1.1", 50000, "192.168.1.2", 443);
    f->flow.bits = FLOW_MISSED_SYN | FLOW_ESTABLISHED | FLOW_BIT(1, FLOW_SEEN | FLOW_DATA);
    f->flow.pkts[0] = 0;
    f->flow.pkts[1] = 2;
    f->flow.dir[1].payload_bytes = 10;
    f->flow.dir[1].first_seq = 77;
    f->flow.dir[1].ack = 99;
    f->flow.lots = 1;
    f->flow.last_data_from = 1;
    f->flow.last_data_pkt = 2;
    f->ledger = (struct ledger){.seen = 10, .delivered = 10, .midstream = true};
    f->record.ledger = &f->ledger;
    f->record.tally = f->tally;
}

void fixture_udp(struct fixture *f)
{
    fixture_base(f);
    fixture_set_ends(&f->session.key, IP_PROTO_UDP, "10.0.0.1", 53, "10.0.0.2", 33333);
    f->session.close_reason = CLOSE_TIMEOUT;
    f->flow.bits = FLOW_SEEN | FLOW_BIT(1, FLOW_SEEN) | FLOW_CLIENT_1;
    f->flow.dir[0].payload_bytes = 120;
    f->flow.dir[1].payload_bytes = 33;
    f->flow.lots = 2;
    f->flow.last_data_pkt = 2;
    f->ledger = (struct ledger){.seen = 153, .beyond_depth = 153};
    f->record.ledger = &f->ledger;
    f->record.interfaces[0] = "veth1";
}

void fixture_icmpv6(struct fixture *f)
{
    fixture_base(f);
    fixture_set_ends(&f->session.key, IP_PROTO_ICMPV6, "fe80::1", 0x1234, "fe80::2", 128);
    f->session.close_reason = CLOSE_CAPTURE_END;
    f->flow.bits = FLOW_SEEN | FLOW_BIT(1, FLOW_SEEN) | FLOW_CLIENT_1;
    f->flow.icmp_type = 128;
    f->flow.dir[0].payload_bytes = f->flow.dir[1].payload_bytes = 56;
    f->flow.lots = 2;
    f->flow.last_data_pkt = 2;
    f->record.instance_id = "ping.pcap";
}
