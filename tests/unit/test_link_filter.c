/* SPDX-License-Identifier: Apache-2.0 */
/* Which interfaces are tracked: the default, names and globs; and which link layers can be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/if_arp.h>
#include <string.h>

#include "host/links.h"

struct filter_row {
    const char *name;
    const char *patterns[3];
    const char *link_name;
    const char *kind;
    bool wanted;
};

static const struct filter_row filter_rows[] = {
    {"default takes veth", {NULL}, "veth12ab", "veth", true},
    {"default takes veth under any name", {NULL}, "lxc7", "veth", true},
    {"default takes netkit", {NULL}, "nk0", "netkit", true},
    {"default leaves hardware", {NULL}, "eth0", "", false},
    {"default leaves bridge", {NULL}, "veth-bridge", "bridge", false},
    {"default leaves a kind that begins alike", {NULL}, "x", "veth2", false},
    {"name", {"eth0"}, "eth0", "", true},
    {"name is whole", {"eth0"}, "eth01", "", false},
    {"a pattern replaces the default", {"eth0"}, "veth0", "veth", false},
    {"glob star", {"cali*"}, "cali1234", "veth", true},
    {"glob question mark", {"eth?"}, "eth10", "", false},
    {"glob class", {"eth[0-3]"}, "eth2", "", true},
    {"glob class, outside", {"eth[0-3]"}, "eth4", "", false},
    {"second of three", {"a", "eth*", "b"}, "eth9", "", true},
    {"none of three", {"a", "b", "c"}, "eth9", "", false},
    {"a name with a bracket, literally", {"eth[0"}, "eth[0", "", true},
    {"vlan name with a dot", {"eth0.*"}, "eth0.100", "vlan", true},
};

static void matches_as_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(filter_rows) / sizeof(filter_rows[0]); i++) {
        const struct filter_row *row = &filter_rows[i];
        struct link_filter filter = {.patterns = row->patterns};
        struct link_info link = {0};

        while (filter.count < 3 && row->patterns[filter.count])
            filter.count++;
        strcpy(link.name, row->link_name);
        strcpy(link.kind, row->kind);
        if (links_match(&filter, &link) != row->wanted)
            fail_msg("%s", row->name);
    }
}

static void reads_ethernet_loopback_and_bare_ip(void **state)
{
    (void)state;
    assert_true(link_is_readable(&(struct link_info){.arphrd = ARPHRD_ETHER}));
    assert_true(link_is_readable(&(struct link_info){.arphrd = ARPHRD_LOOPBACK}));
    assert_true(link_is_readable(&(struct link_info){.arphrd = ARPHRD_NONE, .l3_only = true}));
    assert_false(link_is_readable(&(struct link_info){.arphrd = ARPHRD_INFINIBAND}));
    assert_false(link_is_readable(&(struct link_info){.arphrd = ARPHRD_IEEE80211_RADIOTAP}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_as_asked),
        cmocka_unit_test(reads_ethernet_loopback_and_bare_ip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
