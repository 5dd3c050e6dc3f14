/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sesstap extract: the packets of some sessions as a capture file. The input is read once to learn which
 * packets they are, and once more to copy these.
 */
#include "cmd/extract.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/app.h"
#include "app/keylog.h"
#include "base/log.h"
#include "base/plural.h"
#include "cmd/cmd.h"
#include "cmd/file_options.h"
#include "cmd/output.h"
#include "source/capfile/linktype.h"
#include "sink/capture.h"
#include "sink/field.h"

#define STREAMS_MAX 100000

/* What is known of a chosen session after the first reading. */
struct extracted {
    struct flow_key key;
    char *id;
    bool is_commented;
};

enum {
    OPT_OBJECTS = FILE_OWN_OPTION,
    OPT_TYPE,
};

static const struct option OWN_OPTIONS[] = {
    {"objects", required_argument, NULL, OPT_OBJECTS},
    {"type", required_argument, NULL, OPT_TYPE},
    {NULL, 0, NULL, 0},
};

struct extracting {
    struct file_options options;
    struct replay_conf conf;
    struct stream_choice choice;
    struct extracted *sessions; /* [choice.count] */
    struct picks picks;
    struct randoms randoms;
    const char *objects_dir; /* NULL: packets are wanted */
    const char *type;        /* of objects, NULL: all */
    const char *out_path;
    enum capture_format format;
    struct capture *capture;
    size_t secrets_done;
    struct buf secrets;  /* that opened the sessions: lines of a key log */
    struct keylog *told; /* these */
    struct app_conf app;
    uint64_t lost_fragments;
    int error;
};

static int set_option(void *ctx, int option, const char *arg)
{
    struct extracting *extracting = ctx;
    const char *dot = strrchr(arg ? arg : "", '.');

    if (option == OPT_OBJECTS)
        extracting->objects_dir = arg;
    if (option == OPT_TYPE)
        extracting->type = arg;
    if (option != 'w')
        return 0;
    if (!dot || (strcmp(dot, ".pcap") && strcmp(dot, ".pcapng"))) {
        log_error("-w %s: a name that ends in .pcap or .pcapng is wanted", arg);
        return -EINVAL;
    }
    extracting->out_path = arg;
    extracting->format = strcmp(dot, ".pcap") ? CAPTURE_PCAPNG : CAPTURE_PCAP;
    return 0;
}

/* ---- first reading: which packets ------------------------------------------------------------------ */

static void note_error(struct extracting *extracting, int err)
{
    if (err && !extracting->error)
        extracting->error = err;
}

static void on_place(void *ctx, struct session *session, const struct frame_place *place)
{
    struct extracting *extracting = ctx;
    struct chosen_stream *stream = stream_choice_match(&extracting->choice, session);

    if (!stream)
        return;
    if (place->number)
        note_error(extracting, picks_add(&extracting->picks, place->number,
                                         (uint32_t)(stream - extracting->choice.streams)));
    else
        extracting->lost_fragments++;
}

static void on_packet(void *ctx, const struct session *session, const struct flow *flow,
                      const struct packet *pkt, const struct frame *frame, uint32_t old_bytes)
{
    struct extracting *extracting = ctx;

    (void)flow;
    (void)old_bytes;
    if (!stream_choice_match(&extracting->choice, session))
        return;
    if (pkt->key.l4_proto == IP_PROTO_TCP)
        note_error(extracting, randoms_find(&extracting->randoms, frame->data, frame->cap_len));
    else
        extracting->randoms.all = true;
}

static void on_record(void *ctx, const struct record *record)
{
    struct extracting *extracting = ctx;
    struct chosen_stream *stream = stream_choice_match(&extracting->choice, record->session);
    struct extracted *session;
    struct field_value id;

    stream_choice_count(&extracting->choice, record->session);
    if (!stream)
        return;
    facts_add_secrets(record->facts, &extracting->secrets);
    session = &extracting->sessions[stream - extracting->choice.streams];
    session->key = record->session->key;
    if (!session->id && field_get(field_find("@id"), record, &id))
        session->id = strndup(id.text, id.len);
}

static int find_packets(struct extracting *extracting, int *status)
{
    struct replay_result result;
    int err = stream_choice_resolve(&extracting->choice, &extracting->conf);

    if (err)
        return err;
    if (extracting->format == CAPTURE_PCAPNG) {
        extracting->app = (struct app_conf){.keylog = extracting->options.keylog};
        extracting->conf.pipeline.app = &extracting->app;
        extracting->conf.no_index |= keylog_is_active(extracting->options.keylog);
    }
    extracting->conf.hooks = (struct replay_hooks){
        .packet = on_packet, .place = on_place, .record = on_record, .ctx = extracting};
    err = replay_run(&extracting->conf, &result);
    if (err)
        return err;
    output_say_keylog(extracting->options.keylog);
    *status = file_options_status(0, &result);
    if (!stream_choice_found_all(&extracting->choice, extracting->options.words[0]))
        return -ENOENT;
    if (extracting->error) {
        log_error("out of memory");
        return extracting->error;
    }
    if (extracting->lost_fragments) {
        log_warn("%llu fragment%s left out: too far from the rest of the packet to be found",
                 (unsigned long long)extracting->lost_fragments,
                 plural_is(extracting->lost_fragments));
        *status = EXIT_DAMAGED;
    }
    picks_sort(&extracting->picks);
    return 0;
}

/* ---- second reading: copy them --------------------------------------------------------------------- */

/* Secrets that the first reading opened sessions with. */
static int write_told(struct extracting *extracting)
{
    struct buf *secrets = &extracting->secrets;

    if (!secrets->len && !secrets->failed)
        return 0;
    extracting->told = keylog_new(0, 0);
    if (secrets->failed || !extracting->told)
        return -ENOMEM;
    keylog_add(extracting->told, secrets->data, secrets->len);
    return capture_write_secrets(extracting->capture, CAPTURE_SECRETS_TLS_KEY_LOG, secrets->data,
                                 secrets->len);
}

/* Secrets that the input told since the last packet: readers want them before the packets. */
static int copy_secrets(struct extracting *extracting, const struct capfile *capfile)
{
    size_t count;
    const struct capfile_secrets *secrets = capfile_secrets(capfile, &count);
    int err = 0;

    for (; extracting->secrets_done < count && !err; extracting->secrets_done++) {
        const struct capfile_secrets *one = &secrets[extracting->secrets_done];
        struct buf lines = {0};

        if (one->type != CAPTURE_SECRETS_TLS_KEY_LOG) {
            err = capture_write_secrets(extracting->capture, one->type, one->data, one->len);
            continue;
        }
        randoms_filter(&extracting->randoms, extracting->told, &lines, (const char *)one->data,
                       one->len);
        if (lines.failed)
            err = -ENOMEM;
        else if (lines.len)
            err = capture_write_secrets(extracting->capture, one->type, lines.data, lines.len);
        buf_fini(&lines);
    }
    return err;
}

static bool is_end_of_one(const struct extracting *extracting, const struct capfile_name *name)
{
    for (size_t i = 0; i < extracting->choice.count; i++) {
        const struct flow_key *key = &extracting->sessions[i].key;

        if (!memcmp(key->addr[0].bytes, name->addr, sizeof(name->addr)) ||
            !memcmp(key->addr[1].bytes, name->addr, sizeof(name->addr)))
            return true;
    }
    return false;
}

static int copy_names(struct extracting *extracting, const struct capfile *capfile)
{
    size_t count;
    const struct capfile_name *names = capfile_names(capfile, &count);
    int err = 0;

    for (size_t i = 0; i < count && !err; i++) {
        struct capture_name name = {.ip_version = names[i].ip_version, .name = names[i].name};

        memcpy(name.addr, names[i].addr, sizeof(name.addr));
        if (!is_end_of_one(extracting, &names[i]) || !name.name[0] ||
            strlen(name.name) > CAPTURE_NAME_MAX_BYTES)
            continue;
        err = capture_write_names(extracting->capture, &name, 1);
    }
    return err;
}

static int copy_frame(struct extracting *extracting, const struct capfile *capfile,
                      const struct frame *frame, uint32_t stream)
{
    const struct capfile_interface *from = capfile_interface(capfile, frame->interface);
    struct extracted *session = &extracting->sessions[stream];
    const struct capture_interface iface = {
        .ifindex = frame->interface + 1,
        .name = from && from->name[0] ? from->name : NULL,
        .linktype = frame->linktype,
        .has_linktype = true,
    };
    const struct capture_packet packet = {
        .headers = frame->data,
        .headers_len = frame->cap_len,
        .trailer_len = frame->wire_len - frame->cap_len,
        .wall_ns = frame->time_ns,
        .ifindex = iface.ifindex,
        .verbatim = true,
    };
    int err = 0;

    if (!session->is_commented && session->id)
        err = capture_comment(extracting->capture, session->id);
    session->is_commented = true;
    if (!err)
        err = capture_write(extracting->capture, &iface, &packet);
    if (err == -EPROTOTYPE)
        log_error("%s: packet %llu of the input has another link type (%s), and a pcap file holds "
                  "one; write .pcapng",
                  extracting->out_path, (unsigned long long)frame->number,
                  linktype_name(frame->linktype));
    else if (err)
        log_error("cannot write %s: %s", extracting->out_path, strerror(-err));
    return err;
}

static int copy_packets(struct extracting *extracting, struct capfile *capfile)
{
    const struct picks *picks = &extracting->picks;
    bool is_pcapng = extracting->format == CAPTURE_PCAPNG;
    struct frame frame;
    size_t next = 0;
    int err = 0;

    if (is_pcapng)
        err = write_told(extracting);
    /* To the end in pcapng: names may come after the packets. */
    while (!err && (is_pcapng || next < picks->count) && capfile_next(capfile, &frame) == 1) {
        if (next == picks->count || frame.number != picks->items[next].number)
            continue;
        if (is_pcapng)
            err = copy_secrets(extracting, capfile);
        if (!err)
            err = copy_frame(extracting, capfile, &frame, picks->items[next++].stream);
    }
    if (!err && is_pcapng)
        err = copy_secrets(extracting, capfile);
    if (!err && is_pcapng)
        err = copy_names(extracting, capfile);
    return err;
}

/* Sessions that were found; one may have been named by index and by @id. */
static size_t count_sessions(const struct extracting *extracting)
{
    size_t count = 0;

    for (size_t i = 0; i < extracting->choice.count; i++)
        count += extracting->sessions[i].id != NULL;
    return count;
}

static int write_capture(struct extracting *extracting)
{
    size_t sessions = count_sessions(extracting);
    struct capfile *capfile = capfile_open(&extracting->conf.input);
    uint64_t packets;
    int err = capfile ? 0 : -errno;

    if (err)
        return err;
    extracting->capture = capture_new(extracting->out_path, extracting->format, NULL);
    if (!extracting->capture) {
        err = -errno;
        log_error("cannot write %s: %s", extracting->out_path, strerror(-err));
        capfile_close(capfile);
        return err;
    }
    err = copy_packets(extracting, capfile);
    packets = capture_packets(extracting->capture);
    if (err) {
        capture_abort(extracting->capture);
    } else {
        err = capture_close(extracting->capture, packets, 0);
        if (err)
            log_error("cannot write %s: %s", extracting->out_path, strerror(-err));
        else
            log_info("%llu packet%s of %zu session%s written to %s", (unsigned long long)packets,
                     plural_s(packets), sessions, plural_s(sessions), extracting->out_path);
    }
    capfile_close(capfile);
    return err;
}

/* ---- the command ----------------------------------------------------------------------------------- */

/* Also when it is one of the files of the folder that is read. */
static bool is_input(struct capfile_conf *input, const char *path)
{
    struct stat out, in;
    struct capfile *capfile;
    bool found = false;

    if (stat(path, &out))
        return false;
    capfile = capfile_open(input);
    for (uint32_t i = 0; capfile && i < capfile_file_count(capfile) && !found; i++)
        found = !stat(capfile_path(capfile, i), &in) && in.st_dev == out.st_dev &&
                in.st_ino == out.st_ino;
    capfile_close(capfile);
    return found;
}

static int extract(struct extracting *extracting)
{
    int status = EXIT_DONE;

    if (stream_choice_reads_stdin(&extracting->conf, "extract reads twice"))
        return EXIT_FAILED;
    if (is_input(&extracting->conf.input, extracting->out_path)) {
        log_error("-w %s: that is the input itself; choose another name", extracting->out_path);
        return EXIT_FAILED;
    }
    extracting->sessions = calloc(extracting->choice.count, sizeof(*extracting->sessions));
    if (!extracting->sessions) {
        log_error("out of memory");
        return EXIT_FAILED;
    }
    if (find_packets(extracting, &status) || write_capture(extracting))
        return EXIT_FAILED;
    return status;
}

static void extracting_fini(struct extracting *extracting)
{
    for (size_t i = 0; extracting->sessions && i < extracting->choice.count; i++)
        free(extracting->sessions[i].id);
    free(extracting->sessions);
    buf_fini(&extracting->secrets);
    keylog_free(extracting->told);
    picks_fini(&extracting->picks);
    randoms_fini(&extracting->randoms);
    stream_choice_fini(&extracting->choice);
    file_options_fini(&extracting->options);
}

/* What goes together. 0; -EINVAL after a line. */
static int check(const struct extracting *extracting)
{
    const char *wrong = NULL;

    if (extracting->objects_dir && extracting->out_path)
        wrong = "-w and --objects: one of them is wanted at a time";
    else if (!extracting->objects_dir && extracting->type)
        wrong = "--type goes with --objects OUTDIR";
    else if (!extracting->objects_dir && extracting->options.where)
        wrong = "--where goes with --objects OUTDIR; packets are extracted by STREAM";
    else if (!extracting->objects_dir && !extracting->out_path)
        wrong = "-w OUT.pcap or -w OUT.pcapng is missing";
    else if (!extracting->objects_dir && !extracting->options.rest_count)
        wrong = "STREAM is missing: tcp:N, udp:N, N or an @id";
    else if (!extracting->objects_dir && extracting->format == CAPTURE_PCAP &&
             keylog_path(extracting->options.keylog))
        wrong = "--keylog: a pcap file holds no secrets; let its name end in .pcapng";
    if (!wrong)
        return 0;
    log_error("extract: %s (see sesstap help extract)", wrong);
    return -EINVAL;
}

int cmd_extract(int argc, char **argv)
{
    struct extracting extracting = {0};
    const struct file_command command = {
        .name = "extract",
        .takes = FILE_TAKES_WHERE | FILE_TAKES_KEYLOG,
        .letters = "w:",
        .own = OWN_OPTIONS,
        .set = set_option,
        .ctx = &extracting,
        .rest_name = "STREAM",
        .rest_min = 0,
        .rest_max = STREAMS_MAX,
    };
    int status = EXIT_USAGE;

    if (!file_options_parse(&extracting.options, &command, argc, argv) && !check(&extracting) &&
        !stream_choice_init(&extracting.choice, extracting.options.rest,
                            extracting.options.rest_count)) {
        const struct extract_objects what = {
            .options = &extracting.options,
            .conf = &extracting.conf,
            .choice = &extracting.choice,
            .dir = extracting.objects_dir,
            .type = extracting.type,
        };

        file_options_apply(&extracting.options, &extracting.conf);
        status = what.dir ? extract_objects(&what) : extract(&extracting);
    }
    extracting_fini(&extracting);
    return status;
}
