/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing an index while its capture is read. A session's places are gathered in its chain; a full chain
 * goes to the file as a chunk that names the one before, so memory goes with open sessions, in a bound.
 */
#include <errno.h>
#include <libgen.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/outfile.h"
#include "source/capfile/index_chain.h"
#include "source/capfile/index_format.h"

struct entry {
    uint64_t offset; /* of its block, 0: not ended */
    uint64_t end;    /* number of the session that ended as the n-th */
};

struct index_writer {
    struct index_head head;
    char *capture;
    struct index_chains chains;
    /* Of whoever writes: chunks in one thread, sessions perhaps in another. */
    pthread_mutex_t lock;
    struct index_chain *spare; /* of sessions that were written, to become unused */
    struct outfile out;
    uint64_t at; /* bytes in out */
    struct buf block;
    struct buf told;       /* of the next session */
    struct entry *entries; /* by number - 1 */
    uint8_t *kinds;        /* l4_proto of each */
    size_t entry_cap;
    uint64_t ended;
    int error;
};

static void fail(struct index_writer *writer, int err)
{
    if (!writer->error)
        writer->error = err;
}

static void put_bytes(struct index_writer *writer, const void *data, size_t len)
{
    int err = outfile_write(&writer->out, data, len);

    if (err)
        fail(writer, err);
    writer->at += len;
}

/* ---- blocks ----------------------------------------------------------------------------------- */

static void block_begin(struct index_writer *writer, char tag)
{
    static const uint8_t head[INDEX_BLOCK_HEAD];

    buf_clear(&writer->block);
    buf_add(&writer->block, head, sizeof(head));
    buf_add_char(&writer->block, tag);
}

static void block_add(struct index_writer *writer, uint64_t value)
{
    struct buf *block = &writer->block;

    if (buf_reserve(block, INDEX_VARINT_MAX))
        block->len =
            (size_t)((char *)index_put((uint8_t *)block->data + block->len, value) - block->data);
}

static void block_add_words(struct index_writer *writer, const void *data, size_t bytes)
{
    struct buf *block = &writer->block;
    size_t count = bytes / 8;
    uint8_t *at;

    if (!buf_reserve(block, count * INDEX_VARINT_MAX))
        return;
    at = (uint8_t *)block->data + block->len;
    for (size_t i = 0; i < count; i++) {
        uint64_t word;

        memcpy(&word, (const uint8_t *)data + i * 8, 8);
        at = index_put(at, word);
    }
    block->len = (size_t)(at - (uint8_t *)block->data);
}

/* Returns where it lies in the file. */
static uint64_t block_end(struct index_writer *writer)
{
    struct buf *block = &writer->block;
    uint64_t offset = writer->at;
    uint32_t head[2];

    if (block->failed || block->len > INDEX_BLOCK_MAX) {
        fail(writer, block->failed ? -ENOMEM : -EFBIG);
        return 0;
    }
    head[0] = index_crc(0, block->data + INDEX_BLOCK_HEAD, block->len - INDEX_BLOCK_HEAD);
    head[1] = (uint32_t)(block->len - INDEX_BLOCK_HEAD);
    memcpy(block->data, head, sizeof(head));
    put_bytes(writer, block->data, block->len);
    return offset;
}

/* ---- places ----------------------------------------------------------------------------------- */

static void add_places(struct index_writer *writer, const struct index_chain *chain)
{
    block_add(writer, chain->chunk_offset);
    block_add(writer, chain->count);
    buf_add(&writer->block, chain->data, chain->len);
}

static void write_chunk(struct index_writer *writer, struct index_chain *chain)
{
    pthread_mutex_lock(&writer->lock);
    block_begin(writer, INDEX_CHUNK_TAG);
    add_places(writer, chain);
    index_chain_written(chain, block_end(writer));
    pthread_mutex_unlock(&writer->lock);
}

static void write_all_chunks(struct index_writer *writer)
{
    for (struct index_chain *chain = writer->chains.open; chain; chain = chain->next) {
        if (chain->count)
            write_chunk(writer, chain);
        index_chain_shrink(chain);
    }
    writer->chains.held_bytes = 0;
}

static void fail_for_memory(struct index_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    fail(writer, -ENOMEM);
    pthread_mutex_unlock(&writer->lock);
}

static struct index_chain *chain_new(struct index_writer *writer)
{
    struct index_chain *chain;

    if (!writer->chains.unused) {
        pthread_mutex_lock(&writer->lock);
        writer->chains.unused = writer->spare;
        writer->spare = NULL;
        pthread_mutex_unlock(&writer->lock);
    }
    chain = index_chain_new(&writer->chains);
    if (!chain)
        fail_for_memory(writer);
    return chain;
}

static void add_place(struct index_writer *writer, struct index_chain *chain,
                      const struct frame_place *place)
{
    int err;

    if (place->offset == UINT64_MAX) {
        chain->broken = true;
        return;
    }
    while ((err = index_chain_add(&writer->chains, chain, place))) {
        if (err == -ENOMEM) {
            fail_for_memory(writer);
            return;
        }
        if (err == -EFBIG)
            write_chunk(writer, chain);
        else
            write_all_chunks(writer);
    }
}

void index_writer_places(struct index_writer *writer, struct session *session,
                         const struct frame_place *places, size_t count)
{
    if (!session->places)
        session->places = chain_new(writer);
    for (size_t i = 0; session->places && i < count; i++)
        add_place(writer, session->places, &places[i]);
}

void index_writer_let_go(struct index_writer *writer, struct session *session)
{
    if (session->places)
        index_chain_loosen(&writer->chains, session->places);
}

/* ---- sessions --------------------------------------------------------------------------------- */

static int make_room(struct index_writer *writer, uint64_t number)
{
    size_t cap = writer->entry_cap ? writer->entry_cap : 1024;
    struct entry *entries;
    uint8_t *kinds;

    while (cap < number)
        cap *= 2;
    if (cap == writer->entry_cap)
        return 0;
    entries = realloc(writer->entries, cap * sizeof(*entries));
    if (entries)
        writer->entries = entries;
    kinds = realloc(writer->kinds, cap);
    if (kinds)
        writer->kinds = kinds;
    if (!entries || !kinds)
        return -ENOMEM;
    memset(entries + writer->entry_cap, 0, (cap - writer->entry_cap) * sizeof(*entries));
    writer->entry_cap = cap;
    return 0;
}

static void add_tunnel(struct index_writer *writer, const struct session_tunnel *tunnel)
{
    unsigned int kind = 0;

    while (kind < TUNNEL_KIND_COUNT && strcmp(tunnel_kind_name(kind), tunnel->name) != 0)
        kind++;
    block_add(writer, kind);
    block_add(writer, tunnel->id);
    block_add(writer, tunnel->ip_version);
    block_add_words(writer, tunnel->outer, sizeof(tunnel->outer));
}

static void add_session(struct index_writer *writer, const struct session *session,
                        const struct flow *flow, const struct stream_tally *tally, uint64_t now_ns)
{
    bool whole = session->places && !session->places->broken;

    block_add(writer, session->number);
    block_add(writer, session->stream_index);
    block_add(writer, session->close_reason);
    block_add(writer, session->close_by);
    block_add(writer, now_ns);
    block_add(writer, (tally ? INDEX_HAS_TALLY : 0) | (whole ? INDEX_HAS_PLACES : 0) |
                          (session->tunnel.name ? INDEX_HAS_TUNNEL : 0) |
                          (session->extra ? INDEX_HAS_NOTE : 0) |
                          (writer->told.len ? INDEX_HAS_TOLD : 0));
    block_add_words(writer, &session->key, sizeof(session->key));
    block_add_words(writer, flow, sizeof(*flow));
    if (tally)
        block_add_words(writer, tally, 2 * sizeof(*tally));
    if (session->tunnel.name)
        add_tunnel(writer, &session->tunnel);
    if (session->extra)
        block_add_words(writer, session->extra, sizeof(*session->extra));
    if (writer->told.len) {
        block_add(writer, writer->told.len);
        buf_add(&writer->block, writer->told.data, writer->told.len);
    }
}

void index_writer_told(struct index_writer *writer, const void *told, size_t len)
{
    buf_clear(&writer->told);
    buf_add(&writer->told, told, len);
}

void index_writer_session(struct index_writer *writer, struct session *session,
                          const struct flow *flow, const struct stream_tally *tally,
                          const struct stream_hole *holes, size_t hole_count, uint64_t now_ns)
{
    static const struct index_chain none;
    const struct index_chain *chain = session->places ? session->places : &none;

    index_writer_let_go(writer, session);
    pthread_mutex_lock(&writer->lock);
    block_begin(writer, INDEX_SESSION_TAG);
    if (writer->told.failed)
        fail(writer, -ENOMEM);
    add_session(writer, session, flow, tally, now_ns);
    buf_clear(&writer->told);
    block_add(writer, hole_count);
    for (size_t i = 0; i < hole_count; i++) {
        block_add(writer, holes[i].offset);
        block_add(writer, holes[i].length);
        block_add(writer, (uint64_t)holes[i].from | (uint64_t)holes[i].cut << 1);
    }
    block_add(writer, chain->total);
    add_places(writer, chain);
    if (make_room(writer, session->number > writer->ended ? session->number : writer->ended + 1)) {
        fail(writer, -ENOMEM);
    } else {
        writer->entries[session->number - 1].offset = block_end(writer);
        writer->kinds[session->number - 1] = index_kind_of(session->key.l4_proto);
        writer->entries[writer->ended++].end = session->number;
        if (session->number > writer->head.session_count)
            writer->head.session_count = session->number;
    }
    if (session->places) {
        index_chain_shrink(session->places);
        session->places->next = writer->spare;
        writer->spare = session->places;
        session->places = NULL;
    }
    pthread_mutex_unlock(&writer->lock);
}

/* ---- the whole file --------------------------------------------------------------------------- */

/* A folder that nobody may write to by its mode is left alone by root as well. */
static int folder_writable(const char *path)
{
    char *copy = strdup(path), *folder;
    struct stat st;
    int err = 0;

    if (!copy)
        return -ENOMEM;
    folder = dirname(copy);
    if (stat(folder, &st) < 0 || access(folder, W_OK) < 0)
        err = -errno;
    else if (!(st.st_mode & (S_IWUSR | S_IWGRP | S_IWOTH)))
        err = -EACCES;
    free(copy);
    return err;
}

struct index_writer *index_writer_new(const char *capture, const struct index_reading *reading)
{
    struct index_writer *writer = calloc(1, sizeof(*writer));
    char path[OUTFILE_PATH_MAX];
    int err = index_path(path, sizeof(path), capture);

    if (!writer)
        return NULL;
    if (!err)
        err = index_capture_look(&writer->head.capture, capture);
    if (!err)
        err = folder_writable(path);
    if (!err)
        err = outfile_init(&writer->out, path);
    if (!err && !(writer->capture = strdup(capture)))
        err = -ENOMEM;
    if (err) {
        free(writer);
        errno = -err;
        return NULL;
    }
    outfile_keep_room(&writer->out);
    pthread_mutex_init(&writer->lock, NULL);
    writer->head.overlap = reading->overlap;
    writer->head.told_by = reading->told_by;
    writer->head.flags = reading->tunnels ? INDEX_TUNNELS : 0;
    put_bytes(writer, &writer->head, sizeof(writer->head));
    return writer;
}

static void writer_free(struct index_writer *writer)
{
    index_chain_free_all(writer->chains.open);
    index_chain_free_all(writer->chains.unused);
    index_chain_free_all(writer->spare);
    pthread_mutex_destroy(&writer->lock);
    buf_fini(&writer->block);
    buf_fini(&writer->told);
    free(writer->entries);
    free(writer->kinds);
    free(writer->capture);
    free(writer);
}

void index_writer_abort(struct index_writer *writer)
{
    if (!writer)
        return;
    outfile_abort(&writer->out);
    writer_free(writer);
}

static void align(struct index_writer *writer)
{
    static const uint8_t zeros[8];

    put_bytes(writer, zeros, (size_t)(-writer->at & 7));
}

static void write_kinds(struct index_writer *writer, struct index_kind kinds[256])
{
    struct index_head *head = &writer->head;
    uint64_t counts[256] = {0};

    for (uint64_t i = 0; i < head->session_count; i++)
        counts[writer->kinds[i]]++;
    for (unsigned int proto = 0; proto < 256; proto++) {
        if (!counts[proto])
            continue;
        kinds[head->kind_count++] = (struct index_kind){proto, counts[proto], writer->at};
        for (uint64_t number = 1; number <= head->session_count; number++)
            if (writer->kinds[number - 1] == proto)
                put_bytes(writer, &number, sizeof(number));
    }
}

static void write_tables(struct index_writer *writer, const struct index_sums *sums)
{
    struct index_head *head = &writer->head;
    struct index_kind kinds[256] = {0};
    size_t bytes;

    align(writer);
    head->sessions_offset = writer->at;
    for (uint64_t i = 0; i < head->session_count; i++)
        put_bytes(writer, &writer->entries[i].offset, 8);
    head->ends_offset = writer->at;
    for (uint64_t i = 0; i < head->session_count; i++)
        put_bytes(writer, &writer->entries[i].end, 8);
    write_kinds(writer, kinds);
    head->landmark_count = sums->landmark_count;
    head->landmarks_offset = writer->at;
    bytes = sums->landmark_count * sizeof(*sums->landmarks);
    if (bytes)
        put_bytes(writer, sums->landmarks, bytes);
    head->kinds_crc = index_crc(0, sums->landmarks, bytes);
    head->kinds_offset = writer->at;
    bytes = head->kind_count * sizeof(kinds[0]);
    put_bytes(writer, kinds, bytes);
    head->kinds_crc = index_crc(head->kinds_crc, kinds, bytes);
}

static void write_head(struct index_writer *writer, const struct index_sums *sums)
{
    struct index_head *head = &writer->head;
    int err;

    memcpy(head->magic, INDEX_MAGIC, sizeof(head->magic));
    head->version = INDEX_VERSION;
    head->head_bytes = sizeof(*head);
    head->index_bytes = writer->at;
    head->flags |= sums->seekable ? INDEX_SEEKABLE : 0;
    head->flow_bytes = sizeof(struct flow);
    head->tally_bytes = sizeof(struct stream_tally);
    head->frames = sums->frames;
    head->damaged = sums->damaged;
    head->head_crc = index_crc(0, head, offsetof(struct index_head, head_crc));
    err = outfile_patch(&writer->out, 0, head, sizeof(*head));
    if (err)
        fail(writer, err);
}

int index_writer_commit(struct index_writer *writer, const struct index_sums *sums)
{
    struct index_capture now;
    int err = index_capture_look(&now, writer->capture);

    if (!err && memcmp(&now, &writer->head.capture, sizeof(now)) != 0)
        err = -ESTALE;
    if (err)
        fail(writer, err);
    /* Every session must have ended, or it could not be found. */
    if (writer->ended != writer->head.session_count)
        fail(writer, -EPROTO);
    if (!writer->error) {
        write_tables(writer, sums);
        write_head(writer, sums);
    }
    err = writer->error;
    if (err)
        outfile_abort(&writer->out);
    else
        err = outfile_commit(&writer->out);
    writer_free(writer);
    return err;
}
