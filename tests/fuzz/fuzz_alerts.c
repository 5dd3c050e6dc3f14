/* SPDX-License-Identifier: Apache-2.0 */
/* Any file as Suricata's eve.json: alerts are read or lines refused, and each alert belongs to one session at most. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/alerts.h"
#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 10.0.0.1:1000 to 10.0.0.2:80, as in the seeds. */
static struct flow_key some_key(void)
{
    static const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
    struct packet pkt = {0};

    for (int i = 0; i < 2; i++) {
        memcpy(pkt.key.addr[i].bytes, mapped, sizeof(mapped));
        pkt.key.addr[i].bytes[15] += (uint8_t)i;
    }
    pkt.key.ip_version = 4;
    pkt.key.l4_proto = IP_PROTO_TCP;
    packet_order_key(&pkt, htons(1000), htons(80));
    return pkt.key;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flow_key key = some_key();
    struct alerts_query query = {&key, NULL, 0, INT64_MAX / 2};
    struct alerts_reading reading;
    struct alerts *alerts;
    char path[64];
    size_t taken, again;
    int fd = memfd_create("eve", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    alerts = alerts_read(path, &reading);
    close(fd);
    if (!alerts)
        return 0;
    if (!reading.bad_lines != !reading.first_bad_line)
        abort();
    alerts_of(alerts, &query, &taken);
    alerts_of(alerts, &query, &again);
    if (again || alerts_left(alerts) + taken != reading.alerts)
        abort();
    alerts_free(alerts);
    return 0;
}
