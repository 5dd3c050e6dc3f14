/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON has the same payload four times over, so the payload itself is kept, packet by packet (in memory,
 * then in a file beside), and read once for each list at the end.
 */
#include "sink/tcpsession.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/outfile.h"
#include "sink/text.h"

#define DIR_MODE    0755
#define CHUNK_BYTES 4096
/* Pages of the file beside that have been read are let go of in such steps. */
#define WINDOW_BYTES (8u << 20)

/* Before each packet's payload. */
struct entry {
    uint64_t packet;
    uint32_t len;
    uint32_t from_client;
};

struct tcpsession {
    char path[OUTFILE_PATH_MAX];
    struct outfile kept;
    uint64_t kept_bytes;
    uint64_t last_at; /* offset of the last entry */
    struct entry last;
    bool is_begun;
};

/* The file that is made, from what was kept. */
struct writing {
    struct outfile file;
    struct buf text; /* on its way to file */
    const uint8_t *kept;
    size_t kept_bytes;
    bool is_mapped;
    size_t window_at; /* of kept: pages before are let go of */
    EVP_MD_CTX *md5;
    char ip[2][TEXT_MAX]; /* server, client */
    int error;
};

struct tcpsession *tcpsession_open(const char *dir, uint64_t number)
{
    struct tcpsession *out = calloc(1, sizeof(*out));
    char kept_path[OUTFILE_PATH_MAX + 16];
    int len, error;

    if (!out)
        return NULL;
    len = snprintf(out->path, sizeof(out->path), "%s/tcpsession/%" PRIu64 ".json", dir, number);
    snprintf(kept_path, sizeof(kept_path), "%s.payload", out->path);
    error = len < 0 || (size_t)len >= sizeof(out->path) ? -ENAMETOOLONG
                                                        : outfile_init(&out->kept, kept_path);
    if (error) {
        free(out);
        errno = -error;
        return NULL;
    }
    return out;
}

/* The folder that the file goes to. An error stays. */
static void begin(struct tcpsession *out)
{
    char path[OUTFILE_PATH_MAX];

    if (out->is_begun)
        return;
    out->is_begun = true;
    strcpy(path, out->path);
    *strrchr(path, '/') = '\0';
    if (mkdir(path, DIR_MODE) && errno != EEXIST)
        out->kept.error = -errno;
}

static bool is_same_packet(const struct tcpsession *out, const struct entry *entry)
{
    return out->kept_bytes && entry->packet && entry->packet == out->last.packet &&
           entry->from_client == out->last.from_client && out->last.len <= UINT32_MAX - entry->len;
}

int tcpsession_data(struct tcpsession *out, bool from_client, uint64_t packet, const void *data,
                    size_t len)
{
    struct entry entry = {.packet = packet, .len = (uint32_t)len, .from_client = from_client};

    begin(out);
    if (!len || out->kept.error)
        return out->kept.error;
    if (is_same_packet(out, &entry)) {
        out->last.len += entry.len;
        outfile_patch(&out->kept, out->last_at, &out->last, sizeof(out->last));
    } else {
        out->last = entry;
        out->last_at = out->kept_bytes;
        out->kept_bytes += sizeof(entry);
        outfile_write(&out->kept, &entry, sizeof(entry));
    }
    out->kept_bytes += len;
    return outfile_write(&out->kept, data, len);
}

/* ---- the payload, read once for each list ------------------------------------------------------- */

/* Resident memory would grow with the session. */
static void let_go(struct writing *writing, size_t at)
{
    if (!writing->is_mapped)
        return;
    if (at < writing->window_at)
        writing->window_at = 0;
    while (at - writing->window_at >= WINDOW_BYTES) {
        madvise((void *)(writing->kept + writing->window_at), WINDOW_BYTES, MADV_DONTNEED);
        writing->window_at += WINDOW_BYTES;
    }
}

/* The entry at *at, and *at moved to the next; false after the last. */
static bool next_entry(struct writing *writing, size_t *at, struct entry *entry,
                       const uint8_t **data)
{
    let_go(writing, *at);
    if (*at >= writing->kept_bytes)
        return false;
    memcpy(entry, writing->kept + *at, sizeof(*entry));
    *data = writing->kept + *at + sizeof(*entry);
    *at += sizeof(*entry) + entry->len;
    return true;
}

static void flush(struct writing *writing)
{
    if (writing->text.failed && !writing->error)
        writing->error = -ENOMEM;
    outfile_write(&writing->file, writing->text.data, writing->text.len);
    buf_clear(&writing->text);
}

/* Length of the well-formed UTF-8 sequence at data, 0: none. Its code point to *code. */
static size_t utf8_next(const uint8_t *data, size_t len, uint32_t *code)
{
    size_t size = data[0] < 0xc2   ? 0
                  : data[0] < 0xe0 ? 2
                  : data[0] < 0xf0 ? 3
                  : data[0] < 0xf5 ? 4
                                   : 0;

    if (data[0] < 0x80) {
        *code = data[0];
        return 1;
    }
    if (!size || len < size || !buf_is_utf8((const char *)data, size))
        return 0;
    *code = data[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++)
        *code = *code << 6 | (data[i] & 0x3fu);
    return size;
}

/* \uNNNN */
static void add_unit(struct buf *text, uint32_t unit)
{
    uint8_t bytes[] = {(uint8_t)(unit >> 8), (uint8_t)unit};

    buf_add(text, "\\u", 2);
    buf_add_hex(text, bytes, sizeof(bytes));
}

static void add_code(struct buf *text, uint32_t code)
{
    static const char short_escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    if (code >= ' ' && code <= '~' && code != '"' && code != '\\') {
        buf_add_char(text, (char)code);
        return;
    }
    if (code >= 0x10000) { /* RFC 8259 section 7: a pair of surrogates */
        code -= 0x10000;
        add_unit(text, 0xd800u + (code >> 10));
        add_unit(text, 0xdc00u + (code & 0x3ff));
        return;
    }
    for (const char *pair = short_escapes; *pair; pair += 2) {
        if (code == (uint8_t)pair[0]) {
            buf_add_char(text, '\\');
            buf_add_char(text, pair[1]);
            return;
        }
    }
    add_unit(text, code);
}

/* Bytes as the inside of a JSON string. */
static void add_ascii(struct writing *writing, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t code;
        size_t size = utf8_next(data + i, len - i, &code);

        if (size) {
            add_code(&writing->text, code);
        } else {
            buf_add(&writing->text, "\\\\x", 3);
            buf_add_hex(&writing->text, data + i, 1);
        }
        i += size ? size : 1;
        if (writing->text.len >= CHUNK_BYTES)
            flush(writing);
    }
}

static void sum(struct writing *writing, const void *data, size_t len)
{
    if (!writing->error && !EVP_DigestUpdate(writing->md5, data, len))
        writing->error = -EIO;
}

static void sum_begin(struct writing *writing)
{
    if (!writing->error && !EVP_DigestInit_ex(writing->md5, EVP_md5(), NULL))
        writing->error = -ENOTSUP;
}

static void sum_end(struct writing *writing, const char *name)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    if (!writing->error && !EVP_DigestFinal_ex(writing->md5, digest, &len))
        writing->error = -EIO;
    buf_printf(&writing->text, ",\n \"%s\": \"", name);
    buf_add_hex(&writing->text, digest, len);
    buf_add_char(&writing->text, '"');
}

/* The hex digits of a packet, which are what this list's sum is made over. */
static void add_hex(struct writing *writing, const uint8_t *data, size_t len)
{
    while (len) {
        size_t take = len < CHUNK_BYTES ? len : CHUNK_BYTES, before;

        flush(writing);
        before = writing->text.len;
        buf_add_hex(&writing->text, data, take);
        if (!writing->text.failed)
            sum(writing, writing->text.data + before, writing->text.len - before);
        data += take;
        len -= take;
    }
}

/* [source ip, packet, payload] in order of delivery, and the sum of all payloads. */
static void add_list(struct writing *writing, bool as_hex, const char *name, const char *sum_name)
{
    const char *separator = "\n";
    struct entry entry;
    const uint8_t *data;
    size_t at = 0;

    sum_begin(writing);
    buf_printf(&writing->text, ",\n \"%s\": [", name);
    while (next_entry(writing, &at, &entry, &data)) {
        buf_printf(&writing->text, "%s  [\n   \"%s\",\n   %" PRIu64 ",\n   \"", separator,
                   writing->ip[entry.from_client], entry.packet);
        if (as_hex) {
            add_hex(writing, data, entry.len);
        } else {
            add_ascii(writing, data, entry.len);
            sum(writing, data, entry.len);
        }
        buf_add_str(&writing->text, "\"\n  ]");
        flush(writing);
        separator = ",\n";
    }
    buf_add_str(&writing->text, writing->kept_bytes ? "\n ]" : "]");
    sum_end(writing, sum_name);
}

static void add_combined(struct writing *writing, bool from_client, const char *name,
                         const char *sum_name)
{
    struct entry entry;
    const uint8_t *data;
    size_t at = 0;

    sum_begin(writing);
    buf_printf(&writing->text, ",\n \"%s\": \"", name);
    while (next_entry(writing, &at, &entry, &data)) {
        if (entry.from_client != from_client)
            continue;
        add_ascii(writing, data, entry.len);
        sum(writing, data, entry.len);
    }
    buf_add_char(&writing->text, '"');
    sum_end(writing, sum_name);
}

static void write_all(struct writing *writing, const struct flow_key *key, unsigned int client)
{
    for (unsigned int i = 0; i < 2; i++)
        *text_put_ip(writing->ip[i == client], key->addr[i].bytes, key->ip_version) = '\0';
    buf_printf(
        &writing->text,
        "{\n \"sip\": \"%s\",\n \"dip\": \"%s\",\n \"sport\": %u,\n \"dport\": %u,\n \"proto\": %u",
        writing->ip[1], writing->ip[0], ntohs(key->port[client]), ntohs(key->port[!client]),
        key->l4_proto);
    add_list(writing, true, "tcp_payload_hex", "tcp_ordered_hex_payload_md5sum");
    add_list(writing, false, "tcp_payload_ascii", "tcp_ordered_payload_md5sum");
    add_combined(writing, true, "combined_src_payload", "combined_src_payload_md5sum");
    add_combined(writing, false, "combined_dst_payload", "combined_dst_payload_md5sum");
    buf_add_str(&writing->text, "\n}");
    flush(writing);
}

static int write_file(const struct tcpsession *out, const uint8_t *kept, const struct flow_key *key,
                      unsigned int client, bool is_mapped)
{
    struct writing writing = {
        .kept = kept, .kept_bytes = (size_t)out->kept_bytes, .is_mapped = is_mapped};
    int error = outfile_init(&writing.file, out->path);

    if (error)
        return error;
    writing.md5 = EVP_MD_CTX_new();
    if (!writing.md5)
        return -ENOMEM;
    write_all(&writing, key, client);
    EVP_MD_CTX_free(writing.md5);
    buf_fini(&writing.text);
    error = writing.error;
    if (!error)
        return outfile_commit(&writing.file);
    outfile_abort(&writing.file);
    return error;
}

/* What was kept is in a file: read it from there, and remove it. */
static int write_from_file(struct tcpsession *out, const struct flow_key *key, unsigned int client)
{
    char path[OUTFILE_PATH_MAX];
    uint8_t *kept = MAP_FAILED;
    int error, fd;

    strcpy(path, out->kept.path);
    error = outfile_commit(&out->kept);
    if (error)
        return error;
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        kept = mmap(NULL, (size_t)out->kept_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    error = kept == MAP_FAILED ? -errno : 0;
    if (fd >= 0)
        close(fd);
    unlink(path);
    if (error)
        return error;
    error = write_file(out, kept, key, client, true);
    munmap(kept, (size_t)out->kept_bytes);
    return error;
}

int tcpsession_close(struct tcpsession *out, const struct flow_key *key, unsigned int client)
{
    int error;

    begin(out);
    error = out->kept.error;
    if (!error && out->kept.written_bytes)
        error = write_from_file(out, key, client);
    else if (!error)
        error = write_file(out, (const uint8_t *)out->kept.held.data, key, client, false);
    tcpsession_abort(out);
    return error;
}

void tcpsession_abort(struct tcpsession *out)
{
    if (!out)
        return;
    outfile_abort(&out->kept);
    free(out);
}
