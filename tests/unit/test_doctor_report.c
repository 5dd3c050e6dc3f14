/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's report, as a table and as JSON, to the letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "cmd/doctor_report.h"

static struct attachable interfaces[] = {
    {.name = "veth1", .kind = "veth", .by_default = true, .up = true, .netns = "web"},
    {.name = "eth0", .container = "nginx"},
};

static const struct doctor_report report = {
    .checks = {{"kernel", CHECK_OK, "6.1.0", ""},
               {"JIT", CHECK_LIMITED, "is \"off\"", "turn it on"}},
    .check_count = 2,
    .interfaces = interfaces,
    .interface_count = 2,
};

static void assert_text(struct buf *out, const char *expected)
{
    buf_add_char(out, '\0');
    assert_false(out->failed);
    assert_string_equal(out->data, expected);
    buf_fini(out);
}

static void table(void **state)
{
    struct buf out = {0};

    (void)state;
    doctor_report_write_table(&out, &report, false);
    assert_text(&out,
                "kernel         ok       6.1.0\n"
                "JIT            limited  is \"off\"\n"
                "                     -> turn it on\n"
                "\n"
                "INTERFACE        KIND       STATE TRACKED  NAMESPACE            CONTAINER OR "
                "PROCESS\n"
                "veth1            veth       up    default  web                  -\n"
                "eth0             -          down  with -i  -                    nginx\n"
                "\n"
                "Sessions can be tracked here: sesstap run\n");
}

static void colour_is_only_around_the_result(void **state)
{
    struct doctor_report one = {.checks = {{"BTF", CHECK_MISSING, "none", ""}}, .check_count = 1};
    struct buf out = {0};

    (void)state;
    doctor_report_write_table(&out, &one, true);
    assert_text(&out, "BTF            \033[31mmissing \033[0m none\n"
                      "\n"
                      "Sessions can't be tracked here yet: see -> above\n");
}

static void json(void **state)
{
    struct buf out = {0};

    (void)state;
    doctor_report_write_json(&out, &report, "v1");
    assert_text(
        &out, "{\"version\":\"v1\",\"can_track\":true,\"checks\":["
              "{\"check\":\"kernel\",\"result\":\"ok\",\"finding\":\"6.1.0\"},"
              "{\"check\":\"JIT\",\"result\":\"limited\",\"finding\":\"is \\\"off\\\"\","
              "\"advice\":\"turn it on\"}],\"interfaces\":["
              "{\"name\":\"veth1\",\"kind\":\"veth\",\"up\":true,\"by_default\":true,"
              "\"netns\":\"web\"},"
              "{\"name\":\"eth0\",\"up\":false,\"by_default\":false,\"container\":\"nginx\"}]}\n");
}

static void what_is_missing_or_unknown_stops_tracking(void **state)
{
    static const bool good[] = {[CHECK_OK] = true,
                                [CHECK_LIMITED] = true,
                                [CHECK_MISSING] = false,
                                [CHECK_UNKNOWN] = false};

    (void)state;
    for (enum check_result result = CHECK_OK; result <= CHECK_UNKNOWN; result++) {
        struct doctor_report two = {.checks = {{"a", CHECK_OK, "", ""}, {"b", result, "", ""}},
                                    .check_count = 2};

        assert_int_equal(doctor_report_is_good(&two), good[result]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(colour_is_only_around_the_result),
        cmocka_unit_test(json),
        cmocka_unit_test(what_is_missing_or_unknown_stops_tracking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
