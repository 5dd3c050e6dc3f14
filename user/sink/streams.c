/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the byte streams of a session, and what the holes in them look like. */
#include "sink/streams.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/filebatch.h"
#include "base/outfile.h"

#define DIR_MODE 0755

/* A direction's file, made by itself or in a batch. */
struct stream_file {
    struct outfile *own; /* NULL: in the batch */
    struct batchfile *batched;
    uint64_t next; /* offset in the stream of what comes next */
    int error;     /* of its beginning */
    bool is_begun;
    char last; /* byte written; kept for HOLES_MARK */
};

struct streams {
    struct stream_file client;
    struct stream_file server;
    struct filebatch *batch;
    uint64_t number;
    enum hole_policy policy;
};

static const char *const policy_names[HOLE_POLICIES] = {
    [HOLES_ZERO] = "zero", [HOLES_MARK] = "mark", [HOLES_SKIP] = "skip"};

const char *hole_policy_name(enum hole_policy policy)
{
    return policy_names[policy];
}

int hole_policy_parse(const char *name)
{
    for (int policy = 0; policy < HOLE_POLICIES; policy++) {
        if (strcmp(name, policy_names[policy]) == 0)
            return policy;
    }
    return -EINVAL;
}

static int init_file(struct stream_file *file, const char *dir, uint64_t number, uint64_t part,
                     const char *side)
{
    char path[OUTFILE_PATH_MAX], suffix[24] = "";
    int len;

    if (part)
        snprintf(suffix, sizeof(suffix), "-%" PRIu64, part);
    len = snprintf(path, sizeof(path), "%s/streams/%" PRIu64 "%s.%s", dir, number, suffix, side);

    if (len < 0 || (size_t)len >= sizeof(path))
        return -ENAMETOOLONG;
    file->own = malloc(sizeof(*file->own));
    return file->own ? outfile_init(file->own, path) : -ENOMEM;
}

struct streams *streams_open_in(struct filebatch *batch, uint64_t number, enum hole_policy policy)
{
    struct streams *streams = calloc(1, sizeof(*streams));

    if (!streams)
        return NULL;
    streams->batch = batch;
    streams->number = number;
    streams->policy = policy;
    return streams;
}

struct streams *streams_open(const char *dir, uint64_t number, uint64_t part,
                             enum hole_policy policy)
{
    struct streams *streams = streams_open_in(NULL, number, policy);
    int error;

    if (!streams)
        return NULL;
    error = init_file(&streams->client, dir, number, part, "client");
    if (!error)
        error = init_file(&streams->server, dir, number, part, "server");
    if (error) {
        streams_abort(streams);
        errno = -error;
        return NULL;
    }
    return streams;
}

/* The folder that the file goes to. */
static int make_folder(const struct outfile *out)
{
    char path[OUTFILE_PATH_MAX];

    strcpy(path, out->path);
    *strrchr(path, '/') = '\0';
    if (mkdir(path, DIR_MODE) && errno != EEXIST)
        return -errno;
    return 0;
}

static int open_batched(const struct streams *streams, struct stream_file *file)
{
    char name[FILEBATCH_NAME_MAX + 1];

    snprintf(name, sizeof(name), "%" PRIu64 ".%s", streams->number,
             file == &streams->client ? "client" : "server");
    file->batched = filebatch_open(streams->batch, name);
    return file->batched ? 0 : -errno;
}

/* An error stays with the file: all that follows, and its end, tell it. */
static int begin_file(const struct streams *streams, struct stream_file *file)
{
    if (!file->is_begun)
        file->error = file->own ? make_folder(file->own) : open_batched(streams, file);
    file->is_begun = true;
    return file->error;
}

static int write_bytes(const struct streams *streams, struct stream_file *file, const char *data,
                       size_t len)
{
    int error = begin_file(streams, file);

    if (error || !len)
        return error;
    if (streams->policy == HOLES_MARK)
        file->last = data[len - 1];
    return file->own ? outfile_write(file->own, data, len)
                     : batchfile_write(file->batched, data, len);
}

/* A line of its own: it ends the line that it comes into. */
static int write_mark(const struct streams *streams, struct stream_file *file, uint64_t length)
{
    bool is_inside_line = file->is_begun && file->last != '\n';
    char line[80];
    int len = snprintf(line, sizeof(line), "%s[sesstap: %" PRIu64 " bytes missing]\n",
                       is_inside_line ? "\n" : "", length);

    return write_bytes(streams, file, line, (size_t)len);
}

static int write_zeros(const struct streams *streams, struct stream_file *file, uint64_t length)
{
    int error = begin_file(streams, file);

    if (error)
        return error;
    return file->own ? outfile_skip(file->own, length) : batchfile_skip(file->batched, length);
}

static struct stream_file *side_of(struct streams *streams, bool from_client)
{
    return from_client ? &streams->client : &streams->server;
}

int streams_hole(struct streams *streams, bool from_client, uint64_t offset, uint64_t length)
{
    struct stream_file *file = side_of(streams, from_client);

    if (offset < file->next || offset + length < offset)
        return -EINVAL;
    length += offset - file->next;
    file->next += length;
    if (!length || streams->policy == HOLES_SKIP)
        return 0;
    if (streams->policy == HOLES_MARK)
        return write_mark(streams, file, length);
    return write_zeros(streams, file, length);
}

int streams_data(struct streams *streams, bool from_client, uint64_t offset, const void *data,
                 size_t len)
{
    struct stream_file *file = side_of(streams, from_client);
    int error = streams_hole(streams, from_client, offset, 0);

    if (error || !len)
        return error;
    file->next += len;
    return write_bytes(streams, file, data, len);
}

static int close_file(struct stream_file *file)
{
    int error = file->error;

    if (file->batched)
        batchfile_commit(file->batched);
    if (!file->own)
        return error;
    if (file->is_begun && !error)
        error = outfile_commit(file->own);
    if (error)
        outfile_abort(file->own);
    free(file->own);
    return error;
}

int streams_close(struct streams *streams)
{
    int client_error = close_file(&streams->client), server_error = close_file(&streams->server);

    free(streams);
    return client_error ? client_error : server_error;
}

static void abort_file(struct stream_file *file)
{
    batchfile_abort(file->batched);
    if (file->own)
        outfile_abort(file->own);
    free(file->own);
}

void streams_abort(struct streams *streams)
{
    if (!streams)
        return;
    abort_file(&streams->client);
    abort_file(&streams->server);
    free(streams);
}
