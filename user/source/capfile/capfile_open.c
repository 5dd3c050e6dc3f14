/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a set of capture files: which they are, what each is, and when it begins. */
#include "source/capfile/capfile_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

struct known_format {
    const char *magic;
    size_t len;
    const char *name;
};

/* What people take for a capture file, or what capture files are packed in. */
static const struct known_format known_formats[] = {
    {"BZh", 3, "bzip2 data: unpack it first"},
    {"\xfd"
     "7zXZ",
     5, "xz data: unpack it first"},
    {"\x04\x22\x4d\x18", 4, "lz4 data: unpack it first"},
    {"PK\x03\x04", 4, "a zip archive: unpack it first"},
    {"7z\xbc\xaf", 4, "a 7-Zip archive: unpack it first"},
    {"snoop\0\0\0", 8, "a snoop capture: editcap converts it"},
    {"RTSS", 4, "a Network Monitor capture: editcap converts it"},
    {"GMBU", 4, "a Network Monitor capture: editcap converts it"},
    {"XCP\0", 4, "a NetXRay capture: editcap converts it"},
    {"TRSNIFF data    \x1a", 17, "a Sniffer capture: editcap converts it"},
    {"\x7f"
     "ELF",
     4, "a program"},
    {"SQLite format 3", 15, "an SQLite database"},
    {"{", 1, "JSON"},
    {"%PDF", 4, "a PDF document"},
};

#define HEAD_SEEN_BYTES 64

static const char *looks_like(struct input *input)
{
    const uint8_t *head = input->pos;
    size_t len;
    bool text = true;

    input_need(input, HEAD_SEEN_BYTES);
    head = input->pos;
    len = input_have(input) < HEAD_SEEN_BYTES ? input_have(input) : HEAD_SEEN_BYTES;
    for (size_t i = 0; i < sizeof(known_formats) / sizeof(known_formats[0]); i++) {
        const struct known_format *format = &known_formats[i];

        if (len >= format->len && memcmp(head, format->magic, format->len) == 0)
            return format->name;
    }
    for (size_t i = 0; i < len; i++)
        text = text && (head[i] >= ' ' || strchr("\t\r\n", head[i])) && head[i] && head[i] < 0x7f;
    return text ? "text" : len < 4 ? "cut short" : "of an unknown format";
}

void slot_complain(const char *path, int err)
{
    if (err == -ENOTSUP)
        log_error("%s: zstd data, and this build has no libzstd: unpack it first", path);
    else
        log_error("%s: %s", path, strerror(-err));
}

/* Streams stay open while they are merged; more of them than the shell's limit may be. */
static int open_input(struct input *input, const char *path, enum input_way *way)
{
    int err = input_open(input, path, way);
    struct rlimit limit;

    if (err != -EMFILE || getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return err;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        return err;
    return input_open(input, path, way);
}

int slot_open(struct slot *slot, enum input_way *way)
{
    int err;

    if (slot->state == SLOT_DONE)
        reader_pause(&slot->reader);
    err = open_input(&slot->reader.input, slot->reader.path, way);
    if (err)
        return err;
    slot->size_bytes = slot->reader.input.size_bytes;
    slot->once = *way == INPUT_ONCE;
    slot->state = SLOT_OPEN;
    return 0;
}

void slot_close(struct slot *slot, enum slot_state state)
{
    if (slot->state == SLOT_OPEN)
        reader_pause(&slot->reader);
    slot->state = state;
}

/* See when a file begins and close it again: it is read in its turn. */
static enum reader_head look_ahead(struct slot *slot, struct capfile_finds *finds)
{
    struct capfile_finds seen = {.quiet = true};
    struct reader *reader = &slot->reader;
    bool begun = false;

    reader->finds = slot->once ? finds : &seen;
    if (reader_begin(reader) == READER_FOREIGN)
        return READER_FOREIGN;
    begun = reader_next(reader, &slot->frame);
    slot->time_ns = slot->first_ns = begun ? slot->frame.time_ns : 0;
    slot->first_offset = begun ? slot->frame.offset : 0;
    if (slot->once) {
        slot->began = true;
        slot->state = begun ? SLOT_OPEN : SLOT_DONE;
        return READER_OK;
    }
    reader_end(reader);
    finds_fini(&seen);
    *reader = (struct reader){.path = reader->path, .file = reader->file, .finds = finds};
    slot->state = SLOT_WAITING;
    return READER_OK;
}

/* 0; 1: passed over; -errno, logged. */
static int begin_slot(struct capfile *capfile, struct slot *slot, const struct path *path)
{
    bool alone = capfile->paths.count == 1;
    enum reader_head head;
    enum input_way way = INPUT_FILE;
    int err;

    slot->reader.path = path->name;
    slot->reader.file = (uint32_t)capfile->slot_count;
    slot->reader.finds = &capfile->finds;
    err = slot_open(slot, &way);
    if (err) {
        slot_complain(path->name, err);
        return err;
    }
    if (alone)
        head = reader_begin(&slot->reader);
    else
        head = look_ahead(slot, &capfile->finds);
    slot->began = slot->began || alone;
    slot->reader.input.run_ahead = alone;
    if (head == READER_OK)
        return 0;
    if (path->named)
        log_error("%s: neither pcap nor pcapng, but %s", path->name,
                  looks_like(&slot->reader.input));
    reader_end(&slot->reader);
    memset(slot, 0, sizeof(*slot));
    return path->named ? -EINVAL : 1;
}

static int find_files(struct paths *paths, const struct capfile_conf *conf)
{
    for (size_t i = 0; i < conf->path_count; i++) {
        const char *path = conf->paths[i];
        struct stat st;
        int err;

        if (strcmp(path, "-") != 0 && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
            err = paths_add_folder(paths, path, conf->recursive);
        else
            err = paths_add(paths, path, true);
        if (err)
            return err;
    }
    return 0;
}

static bool has_entry(const char *folder, const char *name)
{
    char *path;
    bool is_there;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return false;
    is_there = access(path, F_OK) == 0;
    free(path);
    return is_there;
}

/* What sesstap run wrote is the likeliest to be mistaken for captures. */
static void complain_empty(const char *folder)
{
    if (has_entry(folder, "pcap"))
        log_error("%s: no capture file in it, but a folder of them: %s/pcap", folder, folder);
    else if (has_entry(folder, "sessions.ndjson"))
        log_error(
            "%s: no capture file in it; sessions.ndjson has the records, one JSON object a line, and "
            "captures are there after run --pcap or --pcapng",
            folder);
    else
        log_error("%s: no capture file in it", folder);
}

static int open_all(struct capfile *capfile, const struct capfile_conf *conf)
{
    int err = find_files(&capfile->paths, conf);

    if (err)
        return err;
    capfile->slots = calloc(capfile->paths.count + 1, sizeof(*capfile->slots));
    capfile->heap.all = calloc(capfile->paths.count + 1, sizeof(*capfile->heap.all));
    if (!capfile->slots || !capfile->heap.all)
        return -ENOMEM;
    for (size_t i = 0; i < capfile->paths.count; i++) {
        struct slot *slot = &capfile->slots[capfile->slot_count];

        err = begin_slot(capfile, slot, &capfile->paths.all[i]);
        if (err < 0)
            return err;
        if (err)
            continue;
        capfile->slot_count++;
        if (capfile->paths.count == 1)
            capfile->current = slot;
        else if (slot->state != SLOT_DONE)
            heap_push(&capfile->heap, slot);
    }
    if (capfile->slot_count)
        return 0;
    complain_empty(conf->path_count ? conf->paths[0] : "(no file)");
    return -ENOENT;
}

struct capfile *capfile_open(const struct capfile_conf *conf)
{
    struct capfile *capfile = calloc(1, sizeof(*capfile));
    int err;

    if (!capfile)
        return NULL;
    capfile->rival_ns = UINT64_MAX;
    err = open_all(capfile, conf);
    if (!err && conf->choice)
        err = capfile_choose(capfile, conf->choice);
    if (err) {
        capfile_close(capfile);
        errno = -err;
        return NULL;
    }
    return capfile;
}

struct capfile *capfile_open_memory(const uint8_t *data, size_t len, bool quiet)
{
    struct capfile *capfile = calloc(1, sizeof(*capfile));
    struct slot *slot = calloc(1, sizeof(*slot));

    if (!capfile || !slot || paths_add(&capfile->paths, "memory", true) < 0) {
        free(slot);
        capfile_close(capfile);
        return NULL;
    }
    *slot = (struct slot){.state = SLOT_OPEN, .began = true, .size_bytes = len};
    slot->reader.path = capfile->paths.all[0].name;
    slot->reader.finds = &capfile->finds;
    capfile->finds.quiet = quiet;
    input_open_memory(&slot->reader.input, data, len);
    capfile->slots = capfile->current = slot;
    capfile->slot_count = 1;
    capfile->rival_ns = UINT64_MAX;
    capfile->heap.all = calloc(1, sizeof(*capfile->heap.all));
    if (!capfile->heap.all || reader_begin(&slot->reader) == READER_FOREIGN) {
        capfile_close(capfile);
        errno = EINVAL;
        return NULL;
    }
    return capfile;
}

void capfile_close(struct capfile *capfile)
{
    if (!capfile)
        return;
    for (size_t i = 0; capfile->slots && i < capfile->paths.count; i++)
        reader_end(&capfile->slots[i].reader);
    free(capfile->slots);
    free(capfile->heap.all);
    finds_fini(&capfile->finds);
    paths_fini(&capfile->paths);
    free(capfile);
}
