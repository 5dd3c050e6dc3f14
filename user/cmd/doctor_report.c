/* SPDX-License-Identifier: Apache-2.0 */
/* The table is for a person, advice below its line; JSON has the same words under fixed names. */
#include "cmd/doctor_report.h"

#include <stdlib.h>
#include <string.h>

#define NAME_WIDTH   14
#define RESULT_WIDTH 8

static const struct {
    const char *word;
    const char *colour;
} results[] = {
    [CHECK_OK] = {"ok", "\033[32m"},
    [CHECK_LIMITED] = {"limited", "\033[33m"},
    [CHECK_MISSING] = {"missing", "\033[31m"},
    [CHECK_UNKNOWN] = {"unknown", "\033[33m"},
};

bool doctor_report_is_good(const struct doctor_report *report)
{
    for (size_t i = 0; i < report->check_count; i++)
        if (report->checks[i].result == CHECK_MISSING || report->checks[i].result == CHECK_UNKNOWN)
            return false;
    return true;
}

void doctor_report_fini(struct doctor_report *report)
{
    free(report->interfaces);
    memset(report, 0, sizeof(*report));
}

static void write_check(struct buf *out, const struct check *check, bool colour)
{
    const char *word = results[check->result].word;

    buf_printf(out, "%-*s %s%-*s%s %s\n", NAME_WIDTH, check->name,
               colour ? results[check->result].colour : "", RESULT_WIDTH, word,
               colour ? "\033[0m" : "", check->finding);
    if (check->advice[0])
        buf_printf(out, "%*s %s\n", NAME_WIDTH + 1 + RESULT_WIDTH, "->", check->advice);
}

static void write_interfaces(struct buf *out, const struct doctor_report *report)
{
    if (report->interface_count == 0)
        return;
    buf_printf(out, "\n%-16s %-10s %-5s %-8s %-20s %s\n", "INTERFACE", "KIND", "STATE", "TRACKED",
               "NAMESPACE", "CONTAINER OR PROCESS");
    for (size_t i = 0; i < report->interface_count; i++) {
        const struct attachable *one = &report->interfaces[i];

        buf_printf(out, "%-16s %-10s %-5s %-8s %-20s %s\n", one->name,
                   one->kind[0] ? one->kind : "-", one->up ? "up" : "down",
                   one->by_default ? "default" : "with -i", one->netns[0] ? one->netns : "-",
                   one->container[0] ? one->container : "-");
    }
}

void doctor_report_write_table(struct buf *out, const struct doctor_report *report, bool colour)
{
    for (size_t i = 0; i < report->check_count; i++)
        write_check(out, &report->checks[i], colour);
    write_interfaces(out, report);
    buf_add_str(out, doctor_report_is_good(report)
                         ? "\nSessions can be tracked here: sesstap run\n"
                         : "\nSessions can't be tracked here yet: see -> above\n");
}

static void add_member(struct buf *out, const char *name, const char *value)
{
    if (!value[0])
        return;
    if (out->len && out->data[out->len - 1] != '{')
        buf_add_char(out, ',');
    buf_add_json_str(out, name, strlen(name));
    buf_add_char(out, ':');
    buf_add_json_str(out, value, strlen(value));
}

static void add_flag(struct buf *out, const char *name, bool value)
{
    buf_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

void doctor_report_write_json(struct buf *out, const struct doctor_report *report,
                              const char *version)
{
    buf_add_char(out, '{');
    add_member(out, "version", version);
    add_flag(out, "can_track", doctor_report_is_good(report));
    buf_add_str(out, ",\"checks\":[");
    for (size_t i = 0; i < report->check_count; i++) {
        const struct check *check = &report->checks[i];

        buf_add_str(out, i ? ",{" : "{");
        add_member(out, "check", check->name);
        add_member(out, "result", results[check->result].word);
        add_member(out, "finding", check->finding);
        add_member(out, "advice", check->advice);
        buf_add_char(out, '}');
    }
    buf_add_str(out, "],\"interfaces\":[");
    for (size_t i = 0; i < report->interface_count; i++) {
        const struct attachable *one = &report->interfaces[i];

        buf_add_str(out, i ? ",{" : "{");
        add_member(out, "name", one->name);
        add_member(out, "kind", one->kind);
        add_flag(out, "up", one->up);
        add_flag(out, "by_default", one->by_default);
        add_member(out, "netns", one->netns);
        add_member(out, "container", one->container);
        buf_add_char(out, '}');
    }
    buf_add_str(out, "]}\n");
}
