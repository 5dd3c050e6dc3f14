/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture file from a script (capture_script.h). Its writers are its own, so that what reads the files is
 * not tested against itself.
 * usage: make_capture SCRIPT CAPTURE
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden/capture_script.h"

#define PCAP_MAGIC_US 0xa1b2c3d4
#define PCAP_MAGIC_NS 0xa1b23c4d
#define SNAPLEN       262144

struct out {
    FILE *file;
    bool big; /* byte order */
};

static void put(const struct out *out, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        putc((int)(value >> 8 * (out->big ? bytes - 1 - i : i) & 0xff), out->file);
}

static void write_pcap(const struct out *out, const struct capture_script *capture, bool is_ns)
{
    if (capture->interface_count > 1)
        errx(1, "a pcap file has one interface");
    put(out, is_ns ? PCAP_MAGIC_NS : PCAP_MAGIC_US, 4);
    put(out, 2, 2);
    put(out, 4, 2);
    put(out, 0, 4);
    put(out, 0, 4);
    put(out, SNAPLEN, 4);
    put(out, capture->linktypes[0], 4);
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_frame *frame = &capture->frames[i];

        put(out, (uint32_t)(frame->time_ns / 1000000000), 4);
        put(out, (uint32_t)(frame->time_ns % 1000000000 / (is_ns ? 1 : 1000)), 4);
        put(out, frame->cap_len, 4);
        put(out, frame->wire_len, 4);
        fwrite(frame->data, 1, frame->cap_len, out->file);
    }
}

static void write_interface(const struct out *out, uint16_t linktype)
{
    put(out, 1, 4);
    put(out, 32, 4);
    put(out, linktype, 2);
    put(out, 0, 2);
    put(out, SNAPLEN, 4);
    put(out, 9, 2); /* if_tsresol: nanoseconds */
    put(out, 1, 2);
    putc(9, out->file);
    fwrite("\0\0\0", 1, 3, out->file);
    put(out, 0, 4);
    put(out, 32, 4);
}

static void write_pcapng(const struct out *out, const struct capture_script *capture)
{
    put(out, 0x0a0d0d0a, 4);
    put(out, 28, 4);
    put(out, 0x1a2b3c4d, 4);
    put(out, 1, 2);
    put(out, 0, 2);
    put(out, 0xffffffff, 4);
    put(out, 0xffffffff, 4);
    put(out, 28, 4);
    for (uint32_t i = 0; i < capture->interface_count; i++)
        write_interface(out, capture->linktypes[i]);
    for (size_t i = 0; i < capture->count; i++) {
        const struct capture_frame *frame = &capture->frames[i];
        uint32_t pad = -frame->cap_len & 3, len = 32 + frame->cap_len + pad;

        put(out, 6, 4);
        put(out, len, 4);
        put(out, frame->interface, 4);
        put(out, (uint32_t)(frame->time_ns >> 32), 4);
        put(out, (uint32_t)frame->time_ns, 4);
        put(out, frame->cap_len, 4);
        put(out, frame->wire_len, 4);
        fwrite(frame->data, 1, frame->cap_len, out->file);
        fwrite("\0\0\0", 1, pad, out->file);
        put(out, len, 4);
    }
}

int main(int argc, char **argv)
{
    struct capture_script capture;
    struct out out;

    if (argc != 3)
        errx(2, "usage: make_capture SCRIPT CAPTURE");
    capture_script_read(&capture, argv[1]);
    if (!capture.count)
        errx(1, "%s: no frames", argv[1]);
    out = (struct out){fopen(argv[2], "w"), strstr(capture.format, "-big") != NULL};
    if (!out.file)
        err(1, "%s", argv[2]);
    if (!strncmp(capture.format, "pcapng", 6))
        write_pcapng(&out, &capture);
    else if (!strncmp(capture.format, "pcap-", 5))
        write_pcap(&out, &capture, strcmp(capture.format, "pcap-us") != 0);
    else
        errx(1, "%s: format %s is not known", argv[1], capture.format);
    if (fclose(out.file))
        err(1, "%s", argv[2]);
    capture_script_fini(&capture);
    return 0;
}
