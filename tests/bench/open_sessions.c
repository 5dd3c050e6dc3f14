/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends the handshakes of COUNT TCP sessions, both sides of each, from an interface; they stay open.
 * usage: open_sessions IFACE COUNT
 */
#include <err.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/session_frames.h"

#define PAUSE_EVERY 512 /* sessions */
#define PAUSE_US    2000

static int open_interface(const char *name)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET};
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    address.sll_ifindex = (int)if_nametoindex(name);
    if (fd < 0 || !address.sll_ifindex ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)))
        err(1, "opening interface %s", name);
    return fd;
}

int main(int argc, char **argv)
{
    uint32_t count;
    int fd;

    if (argc != 3)
        errx(2, "usage: open_sessions IFACE COUNT");
    fd = open_interface(argv[1]);
    count = (uint32_t)strtoul(argv[2], NULL, 10);
    for (uint32_t session = 0; session < count; session++) {
        for (int step = 0; step < OPENING_FRAMES; step++) {
            struct frame frame;

            opening_frame(&frame, session, step);
            while (send(fd, &frame, sizeof(frame), 0) < 0)
                if (errno != ENOBUFS)
                    err(1, "sending on %s", argv[1]);
        }
        if (session % PAUSE_EVERY == PAUSE_EVERY - 1)
            usleep(PAUSE_US);
    }
    close(fd);
    return 0;
}
