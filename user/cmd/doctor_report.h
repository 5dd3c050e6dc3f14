/* SPDX-License-Identifier: Apache-2.0 */
/* What `sesstap doctor` found, and its two forms: a table and JSON. */
#ifndef SESSTAP_DOCTOR_REPORT_H
#define SESSTAP_DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum check_result {
    CHECK_OK,
    CHECK_LIMITED, /* tracking works, with less */
    CHECK_MISSING, /* tracking can't work */
    CHECK_UNKNOWN, /* we may not look */
};

struct check {
    const char *name;
    enum check_result result;
    char finding[160]; /* what was found, and what it means */
    char advice[160];  /* what to do; "": nothing */
};

/* An interface that can be tracked. */
struct attachable {
    char name[16];
    char kind[32];   /* "": none, hardware */
    bool by_default; /* run takes it without -i */
    bool up;
    char netns[64];     /* on the other side; "": unknown, or there is none */
    char container[65]; /* id, else the process there; "": unknown */
};

#define DOCTOR_CHECKS_MAX 24
struct doctor_report {
    struct check checks[DOCTOR_CHECKS_MAX];
    size_t check_count;
    struct attachable *interfaces; /* heap */
    size_t interface_count;
};

/* True when nothing is missing or unknown. */
bool doctor_report_is_good(const struct doctor_report *report);
void doctor_report_write_table(struct buf *out, const struct doctor_report *report, bool colour);
void doctor_report_write_json(struct buf *out, const struct doctor_report *report,
                              const char *version);
void doctor_report_fini(struct doctor_report *report);

#endif
