/* SPDX-License-Identifier: Apache-2.0 */
/* A filter is compiled once for each link type that comes along, and kept. */
#include "source/capfile/pcap_filter.h"

#include <errno.h>

#include "base/buf.h"

#ifdef HAVE_PCAP

#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pcap/pcap.h>

#include "base/log.h"
#include "source/capfile/linktype.h"

#define SNAPLEN_BYTES 262144
#define MAX_PROGRAMS  16

struct program {
    uint16_t linktype;
    bool good;
    struct bpf_program code;
};

struct pcap_filter {
    char *text;
    size_t count;
    size_t last; /* the program that was used last */
    struct program programs[MAX_PROGRAMS];
};

/* libpcap's own number of a registered link type; they differ where systems had theirs before. */
static int dlt_of(uint16_t linktype)
{
    switch (linktype) {
    case LINKTYPE_RAW:
    case LINKTYPE_RAW_BSD:
    case LINKTYPE_RAW_OPENBSD:
        return DLT_RAW;
    default:
        return linktype;
    }
}

/*
 * Whether it asks the kernel for what a frame's bytes don't say: `inbound` and `outbound` on Ethernet. libpcap knows that
 * of a capture file it has open, and compiles it for all else.
 */
static bool asks_kernel(const struct bpf_program *code)
{
    for (unsigned int i = 0; i < code->bf_len; i++) {
        const struct bpf_insn *insn = &code->bf_insns[i];

        if (BPF_CLASS(insn->code) == BPF_LD && BPF_MODE(insn->code) == BPF_ABS &&
            insn->k - (bpf_u_int32)SKF_AD_OFF < SKF_AD_MAX)
            return true;
    }
    return false;
}

/* 0; -1 with libpcap's message in error, PCAP_ERRBUF_SIZE bytes. */
static int compile(struct bpf_program *code, const char *text, uint16_t linktype, char *error)
{
    pcap_t *handle = pcap_open_dead(dlt_of(linktype), SNAPLEN_BYTES);
    int err = -1;

    *error = '\0';
    if (!handle)
        return -1;
    err = pcap_compile(handle, code, text, 1, PCAP_NETMASK_UNKNOWN);
    if (err)
        strncat(error, pcap_geterr(handle), PCAP_ERRBUF_SIZE - 1);
    pcap_close(handle);
    if (!err && asks_kernel(code)) {
        snprintf(error, PCAP_ERRBUF_SIZE, "inbound and outbound can't be told on this link type");
        pcap_freecode(code);
        err = -1;
    }
    return err ? -1 : 0;
}

int pcap_filter_compile(const char *text, uint16_t linktype, struct sock_filter **code,
                        size_t *count, struct buf *error)
{
    char why[PCAP_ERRBUF_SIZE];
    struct bpf_program compiled;

    if (compile(&compiled, text, linktype, why)) {
        buf_printf(error, "filter '%s': %s", text, why);
        return -EINVAL;
    }
    *count = compiled.bf_len;
    *code = calloc(compiled.bf_len, sizeof(**code));
    for (size_t i = 0; *code && i < *count; i++) {
        const struct bpf_insn *insn = &compiled.bf_insns[i];

        (*code)[i] = (struct sock_filter){insn->code, insn->jt, insn->jf, insn->k};
    }
    pcap_freecode(&compiled);
    if (*code)
        return 0;
    buf_add_str(error, "filter: no memory");
    return -ENOMEM;
}

static struct program *add_program(struct pcap_filter *filter, uint16_t linktype, char *error)
{
    struct program *program = &filter->programs[filter->count++];

    program->linktype = linktype;
    program->good = !compile(&program->code, filter->text, linktype, error);
    return program;
}

static void drop_programs(struct pcap_filter *filter)
{
    for (size_t i = 0; i < filter->count; i++)
        if (filter->programs[i].good)
            pcap_freecode(&filter->programs[i].code);
    filter->count = 0;
    filter->last = 0;
}

/* The link types of which one at least must be able to have the filter. */
static bool makes_sense(struct pcap_filter *filter, struct buf *error)
{
    static const uint16_t kinds[] = {LINKTYPE_ETHERNET, LINKTYPE_IEEE802_11_RADIOTAP,
                                     LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2, LINKTYPE_RAW};
    char first[PCAP_ERRBUF_SIZE], other[PCAP_ERRBUF_SIZE];

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (add_program(filter, kinds[i], i ? other : first)->good) {
            drop_programs(filter);
            return true;
        }
    }
    drop_programs(filter);
    buf_printf(error, "filter '%s': %s", filter->text, first);
    return false;
}

struct pcap_filter *pcap_filter_new(const char *text, struct buf *error)
{
    struct pcap_filter *filter = calloc(1, sizeof(*filter));

    if (filter)
        filter->text = strdup(text);
    if (!filter || !filter->text) {
        buf_add_str(error, "filter: no memory");
        free(filter);
        return NULL;
    }
    if (!makes_sense(filter, error)) {
        pcap_filter_free(filter);
        return NULL;
    }
    return filter;
}

void pcap_filter_free(struct pcap_filter *filter)
{
    if (!filter)
        return;
    drop_programs(filter);
    free(filter->text);
    free(filter);
}

static struct program *program_for(struct pcap_filter *filter, uint16_t linktype)
{
    char error[PCAP_ERRBUF_SIZE];
    struct program *program;

    for (size_t i = 0; i < filter->count; i++)
        if (filter->programs[i].linktype == linktype) {
            filter->last = i;
            return &filter->programs[i];
        }
    if (filter->count == MAX_PROGRAMS)
        drop_programs(filter);
    filter->last = filter->count;
    program = add_program(filter, linktype, error);
    if (!program->good)
        log_warn("filter '%s': no packet of link type %s (%u) passes: %s", filter->text,
                 linktype_name(linktype), linktype, error);
    return program;
}

bool pcap_filter_match(struct pcap_filter *filter, uint16_t linktype, const uint8_t *data,
                       uint32_t cap_len, uint32_t wire_len)
{
    const struct pcap_pkthdr header = {.caplen = cap_len, .len = wire_len};
    struct program *program;

    if (!filter)
        return true;
    program = &filter->programs[filter->last];
    if (!filter->count || program->linktype != linktype)
        program = program_for(filter, linktype);
    return program->good && pcap_offline_filter(&program->code, &header, data) != 0;
}

#else

static void say_there_is_none(const char *text, struct buf *error)
{
    buf_printf(error, "filter '%s': this sesstap was built without libpcap, it has no filters",
               text);
}

int pcap_filter_compile(const char *text, uint16_t linktype, struct sock_filter **code,
                        size_t *count, struct buf *error)
{
    (void)linktype;
    (void)code;
    (void)count;
    say_there_is_none(text, error);
    return -ENOTSUP;
}

struct pcap_filter *pcap_filter_new(const char *text, struct buf *error)
{
    say_there_is_none(text, error);
    return NULL;
}

void pcap_filter_free(struct pcap_filter *filter)
{
    (void)filter;
}

/* There is no filter but NULL. */
bool pcap_filter_match(struct pcap_filter *filter, uint16_t linktype, const uint8_t *data,
                       uint32_t cap_len, uint32_t wire_len)
{
    (void)linktype;
    (void)data;
    (void)cap_len;
    (void)wire_len;
    return !filter;
}

#endif
