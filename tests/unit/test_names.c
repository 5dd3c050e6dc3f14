/* SPDX-License-Identifier: Apache-2.0 */
/* Names of addresses: who overrules whom, bounds, hosts files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "session/names.h"

static void make_addr(uint8_t addr[16], unsigned int n)
{
    memset(addr, 0, 16);
    addr[10] = addr[11] = 0xff;
    addr[12] = 10;
    addr[13] = (uint8_t)(n >> 16);
    addr[14] = (uint8_t)(n >> 8);
    addr[15] = (uint8_t)n;
}

static void add(struct names *names, unsigned int n, const char *text, enum name_source source)
{
    uint8_t addr[16];

    make_addr(addr, n);
    names_add(names, addr, text, strlen(text), source);
}

static const char *find(const struct names *names, unsigned int n)
{
    uint8_t addr[16];

    make_addr(addr, n);
    return names_find(names, addr, NULL);
}

static void test_sources(void **state)
{
    struct names *names = names_new(100);
    const char *first;

    (void)state;
    assert_null(find(names, 1));
    add(names, 1, "sni.example", NAME_OF_TLS);
    first = find(names, 1);
    assert_string_equal(first, "sni.example");
    add(names, 1, "dns.example.", NAME_OF_DNS);
    assert_string_equal(find(names, 1), "dns.example");
    add(names, 1, "newer.example", NAME_OF_DNS);
    assert_string_equal(find(names, 1), "newer.example");
    add(names, 1, "sni.example", NAME_OF_TLS);
    assert_string_equal(find(names, 1), "newer.example");
    add(names, 1, "mine", NAME_OF_HOSTS);
    add(names, 1, "captured", NAME_OF_CAPTURE);
    assert_string_equal(find(names, 1), "mine");
    assert_string_equal(first, "sni.example"); /* records may still point there */
    names_free(names);
}

/* What DNS said before a session goes before what it said since, but not before who knows better. */
static void test_before_and_since(void **state)
{
    struct names *names = names_new(10);
    uint8_t addr[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
    const char *before;

    (void)state;
    assert_null(names_since(names, addr, names_of_dns(names, addr)));
    add(names, 1, "sni.example", NAME_OF_TLS);
    assert_null(names_of_dns(names, addr));
    add(names, 1, "asked.example", NAME_OF_DNS);
    before = names_of_dns(names, addr);
    assert_string_equal(before, "asked.example");
    add(names, 1, "later.example", NAME_OF_DNS);
    assert_string_equal(names_since(names, addr, before), "asked.example");
    assert_string_equal(names_since(names, addr, NULL), "later.example");
    add(names, 1, "hosts.example", NAME_OF_HOSTS);
    assert_string_equal(names_since(names, addr, before), "hosts.example");
    names_free(names);
}

static void test_wrong_names(void **state)
{
    char text[NAME_MAX_BYTES + 2];
    struct names *names = names_new(100);

    (void)state;
    add(names, 1, "", NAME_OF_DNS);
    add(names, 1, ".", NAME_OF_DNS);
    add(names, 1, "two words", NAME_OF_DNS);
    add(names, 1, "line\nend", NAME_OF_DNS);
    memset(text, 'a', sizeof(text));
    text[NAME_MAX_BYTES + 1] = '\0';
    add(names, 1, text, NAME_OF_DNS);
    assert_null(find(names, 1));
    text[NAME_MAX_BYTES] = '\0';
    add(names, 1, text, NAME_OF_DNS);
    assert_string_equal(find(names, 1), text);
    names_free(names);
}

static void test_many(void **state)
{
    struct names *names = names_new(50000);
    char text[32];

    (void)state;
    for (unsigned int n = 0; n < 60000; n++) {
        snprintf(text, sizeof(text), "host-%u", n);
        add(names, n, text, NAME_OF_DNS);
    }
    assert_int_equal(names_left_out(names), 10000);
    for (unsigned int n = 0; n < 60000; n++) {
        snprintf(text, sizeof(text), "host-%u", n);
        if (n < 50000)
            assert_string_equal(find(names, n), text);
        else
            assert_null(find(names, n));
    }
    names_free(names);
}

static void test_hosts_file(void **state)
{
    static const char text[] = "# comment\n\n10.0.0.1 one one.alias # end\n10.0.0.2\ttwo\n"
                               "nonsense\n10.0.0.3\n::ffff:10.0.0.4 four\n";
    struct names *names = names_new(10);
    char path[] = "/tmp/sesstap-hosts-XXXXXX";
    unsigned int bad_line = 99;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    assert_false(names_have_hosts(names));
    assert_int_equal(names_read_hosts(names, path, &bad_line), 0);
    assert_true(names_have_hosts(names));
    unlink(path);
    assert_int_equal(bad_line, 5);
    assert_string_equal(find(names, 1), "one");
    assert_string_equal(find(names, 2), "two");
    assert_null(find(names, 3));
    assert_string_equal(find(names, 4), "four");
    assert_true(names_read_hosts(names, "/nowhere/hosts", &bad_line) < 0);
    names_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sources),     cmocka_unit_test(test_before_and_since),
        cmocka_unit_test(test_wrong_names), cmocka_unit_test(test_many),
        cmocka_unit_test(test_hosts_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
