/* SPDX-License-Identifier: Apache-2.0 */
/* A file name for what came by HTTP: from its headers or its address, with nothing in it that a shell or a folder minds. */
#include "sink/object_name.h"

#include <string.h>
#include <strings.h>

static struct fact_text header(const struct http_message *message, const char *name)
{
    for (size_t i = 0; i < message->header_count; i++)
        if (message->headers[i]->name.len == strlen(name) &&
            !strncasecmp(message->headers[i]->name.at, name, strlen(name)))
            return message->headers[i]->value;
    return (struct fact_text){0};
}

/* What stands behind a word of a header's value, to its end. */
static struct fact_text behind(struct fact_text value, const char *word)
{
    size_t len = strlen(word);

    for (uint32_t i = 0; value.at && i + len < value.len; i++)
        if (!strncasecmp(value.at + i, word, len))
            return (struct fact_text){value.at + i + len, value.len - i - (uint32_t)len};
    return (struct fact_text){0};
}

/* filename*=utf-8'en'na%20me (RFC 8187). */
static struct fact_text extended_name(struct fact_text disposition)
{
    struct fact_text name = behind(disposition, "filename*=");

    for (int quotes = 0; name.len && quotes < 2; name.len--)
        quotes += *name.at++ == '\'';
    for (uint32_t end = 0; end < name.len; end++)
        if (name.at[end] == ';')
            name.len = end;
    return name;
}

/* The filename of Content-Disposition (RFC 6266), without its quotes. */
static struct fact_text disposition_name(const struct http_message *message)
{
    struct fact_text value = header(message, "content-disposition"), name = extended_name(value);

    if (name.len)
        return name;
    name = behind(value, "filename=");
    if (name.len && *name.at == '"') {
        name.at++;
        name.len--;
    }
    for (uint32_t end = 0; end < name.len; end++)
        if (name.at[end] == '"' || name.at[end] == ';')
            name.len = end;
    return name;
}

/* What stands behind the last slash of the path. */
static struct fact_text uri_name(struct fact_text uri)
{
    struct fact_text name = uri;

    for (uint32_t i = 0; uri.at && i < uri.len; i++) {
        if (uri.at[i] == '?' || uri.at[i] == '#') {
            name.len = (uint32_t)(uri.at + i - name.at);
            break;
        }
        if (uri.at[i] == '/') {
            name.at = uri.at + i + 1;
            name.len = uri.len - i - 1;
        }
    }
    return name;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_harmless(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_';
}

/* Percent escapes undone; what is left that may mean something to somebody becomes "_". */
static size_t make_safe(struct fact_text name, char out[OBJECT_NAME_BYTES])
{
    size_t len = 0;

    for (uint32_t i = 0; name.at && i < name.len && len < OBJECT_NAME_BYTES - 1; i++) {
        char c = name.at[i];

        if (c == '%' && i + 2 < name.len && hex_digit(name.at[i + 1]) >= 0 &&
            hex_digit(name.at[i + 2]) >= 0) {
            c = (char)(hex_digit(name.at[i + 1]) << 4 | hex_digit(name.at[i + 2]));
            i += 2;
        }
        if (c == '.' && !len)
            continue;
        out[len++] = is_harmless(c) ? c : '_';
    }
    out[len] = '\0';
    return len;
}

static const char *suffix_of(struct fact_text type)
{
    static const struct {
        const char *type, *suffix;
    } known[] = {
        {"text/html", ".html"},
        {"text/plain", ".txt"},
        {"text/css", ".css"},
        {"text/javascript", ".js"},
        {"application/javascript", ".js"},
        {"application/x-javascript", ".js"},
        {"application/json", ".json"},
        {"application/xml", ".xml"},
        {"text/xml", ".xml"},
        {"image/png", ".png"},
        {"image/jpeg", ".jpg"},
        {"image/gif", ".gif"},
        {"image/svg+xml", ".svg"},
        {"image/webp", ".webp"},
        {"application/pdf", ".pdf"},
        {"application/zip", ".zip"},
    };

    for (size_t i = 0; type.at && i < sizeof(known) / sizeof(known[0]); i++) {
        size_t len = strlen(known[i].type);

        if (type.len >= len && !strncasecmp(type.at, known[i].type, len) &&
            (type.len == len || type.at[len] == ';' || type.at[len] == ' '))
            return known[i].suffix;
    }
    return "";
}

void object_name(const struct http_transaction *transaction, const struct http_message *message,
                 char out[OBJECT_NAME_BYTES])
{
    size_t len = make_safe(disposition_name(message), out);
    const char *suffix = suffix_of(message->content_type);

    if (!len)
        len = make_safe(uri_name(transaction->uri), out);
    if (!len)
        len = (size_t)(stpcpy(out, "index") - out);
    if (!memchr(out, '.', len) && len + strlen(suffix) < OBJECT_NAME_BYTES)
        strcpy(out + len, suffix);
}
