/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/index_use.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/facts_pack.h"

/* A frame and whose it is. */
struct use_frame {
    struct frame_place place;
    uint32_t which;
};

struct index_use {
    struct replay_session *sessions;
    struct use_frame *frames; /* by offset, for the time of building */
    size_t frame_count;
    struct frame_place *places;
    uint32_t *which;
    uint64_t *landmarks;
    struct capfile_choice choice;
    struct replay_only only;
};

void index_use_free(struct index_use *use)
{
    if (!use)
        return;
    for (size_t i = 0; i < use->only.count; i++) {
        facts_free(use->sessions[i].told.facts);
        free(use->sessions[i].errors);
    }
    free(use->sessions);
    free(use->frames);
    free(use->places);
    free(use->which);
    free(use->landmarks);
    free(use);
}

/* 0: it is not in the index. */
static uint64_t number_of(const struct index *index, const struct chosen_stream *stream)
{
    if (stream->selector.by_id)
        return stream->number;
    return index_find(index, stream->selector.l4_proto, stream->selector.index);
}

static int add_frames(struct index_use *use, const struct index *index,
                      const struct index_session *session, uint32_t which)
{
    size_t count = (size_t)session->place_count;
    struct frame_place *places = malloc((count + 1) * sizeof(*places));
    struct use_frame *frames =
        realloc(use->frames, (use->frame_count + count + 1) * sizeof(*frames));
    int err = places && frames ? 0 : -ENOMEM;

    if (frames)
        use->frames = frames;
    if (!err)
        err = index_places(index, session, places);
    for (size_t i = 0; !err && i < count; i++)
        frames[use->frame_count++] = (struct use_frame){places[i], which};
    free(places);
    return err;
}

/* The table of streams has led to a session of another stream. */
static bool is_other(const struct chosen_stream *stream, const struct session *session)
{
    return !stream->selector.by_id && !stream_selector_matches(&stream->selector, session, NULL, 0);
}

/* What other sessions' packets tell of this one, like names, is not to be had from its own. */
static void take_told(struct replay_session *session, const struct index_session *known)
{
    session->has_told =
        known->told && !facts_unpack(known->told, known->told_len, app_risk_name, &session->told);
}

static int add_session(struct index_use *use, const struct index *index,
                       const struct chosen_stream *stream)
{
    uint64_t number = number_of(index, stream);
    struct index_session session;
    int err;

    if (!number)
        return -ENOENT;
    for (size_t i = 0; i < use->only.count; i++)
        if (use->sessions[i].number == number)
            return 0; /* named twice */
    err = index_session(index, number, &session);
    if (!err && is_other(stream, &session.session)) {
        index_session_fini(&session);
        err = -EBADMSG;
    }
    if (err)
        return err;
    use->sessions[use->only.count] = (struct replay_session){
        .key = session.session.key,
        .number = number,
        .stream_index = session.session.stream_index,
        .end_ns = session.now_ns,
        .reason = session.session.close_reason,
        .tunnel = session.session.tunnel,
        .errors = session.session.extra,
    };
    session.session.extra = NULL;
    take_told(&use->sessions[use->only.count], &session);
    err = add_frames(use, index, &session, (uint32_t)use->only.count++);
    index_session_fini(&session);
    return err;
}

static int by_offset(const void *a, const void *b)
{
    const struct use_frame *left = a, *right = b;

    return left->place.offset < right->place.offset ? -1 : left->place.offset > right->place.offset;
}

static int mark_last(struct index_use *use)
{
    bool *seen = calloc(use->only.count, sizeof(*seen));

    if (!seen)
        return -ENOMEM;
    for (size_t i = use->frame_count; i-- > 0;) {
        if (!seen[use->which[i]]) {
            seen[use->which[i]] = true;
            use->which[i] |= REPLAY_LAST;
        }
    }
    free(seen);
    return 0;
}

/* What replay and capfile want, of what was gathered. */
static int arrange(struct index_use *use, const struct index_sums *sums)
{
    size_t count = use->frame_count;

    qsort(use->frames, count, sizeof(*use->frames), by_offset);
    use->places = malloc((count + 1) * sizeof(*use->places));
    use->which = malloc((count + 1) * sizeof(*use->which));
    use->landmarks = malloc((sums->landmark_count + 1) * sizeof(*use->landmarks));
    if (!use->places || !use->which || !use->landmarks)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        use->places[i] = use->frames[i].place;
        use->which[i] = use->frames[i].which;
    }
    free(use->frames);
    use->frames = NULL;
    memcpy(use->landmarks, sums->landmarks, sums->landmark_count * sizeof(*use->landmarks));
    use->choice = (struct capfile_choice){use->places, count, use->landmarks, sums->landmark_count};
    use->only.sessions = use->sessions;
    use->only.which = use->which;
    use->only.damaged = sums->damaged;
    return count ? mark_last(use) : -ENODATA;
}

static int gather(struct index_use *use, const struct index *index,
                  const struct stream_choice *choice)
{
    int err = 0;

    use->sessions = calloc(choice->count, sizeof(*use->sessions));
    if (!use->sessions)
        return -ENOMEM;
    for (size_t i = 0; i < choice->count && !err; i++)
        err = add_session(use, index, &choice->streams[i]);
    return err ? err : arrange(use, index_sums(index));
}

struct index_use *index_use_streams(const struct index *index, const struct stream_choice *choice,
                                    struct replay_conf *conf)
{
    struct index_use *use;
    int err;

    if (!index_sums(index)->seekable)
        return NULL;
    use = calloc(1, sizeof(*use));
    if (!use)
        return NULL;
    err = gather(use, index, choice);
    if (err == -EBADMSG)
        replay_index_complain(conf->input.paths[0]);
    if (err) {
        index_use_free(use);
        return NULL;
    }
    replay_index_say_damage(conf->input.paths[0], use->only.damaged);
    conf->input.choice = &use->choice;
    conf->only = &use->only;
    return use;
}
