/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/file_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/alerts.h"
#include "app/keylog.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/plural.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include "session/names.h"
#include "sink/where.h"
#include "source/capfile/pcap_filter.h"

#define MAX_OWN_OPTIONS 16
/* TLS records that wait for their secrets, over all sessions. */
#define HELD_RECORD_BYTES (64u << 20)

enum {
    OPT_WHERE = 256,
    OPT_OVERLAP,
    OPT_JSON,
    OPT_NO_INDEX,
    OPT_NO_APP,
    OPT_HTTP,
    OPT_KEYLOG,
    OPT_HOSTS,
    OPT_ALERTS,
    OPT_END,
};

static const char *const overlap_names[OVERLAP_POLICIES] = {
    [OVERLAP_FIRST] = "first", [OVERLAP_LAST] = "last",       [OVERLAP_BSD] = "bsd",
    [OVERLAP_LINUX] = "linux", [OVERLAP_WINDOWS] = "windows", [OVERLAP_SOLARIS] = "solaris",
};

static int parse_overlap(struct file_options *options, const char *text)
{
    for (int i = 0; i < OVERLAP_POLICIES; i++)
        if (!strcmp(text, overlap_names[i])) {
            options->overlap = (enum overlap_policy)i;
            return 0;
        }
    log_error("--overlap %s: first, last, bsd, linux, windows or solaris is wanted", text);
    return -EINVAL;
}

/* The line that a compiler wrote, after the option's name. */
static int refuse(const char *option, struct buf *error)
{
    log_error("%s: %.*s", option, (int)error->len, error->data ? error->data : "");
    buf_fini(error);
    return -EINVAL;
}

static int parse_filter(struct file_options *options, const char *text)
{
    struct buf error = {0};

    pcap_filter_free(options->filter);
    options->filter = pcap_filter_new(text, &error);
    return options->filter ? 0 : refuse("-f", &error);
}

static int parse_where(struct file_options *options, const char *text)
{
    struct buf error = {0};

    where_free(options->where);
    options->where = where_compile(text, &error);
    return options->where ? 0 : refuse("--where", &error);
}

static int parse_alerts(struct file_options *options, const char *path)
{
    struct alerts_reading reading;

    if (!alerts_are_built_in()) {
        log_error("--alerts %s: this build reads none (libjansson was missing)", path);
        return -EINVAL;
    }
    alerts_free(options->alerts);
    options->alerts = alerts_read(path, &reading);
    if (!options->alerts) {
        log_error("--alerts %s: %s", path, strerror(errno));
        return -EINVAL;
    }
    if (reading.bad_lines)
        log_warn("--alerts %s: line %llu is not JSON, or an alert without addresses and time; %llu "
                 "such line%s left out",
                 path, (unsigned long long)reading.first_bad_line,
                 (unsigned long long)reading.bad_lines, plural_is(reading.bad_lines));
    return 0;
}

static int parse_one(struct file_options *options, const struct file_command *command, int option)
{
    switch (option) {
    case 'r':
        options->recursive = true;
        return 0;
    case 'f':
        return parse_filter(options, optarg);
    case OPT_WHERE:
        return parse_where(options, optarg);
    case OPT_OVERLAP:
        return parse_overlap(options, optarg);
    case OPT_JSON:
        options->json = true;
        return 0;
    case OPT_NO_INDEX:
        options->no_index = true;
        return 0;
    case OPT_NO_APP:
        options->look_into = options->app.identify = false;
        return 0;
    case OPT_HTTP:
        options->app.http = true;
        return 0;
    case OPT_KEYLOG:
        return output_follow_keylog(options->keylog, optarg, false);
    case OPT_HOSTS:
        return output_read_hosts(options->names, optarg);
    case OPT_ALERTS:
        return parse_alerts(options, optarg);
    default:
        return command->set(command->ctx, option, optarg);
    }
}

/* getopt's own message has another form; say it ourselves. */
static int refuse_word(const struct file_command *command, int option, char **argv)
{
    const char *word = argv[optind - 1];

    if (option == ':')
        log_error("%s: a value is missing after it (see sesstap help %s)", word, command->name);
    else if (optopt && optopt < 256)
        log_error("-%c: no such option (see sesstap help %s)", optopt, command->name);
    else
        log_error("%s: no such option, or not one that takes a value (see sesstap help %s)", word,
                  command->name);
    return -EINVAL;
}

/* --no-app leaves nothing that these could add to. */
static int check_together(const struct file_options *options, const struct file_command *command)
{
    if (!(command->takes & FILE_TAKES_APP) || options->look_into ||
        !(options->app.http || keylog_is_active(options->keylog)))
        return 0;
    log_error("--no-app and %s do not go together", options->app.http ? "--http" : "--keylog");
    return -EINVAL;
}

/* Which of the words are paths. */
static int sort_words(struct file_options *options, const struct file_command *command,
                      size_t count)
{
    options->path_count = command->rest_name && count ? 1 : count;
    options->rest = options->words + options->path_count;
    options->rest_count = count - options->path_count;
    if (!count) {
        log_error("%s: which file? (see sesstap help %s)", command->name, command->name);
        return -EINVAL;
    }
    if (command->rest_name && options->rest_count < command->rest_min) {
        log_error("%s %s: %s is missing after it (see sesstap help %s)", command->name,
                  options->words[0], command->rest_name, command->name);
        return -EINVAL;
    }
    if (command->rest_name && options->rest_count > command->rest_max) {
        log_error("%s: one word too many (see sesstap help %s)", options->rest[command->rest_max],
                  command->name);
        return -EINVAL;
    }
    if (!command->rest_name && command->one_path && count > 1) {
        log_error("%s: %s takes one file or folder", options->words[1], command->name);
        return -EINVAL;
    }
    return 0;
}

/* Common and own options as getopt wants them. */
static void list_options(struct option *all, char *letters, size_t letters_size,
                         const struct file_command *command)
{
    *all++ = (struct option){"overlap", required_argument, NULL, OPT_OVERLAP};
    *all++ = (struct option){"no-index", no_argument, NULL, OPT_NO_INDEX};
    if (command->takes & FILE_TAKES_WHERE)
        *all++ = (struct option){"where", required_argument, NULL, OPT_WHERE};
    if (command->takes & FILE_TAKES_JSON)
        *all++ = (struct option){"json", no_argument, NULL, OPT_JSON};
    if (command->takes & FILE_TAKES_APP)
        *all++ = (struct option){"no-app", no_argument, NULL, OPT_NO_APP};
    if (command->takes & FILE_TAKES_APP)
        *all++ = (struct option){"hosts", required_argument, NULL, OPT_HOSTS};
    if (command->takes & FILE_TAKES_APP)
        *all++ = (struct option){"alerts", required_argument, NULL, OPT_ALERTS};
    if (command->takes & (FILE_TAKES_APP | FILE_TAKES_KEYLOG))
        *all++ = (struct option){"keylog", required_argument, NULL, OPT_KEYLOG};
    if (command->takes & FILE_TAKES_HTTP)
        *all++ = (struct option){"http", no_argument, NULL, OPT_HTTP};
    for (size_t i = 0; command->own && command->own[i].name && i < MAX_OWN_OPTIONS; i++)
        *all++ = command->own[i];
    *all = (struct option){0};
    strcpy(letters, ":rf:");
    if (command->letters)
        strncat(letters, command->letters, letters_size - strlen(letters) - 1);
}

int file_options_parse(struct file_options *options, const struct file_command *command, int argc,
                       char **argv)
{
    struct option all[OPT_END - OPT_WHERE + MAX_OWN_OPTIONS + 1];
    char letters[32];
    int option, err;

    memset(options, 0, sizeof(*options));
    options->look_into = command->takes & (FILE_TAKES_APP | FILE_LOOKS_INTO);
    options->app.identify = true;
    options->app.cuts = &options->cuts;
    if (command->takes & (FILE_TAKES_APP | FILE_LOOKS_INTO | FILE_TAKES_KEYLOG)) {
        options->keylog = keylog_new(HELD_RECORD_BYTES, 0);
        if (!options->keylog) {
            log_error("%s: no memory", command->name);
            return -ENOMEM;
        }
        options->app.keylog = options->keylog;
        options->names = names_new(OUTPUT_MAX_NAMES);
        if (!options->names) {
            log_error("%s: no memory", command->name);
            return -ENOMEM;
        }
        options->app.names = options->names;
    }
    list_options(all, letters, sizeof(letters), command);
    opterr = 0;
    optind = 0; /* GNU: begin anew, argv may be another one */
    while ((option = getopt_long(argc, argv, letters, all, NULL)) != -1) {
        if (option == '?' || option == ':')
            return refuse_word(command, option, argv);
        err = parse_one(options, command, option);
        if (err)
            return err;
    }
    err = check_together(options, command);
    if (err)
        return err;
    if (options->where && options->look_into && where_needs_http(options->where))
        options->app.http = true;
    options->words = calloc((size_t)(argc - optind) + 1, sizeof(*options->words));
    if (!options->words) {
        log_error("%s: no memory", command->name);
        return -ENOMEM;
    }
    for (int i = optind; i < argc; i++)
        options->words[i - optind] = argv[i];
    return sort_words(options, command, (size_t)(argc - optind));
}

void file_options_fini(struct file_options *options)
{
    free(options->words);
    pcap_filter_free(options->filter);
    where_free(options->where);
    keylog_free(options->keylog);
    names_free(options->names);
    alerts_free(options->alerts);
    memset(options, 0, sizeof(*options));
}

void file_options_apply(const struct file_options *options, struct replay_conf *conf)
{
    conf->input.paths = options->words;
    conf->input.path_count = options->path_count;
    conf->input.recursive = options->recursive;
    conf->filter = options->filter;
    conf->overlap = options->overlap;
    conf->no_index = options->no_index;
    conf->pipeline.names = options->names;
    conf->pipeline.alerts = options->alerts;
    if (options->look_into || options->app.http)
        conf->pipeline.app = &options->app;
    conf->progress = true;
}

bool file_options_want(const struct file_options *options, const struct record *record)
{
    return (!options->alerts || record->alert_count) &&
           (!options->where || where_match(options->where, record));
}

void file_options_say_alerts(const struct file_options *options)
{
    if (options->alerts && alerts_left(options->alerts))
        log_warn("%llu alert%s to no session here",
                 (unsigned long long)alerts_left(options->alerts),
                 alerts_left(options->alerts) == 1 ? " belongs" : "s belong");
}

int file_options_status(int err, const struct replay_result *result)
{
    if (err || result->error)
        return EXIT_FAILED;
    return result->damaged || result->unknown_link ? EXIT_DAMAGED : EXIT_DONE;
}
