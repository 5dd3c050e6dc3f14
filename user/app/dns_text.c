/* SPDX-License-Identifier: Apache-2.0 */
#include "app/dns_text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#ifdef HAVE_LDNS
#include <ldns/ldns.h>
#endif

#define LENGTH_BYTES 2 /* before a record's data */
#define NAME_BYTES   255
#define LABEL_BYTES  63
#define POINTERS_MAX 64

enum dns_type {
    TYPE_NS = 2,
    TYPE_CNAME = 5,
    TYPE_PTR = 12,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_SRV = 33,
};

static uint16_t get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

/* ---- names --------------------------------------------------------------------------------------- */

/* One label as a zone file has it. Returns its length; room for 4 characters a byte. */
static size_t put_label(char *out, const uint8_t *label, size_t len)
{
    char *p = out;

    for (size_t i = 0; i < len; i++) {
        if (label[i] == '.' || label[i] == '\\') {
            *p++ = '\\';
            *p++ = (char)label[i];
        } else if (label[i] <= ' ' || label[i] >= 0x7f) {
            p += sprintf(p, "\\%03u", label[i]);
        } else {
            *p++ = (char)label[i];
        }
    }
    return (size_t)(p - out);
}

size_t dns_take_name(const uint8_t *data, size_t len, size_t *at, char out[DNS_NAME_TEXT])
{
    size_t pos = *at, text = 0, bytes = 0;
    unsigned int pointers = 0;

    while (pos < len) {
        uint8_t length = data[pos];

        if ((length & 0xc0) == 0xc0) {
            if (pos + 1 >= len || ++pointers > POINTERS_MAX)
                return 0;
            if (pointers == 1)
                *at = pos + 2;
            pos = (size_t)(length & 0x3f) << 8 | data[pos + 1];
            continue;
        }
        if (length > LABEL_BYTES || pos + 1 + length > len)
            return 0;
        pos++;
        if (!length) {
            if (!pointers)
                *at = pos;
            if (!text)
                out[text++] = '.';
            return text;
        }
        bytes += length + 1u;
        if (bytes > NAME_BYTES)
            return 0;
        if (text)
            out[text++] = '.';
        text += put_label(out + text, data + pos, length);
        pos += length;
    }
    return 0;
}

/* ---- records ------------------------------------------------------------------------------------- */

/* A character string in quotes (RFC 1035 section 5.1). Returns its length; room for 4 characters a byte, and 2. */
static size_t put_string(char *out, const uint8_t *string, size_t len)
{
    char *p = out;

    *p++ = '"';
    for (size_t i = 0; i < len; i++) {
        if (string[i] < ' ' || string[i] >= 0x7f) {
            p += sprintf(p, "\\%03u", string[i]);
            continue;
        }
        if (string[i] == '"' || string[i] == '\\')
            *p++ = '\\';
        *p++ = (char)string[i];
    }
    *p++ = '"';
    return (size_t)(p - out);
}

/* The strings of a TXT record; 0: they do not fit. */
static size_t put_strings(char out[DNS_DATA_TEXT], const uint8_t *data, size_t len)
{
    size_t text = 0;

    for (size_t i = 0; i < len;) {
        size_t part = data[i] < len - i - 1 ? data[i] : len - i - 1;

        if (text + 4 * part + 3 > DNS_DATA_TEXT)
            return 0;
        if (text)
            out[text++] = ' ';
        text += put_string(out + text, data + i + 1, part);
        i += part + 1;
    }
    return text;
}

/* So many numbers of 16 bits, and a name. */
static size_t put_named(const uint8_t *message, size_t len, size_t numbers, size_t at,
                        size_t data_len, char out[DNS_DATA_TEXT])
{
    size_t text = 0, name_len;

    if (2 * numbers >= data_len)
        return 0;
    for (; numbers; numbers--, at += 2)
        text += (size_t)sprintf(out + text, "%u ", get_u16(message + at));
    name_len = dns_take_name(message, len, &at, out + text);
    return name_len ? text + name_len : 0;
}

#ifdef HAVE_LDNS

/* Names lose their last dot. */
static void put_part(ldns_buffer *text, const ldns_rdf *part)
{
    if (ldns_buffer_position(text))
        ldns_buffer_write_u8(text, ' ');
    ldns_rdf2buffer_str(text, part);
    if (ldns_rdf_get_type(part) == LDNS_RDF_TYPE_DNAME && ldns_rdf_size(part) > 1)
        ldns_buffer_skip(text, -1);
}

static size_t put_parts(const ldns_rr *record, char out[DNS_DATA_TEXT])
{
    ldns_buffer *text = ldns_buffer_new(DNS_NAME_TEXT);
    size_t len = 0;

    if (!text)
        return 0;
    for (size_t i = 0; i < ldns_rr_rd_count(record); i++)
        put_part(text, ldns_rr_rdf(record, i));
    if (ldns_buffer_status_ok(text) && ldns_buffer_position(text) <= DNS_DATA_TEXT) {
        len = ldns_buffer_position(text);
        memcpy(out, ldns_buffer_begin(text), len);
    }
    ldns_buffer_free(text);
    return len;
}

/* libldns knows some eighty types. 0: not this one, or it is broken. */
static size_t put_by_library(const uint8_t *message, uint16_t type, size_t data_at, size_t data_len,
                             char out[DNS_DATA_TEXT])
{
    size_t at = data_at - LENGTH_BYTES, len = 0;
    ldns_rr *record = ldns_rr_new();

    if (!record)
        return 0;
    ldns_rr_set_type(record, type);
    if (ldns_wire2rdf(record, message, data_at + data_len, &at) == LDNS_STATUS_OK &&
        at == data_at + data_len &&
        ldns_rr_rd_count(record) >= ldns_rr_descriptor_minimum(ldns_rr_descript(type)))
        len = put_parts(record, out);
    ldns_rr_free(record);
    return len;
}

#else

static size_t put_by_library(const uint8_t *message, uint16_t type, size_t data_at, size_t data_len,
                             char out[DNS_DATA_TEXT])
{
    (void)message, (void)type, (void)data_at, (void)data_len, (void)out;
    return 0;
}

#endif

static size_t put_unknown(const uint8_t *data, size_t len, char out[DNS_DATA_TEXT])
{
    size_t text;

    if (2 * len + sizeof("\\# 65535 ") > DNS_DATA_TEXT)
        return 0;
    text = (size_t)sprintf(out, len ? "\\# %zu " : "\\# %zu", len);
    for (size_t i = 0; i < len; i++)
        text += (size_t)sprintf(out + text, "%02x", data[i]);
    return text;
}

size_t dns_put_data(const uint8_t *message, size_t len, uint16_t type, size_t data_at,
                    size_t data_len, char out[DNS_DATA_TEXT])
{
    const uint8_t *data = message + data_at;
    size_t text;

    switch (type) {
    case DNS_TYPE_A:
        if (data_len == 4)
            return inet_ntop(AF_INET, data, out, INET_ADDRSTRLEN) ? strlen(out) : 0;
        break;
    case DNS_TYPE_AAAA:
        if (data_len == 16)
            return inet_ntop(AF_INET6, data, out, INET6_ADDRSTRLEN) ? strlen(out) : 0;
        break;
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_PTR:
        return put_named(message, len, 0, data_at, data_len, out);
    case TYPE_MX:
        return put_named(message, len, 1, data_at, data_len, out);
    case TYPE_SRV:
        return put_named(message, len, 3, data_at, data_len, out);
    case TYPE_TXT:
        return put_strings(out, data, data_len);
    }
    text = put_by_library(message, type, data_at, data_len, out);
    return text ? text : put_unknown(data, data_len, out);
}
