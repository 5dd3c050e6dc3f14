/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions over what app/ found, alerts and ICMP errors; and that no field of the list is left out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "record_fixture.h"
#include "sink/where.h"
#include "sink/where_internal.h"

/* What app/ and others found, put down by hand; times are of the flow's clock. */
struct found {
    struct facts facts;
    struct http_header headers[3];
    const struct http_header *lists[3];
    struct http_transaction http[2];
    struct dns_answer answers[2];
    struct dns_transaction dns[2];
    struct websocket_frame frame;
    struct fact_text names[2];
    struct tls_facts inner[2];
    struct alert_fact alert;
    const struct alert_fact *alerts[1];
    struct flow_note note;
};

#define TEXT(word)                          \
    {                                       \
        .at = word, .len = sizeof(word) - 1 \
    }

static const char *risk_name(unsigned int bit)
{
    return bit == 5 ? "Known Proto on Non Std Port" : "Weak Cipher";
}

static void find_http(struct found *found, uint64_t first_ns)
{
    struct http_header headers[] = {{TEXT("Host"), TEXT("www.example")},
                                    {TEXT("Accept"), TEXT("*/*")},
                                    {TEXT("Server"), TEXT("nginx")}};
    struct http_transaction answered = {
        .number = 1,
        .version = 11,
        .status = 404,
        .method = TEXT("GET"),
        .uri = TEXT("/a?b"),
        .host = TEXT("www.example"),
        .request = {.first_ns = first_ns,
                    .last_ns = first_ns + 10000000,
                    .header_bytes = 77,
                    .complete = true,
                    .header_count = 2},
        .response = {.first_ns = first_ns + 30000000,
                     .last_ns = first_ns + 50000000,
                     .header_bytes = 90,
                     .body_bytes = 100,
                     .content_bytes = 1000,
                     .content_type = TEXT("text/html; charset=utf-8"),
                     .content_encoding = TEXT("gzip"),
                     .content_sha256 = {0xab, 0xcd},
                     .has_content_sha256 = true,
                     .complete = true,
                     .header_count = 1},
        .next = &found->http[1],
    };
    struct http_transaction unanswered = {.number = 2,
                                          .version = 20,
                                          .stream = 3,
                                          .method = TEXT("POST"),
                                          .upgraded = true,
                                          .protocol = TEXT("websocket"),
                                          .tunnel = 1};

    memcpy(found->headers, headers, sizeof(headers));
    found->http[0] = answered;
    found->http[1] = unanswered;
    for (int i = 0; i < 3; i++)
        found->lists[i] = &found->headers[i];
    found->http[0].request.headers = found->lists;
    found->http[0].response.headers = found->lists + 2;
    found->http[1].request = (struct http_message){.first_ns = first_ns + 1, .cut = true};
    found->facts.http = found->http;
    found->facts.http_count = 2;
    found->frame = (struct websocket_frame){.time_ns = first_ns,
                                            .payload_bytes = 500,
                                            .transaction = 2,
                                            .opcode = 2,
                                            .from_client = true};
    found->facts.websocket = &found->frame;
    found->facts.websocket_count = 1;
}

static void find_dns(struct found *found, uint64_t first_ns)
{
    struct dns_answer answers[] = {
        {.name = TEXT("a.example"),
         .type = 5,
         .ttl_s = 60,
         .data = TEXT("b.example"),
         .next = &found->answers[1]},
        {.name = TEXT("b.example"), .type = 1, .ttl_s = 5, .data = TEXT("10.0.0.9")}};
    struct dns_transaction asked = {.query_ns = first_ns,
                                    .id = 7,
                                    .qtype = 65,
                                    .qclass = 1,
                                    .rcode = -1,
                                    .name = TEXT("c.example"),
                                    .next = &found->dns[1]};
    struct dns_transaction answered = {.query_ns = first_ns,
                                       .answer_ns = first_ns + 2000000,
                                       .id = 8,
                                       .qtype = 1,
                                       .qclass = 3,
                                       .rcode = 3,
                                       .truncated = true,
                                       .name = TEXT("a.example"),
                                       .answers = found->answers,
                                       .answer_count = 2};

    memcpy(found->answers, answers, sizeof(answers));
    found->dns[0] = asked;
    found->dns[1] = answered;
    found->facts.dns = found->dns;
    found->facts.dns_count = 2;
}

static void find_all(struct found *found, struct fixture *f)
{
    struct fact_text names[] = {TEXT("one.example"), TEXT("two.example")};

    memset(found, 0, sizeof(*found));
    fixture_tcp_full(f);
    find_http(found, f->flow.first_ns);
    find_dns(found, f->flow.first_ns);
    memcpy(found->names, names, sizeof(names));
    found->facts.tls.seen = true;
    found->facts.tls.names = found->names;
    found->facts.tls.name_count = 2;
    found->inner[1] = (struct tls_facts){.seen = true,
                                         .version = "TLS 1.2",
                                         .within = "http",
                                         .tunnel = 2,
                                         .sni = TEXT("inner.example"),
                                         .decrypted = true,
                                         .decrypted_bytes = 100};
    found->inner[0].next = &found->inner[1]; /* one that came to nothing */
    found->facts.tls.next = &found->inner[0];
    found->alert = (struct alert_fact){.wall_ns = 1795254240123456000,
                                       .signature = "ET SCAN x",
                                       .category = "Attempted",
                                       .action = "allowed",
                                       .signature_id = 2019,
                                       .severity = 2};
    found->alerts[0] = &found->alert;
    found->note.icmp_errors[1] =
        (struct icmp_error_kind){.count = 3, .ip_version = 4, .type = 11, .code = 1};
    memcpy(found->note.icmp_errors[1].from, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\1\2\3", 16);
    f->record.facts = &found->facts;
    f->record.alerts = found->alerts;
    f->record.alert_count = 1;
    f->record.note = &found->note;
    f->record.identity.risks = 1ULL << 5 | 1ULL << 63;
    f->record.identity.risk_name = risk_name;
}

static const struct {
    const char *text;
    bool matches;
} rows[] = {
    {"http", true},
    {"http == 2", true},
    {"http.status == 404", true},
    {"http[].status == 404", true},
    {"http.status > 404", false},
    {"http.status != 404", false},
    {"http.n == 2", true},
    {"http.n == 3", false},
    {"http.method == POST", true},
    {"http.method == PUT", false},
    {"http.method != PUT", true},
    {"http.uri contains '?'", true},
    {"http.host == www.example", true},
    {"http.version == 2", true},
    {"http.version == 1.0", false},
    {"http.stream == 3", true},
    {"http.informational", false},
    {"http.upgraded", true},
    {"http.first == 2026-11-21T09:44", true},
    {"http.latency == 30ms", true},
    {"http.wait == 20ms", true},
    {"http.total > 50ms", false},
    {"http.total == 50ms", true},
    {"http.request", true},
    {"has http.response", true},
    {"http.request.header_bytes == 77", true},
    {"http.request.cut", true},
    {"http.response.cut", false},
    {"http.request.complete == false", true},
    {"http.response.complete == false", false},
    {"http.response.content_bytes >= 1kB", true},
    {"http.response.body_bytes == 100", true},
    {"http.response.content_type contains html", true},
    {"http.request.content_type", false},
    {"http.response.content_encoding == gzip", true},
    {"http.response.sha256 contains abcd00", true},
    {"http.request.sha256", false},
    {"http.response.decode_failed", false},
    {"http.request.headers == 2", true},
    {"http.response.headers > 1", false},
    {"http.request.headers.name == Accept", true},
    {"http.request.headers.value == '*/*'", true},
    {"http.response.headers.name == Accept", false},
    {"http.response.headers.value == nginx", true},
    {"dns > 1", true},
    {"dns.id == 8", true},
    {"dns.name == c.example", true},
    {"dns.name contains example", true},
    {"dns.name != a.example", false},
    {"dns.type == HTTPS", true},
    {"dns.type == AAAA", false},
    {"dns.class == CH", true},
    {"dns.class == IN", false},
    {"dns.first == 2026-11-21", true},
    {"dns.latency == 2ms", true},
    {"dns.rcode == NXDOMAIN", true},
    {"dns.rcode != NOERROR", true},
    {"dns.authoritative", false},
    {"dns.truncated", true},
    {"dns.answerCount == 2", true},
    {"dns.answers == 2", true},
    {"dns.answers.name == b.example", true},
    {"dns.answers.type == CNAME", true},
    {"dns.answers.type == MX", false},
    {"dns.answers.ttl < 10", true},
    {"dns.answers.data == 10.0.0.9", true},
    {"dns.answers.data == 10.0.0.8", false},
    {"websocket.time == 2026-11-21", true},
    {"websocket.direction == out", true},
    {"websocket.direction == in", false},
    {"websocket.opcode == 2", true},
    {"websocket.fin", false},
    {"websocket.length == 500B", true},
    {"tls.names == two.example", true},
    {"tls.names contains three", false},
    {"tls_inner.version == 'TLS 1.2'", true},
    {"tls_inner.within == http", true},
    {"tls_inner.within == smtp", false},
    {"tls_inner.tunnel == 2", true},
    {"tls_inner.sni contains inner", true},
    {"tls_inner.decrypted", true},
    {"tls_inner.decrypted_bytes > 99", true},
    {"tls_inner.undecrypted_records < 1", false},
    {"tls_inner.resumed", false},
    {"http.tunnel == 1", true},
    {"http.tunnel == 2", false},
    {"http.protocol == websocket", true},
    {"websocket.n == 2", true},
    {"app.risks == 'Weak Cipher'", true},
    {"app.risks contains 'Non Std Port'", true},
    {"app.risks contains Sure", false},
    {"alerts.time == 1795254240.123456", true},
    {"alerts.signature contains SCAN", true},
    {"alerts.signature_id == 2019", true},
    {"alerts.category == Attempted", true},
    {"alerts.severity <= 2", true},
    {"alerts.severity == 1", false},
    {"alerts.action == allowed", true},
    {"icmp_errors.type == 11", true},
    {"icmp_errors.code == 1", true},
    {"icmp_errors.code == 0", false},
    {"icmp_errors.from == 10.1.2.3", true},
    {"icmp_errors.count == 3", true},
};

static bool matches(const char *text, const struct record *record)
{
    struct buf error = {0};
    struct where *where = where_compile(text, &error);
    bool match;

    if (!where)
        fail_msg("%s: %.*s", text, (int)error.len, error.data);
    match = where_match(where, record);
    where_free(where);
    return match;
}

/* Each row, and that none matches the same record without what was found. */
static void test_found(void **state)
{
    struct found found;
    struct fixture f, bare;

    (void)state;
    find_all(&found, &f);
    fixture_tcp_full(&bare);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (matches(rows[i].text, &f.record) != rows[i].matches)
            fail_msg("%s: should %s", rows[i].text, rows[i].matches ? "match" : "not match");
        if (matches(rows[i].text, &bare.record))
            fail_msg("%s: matches where nothing was found", rows[i].text);
    }
}

/* A field that no expression could read would never match, and nobody would be told. */
static void test_every_field_is_read(void **state)
{
    size_t count;
    const struct field *list = field_list(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const struct field *field = &list[i];
        bool of_items = field->path && strstr(field->path, "[].");
        bool of_words = field->type == FIELD_LIST && field->item_type != FIELD_OBJECT;

        if ((of_items || of_words) && !where_find_items(field))
            fail_msg("%s is read by nothing", field->path);
        if (field->type > FIELD_LIST && !of_items && !field->get)
            fail_msg("%s has no getter", field->path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_every_field_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
