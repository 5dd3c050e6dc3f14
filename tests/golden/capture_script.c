/* SPDX-License-Identifier: Apache-2.0 */
/* See capture_script.h. */
#include "golden/capture_script.h"

#include <err.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/packet_builder.h"
#include "unit/script.h"

#define AGAIN_NS     1000
#define STEP_NS      1000000
#define LINE_ROOM    8192
#define ADDRESS_ROOM 64

/* What is read so far. */
struct reading {
    struct capture_script *capture;
    struct script script;
    const char *path;
    unsigned int line_number;
    uint32_t snaplen;
    char layers[LINE_ROOM];
    char address[2][ADDRESS_ROOM];
};

static void fail(const struct reading *reading, const char *what)
{
    errx(1, "%s:%u: %s", reading->path, reading->line_number, what);
}

static void add_frame(struct reading *reading, const uint8_t *data, size_t len)
{
    struct capture_script *capture = reading->capture;
    struct capture_frame *frame;

    capture->frames = realloc(capture->frames, (capture->count + 1) * sizeof(*frame));
    if (!capture->frames)
        err(1, "keeping a frame");
    frame = &capture->frames[capture->count++];
    frame->time_ns = reading->script.time_ns;
    frame->interface = capture->interface_count - 1;
    frame->wire_len = (uint32_t)len;
    frame->cap_len =
        reading->snaplen && len > reading->snaplen ? reading->snaplen : frame->wire_len;
    frame->data = malloc(len);
    if (!frame->data)
        err(1, "keeping a frame");
    memcpy(frame->data, data, frame->cap_len);
}

static void build_frame(struct reading *reading, const char *layers)
{
    static uint8_t bytes[PACKET_BUILDER_ROOM];

    add_frame(reading, bytes, packet_build(bytes, sizeof(bytes), "%s", layers));
}

static void frame_again(struct reading *reading)
{
    const struct capture_script *capture = reading->capture;
    struct capture_frame last;

    if (!capture->count)
        fail(reading, "no frame to capture again");
    last = capture->frames[capture->count - 1];
    reading->script.time_ns += AGAIN_NS;
    add_frame(reading, last.data, last.wire_len);
}

static void add_interface(struct reading *reading, const char *text)
{
    struct capture_script *capture = reading->capture;
    char *layers;
    unsigned long linktype = strtoul(text, &layers, 0);

    if (capture->interface_count == CAPTURE_INTERFACES)
        fail(reading, "too many interfaces");
    if (layers == text || linktype > UINT16_MAX)
        fail(reading, "a link type is a number");
    capture->linktypes[capture->interface_count++] = (uint16_t)linktype;
    layers += strspn(layers, " ");
    snprintf(reading->layers, sizeof(reading->layers), "%s", *layers ? layers : "hex");
    reading->script.link = reading->layers;
}

static void set_side(struct reading *reading, int which, const char *text)
{
    struct script_side *side = &reading->script.side[which];
    char address[ADDRESS_ROOM];
    unsigned int port;

    if (sscanf(text, "%63s %u", address, &port) != 2 || port > UINT16_MAX)
        fail(reading, "ADDRESS PORT is wanted");
    memcpy(reading->address[which], address, sizeof(address));
    side->addr = reading->address[which];
    side->port = (uint16_t)port;
}

static void set_numbers(struct reading *reading, const char *text)
{
    struct script_side *side = reading->script.side;

    if (sscanf(text, "%u %u", &side[0].isn, &side[1].isn) != 2)
        fail(reading, "two numbers are wanted");
    side[0].nxt = side[0].isn;
    side[1].nxt = side[1].isn;
}

/* "+10ms frame ..." or "frame ..."; false when it is neither. */
static bool is_frame(struct reading *reading, const char *line)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns ", 1}, {"us ", 1000}, {"ms ", 1000000}, {"s ", 1000000000}};
    uint64_t step_ns = STEP_NS;

    if (*line == '+') {
        char *unit;
        uint64_t count = strtoull(line + 1, &unit, 10);

        line = unit;
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
            if (!strncmp(unit, units[i].name, strlen(units[i].name))) {
                step_ns = count * units[i].ns;
                line = unit + strlen(units[i].name);
            }
        }
    }
    if (strncmp(line, "frame ", 6) != 0)
        return false;
    reading->script.time_ns += step_ns;
    build_frame(reading, line + 6);
    return true;
}

static void take_segments(struct reading *reading, const char *line)
{
    struct segment segment;

    if (!reading->capture->interface_count)
        add_interface(reading, "1 eth");
    if (is_frame(reading, line))
        return;
    reading->script.at = line;
    while (script_next(&reading->script, &segment))
        build_frame(reading, segment.frame);
}

static void take_line(struct reading *reading, const char *line)
{
    if (!*line || *line == '#')
        return;
    if (!strncmp(line, "format ", 7))
        snprintf(reading->capture->format, sizeof(reading->capture->format), "%s", line + 7);
    else if (!strncmp(line, "interface ", 10))
        add_interface(reading, line + 10);
    else if (!strncmp(line, "client ", 7))
        set_side(reading, 0, line + 7);
    else if (!strncmp(line, "server ", 7))
        set_side(reading, 1, line + 7);
    else if (!strncmp(line, "isn ", 4))
        set_numbers(reading, line + 4);
    else if (!strncmp(line, "snaplen ", 8))
        reading->snaplen = (uint32_t)strtoul(line + 8, NULL, 0);
    else if (!strcmp(line, "again"))
        frame_again(reading);
    else
        take_segments(reading, line);
}

void capture_script_read(struct capture_script *capture, const char *path)
{
    static struct reading reading;
    char line[LINE_ROOM];
    FILE *file = fopen(path, "r");

    if (!file)
        err(1, "%s", path);
    *capture = (struct capture_script){.format = "pcap-ns"};
    reading = (struct reading){.capture = capture, .path = path};
    script_init(&reading.script, "", 1000, 5000);
    while (fgets(line, sizeof(line), file)) {
        reading.line_number++;
        line[strcspn(line, "\n")] = 0;
        take_line(&reading, line + strspn(line, " \t"));
    }
    fclose(file);
}

void capture_script_fini(struct capture_script *capture)
{
    for (size_t i = 0; i < capture->count; i++)
        free(capture->frames[i].data);
    free(capture->frames);
    *capture = (struct capture_script){0};
}
