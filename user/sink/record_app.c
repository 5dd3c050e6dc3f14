/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a record's fields that app/ found out. */
#include "sink/record_items.h"

static const void *fact_at(const struct record_view *view, const struct field *field)
{
    return (const char *)view->record->facts + field->arg;
}

static bool give_static(struct field_value *value, const struct record_view *view,
                        const struct field *field)
{
    const char *text;

    memcpy(&text, fact_at(view, field), sizeof(text));
    return give_text(value, text);
}

/* A number that is only told when there is something to tell. */
static bool give_some(struct field_value *value, uint64_t number)
{
    return number && give_u64(value, number);
}

/* ---- parsers ------------------------------------------------------------------------------------- */

static const struct parser_fact *find_parser(const struct record_view *view,
                                             const struct field *field)
{
    const struct facts *facts = view->record->facts;

    for (size_t i = 0; facts && i < facts->parser_count; i++)
        if (!strcmp(facts->parsers[i].name, field->words))
            return &facts->parsers[i];
    return NULL;
}

bool has_parsers(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field, (void)value;
    return view->record->facts && view->record->facts->parser_count;
}

bool has_parser(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)value;
    return find_parser(view, field);
}

bool value_parser_status(struct record_view *view, const struct field *field,
                         struct field_value *value)
{
    static const char *const words[] = {"more", "more", "done", "broken"};
    const struct parser_fact *parser = find_parser(view, field);

    return parser && give_text(value, words[parser->status]);
}

bool value_parser_u64(struct record_view *view, const struct field *field,
                      struct field_value *value)
{
    const struct parser_fact *parser = find_parser(view, field);
    uint64_t number;

    if (!parser)
        return false;
    memcpy(&number, (const char *)parser + field->arg, sizeof(number));
    return give_u64(value, number);
}

/* ---- identification ------------------------------------------------------------------------------ */

bool has_app(struct record_view *view, const struct field *field, struct field_value *value)
{
    const struct identity *identity = &view->record->identity;
    const struct facts *facts = view->record->facts;

    (void)field, (void)value;
    return identity->protocol || identity->risks ||
           (facts && (facts->cut_bytes || facts->cut_transactions || facts->cut_content_bytes ||
                      facts->cut_headers || facts->cut_layers));
}

bool value_app_text(struct record_view *view, const struct field *field, struct field_value *value)
{
    const char *text;

    memcpy(&text, (const char *)&view->record->identity + field->arg, sizeof(text));
    return give_text(value, text);
}

bool value_app_u64(struct record_view *view, const struct field *field, struct field_value *value)
{
    uint64_t number;

    if (!view->record->facts)
        return false;
    memcpy(&number, fact_at(view, field), sizeof(number));
    return give_some(value, number);
}

bool value_risk_count(struct record_view *view, const struct field *field,
                      struct field_value *value)
{
    (void)field;
    return give_some(value, (uint64_t)__builtin_popcountll(view->record->identity.risks));
}

void write_risks(struct buf *out, struct record_view *view)
{
    const struct identity *identity = &view->record->identity;
    bool more = false;

    for (uint64_t left = identity->risks; left; left &= left - 1) {
        const char *name = identity->risk_name((unsigned int)__builtin_ctzll(left));

        if (more)
            buf_add_char(out, ',');
        buf_add_json_str(out, name, strlen(name));
        more = true;
    }
}

static void add_word(struct buf *out, const char *key, const char *text)
{
    if (!text)
        return;
    item_add_key(out, key);
    buf_add_json_str(out, text, strlen(text));
}

/* ---- TLS ----------------------------------------------------------------------------------------- */

bool has_tls(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field, (void)value;
    return view->record->facts && (view->record->facts->tls.seen || view->record->facts->tls.next);
}

bool value_tls_name(struct record_view *view, const struct field *field, struct field_value *value)
{
    return has_tls(view, field, value) && give_static(value, view, field);
}

bool value_tls_text(struct record_view *view, const struct field *field, struct field_value *value)
{
    struct fact_text text;

    if (!has_tls(view, field, value))
        return false;
    memcpy(&text, fact_at(view, field), sizeof(text));
    if (!text.at)
        return false;
    value->text = text.at;
    value->len = text.len;
    value->plain = text_is_plain(text.at, text.len);
    return true;
}

bool value_tls_flag(struct record_view *view, const struct field *field, struct field_value *value)
{
    if (!has_tls(view, field, value))
        return false;
    memcpy(&value->flag, fact_at(view, field), sizeof(value->flag));
    return value->flag || (field->flags & FIELD_ALWAYS);
}

bool value_tls_some(struct record_view *view, const struct field *field, struct field_value *value)
{
    uint64_t number;

    if (!has_tls(view, field, value))
        return false;
    memcpy(&number, fact_at(view, field), sizeof(number));
    return give_some(value, number);
}

bool value_tls_name_count(struct record_view *view, const struct field *field,
                          struct field_value *value)
{
    return has_tls(view, field, value) && give_some(value, view->record->facts->tls.name_count);
}

void write_tls_names(struct buf *out, struct record_view *view)
{
    const struct tls_facts *tls = &view->record->facts->tls;

    for (size_t i = 0; i < tls->name_count; i++) {
        if (i)
            buf_add_char(out, ',');
        buf_add_json_str(out, tls->names[i].at, tls->names[i].len);
    }
}

static const struct tls_facts *next_inner(const struct tls_facts *tls)
{
    do
        tls = tls->next;
    while (tls && !tls->seen);
    return tls;
}

bool value_tls_inner_count(struct record_view *view, const struct field *field,
                           struct field_value *value)
{
    const struct facts *facts = view->record->facts;
    uint64_t count = 0;

    (void)field;
    for (const struct tls_facts *at = facts ? next_inner(&facts->tls) : NULL; at;
         at = next_inner(at))
        count++;
    return give_some(value, count);
}

static void write_inner(struct buf *out, const struct tls_facts *tls)
{
    buf_add_char(out, '{');
    add_word(out, "version", tls->version);
    add_word(out, "cipher", tls->cipher);
    add_word(out, "within", tls->within);
    item_add_some(out, "tunnel", tls->tunnel);
    item_add_text(out, "sni", tls->sni);
    item_add_text(out, "alpn", tls->alpn);
    item_add_text(out, "ja4", tls->ja4);
    item_add_text(out, "subject", tls->subject);
    item_add_text(out, "issuer", tls->issuer);
    item_add_text(out, "client_subject", tls->client_subject);
    add_word(out, "alert", tls->alert);
    item_add_flag(out, "alert_by_client", tls->alert_by_client);
    item_add_flag(out, "resumed", tls->resumed);
    item_add_flag(out, "early_data", tls->early_data);
    item_add_key(out, "decrypted");
    buf_add_str(out, tls->decrypted ? "true" : "false");
    item_add_some(out, "decrypted_bytes", tls->decrypted_bytes);
    item_add_some(out, "undecrypted_records", tls->undecrypted_records);
    buf_add_char(out, '}');
}

void write_tls_inner(struct buf *out, struct record_view *view)
{
    const struct tls_facts *first = next_inner(&view->record->facts->tls);

    for (const struct tls_facts *at = first; at; at = next_inner(at)) {
        if (at != first)
            buf_add_char(out, ',');
        write_inner(out, at);
    }
}

/* ---- alerts -------------------------------------------------------------------------------------- */

bool value_alert_count(struct record_view *view, const struct field *field,
                       struct field_value *value)
{
    (void)field;
    return give_some(value, view->record->alert_count);
}

void write_alerts(struct buf *out, struct record_view *view)
{
    for (size_t i = 0; i < view->record->alert_count; i++) {
        const struct alert_fact *alert = view->record->alerts[i];

        buf_add_str(out, i ? ",{" : "{");
        item_add_key(out, "time");
        buf_add_seconds(out, alert->wall_ns, 6);
        add_word(out, "signature", alert->signature);
        item_add_u64(out, "signature_id", alert->signature_id);
        add_word(out, "category", alert->category);
        item_add_some(out, "severity", alert->severity);
        add_word(out, "action", alert->action);
        buf_add_char(out, '}');
    }
}
