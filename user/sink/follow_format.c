/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/follow_format.h"

#include <errno.h>
#include <string.h>
#include <openssl/evp.h>

#define COLOUR_CLIENT "\033[31m"
#define COLOUR_SERVER "\033[34m"
#define COLOUR_NOTE   "\033[2m"
#define COLOUR_END    "\033[0m"
#define SERVER_INDENT "    "
#define BASE64_STEP   (3 * 1024)

int follow_format_parse(const char *name)
{
    static const char *const names[FOLLOW_FORMATS] = {"ascii", "hex", "raw", "json"};

    for (int i = 0; i < FOLLOW_FORMATS; i++)
        if (!strcmp(names[i], name))
            return i;
    return -EINVAL;
}

void follow_init(struct follow *follow, const struct follow_conf *conf, struct buf *out)
{
    *follow = (struct follow){.conf = *conf, .out = out};
}

void follow_fini(struct follow *follow)
{
    buf_fini(&follow->piece);
}

static bool is_shown(const struct follow *follow, bool from_client)
{
    return from_client ? follow->conf.client : follow->conf.server;
}

static bool is_for_people(const struct follow *follow)
{
    return follow->conf.format == FOLLOW_ASCII || follow->conf.format == FOLLOW_HEX;
}

/* ---- colour and notes ---------------------------------------------------------------------------- */

static void colour_side(struct follow *follow)
{
    if (!follow->conf.colour || follow->is_colored)
        return;
    buf_add_str(follow->out, follow->from_client ? COLOUR_CLIENT : COLOUR_SERVER);
    follow->is_colored = true;
}

static void colour_end(struct follow *follow)
{
    if (follow->is_colored)
        buf_add_str(follow->out, COLOUR_END);
    follow->is_colored = false;
}

/* A note stands on a line of its own. */
static void begin_note(struct follow *follow)
{
    colour_end(follow);
    if (follow->in_line)
        buf_add_char(follow->out, '\n');
    follow->in_line = false;
    if (follow->conf.colour)
        buf_add_str(follow->out, COLOUR_NOTE);
}

static void end_note(struct follow *follow)
{
    if (follow->conf.colour)
        buf_add_str(follow->out, COLOUR_END);
    buf_add_char(follow->out, '\n');
}

/* With one side alone nobody needs to be told whose turn it is. */
static void note_lot(struct follow *follow)
{
    int64_t since_ns = (int64_t)(follow->first_ns - follow->conf.first_ns);

    if (!follow->conf.client || !follow->conf.server)
        return;
    begin_note(follow);
    buf_printf(follow->out, "[%s, lot %llu, ", follow->from_client ? "client" : "server",
               (unsigned long long)follow->lots);
    buf_add_seconds(follow->out, since_ns, 6);
    buf_add_str(follow->out, " s]");
    end_note(follow);
}

/* ---- ascii --------------------------------------------------------------------------------------- */

static void put_ascii(struct follow *follow, uint8_t c)
{
    bool is_plain = (c >= 0x20 && c < 0x7f) || c == '\n' || c == '\t';

    buf_add_char(follow->out, is_plain ? (char)c : '.');
    follow->in_line = c != '\n';
}

static void release_cr(struct follow *follow)
{
    if (follow->held_cr)
        put_ascii(follow, '\r');
    follow->held_cr = false;
}

/* CR LF is one line end; a CR elsewhere is shown. */
static void add_ascii(struct follow *follow, const uint8_t *data, size_t len)
{
    colour_side(follow);
    for (size_t i = 0; i < len; i++) {
        if (data[i] != '\n')
            release_cr(follow);
        follow->held_cr = data[i] == '\r';
        if (!follow->held_cr)
            put_ascii(follow, data[i]);
    }
}

/* ---- hex ----------------------------------------------------------------------------------------- */

static void put_row(struct follow *follow)
{
    struct buf *out = follow->out;

    if (!follow->row_len)
        return;
    colour_side(follow);
    if (!follow->from_client)
        buf_add_str(out, SERVER_INDENT);
    buf_printf(out, "%08llx ", (unsigned long long)follow->offset);
    for (unsigned int i = 0; i < FOLLOW_HEX_BYTES; i++) {
        if (i % 8 == 0)
            buf_add_char(out, ' ');
        if (i < follow->row_len) {
            buf_add_hex(out, &follow->row[i], 1);
            buf_add_char(out, ' ');
        } else {
            buf_add_str(out, "   ");
        }
    }
    buf_add_str(out, " |");
    for (unsigned int i = 0; i < follow->row_len; i++)
        buf_add_char(out,
                     follow->row[i] >= 0x20 && follow->row[i] < 0x7f ? (char)follow->row[i] : '.');
    buf_add_str(out, "|\n");
    follow->offset += follow->row_len;
    follow->row_len = 0;
}

static void add_hex(struct follow *follow, const uint8_t *data, size_t len)
{
    while (len) {
        size_t room = (size_t)FOLLOW_HEX_BYTES - follow->row_len, take = len < room ? len : room;

        memcpy(follow->row + follow->row_len, data, take);
        follow->row_len = (uint8_t)(follow->row_len + take);
        data += take;
        len -= take;
        if (follow->row_len == FOLLOW_HEX_BYTES)
            put_row(follow);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void add_base64(struct buf *out, const uint8_t *data, size_t len)
{
    while (len) {
        size_t take = len < BASE64_STEP ? len : BASE64_STEP;

        if (!buf_reserve(out, (take + 2) / 3 * 4 + 1))
            return;
        out->len += (size_t)EVP_EncodeBlock((uint8_t *)out->data + out->len, data, (int)take);
        data += take;
        len -= take;
    }
}

/* Whether a person could read it: UTF-8 with no control characters but tabs and line ends. */
static bool is_text(const struct buf *piece)
{
    const uint8_t *data = (const uint8_t *)piece->data;

    for (size_t i = 0; i < piece->len; i++)
        if (data[i] < 0x20 && data[i] != '\n' && data[i] != '\r' && data[i] != '\t')
            return false;
    return buf_is_utf8(piece->data, piece->len);
}

static void begin_object(struct follow *follow, uint64_t offset)
{
    struct buf *out = follow->out;

    buf_add_str(out, "{\"n\":");
    buf_add_u64(out, follow->lots);
    buf_add_str(out, follow->from_client ? ",\"direction\":\"out\"" : ",\"direction\":\"in\"");
    buf_add_str(out, ",\"offset\":");
    buf_add_u64(out, offset);
}

static void put_piece(struct follow *follow)
{
    struct buf *out = follow->out, *piece = &follow->piece;

    if (!piece->len)
        return;
    begin_object(follow, follow->offset);
    buf_add_str(out, ",\"length\":");
    buf_add_u64(out, piece->len);
    buf_add_str(out, ",\"first\":");
    buf_add_seconds(out, (int64_t)follow->first_ns, 6);
    buf_add_str(out, ",\"data\":\"");
    add_base64(out, (const uint8_t *)piece->data, piece->len);
    buf_add_char(out, '"');
    if (is_text(piece)) {
        buf_add_str(out, ",\"text\":");
        buf_add_json_str(out, piece->data, piece->len);
    }
    buf_add_str(out, "}\n");
    out->failed |= piece->failed;
    follow->offset += piece->len;
    buf_clear(piece);
}

static void add_piece(struct follow *follow, const uint8_t *data, size_t len)
{
    while (len) {
        size_t room = FOLLOW_PIECE_BYTES - follow->piece.len, take = len < room ? len : room;

        buf_add(&follow->piece, data, take);
        data += take;
        len -= take;
        if (follow->piece.len == FOLLOW_PIECE_BYTES || follow->piece.failed)
            put_piece(follow);
    }
}

/* ---- the stream ---------------------------------------------------------------------------------- */

/* What is held of the lot goes out; it may go on after that, at another offset. */
static void flush(struct follow *follow)
{
    release_cr(follow);
    put_row(follow);
    put_piece(follow);
}

static void begin_lot(struct follow *follow, bool from_client, uint64_t offset, uint64_t time_ns)
{
    flush(follow);
    colour_end(follow);
    follow->lots++;
    follow->from_client = from_client;
    follow->offset = offset;
    follow->first_ns = time_ns;
    if (is_shown(follow, from_client) && is_for_people(follow))
        note_lot(follow);
}

void follow_data(struct follow *follow, bool from_client, uint64_t offset, const uint8_t *data,
                 size_t len, uint64_t time_ns)
{
    if (!len)
        return;
    if (!follow->lots || follow->from_client != from_client)
        begin_lot(follow, from_client, offset, time_ns);
    if (!is_shown(follow, from_client))
        return;
    if (!follow->row_len && !follow->piece.len)
        follow->offset = offset;
    switch (follow->conf.format) {
    case FOLLOW_ASCII:
        add_ascii(follow, data, len);
        break;
    case FOLLOW_HEX:
        add_hex(follow, data, len);
        break;
    case FOLLOW_JSON:
        add_piece(follow, data, len);
        break;
    default:
        buf_add(follow->out, data, len);
        break;
    }
}

static void put_hole_object(struct follow *follow, bool from_client, uint64_t offset,
                            uint64_t length)
{
    bool lot_side = follow->from_client;

    follow->from_client = from_client;
    begin_object(follow, offset);
    buf_add_str(follow->out, ",\"missing\":");
    buf_add_u64(follow->out, length);
    buf_add_str(follow->out, "}\n");
    follow->from_client = lot_side;
}

void follow_hole(struct follow *follow, bool from_client, uint64_t offset, uint64_t length)
{
    if (!is_shown(follow, from_client))
        return;
    follow->hole_bytes += length;
    if (follow->conf.format == FOLLOW_RAW)
        return;
    flush(follow);
    if (follow->conf.format == FOLLOW_JSON) {
        put_hole_object(follow, from_client, offset, length);
        return;
    }
    begin_note(follow);
    if (follow->conf.format == FOLLOW_HEX && !from_client)
        buf_add_str(follow->out, SERVER_INDENT);
    buf_printf(follow->out, "[%llu bytes missing]", (unsigned long long)length);
    end_note(follow);
}

void follow_finish(struct follow *follow)
{
    flush(follow);
    colour_end(follow);
    if (follow->in_line)
        buf_add_char(follow->out, '\n');
    follow->in_line = false;
}
