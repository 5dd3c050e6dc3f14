/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/objects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/outfile.h"
#include "sink/field.h"
#include "sink/object_name.h"
#include "sink/record_items.h"

#define BUCKETS        4096        /* of sessions whose objects wait */
#define HELD_BYTES_MAX (32u << 20) /* of them in memory, before they go to their temporary files */

struct object {
    struct object *next;
    uint64_t session_number;
    const struct http_transaction *transaction; /* the facts' */
    bool from_client;
    uint64_t bytes;
    struct outfile file;
};

struct objects {
    const char *dir;
    const char *type;
    struct linefile manifest;
    struct object *waiting[BUCKETS];
    uint64_t held_bytes; /* at most: what went to temporary files since is in it too */
    uint64_t count;
    uint64_t lost;
    int error;
};

struct objects *objects_new(const char *dir, const char *type)
{
    struct objects *objects = calloc(1, sizeof(*objects));
    char path[OUTFILE_PATH_MAX];
    int err;

    if (!objects)
        return NULL;
    objects->dir = dir;
    objects->type = type;
    err = mkdir(dir, 0777) && errno != EEXIST ? -errno : 0;
    if (!err && snprintf(path, sizeof(path), "%s/manifest.ndjson", dir) >= (int)sizeof(path))
        err = -ENAMETOOLONG;
    if (!err)
        err = linefile_open(&objects->manifest, path);
    if (err) {
        log_error("--objects %s: %s", dir, strerror(-err));
        free(objects);
        return NULL;
    }
    return objects;
}

static void note_loss(struct objects *objects, int err)
{
    objects->lost++;
    if (!objects->error)
        objects->error = err;
}

static const struct http_message *message_of(const struct http_transaction *transaction,
                                             bool from_client)
{
    return from_client ? &transaction->request : &transaction->response;
}

/* "text/html" and "text/html; charset=utf-8" are one type; "image/" with an asterisk is all of its kind. */
static bool is_type(const char *wanted, struct fact_text type)
{
    size_t len = strlen(wanted);
    bool any = len && wanted[len - 1] == '*';

    len -= any;
    if (!type.at || type.len < len || strncasecmp(type.at, wanted, len) != 0)
        return false;
    return any || type.len == len || type.at[len] == ';' || type.at[len] == ' ';
}

static struct object **find(struct objects *objects, uint64_t session_number,
                            const struct http_transaction *transaction, bool from_client)
{
    struct object **at = &objects->waiting[session_number % BUCKETS];

    while (*at && ((*at)->session_number != session_number || (*at)->transaction != transaction ||
                   (*at)->from_client != from_client))
        at = &(*at)->next;
    return at;
}

static struct object *begin(struct objects *objects, uint64_t session_number,
                            const struct http_transaction *transaction, bool from_client)
{
    struct object *object = calloc(1, sizeof(*object));
    char path[OUTFILE_PATH_MAX], name[OBJECT_NAME_BYTES];
    int len;

    if (!object)
        return NULL;
    object->session_number = session_number;
    object->transaction = transaction;
    object->from_client = from_client;
    object_name(transaction, message_of(transaction, from_client), name);
    len = snprintf(path, sizeof(path), "%s/%llu-%llu%s-%s", objects->dir,
                   (unsigned long long)session_number, (unsigned long long)transaction->number,
                   from_client ? "-request" : "", name);
    if (len >= (int)sizeof(path) || outfile_init(&object->file, path)) {
        free(object);
        return NULL;
    }
    return object;
}

/* A session can have thousands, and they wait for its end, as only its record tells whether they are wanted. */
static void rest_all(struct objects *objects)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct object *object = objects->waiting[i]; object; object = object->next)
            outfile_rest(&object->file);
    }
    objects->held_bytes = 0;
}

void objects_content(struct objects *objects, uint64_t session_number,
                     const struct http_transaction *transaction, bool from_client,
                     const uint8_t *data, size_t len)
{
    struct object **at = find(objects, session_number, transaction, from_client);

    if (objects->type &&
        !is_type(objects->type, message_of(transaction, from_client)->content_type))
        return;
    if (!*at)
        *at = begin(objects, session_number, transaction, from_client);
    if (!*at) {
        note_loss(objects, -ENOMEM);
        return;
    }
    (*at)->bytes += len;
    outfile_write(&(*at)->file, data, len);
    objects->held_bytes += len;
    if (objects->held_bytes > HELD_BYTES_MAX)
        rest_all(objects);
}

/* ---- ends ---------------------------------------------------------------------------------------- */

static void add_record_text(struct buf *line, const char *path, const struct record *record)
{
    struct field_value value;

    if (!field_get(field_find(path), record, &value))
        return;
    item_add_key(line, path[0] == '@' ? "session" : path);
    buf_add_json_str(line, value.text, value.len);
}

static void list_object(struct objects *objects, const struct object *object,
                        const struct record *record)
{
    const struct http_transaction *transaction = object->transaction;
    const struct http_message *message = message_of(transaction, object->from_client);
    bool complete = message->complete && !message->cut && !message->decode_failed;
    const char *slash = strrchr(object->file.path, '/');
    struct buf line = {0};

    buf_add_char(&line, '{');
    item_add_text(&line, "file", (struct fact_text){slash + 1, (uint32_t)strlen(slash + 1)});
    add_record_text(&line, "@id", record);
    add_record_text(&line, "name", record);
    item_add_u64(&line, "streamIndex", record->session->stream_index);
    item_add_u64(&line, "transaction", transaction->number);
    item_add_word(&line, "direction", object->from_client ? "out" : "in");
    item_add_text(&line, "method", transaction->method);
    item_add_text(&line, "host", transaction->host);
    item_add_text(&line, "uri", transaction->uri);
    item_add_some(&line, "status", transaction->status);
    item_add_text(&line, "type", message->content_type);
    item_add_u64(&line, "size", object->bytes);
    item_add_key(&line, "complete");
    buf_add_str(&line, complete ? "true" : "false");
    if (message->has_content_sha256)
        item_add_hex(&line, complete ? "sha256" : "sha256_partial", message->content_sha256,
                     sizeof(message->content_sha256));
    buf_add_char(&line, '}');
    if (line.failed)
        note_loss(objects, -ENOMEM);
    else
        linefile_write(&objects->manifest, line.data, line.len);
    buf_fini(&line);
}

static void keep(struct objects *objects, struct object *object, const struct record *record)
{
    int err = outfile_commit(&object->file);

    if (err) {
        note_loss(objects, err);
        return;
    }
    objects->count++;
    list_object(objects, object, record);
}

void objects_record(struct objects *objects, const struct record *record, bool wanted)
{
    struct object **at = &objects->waiting[record->session->number % BUCKETS];

    while (*at) {
        struct object *object = *at;

        if (object->session_number != record->session->number) {
            at = &object->next;
            continue;
        }
        *at = object->next;
        if (wanted)
            keep(objects, object, record);
        else
            outfile_abort(&object->file);
        free(object);
    }
}

int objects_finish(struct objects *objects, uint64_t *count, uint64_t *lost)
{
    int err;

    for (size_t i = 0; i < BUCKETS; i++) {
        while (objects->waiting[i]) {
            struct object *object = objects->waiting[i];

            objects->waiting[i] = object->next;
            outfile_abort(&object->file);
            free(object);
        }
    }
    err = linefile_close(&objects->manifest);
    *count = objects->count;
    *lost = objects->lost;
    if (!objects->error)
        objects->error = err;
    err = objects->error;
    free(objects);
    return err;
}
