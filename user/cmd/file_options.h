/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that read capture files have in common: paths, -r, -f, --where, --overlap, --no-index ... */
#ifndef SESSTAP_FILE_OPTIONS_H
#define SESSTAP_FILE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <getopt.h>

#include "cmd/replay.h"

struct pcap_filter;
struct where;

/* Option values of a command's own long options: from here on, or their letter. */
#define FILE_OWN_OPTION 1000

enum file_takes {
    FILE_TAKES_WHERE = 1 << 0, /* --where EXPR */
    FILE_TAKES_JSON = 1 << 1,  /* --json */
    FILE_TAKES_APP =
        1
        << 2, /* sessions are identified and looked into; --no-app, --keylog FILE, --hosts FILE, --alerts FILE */
    FILE_TAKES_HTTP = 1 << 3,   /* --http */
    FILE_TAKES_KEYLOG = 1 << 4, /* TLS is deciphered; --keylog FILE */
    FILE_LOOKS_INTO = 1 << 5,   /* like FILE_TAKES_APP, and nobody can say otherwise */
};

/* What a command takes beside the common options. */
struct file_command {
    const char *name;         /* "follow" */
    unsigned int takes;       /* enum file_takes */
    const char *letters;      /* its own one-letter options as getopt has them: "w:"; NULL: none */
    const struct option *own; /* its own long options, ended by {0}, at most 16; NULL: none */
    /* An option of its own: 0, or -EINVAL after a line that names what is wrong. */
    int (*set)(void *ctx, int option, const char *arg);
    void *ctx;
    /* What the words that are no options are: one path, then these; NULL: all are paths. */
    const char *rest_name; /* "STREAM" */
    size_t rest_min;
    size_t rest_max;
    bool one_path; /* where rest_name is NULL: exactly one path */
};

struct file_options {
    const char **words; /* owned; paths, then the rest; the strings are argv's */
    size_t path_count;
    const char *const *rest; /* in words */
    size_t rest_count;
    bool recursive;
    bool json;
    bool no_index;
    bool look_into; /* app has something to do */
    struct app_conf app;
    struct app_cuts cuts;
    struct keylog
        *keylog; /* owned: of --keylog and of the input; NULL: the command has no use for it */
    struct alerts *alerts; /* owned: of --alerts; NULL: not given */
    struct names *names;   /* owned: of --hosts, of the input and its answers; NULL like keylog */
    enum overlap_policy overlap;
    struct pcap_filter *filter; /* owned; NULL: every frame */
    struct where *where;        /* owned; NULL: every record */
};

/*
 * Parse a command's arguments. 0; -EINVAL after a line that names the wrong word: EXIT_USAGE. Either way
 * file_options_fini is due.
 */
int file_options_parse(struct file_options *options, const struct file_command *command, int argc,
                       char **argv);
void file_options_fini(struct file_options *options);

/*
 * Fill in what the options say about reading: input, filter, overlap policy and progress. *conf borrows from
 * options. --where is not applied: records are matched with where_match where they come out.
 */
void file_options_apply(const struct file_options *options, struct replay_conf *conf);

/* Whether a session is one of those to be shown or counted: by --where, and with an alert when --alerts was given. */
bool file_options_want(const struct file_options *options, const struct record *record);
/* After a reading: a line about alerts of --alerts that belong to none of its sessions. */
void file_options_say_alerts(const struct file_options *options);
/* The exit status that a reading ends with; err is what replay_run returned. */
int file_options_status(int err, const struct replay_result *result);

#endif
