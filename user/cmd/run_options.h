/* SPDX-License-Identifier: Apache-2.0 */
/* What `sesstap run` was asked for. */
#ifndef SESSTAP_RUN_OPTIONS_H
#define SESSTAP_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/app.h"
#include "session/names.h"
#include "sink/capture.h"
#include "sink/streams.h"
#include "source/live/filters.h"
#include "source/live/live.h"

#define RUN_DEFAULT_DEPTH_BYTES   (64u << 10)
#define RUN_DEFAULT_SNAPLEN_BYTES (256u << 10)
#define RUN_DEFAULT_MAX_FLOWS     131072u

struct run_options {
    const char **interfaces; /* names and globs; owned */
    size_t interface_count;
    const char **netns; /* --netns PATH...; owned */
    size_t netns_count;
    bool netns_all;   /* --netns all */
    const char *dir;  /* -o */
    const char *prom; /* --prom */
    uint64_t depth_bytes;
    uint32_t snaplen_bytes;
    uint32_t max_flows;
    enum live_mode mode;
    uint64_t duration_ns; /* 0: until stopped */
    uint64_t interval_ns; /* 0: no records of open sessions */
    bool captures;
    enum capture_format format;
    bool streams;
    bool lots;
    bool tunnels;
    enum hole_policy holes;
    bool depth_given;
    struct live_filters filters; /* -f and --depth-for, compiled */
    uint32_t sample_one_in;      /* --sample; 0: all sessions */
    uint64_t payload_rate_bytes; /* --payload-rate; 0: no limit */
    bool max_flows_given;
    const char *pin; /* --pin */
    bool unpin;
    bool no_app; /* sessions are not looked into, though their payload is read */
    struct app_conf app;
    struct app_cuts cuts;
    bool app_wanted;       /* an option asks for what only app/ tells */
    struct keylog *keylog; /* owned: of --keylog */
    struct names *names;   /* owned: of --hosts and of answers seen */
};

/* 0; -EINVAL after a line that names the wrong word. A line too for what is asked in vain. Strings are borrowed from argv. */
int run_options_parse(struct run_options *options, int argc, char **argv);
/* Payload that is sampled for nothing but to look into it must have been asked for: it costs. */
bool run_options_ask_to_look(const struct run_options *options);
void run_options_fini(struct run_options *options);

#endif
