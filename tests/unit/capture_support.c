/* SPDX-License-Identifier: Apache-2.0 */
/* Test packets built byte by byte, and files read by libpcap, tshark and capinfos. */
#include <setjmp.h>
#include <stdarg.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#ifdef HAVE_PCAP
#include <pcap/pcap.h>
#endif

#include "net_order.h"
#include "unit/capture_support.h"

#define TCP_PROTO 6
#define UDP_PROTO 17
/* PI_WARN and PI_ERROR of epan/proto.h */
#define EXPERT_WARNING "6291456"
#define EXPERT_ERROR   "8388608"

struct writer {
    uint8_t *at;
};

static void add8(struct writer *w, uint8_t value)
{
    *w->at++ = value;
}

static void add16(struct writer *w, uint16_t value)
{
    add8(w, (uint8_t)(value >> 8));
    add8(w, (uint8_t)value);
}

static void add32(struct writer *w, uint32_t value)
{
    add16(w, (uint16_t)(value >> 16));
    add16(w, (uint16_t)value);
}

uint8_t payload_byte(uint32_t offset)
{
    return (uint8_t)(offset * 7 + (offset >> 8) * 13 + (offset >> 16));
}

const uint8_t *payload_bytes(void)
{
    static uint8_t bytes[FRAME_MAX];
    static bool is_filled;

    for (uint32_t i = 0; !is_filled && i < FRAME_MAX; i++)
        bytes[i] = payload_byte(i);
    is_filled = true;
    return bytes;
}

static uint32_t sum16(const uint8_t *data, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

uint16_t naive_checksum(const uint8_t *data, size_t len, uint32_t sum)
{
    return (uint16_t)~sum16(data, len, sum);
}

static void put_ethernet(struct writer *w, const struct frame_spec *spec)
{
    const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

    memcpy(w->at, macs, sizeof(macs));
    w->at += sizeof(macs);
    if (spec->vlan_tci) {
        add16(w, 0x8100);
        add16(w, spec->vlan_tci);
    }
    add16(w, spec->is_v6 ? 0x86dd : 0x0800);
}

/* Lengths of zero are those of packets beyond 64 KB. */
static void put_ipv4(struct writer *w, const struct frame_spec *spec, uint32_t l4_len)
{
    uint32_t ip_hdr_len = spec->ip_router_alert ? 24 : 20, len = ip_hdr_len + l4_len;
    uint8_t *start = w->at;

    add8(w, (uint8_t)(spec->ip_router_alert ? 0x46 : 0x45));
    add8(w, 0);
    add16(w, len > 0xffff ? 0 : (uint16_t)len);
    add16(w, spec->ip_id);
    add16(w, 0x4000);
    add8(w, 64);
    add8(w, spec->is_udp ? UDP_PROTO : TCP_PROTO);
    add16(w, 0);
    add32(w, 0x0a000001);
    add32(w, 0x0a000002);
    if (spec->ip_router_alert)
        add32(w, 0x94040000);
    put16(start + 10, naive_checksum(start, ip_hdr_len, 0));
}

static void put_ipv6(struct writer *w, const struct frame_spec *spec, uint32_t l4_len)
{
    uint8_t proto = spec->is_udp ? UDP_PROTO : TCP_PROTO;

    add32(w, 0x60012345);
    add16(w, spec->jumbo || l4_len > 0xffff ? 0 : (uint16_t)l4_len);
    add8(w, spec->jumbo ? 0 : proto);
    add8(w, 64);
    for (uint32_t host = 1; host <= 2; host++) {
        add32(w, 0xfd000000);
        add32(w, 0);
        add32(w, 0);
        add32(w, host);
    }
    if (!spec->jumbo)
        return;
    add8(w, proto);
    add8(w, 0);
    add16(w, 0xc204);
    add32(w, l4_len + 8);
}

static void put_tcp(struct writer *w, const struct frame_spec *spec)
{
    add16(w, (uint16_t)(40000 + spec->client));
    add16(w, 40001);
    add32(w, spec->seq);
    add32(w, 0x01020304);
    add8(w, (uint8_t)(spec->tcp_timestamps ? 0x80 : 0x50));
    add8(w, spec->tcp_flags);
    add16(w, 501);
    add32(w, 0);
    if (spec->tcp_timestamps) {
        add32(w, 0x0101080a);
        add32(w, 123456);
        add32(w, 654321);
    }
}

static void put_udp(struct writer *w, const struct frame_spec *spec)
{
    add16(w, (uint16_t)(40000 + spec->client));
    add16(w, 40001);
    add16(w, (uint16_t)(8 + spec->payload_len));
    add16(w, 0);
}

static uint32_t pseudo_sum(const uint8_t *l3, const struct frame_spec *spec, uint32_t l4_len)
{
    uint8_t tail[8] = {(uint8_t)(l4_len >> 24),
                       (uint8_t)(l4_len >> 16),
                       (uint8_t)(l4_len >> 8),
                       (uint8_t)l4_len,
                       0,
                       0,
                       0,
                       spec->is_udp ? UDP_PROTO : TCP_PROTO};

    return sum16(tail, 8, sum16(l3 + (spec->is_v6 ? 8 : 12), spec->is_v6 ? 32 : 8, 0));
}

static uint16_t l4_checksum(const uint8_t *l3, const uint8_t *l4, size_t l4_hdr_len,
                            const struct frame_spec *spec, uint32_t offset,
                            enum frame_checksum checksum)
{
    uint32_t sum = pseudo_sum(l3, spec, (uint32_t)l4_hdr_len + spec->payload_len);
    uint16_t full;

    if (spec->udp_no_checksum)
        return 0;
    if (checksum == CHECKSUM_PSEUDO)
        return (uint16_t)sum;
    if (checksum == CHECKSUM_WRONG)
        return 0xbad1;
    full = naive_checksum(payload_bytes() + offset, spec->payload_len, sum16(l4, l4_hdr_len, sum));
    return spec->is_udp && full == 0 ? 0xffff : full;
}

uint32_t build_headers(uint8_t *out, const struct frame_spec *spec, uint32_t offset,
                       enum frame_checksum checksum)
{
    uint32_t l4_hdr_len = spec->is_udp ? 8 : (spec->tcp_timestamps ? 32 : 20);
    struct writer w = {out};
    uint8_t *l3, *l4;

    if (!spec->l3_only)
        put_ethernet(&w, spec);
    l3 = w.at;
    if (spec->is_v6)
        put_ipv6(&w, spec, l4_hdr_len + spec->payload_len);
    else
        put_ipv4(&w, spec, l4_hdr_len + spec->payload_len);
    l4 = w.at;
    if (spec->is_udp)
        put_udp(&w, spec);
    else
        put_tcp(&w, spec);
    put16(l4 + (spec->is_udp ? 6 : 16), l4_checksum(l3, l4, l4_hdr_len, spec, offset, checksum));
    return (uint32_t)(w.at - out);
}

uint32_t build_frame(uint8_t *out, const struct frame_spec *spec, uint32_t offset)
{
    uint32_t len = build_headers(out, spec, offset, CHECKSUM_FULL);

    memcpy(out + len, payload_bytes() + offset, spec->payload_len);
    return len + spec->payload_len;
}

#ifdef HAVE_PCAP
struct read_file read_capture(const char *path)
{
    struct read_file file = {0};
    char message[PCAP_ERRBUF_SIZE] = "";
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    pcap_t *pcap =
        pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, message);
    int status;

    if (!pcap)
        fail_msg("%s", message);
    file.link_type = pcap_datalink(pcap);
    file.snaplen = pcap_snapshot(pcap);
    while ((status = pcap_next_ex(pcap, &header, &bytes)) == 1) {
        struct read_packet *packet;

        file.packets = realloc(file.packets, (file.count + 1) * sizeof(*packet));
        packet = &file.packets[file.count++];
        packet->wall_ns = (uint64_t)header->ts.tv_sec * 1000000000u + (uint64_t)header->ts.tv_usec;
        packet->cap_len = header->caplen;
        packet->wire_len = header->len;
        packet->bytes = malloc(header->caplen + 1);
        memcpy(packet->bytes, bytes, header->caplen);
    }
    if (status != PCAP_ERROR_BREAK)
        fail_msg("%s: %s", path, pcap_geterr(pcap));
    pcap_close(pcap);
    return file;
}

#else
struct read_file read_capture(const char *path)
{
    printf("SKIPPED A TEST: built without libpcap, which reads %s\n", path);
    skip();
    return (struct read_file){0};
}
#endif

void read_file_free(struct read_file *file)
{
    for (size_t i = 0; i < file->count; i++)
        free(file->packets[i].bytes);
    free(file->packets);
}

char *scratch_make(void)
{
    const char *base = getenv("TMPDIR");
    char *dir = NULL;

    assert_true(asprintf(&dir, "%s/sesstap-capture-XXXXXX", base ? base : "/tmp") > 0);
    assert_non_null(mkdtemp(dir));
    return dir;
}

const char *scratch_path(const char *dir, const char *name)
{
    static char paths[8][512];
    static unsigned int turn;
    char *path = paths[turn++ % 8];

    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

void scratch_remove(char *dir)
{
    DIR *listing = opendir(dir);
    struct dirent *entry;

    assert_non_null(listing);
    while ((entry = readdir(listing))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove(scratch_path(dir, entry->d_name));
    }
    closedir(listing);
    assert_int_equal(rmdir(dir), 0);
    free(dir);
}

static char *read_all(FILE *file)
{
    size_t len = 0, cap = 1 << 16, n;
    char *text = malloc(cap);

    while ((n = fread(text + len, 1, cap - len - 1, file)) > 0) {
        len += n;
        if (cap - len < 4096)
            text = realloc(text, cap *= 2);
    }
    text[len] = '\0';
    return text;
}

bool run_tool(char **out, char **err, const char *fmt, ...)
{
    char command[1024], full[1200], err_path[] = "/tmp/sesstap-stderr-XXXXXX";
    va_list args;
    FILE *file;
    int fd, status;

    va_start(args, fmt);
    vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);
    fd = mkstemp(err_path);
    assert_true(fd >= 0);
    snprintf(full, sizeof(full), "LC_ALL=C XDG_RUNTIME_DIR=/tmp %s 2>%s", command, err_path);
    file = popen(full, "r");
    assert_non_null(file);
    *out = read_all(file);
    status = pclose(file);
    file = fdopen(fd, "r");
    *err = read_all(file);
    fclose(file);
    unlink(err_path);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        printf("SKIPPED A CHECK: not installed: %s\n", command);
        free(*out);
        free(*err);
        return false;
    }
    if (status != 0)
        fail_msg("%s: status %d: %s", command, status, *err);
    return true;
}

/* tshark run by root says so; capinfos and tshark are silent otherwise. */
static void assert_silent(const char *tool, const char *path, const char *err)
{
    if (err[0] && !(strncmp(err, "Running as user \"root\"", 22) == 0 && !strchr(err, '\n')[1]))
        fail_msg("%s on %s says: %s", tool, path, err);
}

/* Lines of number, malformed, three statuses (0: bad), expert severities and messages. */
static unsigned int count_faultless(const char *path, char *text)
{
    unsigned int lines = 0;
    char *line;

    while ((line = strsep(&text, "\n")) && line[0]) {
        char copy[2048], *rest = copy, *fields[6];

        snprintf(copy, sizeof(copy), "%s", line);
        for (int i = 0; i < 6; i++)
            assert_non_null(fields[i] = strsep(&rest, "\t"));
        lines++;
        if (fields[1][0] || fields[2][0] == '0' || fields[3][0] == '0' || fields[4][0] == '0' ||
            strstr(fields[5], EXPERT_WARNING) || strstr(fields[5], EXPERT_ERROR))
            fail_msg("tshark on %s finds fault with packet %s", path, line);
    }
    return lines;
}

void assert_tools_content(const char *path, unsigned int packets)
{
    char *out, *err, expected[32];

    if (run_tool(&out, &err,
                 "tshark -n -r %s -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE "
                 "-o ip.check_checksum:TRUE -T fields -E header=n -e frame.number -e _ws.malformed "
                 "-e tcp.checksum.status -e udp.checksum.status -e ip.checksum.status "
                 "-e _ws.expert.severity -e _ws.expert.message",
                 path)) {
        assert_silent("tshark", path, err);
        assert_int_equal(count_faultless(path, out), packets);
        free(out);
        free(err);
    }
    if (!run_tool(&out, &err, "capinfos -T -r -c %s", path))
        return;
    assert_silent("capinfos", path, err);
    snprintf(expected, sizeof(expected), "\t%u\n", packets);
    if (!strstr(out, expected))
        fail_msg("capinfos on %s counts %s, not %u", path, out, packets);
    free(out);
    free(err);
}
