/* SPDX-License-Identifier: Apache-2.0 */
/* Options of run that have no effect together: each is named in a line, and the run goes on. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "cmd/run_options.h"

#define MAX_WORDS 8

#define NO_PAYLOAD " has no effect: nothing reads payload; "
#define NO_STREAMS " has no effect: there are no --streams\n"

static const struct {
    const char *words[MAX_WORDS];
    const char *said; /* how the line begins, behind "sesstap: warning: "; NULL: there is none */
} rows[] = {
    {{NULL}, NULL},
    {{"--http"}, NULL},
    {{"--no-app"}, NULL},
    {{"--no-app", "--lots", "--depth", "5"}, NULL},
    {{"--no-app", "--depth", "5"}, "--depth" NO_PAYLOAD},
    {{"--no-app", "--depth", "none"}, NULL},
    {{"--payload-rate", "1M"}, "--payload-rate" NO_PAYLOAD},
    {{"--payload-rate", "1M", "--http"}, NULL},
    {{"--payload-rate", "1M", "--depth", "5"}, NULL},
    {{"--snaplen", "100"}, "--snaplen" NO_PAYLOAD},
    {{"--snaplen", "100", "-o", "d", "--pcap"}, NULL},
#ifdef HAVE_PCAP
    {{"--depth-for", "port 53=all"}, NULL},
    {{"--depth-for", "port 53=none"}, "--depth-for" NO_PAYLOAD},
    {{"--depth-for", "port 53=all", "--no-app"}, "--depth-for" NO_PAYLOAD},
#endif
    {{"--holes", "mark"}, "--holes" NO_STREAMS},
    {{"--holes", "mark", "-o", "d", "--streams"}, NULL},
};

/* What the options make the program say on stderr. */
static void parse(const char *const *words, char *said, size_t size)
{
    char *argv[MAX_WORDS + 2] = {"run"};
    int argc = 1, saved = dup(STDERR_FILENO);
    struct run_options options;
    FILE *out = tmpfile();
    size_t len;

    while (argc <= MAX_WORDS && words[argc - 1]) {
        argv[argc] = (char *)words[argc - 1];
        argc++;
    }
    fflush(stderr);
    dup2(fileno(out), STDERR_FILENO);
    assert_int_equal(run_options_parse(&options, argc, argv), 0);
    run_options_fini(&options);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(out);
    len = fread(said, 1, size - 1, out);
    said[len] = '\0';
    fclose(out);
}

static void what_is_in_vain_is_named(void **state)
{
    static const char head[] = "sesstap: warning: ";

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *want = rows[i].said;
        char said[512];

        parse(rows[i].words, said, sizeof(said));
        if (!want && said[0])
            fail_msg("%s ...: says %s", rows[i].words[0], said);
        if (want && (strncmp(said, head, strlen(head)) != 0 ||
                     strncmp(said + strlen(head), want, strlen(want)) != 0 ||
                     strchr(said, '\n') != said + strlen(said) - 1))
            fail_msg("%s ...: says %s, not %s", rows[i].words[0], said, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_in_vain_is_named)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
