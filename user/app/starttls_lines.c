/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Protocols of lines, and of XML elements, that hand over to TLS:
 *
 *   SMTP  RFC 3207   STARTTLS        220          NNTP   RFC 4642   STARTTLS        382
 *   FTP   RFC 4217   AUTH TLS        234          Sieve  RFC 5804   STARTTLS        OK
 *   POP3  RFC 2595   STLS            +OK          HTTP   RFC 9110   CONNECT         HTTP/1.x 2xx
 *   IMAP  RFC 9051   TAG STARTTLS    TAG OK       XMPP   RFC 6120   <starttls ...>  <proceed ...>
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "app/starttls.h"

#define ENOUGH    8 /* bytes of a word that tell it from others */
#define STATUS_AT 9 /* in "HTTP/1.1 200" */

static bool begins_with(const uint8_t *data, size_t len, const char *text)
{
    size_t want = strlen(text);

    return len >= want && !strncasecmp((const char *)data, text, want);
}

/* Without what ends it. */
static size_t line_len(const uint8_t *line, size_t len)
{
    while (len && isspace(line[len - 1]))
        len--;
    return len;
}

static bool line_is(const uint8_t *line, size_t len, const char *text)
{
    return len == strlen(text) && begins_with(line, len, text);
}

/* As far as it is here, which may be its first bytes only. */
static bool begins_with_one(const struct app_piece *first, const char *const *words)
{
    for (; *words; words++) {
        size_t want = strlen(*words);

        if (first->len >= ENOUGH && first->len < want)
            want = first->len;
        if (first->len >= want && !strncasecmp((const char *)first->data, *words, want))
            return true;
    }
    return false;
}

/* ---- SMTP, LMTP and FTP, whose greetings are alike */

static bool digits_begin(const struct app_piece *first)
{
    static const char *const client[] = {"EHLO ", "HELO ", "LHLO ", "STARTTLS", "AUTH TLS", NULL};
    static const char *const server[] = {"220 ", "220-", NULL};

    return begins_with_one(first, first->side == APP_CLIENT ? client : server);
}

static enum starttls_word digits_client(struct starttls_talk *talk, const uint8_t *line, size_t len)
{
    len = line_len(line, len);
    if (line_is(line, len, "STARTTLS")) {
        talk->name = "smtp";
        talk->yes = "220";
        return STARTTLS_ASK;
    }
    if (!begins_with(line, len, "AUTH TLS") && !line_is(line, len, "AUTH SSL"))
        return STARTTLS_OTHER;
    talk->name = "ftp";
    talk->yes = "234";
    return STARTTLS_ASK;
}

/* Reply codes: 4 and 5 refuse. */
static enum starttls_word digits_server(struct starttls_talk *talk, const uint8_t *line, size_t len)
{
    if (talk->yes && begins_with(line, len, talk->yes))
        return STARTTLS_AGREE;
    return line[0] == '4' || line[0] == '5' ? STARTTLS_REFUSE : STARTTLS_OTHER;
}

static const struct starttls_protocol smtp_and_ftp = {
    .name = "smtp",
    .begins = digits_begin,
    .last = '\n',
    .client = digits_client,
    .server = digits_server,
};

/* ---- NNTP */

static bool nntp_begins(const struct app_piece *first)
{
    static const char *const client[] = {"CAPABILITIES\r", "MODE READER", NULL};
    static const char *const server[] = {"200 ", "201 ", NULL};

    return begins_with_one(first, first->side == APP_CLIENT ? client : server);
}

static enum starttls_word nntp_client(struct starttls_talk *talk, const uint8_t *line, size_t len)
{
    talk->yes = "382";
    return line_is(line, line_len(line, len), "STARTTLS") ? STARTTLS_ASK : STARTTLS_OTHER;
}

static const struct starttls_protocol nntp = {
    .name = "nntp",
    .begins = nntp_begins,
    .last = '\n',
    .client = nntp_client,
    .server = digits_server,
};

/* ---- POP3 */

static bool pop3_begins(const struct app_piece *first)
{
    static const char *const client[] = {"CAPA\r", "STLS\r", NULL};
    static const char *const server[] = {"+OK", NULL};

    return begins_with_one(first, first->side == APP_CLIENT ? client : server);
}

static enum starttls_word pop3_client(struct starttls_talk *talk, const uint8_t *line, size_t len)
{
    (void)talk;
    return line_is(line, line_len(line, len), "STLS") ? STARTTLS_ASK : STARTTLS_OTHER;
}

static enum starttls_word pop3_server(struct starttls_talk *talk, const uint8_t *line, size_t len)
{
    (void)talk;
    if (begins_with(line, len, "+OK"))
        return STARTTLS_AGREE;
    return begins_with(line, len, "-ERR") ? STARTTLS_REFUSE : STARTTLS_OTHER;
}

static const struct starttls_protocol pop3 = {
    .name = "pop3",
    .begins = pop3_begins,
    .last = '\n',
    .client = pop3_client,
    .server = pop3_server,
};

/* ---- IMAP */

static bool imap_begins(const struct app_piece *first)
{
    static const char *const server[] = {"* OK", "* PREAUTH", NULL};

    return first->side == APP_SERVER && begins_with_one(first, server);
}

static enum starttls_word imap_client(struct starttls_talk *talk, const uint8_t *line, size_t len)
{
    const uint8_t *space = memchr(line, ' ', len);
    size_t tag = space ? (size_t)(space - line) : 0;

    if (!tag || tag > STARTTLS_TAG_MAX ||
        !line_is(space + 1, line_len(space + 1, len - tag - 1), "STARTTLS"))
        return STARTTLS_OTHER;
    memcpy(talk->tag, line, tag);
    talk->tag[tag] = '\0';
    return STARTTLS_ASK;
}

static enum starttls_word imap_server(struct starttls_talk *talk, const uint8_t *line, size_t len)
{
    size_t tag = strlen(talk->tag);

    if (!tag || !begins_with(line, len, talk->tag) || len <= tag || line[tag] != ' ')
        return STARTTLS_OTHER;
    return begins_with(line + tag + 1, len - tag - 1, "OK") ? STARTTLS_AGREE : STARTTLS_REFUSE;
}

static const struct starttls_protocol imap = {
    .name = "imap",
    .begins = imap_begins,
    .last = '\n',
    .client = imap_client,
    .server = imap_server,
};

/* ---- ManageSieve */

static bool sieve_begins(const struct app_piece *first)
{
    static const char *const server[] = {"\"IMPLEMENTATION\"", NULL};

    return first->side == APP_SERVER && begins_with_one(first, server);
}

static enum starttls_word sieve_client(struct starttls_talk *talk, const uint8_t *line, size_t len)
{
    (void)talk;
    return line_is(line, line_len(line, len), "STARTTLS") ? STARTTLS_ASK : STARTTLS_OTHER;
}

static enum starttls_word sieve_server(struct starttls_talk *talk, const uint8_t *line, size_t len)
{
    (void)talk;
    if (begins_with(line, len, "OK"))
        return STARTTLS_AGREE;
    return begins_with(line, len, "NO") ? STARTTLS_REFUSE : STARTTLS_OTHER;
}

static const struct starttls_protocol sieve = {
    .name = "sieve",
    .begins = sieve_begins,
    .last = '\n',
    .client = sieve_client,
    .server = sieve_server,
};

/* ---- HTTP's CONNECT, when nobody reads HTTP itself */

static bool connect_begins(const struct app_piece *first)
{
    static const char *const client[] = {"CONNECT ", NULL};

    return first->side == APP_CLIENT && begins_with_one(first, client);
}

/* What follows the head is what the tunnel carries, or after a refusal another request. */
static enum starttls_word connect_client(struct starttls_talk *talk, const uint8_t *line,
                                         size_t len)
{
    bool head_is_over = talk->begun;

    len = line_len(line, len);
    talk->begun = !len;
    if (begins_with(line, len, "CONNECT "))
        return STARTTLS_ASK;
    return head_is_over && len ? STARTTLS_NEVER : STARTTLS_OTHER;
}

static enum starttls_word connect_server(struct starttls_talk *talk, const uint8_t *line,
                                         size_t len)
{
    (void)talk;
    if (!begins_with(line, len, "HTTP/1.") || len <= STATUS_AT || line[STATUS_AT] == '1')
        return STARTTLS_OTHER;
    return line[STATUS_AT] == '2' ? STARTTLS_AGREE : STARTTLS_REFUSE;
}

static const struct starttls_protocol connect_of_http = {
    .name = "http",
    .begins = connect_begins,
    .last = '\n',
    .client = connect_client,
    .server = connect_server,
};

/* ---- XMPP */

static bool xmpp_begins(const struct app_piece *first)
{
    static const char *const both[] = {"<?xml ", "<stream:stream", NULL};

    return begins_with_one(first, both);
}

/* Up to the '>' of a tag. Streams of XML that are not XMPP's begin otherwise. */
static enum starttls_word xmpp_word(struct starttls_talk *talk, const uint8_t *unit, size_t len,
                                    bool from_client)
{
    while (len && isspace(*unit))
        unit++, len--;
    if (begins_with(unit, len, "<stream:stream"))
        talk->begun = true;
    else if (!talk->begun && !begins_with(unit, len, "<?xml"))
        return STARTTLS_NEVER;
    if (from_client)
        return begins_with(unit, len, "<starttls") ? STARTTLS_ASK : STARTTLS_OTHER;
    if (begins_with(unit, len, "<proceed"))
        return STARTTLS_AGREE;
    return begins_with(unit, len, "<failure") ? STARTTLS_REFUSE : STARTTLS_OTHER;
}

static enum starttls_word xmpp_client(struct starttls_talk *talk, const uint8_t *unit, size_t len)
{
    return xmpp_word(talk, unit, len, true);
}

static enum starttls_word xmpp_server(struct starttls_talk *talk, const uint8_t *unit, size_t len)
{
    return xmpp_word(talk, unit, len, false);
}

static const struct starttls_protocol xmpp = {
    .name = "xmpp",
    .begins = xmpp_begins,
    .last = '>',
    .client = xmpp_client,
    .server = xmpp_server,
};

const struct starttls_protocol *const starttls_of_lines[] = {
    &smtp_and_ftp, &nntp, &pop3, &imap, &sieve, &connect_of_http, &xmpp, NULL,
};
