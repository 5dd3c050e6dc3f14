/* SPDX-License-Identifier: Apache-2.0 */
/* Filters in the pcap language on frames of several link types. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "source/capfile/linktype.h"
#include "source/capfile/pcap_filter.h"

/* 10.1.2.3:40000 > 10.9.9.9:443, TCP SYN without options. */
#define IP_TCP                                                                                    \
    0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 10, 1, 2, 3, 10, 9, 9, 9, 0x9c, 0x40, 0x01, 0xbb, 0, \
        0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0

static const uint8_t ethernet[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, IP_TCP};
static const uint8_t vlan[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x81, 0, 0, 100, 8, 0, IP_TCP};
static const uint8_t raw[] = {IP_TCP};
static const uint8_t cooked[] = {0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 2, 0, 0, 8, 0, IP_TCP};
static const uint8_t loopback[] = {2, 0, 0, 0, IP_TCP};

#ifdef HAVE_PCAP

#define FRAME(bytes) bytes, sizeof(bytes)

static const struct {
    const char *filter;
    uint16_t linktype;
    const uint8_t *data;
    uint32_t len;
    bool passes;
} rows[] = {
    {"tcp port 443", LINKTYPE_ETHERNET, FRAME(ethernet), true},
    {"tcp port 443", LINKTYPE_ETHERNET, FRAME(vlan), false},
    {"vlan 100 and tcp port 443", LINKTYPE_ETHERNET, FRAME(vlan), true},
    {"tcp port 443", LINKTYPE_RAW, FRAME(raw), true},
    {"tcp port 443", LINKTYPE_RAW_BSD, FRAME(raw), true},
    {"tcp port 443", LINKTYPE_IPV4, FRAME(raw), true},
    {"tcp port 443", LINKTYPE_LINUX_SLL, FRAME(cooked), true},
    {"tcp port 443", LINKTYPE_NULL, FRAME(loopback), true},
    {"udp port 443", LINKTYPE_ETHERNET, FRAME(ethernet), false},
    {"net 10.0.0.0/8", LINKTYPE_RAW, FRAME(raw), true},
    {"src net 10.9.0.0/16", LINKTYPE_RAW, FRAME(raw), false},
    {"ether host 02:00:00:00:00:01", LINKTYPE_ETHERNET, FRAME(ethernet), true},
    {"ether host 02:00:00:00:00:01", LINKTYPE_RAW, FRAME(raw), false}, /* it has no such thing */
    {"wlan type data", LINKTYPE_ETHERNET, FRAME(ethernet), false},
    {"", LINKTYPE_ETHERNET, FRAME(ethernet), true},
    {"greater 54", LINKTYPE_ETHERNET, FRAME(ethernet), true},
    {"greater 55", LINKTYPE_ETHERNET, FRAME(ethernet), false},
    {"tcp port 443", LINKTYPE_ETHERNET, ethernet, 30, false}, /* cut before the ports */
    {"host 10.1.2.3", LINKTYPE_ETHERNET, ethernet, 34, true},
    {"tcp", LINKTYPE_ETHERNET, ethernet, 0, false},
    {"inbound", LINKTYPE_LINUX_SLL, FRAME(cooked), true},
    {"outbound", LINKTYPE_LINUX_SLL, FRAME(cooked), false},
    {"not outbound", LINKTYPE_ETHERNET, FRAME(ethernet), false}, /* which can't be told */
};

static void test_matches(void **state)
{
    struct buf error = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pcap_filter *filter = pcap_filter_new(rows[i].filter, &error);

        assert_non_null(filter);
        for (int again = 0; again < 2; again++)
            if (pcap_filter_match(filter, rows[i].linktype, rows[i].data, rows[i].len,
                                  rows[i].len) != rows[i].passes)
                fail_msg("'%s' on %s", rows[i].filter, linktype_name(rows[i].linktype));
        pcap_filter_free(filter);
    }
    assert_int_equal(error.len, 0);
}

/* The length on the wire counts, not what was kept. */
static void test_wire_length(void **state)
{
    struct buf error = {0};
    struct pcap_filter *filter = pcap_filter_new("greater 1000", &error);

    (void)state;
    assert_non_null(filter);
    assert_true(pcap_filter_match(filter, LINKTYPE_ETHERNET, FRAME(ethernet), 1000));
    assert_false(pcap_filter_match(filter, LINKTYPE_ETHERNET, FRAME(ethernet), 999));
    pcap_filter_free(filter);
}

/* One filter on frames of link types in turn, more of them than are kept. */
static void test_changing_link_types(void **state)
{
    static const struct {
        uint16_t linktype;
        const uint8_t *data;
        uint32_t len;
    } frames[] = {{LINKTYPE_ETHERNET, FRAME(ethernet)},
                  {LINKTYPE_RAW, FRAME(raw)},
                  {LINKTYPE_LINUX_SLL, FRAME(cooked)},
                  {LINKTYPE_NULL, FRAME(loopback)}};
    struct buf error = {0};
    struct pcap_filter *filter = pcap_filter_new("tcp dst port 443", &error);

    (void)state;
    assert_non_null(filter);
    for (unsigned int i = 0; i < 100; i++) {
        unsigned int k = i % 4;

        assert_true(pcap_filter_match(filter, frames[k].linktype, frames[k].data, frames[k].len,
                                      frames[k].len));
        pcap_filter_match(filter, (uint16_t)(LINKTYPE_C_HDLC + i % 20), FRAME(raw), sizeof(raw));
    }
    pcap_filter_free(filter);
}

static void test_errors(void **state)
{
    static const struct {
        const char *filter, *error;
    } wrong[] = {
        {"tcp port", "filter 'tcp port': can't parse filter expression: syntax error"},
        {"tcp and (", "filter 'tcp and (': can't parse filter expression: syntax error"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct buf error = {0};

        assert_null(pcap_filter_new(wrong[i].filter, &error));
        buf_add_char(&error, '\0');
        assert_string_equal(error.data, wrong[i].error);
        buf_fini(&error);
    }
    assert_true(pcap_filter_match(NULL, LINKTYPE_ETHERNET, FRAME(ethernet), sizeof(ethernet)));
    pcap_filter_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_wire_length),
        cmocka_unit_test(test_changing_link_types),
        cmocka_unit_test(test_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void test_without_libpcap(void **state)
{
    struct buf error = {0};

    (void)state;
    assert_null(pcap_filter_new("tcp", &error));
    assert_non_null(memmem(error.data, error.len, "without libpcap", 15));
    assert_true(
        pcap_filter_match(NULL, LINKTYPE_ETHERNET, ethernet, sizeof(ethernet), sizeof(ethernet)));
    buf_fini(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_without_libpcap)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
