/* SPDX-License-Identifier: Apache-2.0 */
/* sesstap run: track the sessions of this host's interfaces, live. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include "cmd/run_options.h"
#include "cmd/track.h"
#include "host/machine.h"
#include "sink/screen.h"
#include "source/live/pin.h"

/* The rings wake us by backlog; all else can wait this long. */
#define TICK_MS 50

#define PAYLOAD_RING_BYTES (8u << 20)
#define NO_RING_BYTES      4096u
/* Payload that waits for other payload to come first, over all sessions. */
#define HELD_BYTES (64u << 20)

enum { TAG_SIGNAL = 1, TAG_SOURCE };

/* What a run holds besides the tracker. */
struct run {
    struct run_options options;
    struct track_options track;
    struct linefile records;
    bool has_records;
    struct screen *screen;
    struct pin pin; /* with --pin */
    char whisperer[MACHINE_NAME_SIZE];
    int signal_fd;
    int epoll_fd;
};

/* ---- where it goes ---------------------------------------------------------------------------- */

static int open_records(struct run *run)
{
    int err = output_open_records(&run->records, run->options.dir, run->options.captures,
                                  run->options.pin != NULL);

    if (err)
        return err;
    run->has_records = true;
    run->track.pipeline.records = &run->records;
    return 0;
}

static bool wants_screen(void)
{
    const char *term = getenv("TERM");

    return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

static int open_outputs(struct run *run)
{
    int err = 0;

    if (run->options.dir || !wants_screen())
        err = open_records(run);
    if (!err && wants_screen()) {
        const char *no_color = getenv("NO_COLOR");
        struct screen_conf conf = {.colour = !no_color || !no_color[0]};

        run->screen = screen_new(STDOUT_FILENO, &conf);
        run->track.pipeline.screen = run->screen;
    }
    return err;
}

/* ---- what is asked of the tracker --------------------------------------------------------------- */

/* Which packets, sessions and payload are left out in the kernel. */
static void plan_choice(struct run *run, bool reads_payload)
{
    struct run_options *options = &run->options;
    struct live_conf *live = &run->track.live;

    if (!reads_payload)
        live_filters_drop_depth(&options->filters);
    live->filters = &options->filters;
    live->sample_one_in = options->sample_one_in;
    live->payload_rate_bytes = options->payload_rate_bytes;
    run->track.pipeline.sample_one_in = options->sample_one_in;
}

static void plan(struct run *run)
{
    const struct run_options *options = &run->options;
    struct pipeline_conf *pipeline = &run->track.pipeline;
    struct live_conf *live = &run->track.live;
    const char *tc = getenv("SESSTAP_TC");

    machine_name(run->whisperer);
    pipeline->whisperer = run->whisperer;
    pipeline->wall_offset_ns = clock_wall_offset_ns();
    run->options.app.wall_offset_ns = pipeline->wall_offset_ns;
    pipeline->dir = options->dir;
    pipeline->captures = options->captures;
    pipeline->format = options->format;
    pipeline->streams = options->streams;
    pipeline->holes = options->holes;
    pipeline->names = options->names;
    pipeline->lots = options->lots;
    pipeline->held_bytes = HELD_BYTES;
    if (!options->no_app && (pipeline_reads_payload(pipeline) || run_options_ask_to_look(options)))
        pipeline->app = &options->app;
    live->mode = options->mode;
    live->max_flows = options->max_flows;
    live->tunnels = options->tunnels;
    live->snaplen_bytes = options->snaplen_bytes;
    live->clsact = tc && !strcmp(tc, "clsact");
    live->payload_ring_bytes = NO_RING_BYTES;
    if (pipeline_reads_payload(pipeline)) {
        live->depth_bytes = options->depth_bytes;
        live->sample_headers = options->captures;
        live->payload_ring_bytes = PAYLOAD_RING_BYTES;
        pipeline->whole_sessions =
            options->captures && options->depth_bytes == DEPTH_ALL && !options->filters.depth_count;
    }
    if (options->pin) {
        live->pin = &run->pin;
        live->payload_ring_bytes = PAYLOAD_RING_BYTES; /* the next process may want payload */
    }
    run->track.unpin = options->unpin;
    run->track.max_flows_given = options->max_flows_given;
    plan_choice(run, pipeline_reads_payload(pipeline));
    run->track.filter.patterns = (const char *const *)options->interfaces;
    run->track.filter.count = options->interface_count;
    run->track.netns_paths = (const char *const *)options->netns;
    run->track.netns_path_count = options->netns_count;
    run->track.netns_all = options->netns_all;
    live->namespaces = options->netns_all || options->netns_count;
    run->track.prom_path = options->prom;
    run->track.interval_ns = options->interval_ns;
}

/* ---- the loop --------------------------------------------------------------------------------- */

/* As nohup(1) has it: not to end with the terminal. */
static bool is_ignored(int signal_number)
{
    struct sigaction now;

    return !sigaction(signal_number, NULL, &now) && now.sa_handler == SIG_IGN;
}

static int open_events(struct run *run)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = TAG_SIGNAL};
    sigset_t stops;

    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    if (!is_ignored(SIGHUP))
        sigaddset(&stops, SIGHUP);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    signal(SIGPIPE, SIG_IGN);
    run->signal_fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
    run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (run->signal_fd < 0 || run->epoll_fd < 0 ||
        epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, run->signal_fd, &event))
        return -errno;
    if (run->has_records)
        linefile_stop_at(&run->records, run->signal_fd);
    return 0;
}

/* Until a signal, the end of --duration, or a reader of stdout that went away. */
static void loop(struct run *run, struct tracker *tracker)
{
    uint64_t end_ns = run->options.duration_ns ? clock_mono_ns() + run->options.duration_ns : 0;
    struct epoll_event events[4];

    for (;;) {
        int count = epoll_wait(run->epoll_fd, events, 4, TICK_MS);

        for (int i = 0; i < count; i++) {
            if (events[i].data.u64 == TAG_SIGNAL)
                return;
        }
        tracker_step(tracker);
        if (end_ns && clock_mono_ns() >= end_ns)
            return;
        if (tracker_error(tracker) == -EPIPE)
            return;
    }
}

static int track(struct run *run)
{
    struct tracker *tracker = tracker_new(&run->track);
    int status = EXIT_DONE;

    if (!tracker)
        return EXIT_FAILED;
    if (tracker_watch(tracker, run->epoll_fd, TAG_SOURCE)) {
        log_error("cannot wait for events: %s", strerror(errno));
        tracker_free(tracker);
        return EXIT_FAILED;
    }
    if (!run->options.unpin) {
        tracker_announce(tracker);
        loop(run, tracker);
    }
    tracker_stop(tracker);
    screen_free(run->screen);
    run->screen = NULL;
    output_say_cuts(&run->options.cuts);
    if (!tracker_report(tracker) || (tracker_error(tracker) && tracker_error(tracker) != -EPIPE))
        status = EXIT_FAILED;
    output_say_keylog(run->options.keylog);
    output_say_names(run->options.names);
    tracker_free(tracker);
    return status;
}

static void run_fini(struct run *run)
{
    screen_free(run->screen);
    if (run->has_records)
        linefile_close(&run->records);
    pin_close(&run->pin);
    if (run->signal_fd >= 0)
        close(run->signal_fd);
    if (run->epoll_fd >= 0)
        close(run->epoll_fd);
    run_options_fini(&run->options);
}

int cmd_run(int argc, char **argv)
{
    struct run run = {.signal_fd = -1, .epoll_fd = -1, .pin = {.dir_fd = -1}};
    int err = run_options_parse(&run.options, argc, argv), status = EXIT_FAILED;

    if (err) {
        run_options_fini(&run.options);
        return EXIT_USAGE;
    }
    plan(&run);
    if (run.options.pin)
        err = pin_open(&run.pin, run.options.pin, run.options.unpin);
    if (!err && !open_outputs(&run)) {
        err = open_events(&run);
        if (err)
            log_error("cannot wait for events: %s", strerror(-err));
        else
            status = track(&run);
    }
    run_fini(&run);
    return status;
}
