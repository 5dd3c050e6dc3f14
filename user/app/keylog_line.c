/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a key log, read and written. */
#include <errno.h>
#include <string.h>

#include "app/keylog.h"
#include "app/tls_suite.h"

enum value_form { FORM_HEX, FORM_VERSION, FORM_SUITE, FORM_FLAG };

static const struct {
    const char *word;
    enum value_form form;
    uint8_t bytes[2]; /* that a hex value may have */
} labels[KEYLOG_LABELS] = {
    [KEYLOG_MASTER] = {"CLIENT_RANDOM", FORM_HEX, {48, 48}},
    [KEYLOG_CLIENT_EARLY] = {"CLIENT_EARLY_TRAFFIC_SECRET", FORM_HEX, {32, 48}},
    [KEYLOG_CLIENT_HANDSHAKE] = {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", FORM_HEX, {32, 48}},
    [KEYLOG_SERVER_HANDSHAKE] = {"SERVER_HANDSHAKE_TRAFFIC_SECRET", FORM_HEX, {32, 48}},
    [KEYLOG_CLIENT_TRAFFIC] = {"CLIENT_TRAFFIC_SECRET_0", FORM_HEX, {32, 48}},
    [KEYLOG_SERVER_TRAFFIC] = {"SERVER_TRAFFIC_SECRET_0", FORM_HEX, {32, 48}},
    [KEYLOG_SESSION] = {"RSA", FORM_HEX, {48, 48}},
    [KEYLOG_VERSION] = {"TLS_VERSION", FORM_VERSION, {0}},
    [KEYLOG_CIPHER] = {"CIPHER_NAME", FORM_SUITE, {0}},
    [KEYLOG_CLIENT_ETM] = {"CLIENT_ENCRYPT_THEN_MAC", FORM_FLAG, {0}},
    [KEYLOG_SERVER_ETM] = {"SERVER_ENCRYPT_THEN_MAC", FORM_FLAG, {0}},
    [KEYLOG_SERVER_RANDOM] = {"SERVER_RANDOM", FORM_HEX, {32, 32}},
};

/* As OpenSSL writes them. */
static const struct {
    const char *name;
    uint16_t version;
} versions[] = {
    {"SSLv3", 0x0300},   {"TLSv1", 0x0301},   {"TLSv1.0", 0x0301},
    {"TLSv1.1", 0x0302}, {"TLSv1.2", 0x0303}, {"TLSv1.3", 0x0304},
};

struct word {
    const char *at;
    size_t len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct word next_word(const char **at, const char *end)
{
    struct word word;

    while (*at < end && is_blank(**at))
        (*at)++;
    word.at = *at;
    while (*at < end && !is_blank(**at))
        (*at)++;
    word.len = (size_t)(*at - word.at);
    return word;
}

static bool is_text(struct word word, const char *text)
{
    return word.len == strlen(text) && !memcmp(word.at, text, word.len);
}

/* The word behind a prefix; length 0 when it has another. */
static struct word behind(struct word word, const char *prefix)
{
    size_t len = strlen(prefix);

    if (word.len <= len || memcmp(word.at, prefix, len))
        return (struct word){word.at, 0};
    return (struct word){word.at + len, word.len - len};
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes that were put, at most max; -EINVAL. */
static int parse_hex(struct word word, uint8_t *out, size_t max)
{
    if (!word.len || word.len % 2 || word.len / 2 > max)
        return -EINVAL;
    for (size_t i = 0; i < word.len / 2; i++) {
        int high = hex_digit(word.at[2 * i]), low = hex_digit(word.at[2 * i + 1]);

        if (high < 0 || low < 0)
            return -EINVAL;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return (int)(word.len / 2);
}

static bool parse_version(struct keylog_line *line, struct word word)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (is_text(word, versions[i].name)) {
            line->value[0] = (uint8_t)(versions[i].version >> 8);
            line->value[1] = (uint8_t)versions[i].version;
            line->len = 2;
            return true;
        }
    }
    return false;
}

static bool parse_value(struct keylog_line *line, struct word word)
{
    uint16_t suite;
    int len;

    switch (labels[line->label].form) {
    case FORM_VERSION:
        return parse_version(line, word);
    case FORM_SUITE:
        if (tls_suite_find(word.at, word.len, &suite))
            return false;
        line->value[0] = (uint8_t)(suite >> 8);
        line->value[1] = (uint8_t)suite;
        line->len = 2;
        return true;
    case FORM_FLAG:
        line->value[0] = is_text(word, "1");
        line->len = 1;
        return line->value[0] || is_text(word, "0");
    default:
        len = parse_hex(word, line->value, sizeof(line->value));
        line->len = (uint8_t)(len < 0 ? 0 : len);
        return len > 0 && (line->len == labels[line->label].bytes[0] ||
                           line->len == labels[line->label].bytes[1]);
    }
}

static bool is_label(struct word word)
{
    for (size_t i = 0; i < word.len; i++)
        if ((word.at[i] < 'A' || word.at[i] > 'Z') && (word.at[i] < '0' || word.at[i] > '9') &&
            word.at[i] != '_')
            return false;
    return word.len > 0;
}

/* A secret that is well formed and of no use here. */
static enum keylog_verdict judge_other(struct word label, struct word id, struct word value)
{
    uint8_t bytes[256];

    return is_label(label) && parse_hex(id, bytes, sizeof(bytes)) > 0 &&
                   parse_hex(value, bytes, sizeof(bytes)) > 0
               ? KEYLOG_IGNORED
               : KEYLOG_BAD;
}

enum keylog_verdict keylog_line_parse(struct keylog_line *line, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    struct word label = next_word(&at, end), id = next_word(&at, end), value = next_word(&at, end);
    int id_len;

    *line = (struct keylog_line){0};
    if (!label.len || label.at[0] == '#')
        return KEYLOG_EMPTY;
    while (line->label < KEYLOG_LABELS && !is_text(label, labels[line->label].word))
        line->label++;
    if (next_word(&at, end).len)
        return KEYLOG_BAD;
    if (line->label == KEYLOG_SESSION && behind(id, "Session-ID:").len) {
        id = behind(id, "Session-ID:");
        value = behind(value, "Master-Key:");
    } else if (line->label == KEYLOG_SESSION || line->label == KEYLOG_LABELS) {
        return judge_other(label, id, value);
    }
    id_len = parse_hex(id, line->id, sizeof(line->id));
    if (id_len <= 0 || (id_len != KEYLOG_ID_BYTES && line->label != KEYLOG_SESSION))
        return KEYLOG_BAD;
    return parse_value(line, value) ? KEYLOG_TAKEN : KEYLOG_BAD;
}

static void write_value(struct buf *out, const struct keylog_line *line)
{
    uint16_t number = (uint16_t)(line->value[0] << 8 | line->value[1]);
    struct tls_suite suite;

    switch (labels[line->label].form) {
    case FORM_VERSION:
        for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
            if (versions[i].version == number) {
                buf_add_str(out, versions[i].name);
                return;
            }
        }
        return;
    case FORM_SUITE:
        tls_suite_get(&suite, number);
        if (suite.name)
            buf_add_str(out, suite.name);
        else
            buf_add_hex(out, line->value, 2);
        return;
    case FORM_FLAG:
        buf_add_char(out, line->value[0] ? '1' : '0');
        return;
    default:
        buf_add_hex(out, line->value, line->len);
    }
}

void keylog_line_write(struct buf *out, const struct keylog_line *line)
{
    size_t id_len = KEYLOG_ID_BYTES;

    buf_add_str(out, labels[line->label].word);
    buf_add_char(out, ' ');
    if (line->label == KEYLOG_SESSION) {
        while (id_len > 1 && !line->id[id_len - 1])
            id_len--;
        buf_add_str(out, "Session-ID:");
    }
    buf_add_hex(out, line->id, id_len);
    buf_add_char(out, ' ');
    if (line->label == KEYLOG_SESSION)
        buf_add_str(out, "Master-Key:");
    write_value(out, line);
    buf_add_char(out, '\n');
}
