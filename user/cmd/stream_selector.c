/* SPDX-License-Identifier: Apache-2.0 */
/* Which session a person means by "tcp:3", "udp:0", "7" or an @id. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/replay.h"

static const struct {
    const char *prefix;
    uint8_t l4_proto;
} KINDS[] = {
    {"tcp:", IP_PROTO_TCP},
    {"udp:", IP_PROTO_UDP},
    {"icmp:", IP_PROTO_ICMP},
    {"sctp:", IP_PROTO_SCTP},
};

static int parse_index(uint64_t *index, const char *text)
{
    char *end;

    if (*text < '0' || *text > '9')
        return -EINVAL;
    errno = 0;
    *index = strtoull(text, &end, 10);
    return errno || *end ? -EINVAL : 0;
}

int stream_selector_parse(struct stream_selector *selector, const char *text)
{
    memset(selector, 0, sizeof(*selector));
    for (size_t i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++) {
        size_t len = strlen(KINDS[i].prefix);

        if (!strncmp(text, KINDS[i].prefix, len)) {
            selector->l4_proto = KINDS[i].l4_proto;
            return parse_index(&selector->index, text + len);
        }
    }
    selector->l4_proto = IP_PROTO_TCP;
    if (!parse_index(&selector->index, text))
        return 0;
    /* whisperer.instance.number.ip-port-ip-port.seq */
    if (!strchr(text, '.') || !strchr(text, '-'))
        return -EINVAL;
    selector->by_id = true;
    selector->id = text;
    return 0;
}

bool stream_selector_matches(const struct stream_selector *selector, const struct session *session,
                             const char *record_id, size_t len)
{
    uint8_t l4_proto = session->key.l4_proto;

    if (selector->by_id)
        return record_id && strlen(selector->id) == len && !memcmp(selector->id, record_id, len);
    if (l4_proto == IP_PROTO_ICMPV6)
        l4_proto = IP_PROTO_ICMP;
    return selector->l4_proto == l4_proto && selector->index == session->stream_index;
}
