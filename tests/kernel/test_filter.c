/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters in the kernel say of every frame what libpcap's bpf_filter() says: filters as users write them, and random
 * programs; frames made by hand, mutated and cut; in an skb, with its VLAN tag beside it, and in XDP's buffers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_PCAP

#include <pcap/pcap.h>

#include "base/buf.h"
#include "kernel/filter_runner.h"
#include "source/capfile/linktype.h"
#include "source/capfile/pcap_filter.h"
#include "unit/packet_builder.h"

#define MUTANTS      40
#define PROGRAMS     150
#define TAG_AT       12
#define SHORTEST_XDP 14
#define SHORTEST_SKB \
    54 /* BPF_PROG_TEST_RUN wants an IP header to be whole, if the type says that it is one */
#define LARGE_PAYLOAD 9000

static const char *const frames[] = {
    "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 4000 > 80 SYN seq=7 opts=mss:1460",
    "eth / ip 10.0.0.2 > 10.0.0.1 / tcp 80 > 4000 PSH|ACK seq=7 ack=9 / text \"HTTP/1.1 200 OK\"",
    "eth / ip 10.0.0.1 > 10.0.0.2 opts=12 / tcp 4000 > 443 ACK seq=7 / data 700",
    "eth / ip 10.0.0.1 > 10.0.0.2 mf / udp 53 > 53 len=1480 / data 100",
    "eth / ip 10.0.0.1 > 10.0.0.2 proto=6 frag=1480 / data 100",
    "eth / ip 10.0.0.1 > 192.168.7.9 / udp 5000 > 53 / data 30",
    "eth / ip 10.0.0.1 > 10.0.0.2 / icmp 8 id=9",
    "eth / ip 10.0.0.1 > 10.0.0.2 / sctp 80 > 80",
    "eth / ip6 fd00::1 > fd00::2 / tcp 4000 > 80 SYN seq=7",
    "eth / ip6 fd00::1 > fd00::2 / hop / tcp 4000 > 80 SYN seq=7",
    "eth / ip6 fd00::1 > fd00::2 / udp 5000 > 53 / data 4",
    "eth / vlan 5 / ip 10.0.0.1 > 10.0.0.2 / tcp 4000 > 80 ACK seq=7 / data 60",
    "eth / vlan 6 / vlan 5 / ip 10.0.0.1 > 10.0.0.2 / tcp 4000 > 80 ACK seq=7",
    "eth type=0x806 / data 28",
    "eth / mpls 16 / ip 10.0.0.1 > 10.0.0.2 / tcp 4000 > 80 ACK seq=7",
};

static const char *const filters[] = {
    "",
    "ip or not ip",
    "0 = 0",
    "tcp port 80",
    "tcp port 443 and net 10.0.0.0/8",
    "not port 80",
    "udp port 53 or icmp",
    "host fd00::1",
    "ip6 and tcp",
    "vlan",
    "vlan 5",
    "vlan 5 and tcp port 80",
    "vlan and vlan 5 and ip",
    "not vlan and tcp",
    "arp or (ip proto 132)",
    "greater 100",
    "less 60",
    "len > 70 and ip",
    "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn",
    "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x48545450",
    "ether host 00:00:00:00:00:02 or ether[12:2] = 0x86dd",
    "ip[6:2] & 0x1fff != 0",
    "ip[ip[0] & 0xf] > 3",
    "ether[ip[8]:4] / (ip[9] - 6) != 3",
    "ether[len - 4:4] != 0",
    "ether[len - 3:4] != 0",
    "ether[100000] = 1",
    "ether[4294967295] = 1",
    "src portrange 4000-5000 and dst port (80 or 443 or 53)",
    "mpls 16 and ip",
    "(ip[2:2] * 7 - len) % 5 = 1 or ip[8] << (ip[9] & 63) > 100",
    "tcp port 1 or 2 or 3 or 4 or 5 or 6 or 7 or 8 or 9 or 10 or 11 or 12 or 13 or 80",
};

/* A filter in both worlds. */
struct pair {
    struct sock_filter *code;
    size_t count;
    struct run_filter_bpf *runner;
};

static uint32_t random_state = 20261121;

static uint32_t random_below(uint32_t limit)
{
    random_state = random_state * 1664525 + 1013904223;
    return (uint32_t)(((uint64_t)random_state * limit) >> 32);
}

static bool reference_matches(const struct pair *pair, const uint8_t *frame, size_t len)
{
    struct bpf_insn *insns = calloc(pair->count, sizeof(*insns));
    bool matches;

    for (size_t i = 0; i < pair->count; i++)
        insns[i] = (struct bpf_insn){pair->code[i].code, pair->code[i].jt, pair->code[i].jf,
                                     pair->code[i].k};
    matches = bpf_filter(insns, frame, (uint32_t)len, (uint32_t)len) != 0;
    free(insns);
    return matches;
}

static void dump(const struct pair *pair, const uint8_t *frame, size_t len)
{
    for (size_t i = 0; i < pair->count; i++)
        printf("(%03zu) {0x%02x, %u, %u, 0x%08x}\n", i, pair->code[i].code, pair->code[i].jt,
               pair->code[i].jf, pair->code[i].k);
    for (size_t i = 0; i < len && i < 200; i++)
        printf("%02x", frame[i]);
    printf(" (%zu)\n", len);
}

static void assert_same(const struct pair *pair, enum filter_run how, const char *name,
                        const uint8_t *frame, size_t len)
{
    static const char *const hows[] = {"skb", "skb with its tag beside it", "xdp"};
    static uint8_t bare[PACKET_BUILDER_ROOM];
    bool expect = reference_matches(pair, frame, len);
    uint16_t tci = 0;

    if (how == RUN_SKB_TAGGED) {
        memcpy(bare, frame, TAG_AT);
        memcpy(bare + TAG_AT, frame + TAG_AT + 4, len - TAG_AT - 4);
        tci = (uint16_t)(frame[TAG_AT + 2] << 8 | frame[TAG_AT + 3]);
    }
    if (filter_runner_matches(pair->runner, how, how == RUN_SKB_TAGGED ? bare : frame,
                              how == RUN_SKB_TAGGED ? len - 4 : len, tci) == expect)
        return;
    dump(pair, frame, len);
    fail_msg("%s, %s: must %smatch", name, hows[how], expect ? "" : "not ");
}

/* A frame with a tag, of 802.1Q as the test's card makes them, can also come with it outside. */
static void assert_same_everywhere(const struct pair *pair, const char *name, const uint8_t *frame,
                                   size_t len)
{
    assert_same(pair, RUN_XDP, name, frame, len);
    if (len >= SHORTEST_SKB)
        assert_same(pair, RUN_SKB, name, frame, len);
    if (len >= SHORTEST_SKB + 4 && frame[TAG_AT] == 0x81 && frame[TAG_AT + 1] == 0)
        assert_same(pair, RUN_SKB_TAGGED, name, frame, len);
}

/* Some bytes changed, at times cut. Returns the length. */
static size_t mutate(uint8_t *frame, size_t len)
{
    static const uint8_t likely[] = {0, 1, 4, 5, 6, 17, 53, 80, 0x45, 0x46, 0x81, 0xff};

    for (uint32_t n = random_below(4); n; n--)
        frame[random_below((uint32_t)len)] =
            random_below(2) ? likely[random_below(sizeof(likely))] : (uint8_t)random_below(256);
    if (random_below(3) == 0 && len > SHORTEST_XDP)
        len = SHORTEST_XDP + random_below((uint32_t)len - SHORTEST_XDP);
    return len;
}

static size_t random_frame(uint8_t *frame)
{
    size_t len = packet_build(frame, PACKET_BUILDER_ROOM, "%s",
                              frames[random_below(sizeof(frames) / sizeof(frames[0]))]);

    return mutate(frame, len);
}

static void compile(struct pair *pair, const char *text, uint16_t linktype)
{
    struct buf error = {0};

    if (pcap_filter_compile(text, linktype, &pair->code, &pair->count, &error))
        fail_msg("%.*s", (int)error.len, (const char *)error.data);
    buf_fini(&error);
    pair->runner = filter_runner_open(pair->code, pair->count, linktype == LINKTYPE_RAW);
}

static void discard(struct pair *pair)
{
    filter_runner_close(pair->runner);
    free(pair->code);
}

static void users_filters_match_alike(void **state)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        struct pair pair;

        compile(&pair, filters[i], LINKTYPE_ETHERNET);
        for (size_t j = 0; j < sizeof(frames) / sizeof(frames[0]); j++) {
            size_t len = packet_build(frame, sizeof(frame), "%s", frames[j]);

            assert_same_everywhere(&pair, filters[i], frame, len);
        }
        for (int j = 0; j < MUTANTS; j++) {
            size_t len = random_frame(frame);

            assert_same_everywhere(&pair, filters[i], frame, len);
        }
        discard(&pair);
    }
}

/* What is not in the first buffer of an XDP frame is read from the others, up to the last byte. */
static void bytes_of_all_buffers_are_read(void **state)
{
    static const char *const texts[] = {"ether[len - 4:4] != 0", "ether[len - 1] = 100",
                                        "ether[9000:4] != 0",    "ether[3000:2] > 0x6160",
                                        "ether[9054] = 0",       "ether[9053] != 0"};
    static uint8_t frame[PACKET_BUILDER_ROOM];
    size_t len =
        packet_build(frame, sizeof(frame),
                     "eth / ip 10.0.0.1 > 10.0.0.2 / tcp 1 > 2 ACK seq=1 / data %d", LARGE_PAYLOAD);

    (void)state;
    assert_int_equal(len, 54 + LARGE_PAYLOAD);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pair pair;

        compile(&pair, texts[i], LINKTYPE_ETHERNET);
        for (size_t cut = 0; cut < 6; cut++)
            assert_same(&pair, RUN_XDP, texts[i], frame, len - cut);
        discard(&pair);
    }
}

static void raw_ip_has_a_program_of_its_own(void **state)
{
    static const char *const texts[] = {"tcp port 80", "ip6", "udp", "len < 60", "ip[8] = 64"};
    static uint8_t frame[PACKET_BUILDER_ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pair pair;

        compile(&pair, texts[i], LINKTYPE_RAW);
        for (size_t j = 0; j < 11; j++) {
            size_t len = packet_build(frame, sizeof(frame), "%s", frames[j]);

            assert_same(&pair, RUN_SKB, texts[i], frame + 14, len - 14);
        }
        discard(&pair);
    }
}

/* ---- random programs ------------------------------------------------------------------------------ */

static struct sock_filter random_load(void)
{
    static const uint16_t codes[] = {
        BPF_LD | BPF_W | BPF_ABS,  BPF_LD | BPF_H | BPF_ABS,  BPF_LD | BPF_B | BPF_ABS,
        BPF_LD | BPF_W | BPF_IND,  BPF_LD | BPF_H | BPF_IND,  BPF_LD | BPF_B | BPF_IND,
        BPF_LDX | BPF_B | BPF_MSH, BPF_LD | BPF_IMM,          BPF_LDX | BPF_W | BPF_IMM,
        BPF_LD | BPF_W | BPF_LEN,  BPF_LDX | BPF_W | BPF_LEN, BPF_LD | BPF_MEM,
        BPF_LDX | BPF_W | BPF_MEM,
    };
    struct sock_filter insn = {.code = codes[random_below(sizeof(codes) / sizeof(codes[0]))]};

    insn.k = random_below(40);
    if (BPF_MODE(insn.code) == BPF_MEM)
        insn.k %= BPF_MEMWORDS;
    else if (random_below(20) == 0)
        insn.k = 0u - random_below(100);
    return insn;
}

static struct sock_filter random_alu(void)
{
    static const uint16_t ops[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND,
                                   BPF_OR,  BPF_XOR, BPF_LSH, BPF_RSH, BPF_NEG};
    uint16_t op = ops[random_below(sizeof(ops) / sizeof(ops[0]))];
    struct sock_filter insn = {.k = random_below(4) ? random_below(64) : random_state};

    insn.code = BPF_ALU | op | (op != BPF_NEG && random_below(2) ? BPF_X : BPF_K);
    if (op == BPF_LSH || op == BPF_RSH)
        insn.k %= 32; /* more is not defined in libpcap */
    if ((op == BPF_DIV || op == BPF_MOD) && !insn.k)
        insn.k = 3;
    return insn;
}

static struct sock_filter random_jump(uint32_t left)
{
    static const uint16_t ops[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET, BPF_JA};
    uint16_t op = ops[random_below(sizeof(ops) / sizeof(ops[0]))];
    struct sock_filter insn = {.code = BPF_JMP | op,
                               .k = random_below(4) ? random_below(256) : random_state};

    if (op == BPF_JA) {
        insn.k = random_below(left < 4 ? left : 4);
        return insn;
    }
    insn.code |= random_below(2) ? BPF_X : BPF_K;
    insn.jt = (uint8_t)random_below(left < 8 ? left : 8);
    insn.jf = (uint8_t)random_below(left < 8 ? left : 8);
    return insn;
}

static struct sock_filter random_insn(uint32_t left)
{
    switch (random_below(8)) {
    case 0:
    case 1:
    case 2:
        return random_load();
    case 3:
    case 4:
        return random_alu();
    case 5:
        return random_jump(left);
    case 6:
        return (struct sock_filter){.code = random_below(2) ? BPF_ST : BPF_STX,
                                    .k = random_below(BPF_MEMWORDS)};
    default:
        return (struct sock_filter){.code = BPF_MISC | (random_below(2) ? BPF_TAX : BPF_TXA)};
    }
}

/* Memory is written before all else: libpcap leaves it as it is. */
static void random_program(struct pair *pair)
{
    size_t body = 4 + random_below(60);

    pair->count = BPF_MEMWORDS + body + 1;
    pair->code = calloc(pair->count, sizeof(*pair->code));
    for (uint32_t k = 0; k < BPF_MEMWORDS; k++)
        pair->code[k] = (struct sock_filter){.code = BPF_ST, .k = k};
    for (size_t i = 0; i < body; i++)
        pair->code[BPF_MEMWORDS + i] = random_insn((uint32_t)(body - i));
    pair->code[pair->count - 1] =
        random_below(2) ? (struct sock_filter){.code = BPF_RET | BPF_K, .k = random_below(2)}
                        : (struct sock_filter){.code = BPF_RET | BPF_A};
}

static void random_programs_do_alike(void **state)
{
    static uint8_t frame[PACKET_BUILDER_ROOM];
    uint32_t matched = 0, runs = 0;

    (void)state;
    for (int i = 0; i < PROGRAMS; i++) {
        struct pair pair;
        char name[32];

        random_program(&pair);
        pair.runner = filter_runner_open(pair.code, pair.count, false);
        snprintf(name, sizeof(name), "random program %d", i);
        for (int j = 0; j < MUTANTS; j++) {
            size_t len = random_frame(frame);

            assert_same_everywhere(&pair, name, frame, len);
            matched += reference_matches(&pair, frame, len);
            runs++;
        }
        discard(&pair);
    }
    printf("%u of %u random runs matched\n", matched, runs);
    assert_true(matched > runs / 20 && matched < runs / 20 * 19);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_filters_match_alike),
        cmocka_unit_test(bytes_of_all_buffers_are_read),
        cmocka_unit_test(raw_ip_has_a_program_of_its_own),
        cmocka_unit_test(random_programs_do_alike),
    };

    return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}

#else

int main(void)
{
    puts("SKIP: built without libpcap");
    return 77;
}

#endif
