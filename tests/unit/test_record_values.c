/* SPDX-License-Identifier: Apache-2.0 */
/* Single values of a record by the path of their field: what filters and tables read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "record_fixture.h"
#include "sink/field.h"
#include "sink/record.h"
#include "tcp.h"

static void value_text(struct buf *out, const struct field_value *value)
{
    switch (value->type) {
    case FIELD_STRING:
        buf_add(out, value->text, value->len);
        break;
    case FIELD_BOOL:
        buf_add_str(out, value->flag ? "true" : "false");
        break;
    case FIELD_NULL:
        buf_add_str(out, "null");
        break;
    case FIELD_U64:
    case FIELD_LIST:
        buf_add_u64(out, value->u64);
        break;
    default:
        buf_add_seconds(out, value->ns, 9);
        break;
    }
    buf_add(out, "", 1);
}

/* The capture began between SYN and SYN-ACK: how long the server took is not known. */
static void fixture_tcp_answer_alone(struct fixture *f)
{
    fixture_tcp_midstream(f);
    f->flow.synack_ns = f->flow.first_ns;
}

static const struct {
    void (*make)(struct fixture *f);
    const char *path;
    const char *text; /* NULL: not there */
} values[] = {
    {fixture_tcp_full, "@id", "node-1.eth0.7.10.0.0.200-43512-10.0.0.1-80.5000"},
    {fixture_tcp_full, "name", "7.10.0.0.200-43512-10.0.0.1-80"},
    {fixture_tcp_full, "src.ip", "10.0.0.200"},
    {fixture_tcp_full, "src.socket", "10.0.0.200:43512"},
    {fixture_tcp_full, "src.name", "client.example"},
    {fixture_tcp_full, "dst.name", NULL},
    {fixture_tcp_full, "first", "1795254240.123456789"},
    {fixture_tcp_full, "firstMinute", "1795254240.000000000"},
    {fixture_tcp_full, "lastMinute", "1795254300.000000000"},
    {fixture_tcp_full, "latency", "0.000300000"},
    {fixture_tcp_full, "tcp.client_state", "TIME_WAIT"},
    {fixture_tcp_full, "tcp.rtt.min", "0.000245123"},
    {fixture_tcp_full, "tcp.rtt.client.samples", "1"},
    {fixture_tcp_full, "tcp.rtt.server.avg", "0.000250000"},
    {fixture_tcp_full, "tcp.options_fwd.unknown", "4"},
    {fixture_tcp_full, "tcp.options_rev.window_scale", NULL},
    {fixture_tcp_full, "tcp.ecn.negotiated", "true"},
    {fixture_tcp_full, "holes", "1"},
    {fixture_tcp_full, "holes[].offset", NULL},
    {fixture_tcp_full, "out", NULL},
    {fixture_tcp_full, "out.udp", NULL},
    {fixture_tcp_full, "icmp.type", NULL},
    {fixture_tcp_refused, "tcp.synflags_fwd", "2"},
    {fixture_tcp_refused, "tcp.synflags_rev", "null"},
    {fixture_tcp_refused, "tcp.ecn.negotiated", NULL},
    {fixture_tcp_refused, "in.initialSeq", NULL},
    {fixture_tcp_refused, "out.initialSeq", "4294967295"},
    {fixture_tcp_refused, "dst.socket", "[2001:db8::2]:81"},
    {fixture_tcp_midstream, "@id", "node-1.eth0.7.192.168.1.1-50000-192.168.1.2-443.5123456789"},
    {fixture_tcp_midstream, "in.initialSeq", NULL},
    {fixture_tcp_answer_alone, "connect", "1795254240.123456789"},
    {fixture_tcp_answer_alone, "latency", NULL},
    {fixture_tcp_midstream, "close.reason", NULL},
    {fixture_udp, "tcp.connected", NULL},
    {fixture_udp, "tcp.quality_fwd.retransmits", NULL},
    {fixture_udp, "state", NULL},
    {fixture_udp, "src.port", "33333"},
    {fixture_udp, "host.pid", NULL},
    {fixture_icmpv6, "icmp.id", "4660"},
    {fixture_icmpv6, "src.port", NULL},
    {fixture_icmpv6, "out.icmp", "8"},
};

static void test_values_by_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const struct field *field = field_find(values[i].path);
        struct field_value value;
        struct buf out = {0};
        struct fixture f;
        bool has;

        assert_non_null(field);
        values[i].make(&f);
        has = field_get(field, &f.record, &value);
        if (has)
            value_text(&out, &value);
        if (has != !!values[i].text || (has && strcmp(out.data, values[i].text)))
            fail_msg("%s: expected %s, got %s", values[i].path,
                     values[i].text ? values[i].text : "nothing", has ? out.data : "nothing");
        buf_fini(&out);
    }
}

/* A SYN-ACK that began the session tells the client's number; one that came later does not. */
static void test_initial_seq_from_syn_ack(void **state)
{
    const struct field *field = field_find("out.initialSeq");
    struct field_value value;
    struct fixture f;

    (void)state;
    fixture_tcp_midstream(&f);
    f.flow.bits |= FLOW_BIT(1, FLOW_SYN | FLOW_SYNACK);
    f.flow.dir[0].first_seq = 4242;
    f.flow.synack_ns = f.flow.first_ns;
    assert_true(field_get(field, &f.record, &value));
    assert_int_equal(value.u64, 4242);
    f.flow.synack_ns = f.flow.first_ns + 1;
    assert_false(field_get(field, &f.record, &value));
}

/* The reply was seen first: the client is the other side, and the type is the reply's. */
static void test_icmp_without_id(void **state)
{
    struct field_value value;
    struct fixture f;

    (void)state;
    fixture_base(&f);
    fixture_set_ends(&f.session.key, IP_PROTO_ICMP, "10.0.0.1", 0, "10.0.0.2", 3);
    f.flow.icmp_type = 3;
    f.flow.icmp_code = 1;
    assert_false(field_get(field_find("icmp.id"), &f.record, &value));
    assert_true(field_get(field_find("icmp.code"), &f.record, &value));
    assert_int_equal(value.u64, 1);
    assert_true(field_get(field_find("name"), &f.record, &value));
    assert_int_equal(value.len, strlen("7.10.0.0.1-0-10.0.0.2-3"));
    assert_memory_equal(value.text, "7.10.0.0.1-0-10.0.0.2-3", value.len);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_by_path),
        cmocka_unit_test(test_initial_seq_from_syn_ack),
        cmocka_unit_test(test_icmp_without_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
