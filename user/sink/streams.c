/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the byte streams of a session, and what the holes in them look like. */
#include "sink/streams.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/outfile.h"

#define DIR_MODE 0755

struct stream_file {
    struct outfile out;
    uint64_t next; /* offset in the stream of what comes next */
    bool is_begun;
    char last; /* byte written */
};

struct streams {
    struct stream_file client;
    struct stream_file server;
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

static int init_file(struct stream_file *file, const char *dir, uint64_t number, const char *side)
{
    char path[OUTFILE_PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/streams/%" PRIu64 ".%s", dir, number, side);

    if (len < 0 || (size_t)len >= sizeof(path))
        return -ENAMETOOLONG;
    return outfile_init(&file->out, path);
}

struct streams *streams_open(const char *dir, uint64_t number, enum hole_policy policy)
{
    struct streams *streams = calloc(1, sizeof(*streams));
    int error;

    if (!streams)
        return NULL;
    streams->policy = policy;
    error = init_file(&streams->client, dir, number, "client");
    if (!error)
        error = init_file(&streams->server, dir, number, "server");
    if (error) {
        free(streams);
        errno = -error;
        return NULL;
    }
    return streams;
}

/* The folder that the file goes to. */
static int make_folder(const struct stream_file *file)
{
    char path[OUTFILE_PATH_MAX];

    strcpy(path, file->out.path);
    *strrchr(path, '/') = '\0';
    if (mkdir(path, DIR_MODE) && errno != EEXIST)
        return -errno;
    return 0;
}

/* An error stays with the file: all that follows, and its end, tell it. */
static int begin_file(struct stream_file *file)
{
    if (!file->is_begun)
        file->out.error = make_folder(file);
    file->is_begun = true;
    return file->out.error;
}

static int write_bytes(struct stream_file *file, const char *data, size_t len)
{
    int error = begin_file(file);

    if (error || !len)
        return error;
    file->last = data[len - 1];
    return outfile_write(&file->out, data, len);
}

/* A line of its own: it ends the line that it comes into. */
static int write_mark(struct stream_file *file, uint64_t length)
{
    bool is_inside_line = file->is_begun && file->last != '\n';
    char line[80];
    int len = snprintf(line, sizeof(line), "%s[sesstap: %" PRIu64 " bytes missing]\n",
                       is_inside_line ? "\n" : "", length);

    return write_bytes(file, line, (size_t)len);
}

static int write_zeros(struct stream_file *file, uint64_t length)
{
    int error = begin_file(file);

    file->last = '\0';
    return error ? error : outfile_skip(&file->out, length);
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
        return write_mark(file, length);
    return write_zeros(file, length);
}

int streams_data(struct streams *streams, bool from_client, uint64_t offset, const void *data,
                 size_t len)
{
    struct stream_file *file = side_of(streams, from_client);
    int error = streams_hole(streams, from_client, offset, 0);

    if (error || !len)
        return error;
    file->next += len;
    return write_bytes(file, data, len);
}

static int close_file(struct stream_file *file)
{
    int error;

    if (!file->is_begun)
        return 0;
    error = outfile_commit(&file->out);
    if (error)
        outfile_abort(&file->out);
    return error;
}

int streams_close(struct streams *streams)
{
    int client_error = close_file(&streams->client), server_error = close_file(&streams->server);

    free(streams);
    return client_error ? client_error : server_error;
}

void streams_abort(struct streams *streams)
{
    if (!streams)
        return;
    outfile_abort(&streams->client.out);
    outfile_abort(&streams->server.out);
    free(streams);
}
