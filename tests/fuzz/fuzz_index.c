/* SPDX-License-Identifier: Apache-2.0 */
/* An index of any content is refused or read within its bounds: every session, its places, every stream. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "source/capfile/index.h"
#include "wire.h"

#define SESSIONS_MAX 64
#define PLACES_MAX   65536

static void read_session(const struct index *index, uint64_t number)
{
    struct index_session session;
    struct frame_place *places;

    if (index_session(index, number, &session))
        return;
    if (session.session.number != number)
        abort();
    if (session.place_count <= PLACES_MAX) {
        places = malloc((session.place_count + 1) * sizeof(*places));
        if (places)
            index_places(index, &session, places);
        free(places);
    }
    index_session_fini(&session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* Of exactly this length, and aligned as a mapped file is. */
    uint8_t *copy = malloc(len ? len : 1);
    struct index *index;
    uint64_t landmarks = 0;

    if (!copy)
        return 0;
    if (len)
        memcpy(copy, data, len);
    if (!index_open_memory(&index, copy, len)) {
        const struct index_sums *sums = index_sums(index);

        for (size_t i = 0; i < sums->landmark_count; i++)
            landmarks += sums->landmarks[i];
        for (uint64_t i = 0; i < SESSIONS_MAX; i++) {
            read_session(index, i);
            if (index_find(index, IP_PROTO_TCP, i) > index_count(index) ||
                index_ended(index, i) > index_count(index))
                abort();
        }
        read_session(index, landmarks);
        index_close(index);
    }
    free(copy);
    return 0;
}
