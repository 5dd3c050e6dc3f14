/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/filter_runner.h"

#include <bpf/bpf.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "run_filter.skel.h"
#include "source/live/filter_place.h"

struct run_filter_bpf *filter_runner_open(const struct sock_filter *code, size_t count,
                                          bool l3_only)
{
    const struct filter_pair pair = {{code, count}, {code, count}};
    const struct filter_place place = {"filter_skb", "filter_xdp", &pair, 1};
    struct filter_places *places;
    struct run_filter_bpf *runner;

    if (geteuid() != 0) {
        puts("SKIP: loading BPF programs needs root");
        exit(77);
    }
    places = filter_places_begin(&place, 1);
    if (!places)
        err(1, "registering for the programs' load");
    runner = run_filter_bpf__open();
    if (!runner)
        err(1, "opening the skeleton");
    filter_places_set_object(places, runner->obj);
    runner->rodata->l3_only = l3_only;
    if (run_filter_bpf__load(runner)) {
        for (size_t i = 0; i < count; i++)
            fprintf(stderr, "{0x%x, %u, %u, 0x%x},\n", code[i].code, code[i].jt, code[i].jf,
                    code[i].k);
        err(1, "loading a filter of %zu instructions", count);
    }
    filter_places_end(places);
    return runner;
}

void filter_runner_close(struct run_filter_bpf *runner)
{
    run_filter_bpf__destroy(runner);
}

bool filter_runner_matches(struct run_filter_bpf *runner, enum filter_run how, const uint8_t *frame,
                           size_t len, uint16_t tci)
{
    const struct bpf_program *progs[] = {runner->progs.run_filter_skb,
                                         runner->progs.run_filter_tagged,
                                         runner->progs.run_filter_xdp};
    LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
                .repeat = 1);

    runner->bss->vlan_tci = tci;
    if (bpf_prog_test_run_opts(bpf_program__fd(progs[how]), &opts))
        err(1, "running a filter on a frame of %zu bytes", len);
    if (opts.retval > 1)
        errx(1, "a filter returned %u", opts.retval);
    return opts.retval == 1;
}
