/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/replay_index.h"

#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/plural.h"
#include "cmd/index_make.h"
#include "session/facts_pack.h"

void replay_index_complain(const char *capture)
{
    log_warn("%s" INDEX_SUFFIX " is not used: it is damaged (sesstap index makes a new one)",
             capture);
}

void replay_index_say_damage(const char *capture, uint64_t damaged)
{
    if (damaged)
        log_warn("%s: damaged at %llu place%s, as found when its index was made", capture,
                 (unsigned long long)damaged, plural_s(damaged));
}

struct index *replay_index_find(const struct replay_conf *conf)
{
    const struct index_reading reading = index_reading_of(conf);
    struct index *index = NULL;
    struct stat st;

    if (conf->no_index || conf->filter || conf->only || conf->input.choice ||
        conf->input.path_count != 1 || stat(conf->input.paths[0], &st) || !S_ISREG(st.st_mode))
        return NULL;
    return index_open(&index, conf->input.paths[0], &reading) ? NULL : index;
}

/* Nothing of what is wanted needs a packet. Transactions of HTTP do: an index does not remember them. */
static bool wants_records_only(const struct replay_conf *conf)
{
    const struct pipeline_conf *pipeline = &conf->pipeline;
    const struct replay_hooks *hooks = &conf->hooks;

    return !pipeline->captures && !pipeline->streams && !pipeline->tcpsession && !pipeline->lots &&
           !(pipeline->app && pipeline->app->http) && !hooks->packet && !hooks->data &&
           !hooks->hole && !hooks->place && !hooks->done && hooks->record;
}

/* A record that was told can't be taken back: is all of it there? */
static bool is_sound(const struct replay_index *known)
{
    uint64_t first = known->number ? known->number : 1;
    uint64_t last = known->number ? known->number : index_count(known->index);
    struct index_session session;
    uint64_t sum = 0;

    for (uint64_t number = first; number <= last; number++) {
        if (index_session(known->index, number, &session))
            return false;
        index_session_fini(&session);
    }
    /* Each number once. */
    for (uint64_t i = 0; !known->number && i < last; i++)
        sum += index_ended(known->index, i);
    return known->number || sum == last * (last + 1) / 2;
}

void replay_index_open(struct replay_index *known, const struct replay_conf *conf)
{
    static const struct frame_place none;
    const struct index_sums *sums;

    memset(known, 0, sizeof(*known));
    known->input = conf->input;
    known->number = conf->number;
    if (!wants_records_only(conf))
        return;
    known->index = replay_index_find(conf);
    if (!known->index)
        return;
    sums = index_sums(known->index);
    if (!sums->seekable || (known->number && known->number > index_count(known->index))) {
        replay_index_close(known);
        return;
    }
    if (!is_sound(known)) {
        replay_index_complain(conf->input.paths[0]);
        replay_index_close(known);
        return;
    }
    /* No packet is read, but what tells of the interfaces. */
    known->choice = (struct capfile_choice){&none, 0, sums->landmarks, sums->landmark_count};
    known->input.choice = &known->choice;
}

void replay_index_close(struct replay_index *known)
{
    index_close(known->index);
    known->index = NULL;
}

static void tell_session(const struct replay_index *known, struct pipeline *pipeline,
                         uint64_t number)
{
    struct index_session session;
    struct told told = {0};

    if (index_session(known->index, number, &session))
        return;
    if (session.told)
        facts_unpack(session.told, session.told_len, app_risk_name, &told);
    pipeline_restore(pipeline, &(struct pipeline_ended){
                                   .session = &session.session,
                                   .flow = &session.flow,
                                   .tally = session.has_tally ? session.tally : NULL,
                                   .holes = session.holes,
                                   .hole_count = session.hole_count,
                                   .now_ns = session.now_ns,
                                   .told = &told,
                               });
    facts_free(told.facts);
    index_session_fini(&session);
}

void replay_index_tell(const struct replay_index *known, struct pipeline *pipeline,
                       struct replay_result *result)
{
    const struct index_sums *sums;

    if (!known->index)
        return;
    sums = index_sums(known->index);
    if (known->number)
        tell_session(known, pipeline, known->number);
    for (uint64_t i = 0; !known->number && i < index_count(known->index); i++)
        tell_session(known, pipeline, index_ended(known->index, i));
    result->sessions = index_count(known->index);
    result->frames = sums->frames;
    result->damaged = sums->damaged;
    replay_index_say_damage(known->input.paths[0], sums->damaged);
}
