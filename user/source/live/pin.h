/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder of --pin in a BPF file system: maps/NAME, links/IFINDEX-HOOK. One process at a time has it, by a
 * lock that goes with the process. Map `state` is pinned last: a folder without it was never finished.
 */
#ifndef SESSTAP_LIVE_PIN_H
#define SESSTAP_LIVE_PIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pinned.h"

#define PIN_DIR_MAX 256

struct bpf_object;

struct pin {
    char dir[PIN_DIR_MAX];
    char links[PIN_DIR_MAX + 8];
    char maps[PIN_DIR_MAX + 8];
    int dir_fd;
    bool resumed;            /* another process has begun what is here */
    struct pin_state *state; /* borrowed by others until pin_close */
    struct session_note *notes;
    size_t note_count;
};

/*
 * Make the folder and lock it. must_exist: something has to be kept there. 0; -errno after a line that says what
 * to do: no BPF file system, another process (its pid).
 */
int pin_open(struct pin *pin, const char *dir, bool must_exist);
/* Unlock; what is pinned stays. After a failed pin_open, and twice, it does nothing. */
void pin_close(struct pin *pin);

/*
 * Before obj is loaded, and its sizes are set: use the maps that are pinned. 0, also when none are; -EINVAL
 * after a line that says what does not fit and the way out.
 */
int pin_reuse(struct pin *pin, struct bpf_object *obj, const char *version, uint64_t layout);
/* After it is loaded: pin what is not yet, open state and notes. 0; -errno after a line. */
int pin_keep(struct pin *pin, struct bpf_object *obj, const char *version, uint64_t layout);
/* Nothing is kept any more: what only the pins held goes. */
void pin_remove(struct pin *pin);

/* A hash of the layouts of all maps: names, offsets and sizes by BTF. Before the sizes are set. */
uint64_t pin_layout(const struct bpf_object *obj);

#endif
