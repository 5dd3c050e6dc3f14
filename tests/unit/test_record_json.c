/* SPDX-License-Identifier: Apache-2.0 */
/* Whole records, byte by byte. Expected text has ' for ". */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "record_fixture.h"
#include "sink/record.h"

static const char tcp_full_json[] =
    "{'@id':'node-1.eth0.7.10.0.0.200-43512-10.0.0.1-80.5000','@type':'TcpSession','version':1,"
    "'name':'7.10.0.0.200-43512-10.0.0.1-80','whisperer':'node-1','instanceId':'eth0',"
    "'src':{'ip':'10.0.0.200','port':43512,'name':'client.example','socket':'10.0.0.200:43512'},"
    "'dst':{'ip':'10.0.0.1','port':80,'socket':'10.0.0.1:80'},'state':'CLOSED','packetsCount':13,"
    "'lastPacketToParse':9,'syn':1795254240.123456,'connect':1795254240.123756,'missedSyn':false,"
    "'first':1795254240.123456,'last':1795254300.000000,'duration':59.876543211,"
    "'latency':0.000300,'synchro':1795254242.123456,'firstDate':'2026-11-21T09:44:00.123Z',"
    "'firstMinute':'2026-11-21T09:44:00.000Z','lastDate':'2026-11-21T09:45:00.000Z',"
    "'lastMinute':'2026-11-21T09:45:00.000Z','out':{'initialSeq':5000,'ip':140,'tcp':232,"
    "'payload':420,'lastAck':6001,'packets':7},'in':{'initialSeq':1000,'ip':144,'tcp':200,"
    "'payload':5000,'lastAck':5421,'packets':6},'currentPacketLot':2,'lastDataDirection':'in',"
    "'timespan':{'gte':'2026-11-21T09:44:00.123Z','lte':'2026-11-21T09:45:00.000Z'},"
    "'dateCreated':'2026-11-21T09:44:01.123Z','dateModified':'2026-11-21T09:44:02.123Z',"
    "'_update':2,'tcp':{'synflags_fwd':194,'synflags_rev':82,'fin_fwd':true,'fin_rev':true,"
    "'rst_fwd':false,'rst_rev':false,'connected':true,'client_state':'TIME_WAIT',"
    "'server_state':'CLOSED','options_fwd':{'mss':1460,'window_scale':7,'sack_permitted':true,"
    "'timestamps':true,'fast_open':true,'mptcp':true,'unknown':[19,28,69,253]},"
    "'options_rev':{'mss':1400,'sack_permitted':false,'timestamps':false,'fast_open':false,"
    "'mptcp':false},'ecn':{'negotiated':true,'ce_fwd':0,'ce_rev':6},"
    "'quality_fwd':{'retransmits':1,'retransmit_bytes':20,'out_of_order':0,'overlaps':2,"
    "'overlap_conflicts':1,'overlap_unchecked':0,'duplicate_acks':2,'zero_windows':3,'keep_alives':0,'syn_retries':0,'gaps':0,"
    "'gap_bytes':0,'out_of_window':3,'out_of_window_bytes':7},"
    "'quality_rev':{'retransmits':0,'retransmit_bytes':0,'out_of_order':4,"
    "'overlaps':0,'overlap_conflicts':0,'overlap_unchecked':0,'duplicate_acks':0,'zero_windows':0,'keep_alives':5,'syn_retries':0,"
    "'gaps':1,'gap_bytes':100,'out_of_window':0,'out_of_window_bytes':0},'rtt':{'handshake_client':0.000050,'handshake_server':0.000300,"
    "'min':0.000245123,'avg':0.000295123,'max':0.000345123,'samples':3,"
    "'client':{'min':0.000045123,'avg':0.000045123,'max':0.000045123,'samples':1},"
    "'server':{'min':0.000200,'avg':0.000250,'max':0.000300,'samples':2}}},'proto':6,"
    "'streamIndex':6,'communityId':'1:K4QPEwMA00t9+vs+8IEt6kMui5g=','close':{'reason':'fin',"
    "'by':'client'},'link':{'interfaces':['veth1','br-\\'0\\''],'vlan':[100,200],'scope':3},"
    "'host':{'container':'0123abcd','pod':'web-0','namespace':'shop','image':'nginx:1.22',"
    "'process':'nginx','pid':4711,'netns':'cni-1'},'ledger':{'payload_seen':5400,"
    "'payload_delivered':5000,'payload_beyond_depth':300,'payload_lost':100,'samples_dropped':1,"
    "'midstream':false},'holes':[{'direction':'in','offset':1200,'length':100}],"
    "'packetLots':[{'n':1,'direction':'out','first':1795254240.123856,'duration':0.000000,"
    "'packets':1,'payload':400,'late':false},{'n':2,'direction':'in','first':1795254240.124356,"
    "'duration':0.000001005,'packets':4,'payload':4900,'late':true}]}";

static const char tcp_refused_json[] =
    "{'@id':'node-1.eth0.7.2001:db8::1-40000-2001:db8::2-81.4294967295','@type':'TcpSession',"
    "'version':1,'name':'7.2001:db8::1-40000-2001:db8::2-81','whisperer':'node-1',"
    "'instanceId':'eth0','src':{'ip':'2001:db8::1','port':40000,'socket':'[2001:db8::1]:40000'},"
    "'dst':{'ip':'2001:db8::2','port':81,'socket':'[2001:db8::2]:81'},'state':'CLOSED',"
    "'packetsCount':2,'syn':1795254240.123456,'missedSyn':false,'first':1795254240.123456,"
    "'last':1795254240.124956,'duration':0.001500,'synchro':1795254242.123456,"
    "'firstDate':'2026-11-21T09:44:00.123Z','firstMinute':'2026-11-21T09:44:00.000Z',"
    "'lastDate':'2026-11-21T09:44:00.124Z','lastMinute':'2026-11-21T09:44:00.000Z',"
    "'out':{'initialSeq':4294967295,'ip':40,'tcp':32,'payload':0,'packets':1},'in':{'ip':40,"
    "'tcp':20,'payload':0,'packets':1},'currentPacketLot':0,"
    "'timespan':{'gte':'2026-11-21T09:44:00.123Z','lte':'2026-11-21T09:44:00.124Z'},"
    "'dateCreated':'2026-11-21T09:44:02.123Z','dateModified':'2026-11-21T09:44:02.123Z',"
    "'_update':1,'tcp':{'synflags_fwd':2,'synflags_rev':null,'fin_fwd':false,'fin_rev':false,"
    "'rst_fwd':false,'rst_rev':true,'connected':false,'client_state':'CLOSED',"
    "'server_state':'CLOSED','options_fwd':{'sack_permitted':false,'timestamps':false,"
    "'fast_open':false,'mptcp':false},'ecn':{'ce_fwd':0,'ce_rev':0},"
    "'quality_fwd':{'retransmits':0,'retransmit_bytes':0,'out_of_order':0,'duplicate_acks':0,"
    "'zero_windows':0,'keep_alives':0,'syn_retries':0,'out_of_window':0},"
    "'quality_rev':{'retransmits':0,'retransmit_bytes':0,'out_of_order':0,'duplicate_acks':0,"
    "'zero_windows':0,'keep_alives':0,'syn_retries':0,'out_of_window':0},'rtt':{'samples':0}},"
    "'proto':6,'streamIndex':6,'communityId':'1:JqzC0hkNPVtLExoM3Z3onHSpYiM=',"
    "'close':{'reason':'rst','by':'server'},'link':{'scope':0},'ledger':{'payload_seen':0,"
    "'payload_delivered':0,'payload_beyond_depth':0,'payload_lost':0,'samples_dropped':0,"
    "'midstream':false}}";

static const char tcp_midstream_json[] =
    "{'@id':'node-1.eth0.7.192.168.1.1-50000-192.168.1.2-443.5123456789','@type':'TcpSession',"
    "'version':1,'name':'7.192.168.1.1-50000-192.168.1.2-443','whisperer':'node-1',"
    "'instanceId':'eth0','src':{'ip':'192.168.1.1','port':50000,'socket':'192.168.1.1:50000'},"
    "'dst':{'ip':'192.168.1.2','port':443,'socket':'192.168.1.2:443'},'state':'ESTABLISHED',"
    "'packetsCount':2,'lastPacketToParse':2,'missedSyn':true,'first':1795254240.123456,"
    "'last':1795254240.124956,'duration':0.001500,'synchro':1795254242.123456,"
    "'firstDate':'2026-11-21T09:44:00.123Z','firstMinute':'2026-11-21T09:44:00.000Z',"
    "'lastDate':'2026-11-21T09:44:00.124Z','lastMinute':'2026-11-21T09:44:00.000Z','out':{'ip':0,"
    "'tcp':0,'payload':0,'packets':0},'in':{'ip':40,'tcp':64,'payload':10,'lastAck':99,"
    "'packets':2},'currentPacketLot':1,'lastDataDirection':'in',"
    "'timespan':{'gte':'2026-11-21T09:44:00.123Z','lte':'2026-11-21T09:44:00.124Z'},"
    "'dateCreated':'2026-11-21T09:44:02.123Z','dateModified':'2026-11-21T09:44:02.123Z',"
    "'_update':1,'tcp':{'synflags_fwd':null,'synflags_rev':null,'fin_fwd':false,'fin_rev':false,"
    "'rst_fwd':false,'rst_rev':false,'connected':true,'client_state':'ESTABLISHED',"
    "'server_state':'ESTABLISHED','ecn':{'ce_fwd':0,'ce_rev':0},'quality_fwd':{'retransmits':0,"
    "'retransmit_bytes':0,'out_of_order':0,'overlaps':0,'overlap_conflicts':0,'overlap_unchecked':0,'duplicate_acks':0,"
    "'zero_windows':0,'keep_alives':0,'syn_retries':0,'gaps':0,'gap_bytes':0,'out_of_window':0,'out_of_window_bytes':0},'quality_rev':{'retransmits':0,"
    "'retransmit_bytes':0,'out_of_order':0,'overlaps':0,'overlap_conflicts':0,'overlap_unchecked':0,'duplicate_acks':0,"
    "'zero_windows':0,'keep_alives':0,'syn_retries':0,'gaps':0,'gap_bytes':0,'out_of_window':0,'out_of_window_bytes':0},'rtt':{'samples':0}},'proto':6,"
    "'streamIndex':6,'communityId':'1:4jt7ZyguxEFM+xbXcTsduyv4o/4=','link':{'scope':0},"
    "'ledger':{'payload_seen':10,'payload_delivered':10,'payload_beyond_depth':0,"
    "'payload_lost':0,'samples_dropped':0,'midstream':true}}";

static const char udp_json[] =
    "{'@id':'node-1.eth0.7.10.0.0.2-33333-10.0.0.1-53.5123456789','@type':'UdpSession',"
    "'version':1,'name':'7.10.0.0.2-33333-10.0.0.1-53','whisperer':'node-1','instanceId':'eth0',"
    "'src':{'ip':'10.0.0.2','port':33333,'socket':'10.0.0.2:33333'},'dst':{'ip':'10.0.0.1',"
    "'port':53,'socket':'10.0.0.1:53'},'packetsCount':2,'lastPacketToParse':2,"
    "'first':1795254240.123456,'last':1795254240.124956,'duration':0.001500,"
    "'synchro':1795254242.123456,'firstDate':'2026-11-21T09:44:00.123Z',"
    "'firstMinute':'2026-11-21T09:44:00.000Z','lastDate':'2026-11-21T09:44:00.124Z',"
    "'lastMinute':'2026-11-21T09:44:00.000Z','out':{'ip':20,'udp':8,'payload':33,'packets':1},"
    "'in':{'ip':20,'udp':8,'payload':120,'packets':1},'currentPacketLot':2,"
    "'lastDataDirection':'in','timespan':{'gte':'2026-11-21T09:44:00.123Z',"
    "'lte':'2026-11-21T09:44:00.124Z'},'dateCreated':'2026-11-21T09:44:02.123Z',"
    "'dateModified':'2026-11-21T09:44:02.123Z','_update':1,'proto':17,'streamIndex':6,"
    "'communityId':'1:LF2BidaQ9m1CIHtFZz69AxxYtHY=','close':{'reason':'timeout'},"
    "'link':{'interfaces':['veth1'],'scope':0},'ledger':{'payload_seen':153,"
    "'payload_delivered':0,'payload_beyond_depth':153,'payload_lost':0,'samples_dropped':0,"
    "'midstream':false}}";

static const char icmpv6_json[] =
    "{'@id':'node-1.ping.pcap.7.fe80::2-4660-fe80::1-128.5123456789','@type':'IcmpSession',"
    "'version':1,'name':'7.fe80::2-4660-fe80::1-128','whisperer':'node-1',"
    "'instanceId':'ping.pcap','src':{'ip':'fe80::2'},'dst':{'ip':'fe80::1'},'packetsCount':2,"
    "'lastPacketToParse':2,'first':1795254240.123456,'last':1795254240.124956,"
    "'duration':0.001500,'synchro':1795254242.123456,'firstDate':'2026-11-21T09:44:00.123Z',"
    "'firstMinute':'2026-11-21T09:44:00.000Z','lastDate':'2026-11-21T09:44:00.124Z',"
    "'lastMinute':'2026-11-21T09:44:00.000Z','out':{'ip':40,'icmp':8,'payload':56,'packets':1},"
    "'in':{'ip':40,'icmp':8,'payload':56,'packets':1},'currentPacketLot':2,"
    "'lastDataDirection':'in','timespan':{'gte':'2026-11-21T09:44:00.123Z',"
    "'lte':'2026-11-21T09:44:00.124Z'},'dateCreated':'2026-11-21T09:44:02.123Z',"
    "'dateModified':'2026-11-21T09:44:02.123Z','_update':1,'icmp':{'type':128,'code':0,"
    "'id':4660},'proto':58,'streamIndex':6,'communityId':'1:hcQR4+TVVdHthPBS7U0F6CmEKfY=',"
    "'close':{'reason':'capture_end'},'link':{'scope':0}}";

static const struct {
    const char *name;
    void (*make)(struct fixture *f);
    const char *json;
} records[] = {
    {"tcp, all there is", fixture_tcp_full, tcp_full_json},
    {"tcp, refused, IPv6", fixture_tcp_refused, tcp_refused_json},
    {"tcp, midstream, open", fixture_tcp_midstream, tcp_midstream_json},
    {"udp", fixture_udp, udp_json},
    {"icmpv6", fixture_icmpv6, icmpv6_json},
};

static char *with_quotes(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return copy;
}

static void test_records_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        char *expected = with_quotes(records[i].json);
        struct buf out = {0};
        struct fixture f;

        records[i].make(&f);
        record_write_json(&out, &f.record);
        buf_add(&out, "", 1);
        if (strcmp(out.data, expected))
            print_error("%s\n", records[i].name);
        assert_string_equal(out.data, expected);
        buf_fini(&out);
        free(expected);
    }
}

/* Wherever the buffer has to grow, the text is the same; what stood before it stays. */
static void test_growth_anywhere(void **state)
{
    struct buf whole = {0};
    struct fixture f;

    (void)state;
    fixture_tcp_full(&f);
    record_write_json(&whole, &f.record);
    for (size_t room = 0; room < whole.len + 200; room++) {
        struct buf out = {.data = malloc(room + 1), .cap = room + 1, .len = 1};

        assert_non_null(out.data);
        out.data[0] = '#';
        record_write_json(&out, &f.record);
        assert_int_equal(out.len, whole.len + 1);
        assert_int_equal(out.data[0], '#');
        assert_memory_equal(out.data + 1, whole.data, whole.len);
        buf_fini(&out);
    }
    buf_fini(&whole);
}

static void test_nothing_after_failure(void **state)
{
    struct buf out = {0};
    struct fixture f;

    (void)state;
    fixture_udp(&f);
    buf_add_str(&out, "before");
    out.failed = true;
    record_write_json(&out, &f.record);
    assert_int_equal(out.len, 6);
    buf_fini(&out);
}

/* A file's name may hold anything. */
static void test_escapes(void **state)
{
    struct buf out = {0};
    struct fixture f;

    (void)state;
    fixture_udp(&f);
    f.record.instance_id = "a\"b\\\xff\n.pcap";
    record_write_json(&out, &f.record);
    buf_add(&out, "", 1);
    assert_non_null(strstr(out.data, "\"instanceId\":\"a\\\"b\\\\\xef\xbf\xbd\\n.pcap\""));
    assert_non_null(
        strstr(out.data, "{\"@id\":\"node-1.a\\\"b\\\\\xef\xbf\xbd\\n.pcap.7.10.0.0.2-"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_exact),
        cmocka_unit_test(test_growth_anywhere),
        cmocka_unit_test(test_nothing_after_failure),
        cmocka_unit_test(test_escapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
