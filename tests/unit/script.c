/* SPDX-License-Identifier: Apache-2.0 */
/* The parser of segment scripts; the language is in script.h. */
#include "unit/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/packet_builder.h"
#include "wire.h"

#define SCRIPT_STEP_NS 1000000 /* between lines that say nothing */

struct words {
    const char *data; /* payload text, with its quotes */
    const char *opts;
    long data_len;
    long win;
    long id;
    long tos;
};

static void script_fail(const struct segment *segment, const char *what)
{
    fprintf(stderr, "script: %s in \"%s\"\n", what, segment->line);
    abort();
}

void script_init(struct script *script, const char *text, uint32_t client_isn, uint32_t server_isn)
{
    *script = (struct script){.at = text, .time_ns = 1000000000};
    script->side[0] = (struct script_side){"10.0.0.1", 40000, client_isn, client_isn};
    script->side[1] = (struct script_side){"10.0.0.2", 80, server_isn, server_isn};
}

static uint64_t script_duration(const struct segment *segment, const char *text)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
    char *end;
    uint64_t n = strtoull(text, &end, 10);

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (!strcmp(end, units[i].name))
            return n * units[i].ns;
    script_fail(segment, "a time needs a unit");
    return 0;
}

/* "+5", "-5": from usual; "@5": as it is; "5": relative to base. */
static uint32_t script_number(const char *text, uint32_t usual, uint32_t base)
{
    if (*text == '@')
        return (uint32_t)strtoull(text + 1, NULL, 0);
    if (*text == '+' || *text == '-')
        return usual + (uint32_t)strtoll(text, NULL, 0);
    return base + (uint32_t)strtoull(text, NULL, 0);
}

/* The next word of a line; one that begins with a quote ends with one. */
static char *script_word(char **at)
{
    char *word = *at + strspn(*at, " \t"), *end;

    if (!*word)
        return NULL;
    end = *word == '"' ? strchr(word + 1, '"') + 1 : word + strcspn(word, " \t");
    *at = *end ? end + 1 : end;
    *end = 0;
    return word;
}

/* Cut the next line that says something; false at the end. */
static bool script_line(struct script *script, struct segment *segment)
{
    while (*script->at) {
        size_t blank = strspn(script->at, " \t\n;"), len;

        script->at += blank;
        len = strcspn(script->at, "\n;");
        if (!len)
            continue;
        if (*script->at == '#') {
            script->at += len;
            continue;
        }
        snprintf(segment->line, sizeof(segment->line), "%.*s", (int)len, script->at);
        if (len >= sizeof(segment->line))
            script_fail(segment, "line too long");
        script->at += len;
        return true;
    }
    return false;
}

static void script_read_word(struct script *script, struct segment *segment, struct words *words,
                             const char *word)
{
    const struct script_side *me = &script->side[segment->from];
    const struct script_side *peer = &script->side[!segment->from];

    if (*word == '"') {
        words->data = word;
        words->data_len = (long)strlen(word) - 2;
    } else if (!strncmp(word, "data=", 5)) {
        words->data_len = strtol(word + 5, NULL, 0);
    } else if (!strncmp(word, "seq=", 4)) {
        segment->seq = script_number(word + 4, me->nxt, me->isn);
    } else if (!strncmp(word, "ack=", 4)) {
        segment->ack = script_number(word + 4, peer->nxt, peer->isn);
    } else if (!strncmp(word, "win=", 4)) {
        words->win = strtol(word + 4, NULL, 0);
    } else if (!strncmp(word, "id=", 3)) {
        words->id = strtol(word + 3, NULL, 0);
    } else if (!strncmp(word, "tos=", 4)) {
        words->tos = strtol(word + 4, NULL, 0);
    } else if (!strncmp(word, "pkts=", 5)) {
        segment->pkts = (uint32_t)strtoul(word + 5, NULL, 0);
    } else if (!strncmp(word, "opts=", 5)) {
        words->opts = word;
    } else if (!strcmp(word, "lost")) {
        segment->lost = true;
    } else {
        script_fail(segment, "unknown word");
    }
}

static void script_frame(const struct script *script, struct segment *segment,
                         const struct words *words)
{
    const struct script_side *me = &script->side[segment->from];
    const struct script_side *peer = &script->side[!segment->from];
    bool is_v6 = strchr(me->addr, ':');
    char flags[40] = "", data[300] = "", ip[160];

    for (int bit = 0; bit < 8; bit++)
        if (segment->flags & 1 << bit)
            snprintf(flags + strlen(flags), sizeof(flags) - strlen(flags), "%s%.3s",
                     *flags ? "|" : "", &"FINSYNRSTPSHACKURGECECWR"[bit * 3]);
    if (words->data)
        snprintf(data, sizeof(data), " / text %s", words->data);
    else if (words->data_len)
        snprintf(data, sizeof(data), " / data %ld from=%u", words->data_len,
                 segment->seq - me->isn - 1);
    if (is_v6)
        snprintf(ip, sizeof(ip), "ip6 %s > %s class=%ld", me->addr, peer->addr, words->tos);
    else
        snprintf(ip, sizeof(ip), "ip %s > %s id=%ld tos=%ld", me->addr, peer->addr, words->id,
                 words->tos);
    snprintf(segment->frame, sizeof(segment->frame),
             "%s / %s / tcp %u > %u %s seq=%u ack=%u win=%ld %s%s",
             script->link ? script->link : "eth", ip, me->port, peer->port, *flags ? flags : "NONE",
             segment->seq, segment->flags & TCP_ACK ? segment->ack : 0, words->win,
             words->opts ? words->opts : "", data);
}

/* The numbers move on by what was sent beyond the highest so far. */
static void script_advance(struct script_side *me, const struct segment *segment)
{
    uint32_t len =
        segment->payload_len + !!(segment->flags & TCP_SYN) + !!(segment->flags & TCP_FIN);
    uint32_t end = segment->seq + len;

    if (len && !(segment->flags & TCP_RST) && (int32_t)(end - me->nxt) > 0)
        me->nxt = end;
}

static void script_read(struct script *script, struct segment *segment)
{
    struct words words = {.win = 65535};
    char line[sizeof(segment->line)], *at = line, *word, *arrow;
    uint64_t step_ns = SCRIPT_STEP_NS;
    int flags;

    memcpy(line, segment->line, sizeof(line));
    arrow = strstr(line, "->");
    if (arrow) {
        *arrow = 0;
        snprintf(segment->expect, sizeof(segment->expect), "%s",
                 arrow + 2 + strspn(arrow + 2, " "));
    }
    word = script_word(&at);
    if (word && *word == '+') {
        step_ns = script_duration(segment, word + 1);
        word = script_word(&at);
    }
    if (!word || (strcmp(word, "c") && strcmp(word, "s")))
        script_fail(segment, "c or s missing");
    segment->from = *word == 's';
    word = script_word(&at);
    flags = word ? packet_flags_of(word) : -1;
    if (flags < 0)
        script_fail(segment, "flags missing");
    segment->flags = (uint8_t)flags;
    segment->seq = script->side[segment->from].nxt;
    segment->ack = script->side[!segment->from].nxt;
    segment->pkts = 1;
    while ((word = script_word(&at)))
        script_read_word(script, segment, &words, word);
    segment->payload_len = (uint32_t)words.data_len;
    script->time_ns += step_ns;
    segment->time_ns = script->time_ns;
    script_frame(script, segment, &words);
    script_advance(&script->side[segment->from], segment);
}

bool script_next(struct script *script, struct segment *segment)
{
    do {
        memset(segment, 0, sizeof(*segment));
        if (!script_line(script, segment))
            return false;
        script_read(script, segment);
    } while (segment->lost);
    return true;
}
