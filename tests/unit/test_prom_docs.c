/* SPDX-License-Identifier: Apache-2.0 */
/* The tables in docs/metrics.md are those of the source. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "made_docs.h"
#include "sink/prom.h"

#define METRICS_PATH "docs/metrics.md"

static void test_families(void **state)
{
    struct buf made = {0};
    size_t count;
    const struct prom_family *family = prom_families(&count);

    (void)state;
    buf_add_str(&made, "| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (size_t i = 0; i < count; i++, family++)
        buf_printf(&made, "| %s | %s | %s | %s |\n", family->name, family->type, family->labels,
                   family->help);
    buf_add(&made, "", 1);
    made_docs_part(METRICS_PATH, "<!-- families: from user/sink/prom.c -->\n",
                   "<!-- end of families -->\n", made.data);
    buf_fini(&made);
}

/* What promtool says too, and what it does not: units at the end, _total on counters only. */
static void test_names(void **state)
{
    size_t count;
    const struct prom_family *family = prom_families(&count);

    (void)state;
    for (size_t i = 0; i < count; i++, family++) {
        const char *total = strstr(family->name, "_total");

        assert_non_null(family->name);
        assert_int_equal(total && !total[6], !strcmp(family->type, "counter"));
        assert_null(strstr(family->name, "sesstap"));
        assert_int_equal(family->help[strlen(family->help) - 1], '.');
    }
}

static void test_reasons(void **state)
{
    static const char rows[] = "| reason | meaning |\n|---|---|\n"
#define X(upper, lower, help) "| " #lower " | " help " |\n"
        UNACCOUNTED_REASONS(X);

    (void)state;
    made_docs_part(METRICS_PATH, "<!-- reasons: from include/abi.h -->\n",
                   "<!-- end of reasons -->\n", rows);
}

static void test_events(void **state)
{
    static const char rows[] = "| event | meaning |\n|---|---|\n" EVENT_COUNTERS(X);
#undef X

    (void)state;
    made_docs_part(METRICS_PATH, "<!-- events: from include/abi.h -->\n",
                   "<!-- end of events -->\n", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_events),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
