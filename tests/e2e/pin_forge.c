/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes what `sesstap run --pin DIR` keeps look as if another version had made it: its layout's hash becomes
 * another one, and what it was again when called a second time.
 */
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pinned.h"

int main(int argc, char **argv)
{
    char path[512];
    struct pin_state *state;
    int fd;

    if (argc != 2) {
        fprintf(stderr, "usage: pin_forge DIR\n");
        return 2;
    }
    snprintf(path, sizeof(path), "%s/maps/state", argv[1]);
    fd = bpf_obj_get(path);
    if (fd < 0) {
        fprintf(stderr, "pin_forge: %s: %s\n", path, strerror(-fd));
        return 1;
    }
    state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (state == MAP_FAILED) {
        perror("pin_forge: mmap");
        return 1;
    }
    state->layout = ~state->layout;
    return 0;
}
