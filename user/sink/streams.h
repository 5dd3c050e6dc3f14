/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two byte streams of a session as files, as the two applications saw them: DIR/streams/<n>.client
 * has what the client sent, <n>.server what the server sent, n is the session's number.
 */
#ifndef SESSTAP_STREAMS_H
#define SESSTAP_STREAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands in the file at a hole: bytes that never came. */
enum hole_policy {
    HOLES_ZERO, /* as many zero bytes, so that offsets hold; long runs take no room on the disk */
    HOLES_MARK, /* a line of its own: [sesstap: 1448 bytes missing] */
    HOLES_SKIP, /* nothing */
    HOLE_POLICIES,
};

/* "zero", "mark", "skip". */
const char *hole_policy_name(enum hole_policy policy);
/* The policy of that name; -EINVAL when there is none. */
int hole_policy_parse(const char *name);

struct filebatch;
struct streams;

/*
 * NULL with errno. Nothing is created yet: a direction's file, and DIR/streams, come with the first thing
 * that goes into it, so a direction that carried nothing has no file. dir itself must be there.
 */
/* part: of a session that several processes had, which one's (from 1); 0: there was one. */
struct streams *streams_open(const char *dir, uint64_t number, uint64_t part,
                             enum hole_policy policy);
/* The same with all files in batch, a folder "streams", where they are once that is finished. */
struct streams *streams_open_in(struct filebatch *batch, uint64_t number, enum hole_policy policy);
/*
 * What the client (or else the server) sent, in the order of the stream, each byte once, as
 * dialog_output tells it. offset is in bytes from the direction's first byte; a jump ahead is a hole. 0
 * or -errno; -EINVAL for a place that was already written.
 */
int streams_data(struct streams *streams, bool from_client, uint64_t offset, const void *data,
                 size_t len);
int streams_hole(struct streams *streams, bool from_client, uint64_t offset, uint64_t length);
/*
 * Complete; free. 0 or the first -errno; a direction that failed leaves no file, the other one does. In a
 * batch, what the disk refuses is told at its end.
 */
int streams_close(struct streams *streams);
/* Forget it all, leave no file; NULL is fine. */
void streams_abort(struct streams *streams);

#endif
