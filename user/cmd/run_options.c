/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run_options.h"

#include <errno.h>
#include <getopt.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "abi.h"
#include "app/keylog.h"
#include "base/log.h"
#include "cmd/number.h"
#include "cmd/output.h"
#include "cmd/run_choice.h"

#define MAX_SECONDS   (100u * 366 * 86400)
#define MAX_MAX_FLOWS (1u << 26)
/* TLS records that wait for their secrets, over all sessions. */
#define HELD_RECORD_BYTES (64u << 20)

enum {
    OPT_PROM = 256,
    OPT_DEPTH,
    OPT_DEPTH_FOR,
    OPT_SAMPLE,
    OPT_PAYLOAD_RATE,
    OPT_SNAPLEN,
    OPT_PCAP,
    OPT_PCAPNG,
    OPT_STREAMS,
    OPT_LOTS,
    OPT_HOLES,
    OPT_DURATION,
    OPT_INTERVAL,
    OPT_MAX_FLOWS,
    OPT_MODE,
    OPT_PIN,
    OPT_UNPIN,
    OPT_TUNNELS,
    OPT_HTTP,
    OPT_NO_APP,
    OPT_KEYLOG,
    OPT_HOSTS,
    OPT_NETNS,
};

static const struct option LONG_OPTIONS[] = {
    {"prom", required_argument, NULL, OPT_PROM},
    {"depth", required_argument, NULL, OPT_DEPTH},
    {"depth-for", required_argument, NULL, OPT_DEPTH_FOR},
    {"sample", required_argument, NULL, OPT_SAMPLE},
    {"payload-rate", required_argument, NULL, OPT_PAYLOAD_RATE},
    {"snaplen", required_argument, NULL, OPT_SNAPLEN},
    {"pcap", no_argument, NULL, OPT_PCAP},
    {"pcapng", no_argument, NULL, OPT_PCAPNG},
    {"streams", no_argument, NULL, OPT_STREAMS},
    {"lots", no_argument, NULL, OPT_LOTS},
    {"holes", required_argument, NULL, OPT_HOLES},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"interval", required_argument, NULL, OPT_INTERVAL},
    {"max-flows", required_argument, NULL, OPT_MAX_FLOWS},
    {"mode", required_argument, NULL, OPT_MODE},
    {"pin", required_argument, NULL, OPT_PIN},
    {"unpin", no_argument, NULL, OPT_UNPIN},
    {"tunnels", no_argument, NULL, OPT_TUNNELS},
    {"http", no_argument, NULL, OPT_HTTP},
    {"no-app", no_argument, NULL, OPT_NO_APP},
    {"keylog", required_argument, NULL, OPT_KEYLOG},
    {"hosts", required_argument, NULL, OPT_HOSTS},
    {"netns", required_argument, NULL, OPT_NETNS},
    {NULL, 0, NULL, 0},
};

static int parse_seconds(const char *option, const char *text, uint64_t *out_ns)
{
    char *end;
    double seconds = strtod(text, &end);

    if (end == text || *end || !(seconds >= 1e-9) || seconds > MAX_SECONDS) {
        log_error("%s %s: seconds are wanted, more than 0 and no more than %u", option, text,
                  MAX_SECONDS);
        return -EINVAL;
    }
    *out_ns = (uint64_t)(seconds * 1e9);
    return 0;
}

static int parse_mode(struct run_options *options, const char *text)
{
    static const struct {
        const char *name;
        enum live_mode mode;
    } modes[] = {{"tc", LIVE_TC}, {"xdp", LIVE_XDP}, {"auto", LIVE_AUTO}};

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (!strcmp(text, modes[i].name)) {
            options->mode = modes[i].mode;
            return 0;
        }
    }
    log_error("--mode %s: tc, xdp or auto is wanted", text);
    return -EINVAL;
}

static int add_name(const char ***names, size_t *count, const char *name)
{
    const char **more = realloc(*names, (*count + 1) * sizeof(*more));

    if (!more)
        return -ENOMEM;
    *names = more;
    more[(*count)++] = name;
    return 0;
}

/* Its writer may begin it later. */
/* A name that is not there is a mistake; later it may go and come back. */
static int parse_netns(struct run_options *options, const char *path)
{
    struct statfs fs;

    if (!strcmp(path, "all")) {
        options->netns_all = true;
        return 0;
    }
    if (statfs(path, &fs)) {
        log_error("--netns %s: %s; all, /run/netns/NAME or /proc/PID/ns/net is wanted", path,
                  strerror(errno));
        return -EINVAL;
    }
    if (fs.f_type != NSFS_MAGIC) {
        log_error("--netns %s: is no network namespace; all, /run/netns/NAME or /proc/PID/ns/net "
                  "is wanted",
                  path);
        return -EINVAL;
    }
    return add_name(&options->netns, &options->netns_count, path);
}

static int parse_one(struct run_options *options, int option, const char *arg)
{
    uint64_t number = 0;
    int err = 0;

    switch (option) {
    case 'i':
        return add_name(&options->interfaces, &options->interface_count, arg);
    case 'o':
        options->dir = arg;
        return 0;
    case OPT_PROM:
        options->prom = arg;
        return 0;
    case OPT_DEPTH:
        options->depth_given = true;
        return number_parse_depth("--depth", arg, &options->depth_bytes);
    case 'f':
        return run_choice_filter(options, arg);
    case OPT_DEPTH_FOR:
        return run_choice_depth_for(options, arg);
    case OPT_SAMPLE:
        return run_choice_sample(options, arg);
    case OPT_PAYLOAD_RATE:
        return run_choice_payload_rate(options, arg);
    case OPT_SNAPLEN:
        err = number_parse("--snaplen", "", arg, 1, RUN_DEFAULT_SNAPLEN_BYTES, true, &number);
        options->snaplen_bytes = (uint32_t)number;
        return err;
    case OPT_MAX_FLOWS:
        err = number_parse("--max-flows", "", arg, 16, MAX_MAX_FLOWS, false, &number);
        options->max_flows = (uint32_t)number;
        options->max_flows_given = true;
        return err;
    case OPT_PCAP:
        return output_set_format(&options->captures, &options->format, CAPTURE_PCAP);
    case OPT_PCAPNG:
        return output_set_format(&options->captures, &options->format, CAPTURE_PCAPNG);
    case OPT_STREAMS:
        options->streams = true;
        return 0;
    case OPT_LOTS:
        options->lots = true;
        return 0;
    case OPT_HOLES:
        return output_set_holes(&options->holes, arg);
    case OPT_DURATION:
        return parse_seconds("--duration", arg, &options->duration_ns);
    case OPT_INTERVAL:
        return parse_seconds("--interval", arg, &options->interval_ns);
    case OPT_PIN:
        options->pin = arg;
        return 0;
    case OPT_UNPIN:
        options->unpin = true;
        return 0;
    case OPT_TUNNELS:
        options->tunnels = true;
        return 0;
    case OPT_MODE:
        return parse_mode(options, arg);
    case OPT_HTTP:
        options->app.http = true;
        return 0;
    case OPT_HOSTS:
        return output_read_hosts(options->names, arg);
    case OPT_NO_APP:
        options->no_app = true;
        return 0;
    case OPT_NETNS:
        return parse_netns(options, arg);
    case OPT_KEYLOG:
        options->app_wanted = true;
        return output_follow_keylog(options->keylog, arg, true);
    default:
        return -EINVAL;
    }
}

/* getopt's own message has another form; say it ourselves. */
static int wrong_word(int option, char **argv)
{
    const char *word = argv[optind - 1];

    if (option == ':')
        log_error("%s: a value is missing after it (see sesstap help run)", word);
    else if (optopt && optopt < 256)
        log_error("-%c: no such option (see sesstap help run)", optopt);
    else
        log_error("%s: no such option, or not one that takes a value (see sesstap help run)", word);
    return -EINVAL;
}

static int check(const struct run_options *options, int argc, char **argv)
{
    if (optind < argc) {
        log_error("%s: run takes no files or names, only options; interfaces go after -i",
                  argv[optind]);
        return -EINVAL;
    }
    if (options->no_app && (options->app.http || keylog_is_active(options->keylog))) {
        log_error("--no-app and %s do not go together", options->app.http ? "--http" : "--keylog");
        return -EINVAL;
    }
    if (options->unpin && !options->pin) {
        log_error("--unpin needs the folder to be ended: add --pin DIR");
        return -EINVAL;
    }
    if ((options->netns_all || options->netns_count) && options->mode != LIVE_TC) {
        log_error("--netns needs --mode tc: XDP is for this namespace's hardware");
        return -EINVAL;
    }
    if ((options->captures || options->streams) && !options->dir) {
        log_error("%s needs a folder to write to: add -o DIR", !options->captures ? "--streams"
                                                               : options->format == CAPTURE_PCAP
                                                                   ? "--pcap"
                                                                   : "--pcapng");
        return -EINVAL;
    }
    return 0;
}

bool run_options_ask_to_look(const struct run_options *options)
{
    return options->app.http || options->app_wanted ||
           (options->depth_given && options->depth_bytes) ||
           live_filters_want_payload(&options->filters);
}

/* What has no effect for want of another option, or because of one. */
static void warn_in_vain(const struct run_options *options)
{
    static const char no_payload[] =
        "nothing reads payload; --pcap, --pcapng, --streams, --lots, --http or --depth would";
    bool reads = options->captures || options->streams || options->lots ||
                 (!options->no_app && run_options_ask_to_look(options));
    const struct {
        bool in_vain;
        const char *option, *why;
    } rows[] = {
        {!reads && options->depth_given && options->depth_bytes, "--depth", no_payload},
        {!reads && options->filters.depth_count, "--depth-for", no_payload},
        {!reads && options->payload_rate_bytes, "--payload-rate", no_payload},
        {!reads && options->snaplen_bytes != RUN_DEFAULT_SNAPLEN_BYTES, "--snaplen", no_payload},
        {options->holes && !options->streams, "--holes", "there are no --streams"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].in_vain)
            log_warn("%s has no effect: %s", rows[i].option, rows[i].why);
    }
}

int run_options_parse(struct run_options *options, int argc, char **argv)
{
    int option, err;

    memset(options, 0, sizeof(*options));
    options->depth_bytes = RUN_DEFAULT_DEPTH_BYTES;
    options->snaplen_bytes = RUN_DEFAULT_SNAPLEN_BYTES;
    options->max_flows = RUN_DEFAULT_MAX_FLOWS;
    options->app.identify = true;
    options->app.cuts = &options->cuts;
    options->names = names_new(OUTPUT_MAX_NAMES);
    if (!options->names)
        return -ENOMEM;
    options->app.names = options->names;
    options->keylog = keylog_new(HELD_RECORD_BYTES, 0);
    if (!options->keylog)
        return -ENOMEM;
    options->app.keylog = options->keylog;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, ":i:o:f:", LONG_OPTIONS, NULL)) != -1) {
        if (option == '?' || option == ':')
            return wrong_word(option, argv);
        err = parse_one(options, option, optarg);
        if (err)
            return err;
    }
    err = check(options, argc, argv);
    if (!err)
        warn_in_vain(options);
    return err;
}

void run_options_fini(struct run_options *options)
{
    free(options->interfaces);
    free(options->netns);
    names_free(options->names);
    live_filters_fini(&options->filters);
    keylog_free(options->keylog);
}
