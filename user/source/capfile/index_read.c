/* SPDX-License-Identifier: Apache-2.0 */
/* Reading an index: mapped, and only what is looked up is touched. Nothing in it is trusted unchecked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/outfile.h"
#include "source/capfile/index_format.h"

struct index {
    const uint8_t *data;
    size_t len;
    void *map; /* NULL: borrowed memory */
    struct index_head head;
    struct index_sums sums;
    const struct index_kind *kinds;
};

/* Whether crc is not that of data. A fuzzer would never get past it. */
static bool crc_wrong(uint32_t crc, const void *data, size_t len)
{
#ifdef FUZZING
    (void)crc, (void)data, (void)len;
    return false;
#else
    return crc != index_crc(0, data, len);
#endif
}

/* ---- opening ---------------------------------------------------------------------------------- */

/* count elements of size bytes at offset lie within len bytes, and at a multiple of 8. */
static bool lies_within(uint64_t len, uint64_t offset, uint64_t count, uint64_t size)
{
    return offset % 8 == 0 && offset <= len && count <= (len - offset) / size;
}

static bool head_sound(struct index *index)
{
    const struct index_head *head = &index->head;
    uint64_t landmark_bytes = head->landmark_count * 8;

    if (head->index_bytes != index->len ||
        !lies_within(index->len, head->sessions_offset, head->session_count, 8) ||
        !lies_within(index->len, head->ends_offset, head->session_count, 8) ||
        !lies_within(index->len, head->landmarks_offset, head->landmark_count, 8) ||
        !lies_within(index->len, head->kinds_offset, head->kind_count, sizeof(struct index_kind)))
        return false;
    if (head->kinds_offset != head->landmarks_offset + landmark_bytes)
        return false;
    if (crc_wrong(head->kinds_crc, index->data + head->landmarks_offset,
                  landmark_bytes + head->kind_count * sizeof(struct index_kind)))
        return false;
    index->kinds = (const struct index_kind *)(index->data + head->kinds_offset);
    for (uint64_t i = 0; i < head->kind_count; i++)
        if (!lies_within(index->len, index->kinds[i].offset, index->kinds[i].count, 8))
            return false;
    return true;
}

/* What is wrong with it; NULL: nothing. */
static const char *begin(struct index *index)
{
    struct index_head *head = &index->head;

    if (index->len < sizeof(*head) || memcmp(index->data, INDEX_MAGIC, sizeof(head->magic)) != 0)
        return "is no index";
    memcpy(head, index->data, sizeof(*head));
    if (head->version != INDEX_VERSION || head->head_bytes != sizeof(*head) ||
        head->flow_bytes != sizeof(struct flow) || head->tally_bytes != sizeof(struct stream_tally))
        return "is of another version";
    if (crc_wrong(head->head_crc, head, offsetof(struct index_head, head_crc)))
        return "is damaged";
    if (!head_sound(index))
        return "is damaged";
    index->sums = (struct index_sums){
        .frames = head->frames,
        .damaged = head->damaged,
        .seekable = head->flags & INDEX_SEEKABLE,
        .landmarks = (const uint64_t *)(index->data + head->landmarks_offset),
        .landmark_count = (size_t)head->landmark_count,
    };
    return NULL;
}

/* 0 or -errno; an empty file can't be mapped and is -EBADMSG. */
static int map_file(struct index *index, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err = 0;
    struct stat st;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        err = -errno;
    else if (!S_ISREG(st.st_mode) || st.st_size <= 0)
        err = -EBADMSG;
    if (!err) {
        index->len = (size_t)st.st_size;
        index->map = mmap(NULL, index->len, PROT_READ, MAP_PRIVATE, fd, 0);
        if (index->map == MAP_FAILED) {
            index->map = NULL;
            err = -errno;
        }
        index->data = index->map;
    }
    close(fd);
    return err;
}

/* -ESTALE after a warning, -ENOENT without. */
static int check_capture(const struct index *index, const char *path, const char *capture,
                         const struct index_reading *reading)
{
    struct index_capture now;
    int err = index_capture_look(&now, capture);

    if (err)
        return -ENOENT;
    if (memcmp(&now, &index->head.capture, sizeof(now)) != 0) {
        log_warn("%s is not used: %s has changed since (sesstap index makes a new one)", path,
                 capture);
        return -ESTALE;
    }
    if (index->head.overlap != reading->overlap ||
        !(index->head.flags & INDEX_TUNNELS) != !reading->tunnels ||
        (reading->told_by && reading->told_by != index->head.told_by))
        return -ENOENT;
    return 0;
}

static int open_file(struct index *index, const char *capture, const struct index_reading *reading)
{
    char path[OUTFILE_PATH_MAX];
    const char *fault = "is no index";
    int err;

    if (index_path(path, sizeof(path), capture))
        return -ENOENT;
    err = map_file(index, path);
    if (err && err != -EBADMSG)
        return err;
    if (!err)
        fault = begin(index);
    if (fault) {
        log_warn("%s is not used: it %s (sesstap index makes a new one)", path, fault);
        return -EBADMSG;
    }
    return check_capture(index, path, capture, reading);
}

int index_open(struct index **out, const char *capture, const struct index_reading *reading)
{
    struct index *index = calloc(1, sizeof(*index));
    int err;

    *out = NULL;
    if (!index)
        return -ENOMEM;
    err = open_file(index, capture, reading);
    if (err) {
        index_close(index);
        return err;
    }
    *out = index;
    return 0;
}

int index_open_memory(struct index **out, const uint8_t *data, size_t len)
{
    struct index *index = calloc(1, sizeof(*index));

    *out = NULL;
    if (!index)
        return -ENOMEM;
    index->data = data;
    index->len = len;
    if (begin(index)) {
        index_close(index);
        return -EBADMSG;
    }
    *out = index;
    return 0;
}

void index_close(struct index *index)
{
    if (!index)
        return;
    if (index->map)
        munmap(index->map, index->len);
    free(index);
}

/* ---- looking up ------------------------------------------------------------------------------- */

uint64_t index_count(const struct index *index)
{
    return index->head.session_count;
}

const struct index_sums *index_sums(const struct index *index)
{
    return &index->sums;
}

static uint64_t read_u64(const struct index *index, uint64_t offset)
{
    uint64_t value;

    memcpy(&value, index->data + offset, sizeof(value));
    return value;
}

uint64_t index_find(const struct index *index, uint8_t l4_proto, uint64_t stream_index)
{
    for (uint64_t i = 0; i < index->head.kind_count; i++) {
        const struct index_kind *kind = &index->kinds[i];
        uint64_t number;

        if (kind->l4_proto != index_kind_of(l4_proto) || stream_index >= kind->count)
            continue;
        number = read_u64(index, kind->offset + stream_index * 8);
        return number <= index->head.session_count ? number : 0;
    }
    return 0;
}

uint64_t index_ended(const struct index *index, uint64_t nth)
{
    uint64_t number = 0;

    if (nth < index->head.session_count)
        number = read_u64(index, index->head.ends_offset + nth * 8);
    return number <= index->head.session_count ? number : 0;
}

/* The body of the block at offset, checked; NULL: damaged. */
static const uint8_t *take_block(const struct index *index, uint64_t offset, char tag,
                                 const uint8_t **end)
{
    uint32_t head[2];
    const uint8_t *body;

    if (offset < sizeof(index->head) || offset > index->len ||
        index->len - offset < INDEX_BLOCK_HEAD + 1)
        return NULL;
    memcpy(head, index->data + offset, sizeof(head));
    body = index->data + offset + INDEX_BLOCK_HEAD;
    if (!head[1] || head[1] > index->len - offset - INDEX_BLOCK_HEAD ||
        crc_wrong(head[0], body, head[1]) || *body != (uint8_t)tag)
        return NULL;
    *end = body + head[1];
    return body + 1;
}

static const uint8_t *take_words(const uint8_t *at, const uint8_t *end, void *out, size_t bytes)
{
    for (size_t i = 0; i < bytes / 8; i++) {
        uint64_t word = 0;

        at = index_take(at, end, &word);
        memcpy((uint8_t *)out + i * 8, &word, 8);
    }
    return at;
}

static const uint8_t *take_tunnel(const uint8_t *at, const uint8_t *end,
                                  struct session_tunnel *tunnel)
{
    uint64_t kind = 0, id = 0, ip_version = 0;

    at = index_take(at, end, &kind);
    at = index_take(at, end, &id);
    at = index_take(at, end, &ip_version);
    if (kind >= TUNNEL_KIND_COUNT || id > UINT32_MAX || ip_version > 6)
        return NULL;
    tunnel->name = tunnel_kind_name((uint32_t)kind);
    tunnel->id = (uint32_t)id;
    tunnel->ip_version = (uint8_t)ip_version;
    return take_words(at, end, tunnel->outer, sizeof(tunnel->outer));
}

static const uint8_t *take_note(const uint8_t *at, const uint8_t *end, struct session *session)
{
    session->extra = calloc(1, sizeof(*session->extra));
    return session->extra ? take_words(at, end, session->extra, sizeof(*session->extra)) : NULL;
}

static const uint8_t *take_told(const uint8_t *at, const uint8_t *end, struct index_session *out)
{
    uint64_t len = 0;

    at = index_take(at, end, &len);
    if (!at || len > (uint64_t)(end - at))
        return NULL;
    out->told = at;
    out->told_len = (size_t)len;
    return at + len;
}

static const uint8_t *take_holes(const uint8_t *at, const uint8_t *end, struct index_session *out)
{
    uint64_t count = 0;

    at = index_take(at, end, &count);
    if (!at || count > (uint64_t)(end - at) / 3)
        return NULL;
    out->holes = count ? calloc(count, sizeof(*out->holes)) : NULL;
    if (count && !out->holes)
        return NULL;
    out->hole_count = (size_t)count;
    for (size_t i = 0; i < out->hole_count; i++) {
        struct stream_hole *hole = &out->holes[i];
        uint64_t bits = 0;

        at = index_take(at, end, &hole->offset);
        at = index_take(at, end, &hole->length);
        at = index_take(at, end, &bits);
        if (bits > 3)
            return NULL;
        hole->from = bits & 1;
        hole->cut = bits >> 1;
    }
    return at;
}

static const uint8_t *take_session(const struct index *index, const uint8_t *at, const uint8_t *end,
                                   struct index_session *out)
{
    struct session *session = &out->session;
    uint64_t reason = 0, by = 0, flags = 0;

    at = index_take(at, end, &session->number);
    at = index_take(at, end, &session->stream_index);
    at = index_take(at, end, &reason);
    at = index_take(at, end, &by);
    at = index_take(at, end, &out->now_ns);
    at = index_take(at, end, &flags);
    at = take_words(at, end, &session->key, sizeof(session->key));
    at = take_words(at, end, &out->flow, sizeof(out->flow));
    if (!at || reason >= CLOSE_REASONS || by > CLOSE_BY_SERVER)
        return NULL;
    session->id = session->number;
    session->close_reason = (enum close_reason)reason;
    session->close_by = (enum close_by)by;
    out->has_tally = flags & INDEX_HAS_TALLY;
    out->has_places = flags & INDEX_HAS_PLACES;
    if (out->has_tally)
        at = take_words(at, end, out->tally, sizeof(out->tally));
    if (flags & INDEX_HAS_TUNNEL)
        at = take_tunnel(at, end, &session->tunnel);
    if (flags & INDEX_HAS_NOTE)
        at = take_note(at, end, session);
    if (flags & INDEX_HAS_TOLD)
        at = take_told(at, end, out);
    at = take_holes(at, end, out);
    at = index_take(at, end, &out->place_count);
    at = index_take(at, end, &out->chunk_offset);
    at = index_take(at, end, &out->tail_count);
    /* A place takes two bytes at least. */
    if (!at || out->place_count > index->len / 2 || out->tail_count > out->place_count)
        return NULL;
    return at;
}

int index_session(const struct index *index, uint64_t number, struct index_session *out)
{
    const uint8_t *at = NULL, *end = NULL;

    memset(out, 0, sizeof(*out));
    if (number && number <= index->head.session_count)
        at = take_block(index, read_u64(index, index->head.sessions_offset + (number - 1) * 8),
                        INDEX_SESSION_TAG, &end);
    if (at)
        at = take_session(index, at, end, out);
    if (!at || out->session.number != number) {
        index_session_fini(out);
        return -EBADMSG;
    }
    out->tail = at;
    out->tail_end = end;
    return 0;
}

void index_session_fini(struct index_session *session)
{
    free(session->session.extra);
    session->session.extra = NULL;
    free(session->holes);
    session->holes = NULL;
}

/* count places of a chunk, which end where the chunk ends. */
static bool take_places(const uint8_t *at, const uint8_t *end, struct frame_place *places,
                        uint64_t count)
{
    struct frame_place place = {0};

    for (uint64_t i = 0; i < count && at; i++) {
        uint64_t offset = 0, number = 0;

        at = index_take(at, end, &offset);
        at = index_take(at, end, &number);
        place.offset += offset;
        place.number += number;
        places[i] = place;
    }
    return at == end;
}

int index_places(const struct index *index, const struct index_session *session,
                 struct frame_place *places)
{
    uint64_t left = session->place_count, count = session->tail_count, next, limit = index->len;
    const uint8_t *at = session->tail, *end = session->tail_end;
    uint64_t chunk = session->chunk_offset;

    if (!session->has_places)
        return -ENODATA;
    for (;;) {
        if (count > left || !take_places(at, end, places + (left - count), count))
            return -EBADMSG;
        left -= count;
        if (!chunk)
            return left ? -EBADMSG : 0;
        /* Each lies before the one that names it: no circles. */
        if (chunk >= limit || !(at = take_block(index, chunk, INDEX_CHUNK_TAG, &end)))
            return -EBADMSG;
        limit = chunk;
        at = index_take(at, end, &next);
        at = index_take(at, end, &count);
        if (!at)
            return -EBADMSG;
        chunk = next;
    }
}
