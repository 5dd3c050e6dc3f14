/* SPDX-License-Identifier: Apache-2.0 */
/* Which bridges share the host's address space and which have one of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "host/scope.h"

static struct subnet subnet_of(const char *text)
{
    struct subnet subnet = {0};
    char addr[64];
    char *slash;

    strcpy(addr, text);
    slash = strchr(addr, '/');
    *slash = '\0';
    subnet.prefix_len = (uint8_t)atoi(slash + 1);
    subnet.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(subnet.family, addr, subnet.addr), 1);
    return subnet;
}

struct overlap_row {
    const char *a;
    const char *b;
    bool overlap;
};

static const struct overlap_row overlap_rows[] = {
    {"10.0.0.1/24", "10.0.0.2/24", true},
    {"10.0.0.1/24", "10.0.1.1/24", false},
    {"10.0.0.1/24", "10.0.1.1/23", true},
    {"10.0.0.1/8", "10.200.1.1/24", true},
    {"10.0.0.127/25", "10.0.0.128/25", false},
    {"10.0.0.1/32", "10.0.0.1/32", true},
    {"10.0.0.1/32", "10.0.0.2/32", false},
    {"0.0.0.0/0", "192.168.1.1/24", true},
    {"fd00::1/64", "fd00::2/64", true},
    {"fd00::1/64", "fd00:0:0:1::1/64", false},
    {"fd00::1/63", "fd00:0:0:1::1/64", true},
    {"fd00::1/128", "fd00::1/128", true},
    {"::/0", "0.0.0.0/0", false},
    {"0.0.0.0/0", "::/0", false},
};

static void compares_subnets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(overlap_rows) / sizeof(overlap_rows[0]); i++) {
        struct subnet a = subnet_of(overlap_rows[i].a), b = subnet_of(overlap_rows[i].b);

        if (subnet_overlaps(&a, &b) != overlap_rows[i].overlap ||
            subnet_overlaps(&b, &a) != overlap_rows[i].overlap)
            fail_msg("%s and %s", overlap_rows[i].a, overlap_rows[i].b);
    }
}

#define BRIDGES 3
struct rule_row {
    const char *name;
    const char *subnets[BRIDGES][3]; /* of bridges 10, 11, 12 */
    uint16_t scope[BRIDGES];
};

static const struct rule_row rule_rows[] = {
    {"apart: the host's space", {{"10.0.0.1/24"}, {"10.0.1.1/24"}, {"10.0.2.1/24"}}, {0, 0, 0}},
    {"none has addresses", {{NULL}, {NULL}, {NULL}}, {1, 2, 3}},
    {"one has none", {{"10.0.0.1/24"}, {NULL}, {"10.0.2.1/24"}}, {0, 1, 0}},
    {"two share", {{"10.0.0.1/24"}, {"10.0.1.1/24"}, {"10.0.0.9/24"}}, {1, 0, 2}},
    {"one inside another", {{"10.0.0.1/8"}, {"10.9.1.1/24"}, {"11.0.0.9/24"}}, {1, 2, 0}},
    {"link-local is no address", {{"fe80::1/64"}, {"fe80::1/64"}, {"10.0.0.9/24"}}, {1, 2, 0}},
    {"link-local is no overlap",
     {{"10.0.0.1/24", "fe80::1/64"}, {"10.0.1.1/24", "fe80::1/64"}, {"fd00::1/64"}},
     {0, 0, 0}},
    {"IPv4 apart, IPv6 shared",
     {{"10.0.0.1/24", "fd00::1/64"}, {"10.0.1.1/24", "fd00::2/64"}, {"10.0.2.1/24"}},
     {1, 2, 0}},
    {"two in one's own subnet",
     {{"10.0.0.1/24", "10.0.0.2/24"}, {"1.0.0.1/8"}, {"2.0.0.1/8"}},
     {0}},
};

static struct scopes *with_bridges(void)
{
    struct scopes *scopes = scopes_new();

    assert_non_null(scopes);
    for (uint32_t i = 0; i < BRIDGES; i++)
        assert_int_equal(scopes_add_bridge(scopes, 10 + i), 0);
    return scopes;
}

static void add(struct scopes *scopes, uint32_t ifindex, const char *text)
{
    struct subnet subnet = subnet_of(text);

    assert_int_equal(scopes_add_subnet(scopes, ifindex, &subnet), 0);
}

static void follows_the_rule(void **state)
{
    (void)state;
    for (size_t r = 0; r < sizeof(rule_rows) / sizeof(rule_rows[0]); r++) {
        struct scopes *scopes = with_bridges();

        for (uint32_t i = 0; i < BRIDGES; i++)
            for (int k = 0; k < 3 && rule_rows[r].subnets[i][k]; k++)
                add(scopes, 10 + i, rule_rows[r].subnets[i][k]);
        scopes_update(scopes);
        for (uint32_t i = 0; i < BRIDGES; i++)
            if (scopes_get(scopes, 10 + i) != rule_rows[r].scope[i])
                fail_msg("%s: bridge %u has scope %u", rule_rows[r].name, 10 + i,
                         scopes_get(scopes, 10 + i));
        scopes_free(scopes);
    }
}

static void no_bridge_is_the_hosts_own(void **state)
{
    struct scopes *scopes = with_bridges();

    (void)state;
    add(scopes, 99, "10.0.0.1/24");
    add(scopes, 10, "10.0.0.1/24");
    scopes_update(scopes);
    assert_int_equal(scopes_get(scopes, 99), 0);
    assert_int_equal(scopes_get(scopes, 10), 0);
    scopes_free(scopes);
}

static void changes_are_told_and_numbers_kept(void **state)
{
    struct scopes *scopes = with_bridges();
    struct subnet subnet = subnet_of("10.0.0.1/24");

    (void)state;
    assert_true(scopes_update(scopes)); /* 1 2 3 */
    assert_false(scopes_update(scopes));
    add(scopes, 11, "10.0.0.1/24");
    assert_true(scopes_update(scopes));
    assert_int_equal(scopes_get(scopes, 11), 0);
    add(scopes, 11, "10.0.0.1/24"); /* told again, as the kernel does */
    assert_false(scopes_update(scopes));
    scopes_remove_subnet(scopes, 11, &subnet);
    assert_true(scopes_update(scopes));
    assert_int_equal(scopes_get(scopes, 11), 2);
    scopes_remove_bridge(scopes, 10);
    assert_false(scopes_update(scopes));
    assert_int_equal(scopes_get(scopes, 12), 3);
    assert_int_equal(scopes_add_bridge(scopes, 10), 0); /* another bridge under the same index */
    assert_true(scopes_update(scopes));
    assert_int_equal(scopes_get(scopes, 10), 4);
    scopes_free(scopes);
}

static void reading_anew_forgets_subnets(void **state)
{
    struct scopes *scopes = with_bridges();

    (void)state;
    add(scopes, 10, "10.0.0.1/24");
    scopes_update(scopes);
    assert_int_equal(scopes_get(scopes, 10), 0);
    scopes_clear_subnets(scopes);
    assert_true(scopes_update(scopes));
    assert_int_equal(scopes_get(scopes, 10), 3); /* 11 and 12 came first */
    scopes_free(scopes);
}

static void removal_ends_an_overlap(void **state)
{
    struct scopes *scopes = with_bridges();

    (void)state;
    add(scopes, 10, "10.0.0.1/24");
    add(scopes, 11, "10.0.0.1/24");
    scopes_update(scopes);
    assert_int_not_equal(scopes_get(scopes, 11), 0);
    scopes_remove_bridge(scopes, 10);
    assert_true(scopes_update(scopes));
    assert_int_equal(scopes_get(scopes, 11), 0);
    scopes_free(scopes);
}

/* Containers' networks come and go for years: numbers come round before those of namespaces and tunnels. */
static void numbers_come_round(void **state)
{
    struct scopes *scopes = scopes_new();
    uint16_t before = 0;

    (void)state;
    assert_int_equal(scopes_add_bridge(scopes, 1), 0);
    scopes_update(scopes);
    for (uint32_t ifindex = 2; ifindex < SCOPE_LAST + 10; ifindex++) {
        uint16_t scope;

        assert_int_equal(scopes_add_bridge(scopes, ifindex), 0);
        scopes_update(scopes);
        scope = scopes_get(scopes, ifindex);
        assert_in_range(scope, 2, SCOPE_LAST); /* 1 is in use */
        assert_int_equal(scope, before == SCOPE_LAST ? 2 : ifindex == 2 ? 2 : before + 1);
        before = scope;
        scopes_remove_bridge(scopes, ifindex);
    }
    scopes_free(scopes);
}

static void numbers_outlive_a_process(void **state)
{
    struct pin_scope room[4] = {{.ifindex = 0}};
    struct scopes *scopes = scopes_new();

    (void)state;
    scopes_keep(scopes, room, 4, 0);
    for (uint32_t ifindex = 10; ifindex <= 12; ifindex++)
        assert_int_equal(scopes_add_bridge(scopes, ifindex), 0);
    scopes_update(scopes);
    assert_int_equal(scopes_get(scopes, 12), 3);
    scopes_remove_bridge(scopes, 11);
    scopes_free(scopes);

    scopes = scopes_new();
    scopes_keep(scopes, room, 4, 0);
    for (uint32_t ifindex = 13; ifindex >= 10; ifindex--) /* another order, and a new one first */
        assert_int_equal(scopes_add_bridge(scopes, ifindex), 0);
    scopes_update(scopes);
    assert_int_equal(scopes_get(scopes, 10), 1);
    assert_int_equal(scopes_get(scopes, 12), 3);
    assert_int_equal(scopes_get(scopes, 13), 4);
    assert_int_equal(scopes_get(scopes, 11), 5);
    scopes_free(scopes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_subnets),
        cmocka_unit_test(follows_the_rule),
        cmocka_unit_test(no_bridge_is_the_hosts_own),
        cmocka_unit_test(changes_are_told_and_numbers_kept),
        cmocka_unit_test(reading_anew_forgets_subnets),
        cmocka_unit_test(removal_ends_an_overlap),
        cmocka_unit_test(numbers_come_round),
        cmocka_unit_test(numbers_outlive_a_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
