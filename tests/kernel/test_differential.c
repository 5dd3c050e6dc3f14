/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel programs and include/ as user space compiles it, side by side on random packets: after
 * each one the kernel's entry and ours are the same, byte for byte. Our clock is the kernel's: the
 * time that it wrote for the packet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kernel/flow_text.h"
#include "kernel/tracker.h"
#include "random.h"
#include "session/firsts.h"
#include "tcp.h"
#include "unit/packet_builder.h"

#define SESSIONS      64
#define TCP_PACKETS   30000
#define DAMAGED       20000
#define DAMAGED_ROUND 40 /* packets until the tables are emptied */
#define SEED          20231121

struct entry {
    struct flow_key key;
    struct flow flow;
};

/* The table of user space: what a list is to a hash. */
struct model {
    struct firsts *firsts;
    struct entry entries[SESSIONS];
    size_t count;
};

static struct flow *model_find(struct model *model, const struct flow_key *key)
{
    for (size_t i = 0; i < model->count; i++)
        if (!memcmp(&model->entries[i].key, key, sizeof(*key)))
            return &model->entries[i].flow;
    return NULL;
}

static void model_begin(struct flow *flow, const struct packet *pkt, uint64_t id, uint64_t now_ns)
{
    memset(flow, 0, sizeof(*flow));
    flow->ifindex = TRACKER_IFINDEX;
    flow->slot = TRACKER_SLOT;
    flow_begin(flow, pkt, id, now_ns);
}

static void read_syn(const struct packet *pkt, const uint8_t *frame, struct flow_syn *syn)
{
    uint8_t opts[TCP_OPTIONS_BUFFER] = {0};
    uint32_t len = pkt->l4_hdr_len - (uint32_t)sizeof(struct tcp_hdr);

    memcpy(opts, frame + pkt->l4_off + sizeof(struct tcp_hdr), len);
    tcp_parse_syn(syn, opts, len, pkt->tcp_flags);
}

/* What pipeline and kernel do with a packet of a session; id as the kernel gave it. */
static void model_track(struct model *model, const struct packet *pkt, const uint8_t *frame,
                        uint32_t pkts, uint64_t id, uint64_t now_ns)
{
    struct flow *flow = model_find(model, &pkt->key);
    struct flow_syn syn = {0};
    struct tcp_verdict verdict;

    if (pkt->key.l4_proto == IP_PROTO_TCP && (pkt->tcp_flags & TCP_SYN))
        read_syn(pkt, frame, &syn);
    if (!flow) {
        assert_true(model->count < SESSIONS);
        model->entries[model->count].key = pkt->key;
        flow = &model->entries[model->count++].flow;
        model_begin(flow, pkt, id, now_ns);
    }
    verdict = flow_track(flow, pkt, pkts, &syn, now_ns);
    if (verdict.events & TCP_EV_RESTART) {
        model_begin(flow, pkt, id, now_ns);
        flow_track(flow, pkt, pkts, &syn, now_ns);
    }
}

/* Where two entries differ, for the message. */
static void assert_same_flow(const struct flow_key *key, const struct flow *kernel,
                             const struct flow *ours, const char *line)
{
    char a[FLOW_TEXT_ROOM], b[FLOW_TEXT_ROOM];
    size_t at = 0;

    if (!memcmp(kernel, ours, sizeof(*kernel)))
        return;
    while (((const uint8_t *)kernel)[at] == ((const uint8_t *)ours)[at])
        at++;
    flow_text(key, kernel, a);
    flow_text(key, ours, b);
    fail_msg("%s\nkernel %s\nours   %s\nfirst difference at byte %zu of struct flow", line, a, b,
             at);
}

/* One frame through both. Returns 0, or the reason that both gave it up for. */
static uint32_t run_both(const struct tracker *tracker, struct model *model, uint8_t *frame,
                         size_t len, uint32_t pkts, const char *line)
{
    struct packet_cursor cur = {frame, frame, frame + len};
    struct __sk_buff ctx = {.gso_segs = pkts > 1 ? pkts : 0, .gso_size = pkts > 1 ? 100 : 0};
    struct packet pkt = {0};
    int verdict = packet_parse_eth(&pkt, &cur, (uint32_t)len);
    uint32_t reason = (uint32_t)firsts_join(model->firsts, &pkt, verdict, clock_mono_ns());
    uint64_t given_up = reason ? tracker_unaccounted(tracker, reason).skbs : 0;
    struct flow flow;

    assert_int_equal(tracker_run(tracker->ingress_fd, frame, len, &ctx), TC_NEXT);
    if (reason) {
        if (tracker_unaccounted(tracker, reason).skbs != given_up + 1)
            fail_msg("%s\nwe give it up for reason %u, the kernel does not", line, reason);
        return reason;
    }
    if (tracker_get_flow(tracker, &pkt.key, &flow))
        fail_msg("%s\nthe kernel has no such session", line);
    flow.bits &= ~(uint32_t)FLOW_STIRRED; /* of the table only */
    model_track(model, &pkt, frame, pkts, flow.id, flow.dir[pkt.from].last_ns);
    assert_same_flow(&pkt.key, &flow, model_find(model, &pkt.key), line);
    return 0;
}

/* What the two sides of a connection would send next, more or less. */
struct talk {
    uint32_t nxt[2];
};

static uint32_t flags_of_next(uint64_t *random)
{
    static const uint8_t usual[] = {
        TCP_ACK,           TCP_ACK,           TCP_ACK | TCP_PSH,           TCP_ACK | TCP_PSH,
        TCP_ACK | TCP_PSH, TCP_SYN,           TCP_SYN | TCP_ACK,           TCP_FIN | TCP_ACK,
        TCP_RST,           TCP_RST | TCP_ACK, TCP_ACK | TCP_ECE | TCP_URG,
    };

    if (random_below(random, 40) == 0)
        return random_below(random, 256);
    return usual[random_below(random, sizeof(usual))];
}

static uint32_t near(uint64_t *random, uint32_t number)
{
    static const int32_t jumps[] = {-1, 1, -100, 100, -1000, 3000, 70000, -70000, 1 << 30};

    if (random_below(random, 5))
        return number;
    return number + (uint32_t)jumps[random_below(random, sizeof(jumps) / sizeof(jumps[0]))];
}

static void say_flags(char *text, size_t room, uint32_t flags)
{
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    size_t len = 0;

    snprintf(text, room, "NONE");
    for (int i = 0; i < 8; i++)
        if (flags & 1u << i)
            len += (size_t)snprintf(text + len, room - len, "%s%s", len ? "|" : "", names[i]);
}

/* A segment of connection number `number`; mostly as TCP would go on, now and then not. */
static void next_segment(uint64_t *random, struct talk *talk, uint32_t number, char *line,
                         size_t room)
{
    static const char *const options[] = {"", "opts=nop,nop,ts:1:2", "opts=mss:1460,sack,ws:7",
                                          "opts=mss:500,raw:fe04f989,raw:4902,fo:0102"};
    uint32_t from = random_below(random, 2), flags = flags_of_next(random);
    uint32_t data = random_below(random, 2) ? random_below(random, 1000) : 0;
    uint32_t seq = near(random, talk->nxt[from]), ack = near(random, talk->nxt[!from]);
    uint32_t mine = number * 2 + from, theirs = number * 2 + !from;
    char names[64];

    say_flags(names, sizeof(names), flags);
    snprintf(
        line, room,
        "eth / ip 10.0.%u.%u > 10.0.%u.%u id=%u tos=%u / tcp %u > %u %s seq=%u ack=%u win=%u %s / "
        "data %u",
        mine % 2, mine, theirs % 2, theirs, random_below(random, 3),
        random_below(random, 20) ? 0 : 3, 1000 + mine, 1000 + theirs, names, seq, ack,
        random_below(random, 10) ? 500 : 0, options[random_below(random, 4)], data);
    if (seq == talk->nxt[from] && random_below(random, 20))
        talk->nxt[from] += data + !!(flags & TCP_SYN) + !!(flags & TCP_FIN);
}

static void tcp_is_tracked_alike(void **state)
{
    const struct tracker *tracker = *state;
    uint64_t random = SEED;
    static struct talk talks[SESSIONS];
    static struct model model;
    static uint8_t frame[PACKET_BUILDER_ROOM];
    char line[1024];

    model.count = 0;
    firsts_free(model.firsts);
    model.firsts = firsts_new();
    assert_non_null(model.firsts);
    for (size_t i = 0; i < SESSIONS; i++) /* half of them wrap */
        talks[i] = (struct talk){{(uint32_t)(i & 1 ? -2000 : 5000), (uint32_t)(i & 2 ? -3000 : 7)}};
    for (int i = 0; i < TCP_PACKETS; i++) {
        uint32_t number = random_below(&random, SESSIONS);
        uint32_t pkts = random_below(&random, 10) || tracker->xdp ? 1 : 3;

        next_segment(&random, &talks[number], number, line, sizeof(line));
        run_both(tracker, &model, frame, packet_build(frame, sizeof(frame), "%s", line), pkts,
                 line);
    }
    assert_int_equal(model.count, SESSIONS);
    assert_int_equal(tracker_count_flows(tracker), SESSIONS);
    tracker_clear_flows(tracker);
}

static const char *const lines[] = {
    "eth / ip 10.0.0.1 > 10.0.0.2 opts=8 / tcp 1 > 2 SYN opts=mss:1460,ws:7 / data 30",
    "eth / vlan 5 / ip 10.0.0.1 > 10.0.0.2 / udp 1 > 2 / data 30",
    "eth / vlan 5 / vlan 6 / ip6 fd00::1 > fd00::2 / tcp 1 > 2 ACK / data 30",
    "eth / mpls 16 / ip 10.0.0.1 > 10.0.0.2 / sctp 1 > 2 / data 30",
    "eth / pppoe / ip6 fd00::1 > fd00::2 / icmp6 128 id=3 / data 30",
    "eth / ip6 fd00::1 > fd00::2 / hop / ah size=24 / dst size=16 / frag 0 id=3 mf / udp 1 > 2 / data 30",
    "eth / ip 10.0.0.1 > 10.0.0.2 / icmp 8 id=3 / data 30",
};

/* One to three bytes after the Ethernet addresses become something else. */
/* Fragments too find their session, by the table of first ones that user space has. */
static void damaged_packets_are_read_alike(void **state)
{
    const struct tracker *tracker = *state;
    uint64_t random = SEED + 1;
    static struct model model;
    static uint8_t frame[PACKET_BUILDER_ROOM];
    uint32_t times[UNACCOUNTED_COUNT] = {0};

    model.count = 0;
    firsts_free(model.firsts);
    model.firsts = firsts_new();
    assert_non_null(model.firsts);
    for (int i = 0; i < DAMAGED; i++) {
        const char *line = lines[random_below(&random, sizeof(lines) / sizeof(lines[0]))];
        size_t len = packet_build(frame, sizeof(frame), "%s", line);

        for (uint32_t n = random_below(&random, 3) + 1; n; n--)
            frame[12 + random_below(&random, (uint32_t)len - 12)] =
                (uint8_t)random_below(&random, 256);
        times[run_both(tracker, &model, frame, len, 1, line)]++;
        if (i % DAMAGED_ROUND == DAMAGED_ROUND - 1) {
            tracker_clear_flows(tracker);
            model.count = 0;
        }
    }
    for (uint32_t reason = UNACCOUNTED_NOT_IP; reason <= UNACCOUNTED_L4_UNSUPPORTED; reason++)
        if (reason != UNACCOUNTED_EXTENSION_HEADERS)
            assert_int_not_equal(times[reason], 0);
}

static int setup_tc(void **state)
{
    return tracker_setup(state, &(struct tracker_options){.max_flows = 2 * SESSIONS});
}

static int setup_xdp(void **state)
{
    return tracker_setup(state, &(struct tracker_options){.max_flows = 2 * SESSIONS, .xdp = true});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_is_tracked_alike),
        cmocka_unit_test(damaged_packets_are_read_alike),
    };

    return cmocka_run_group_tests_name("differential, TC", tests, setup_tc, tracker_teardown) +
           cmocka_run_group_tests_name("differential, XDP", tests, setup_xdp, tracker_teardown);
}
