/* SPDX-License-Identifier: Apache-2.0 */
/* The values of a record's fields that only TCP has. fwd is what the client sent, side 0. */
#include "sink/record_view.h"

#include "tcp.h"

static const struct flow_quality *quality_of(const struct record_view *view,
                                             const struct field *field)
{
    return &view->flow->quality[record_view_endpoint(view, field)];
}

/* flow.bits of one endpoint, at its lowest byte. */
static uint32_t endpoint_bits(const struct flow *flow, unsigned int endpoint)
{
    return flow->bits >> (endpoint ? FLOW_ENDPOINT_SHIFT : 0);
}

static bool give_flag(struct field_value *value, bool flag)
{
    value->flag = flag;
    return true;
}

static bool give_word(struct field_value *value, const char *word)
{
    return give_plain(value, word, strlen(word));
}

bool value_state(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_word(value, tcp_state_name(tcp_session_state(view->flow->bits)));
}

bool value_endpoint_state(struct record_view *view, const struct field *field,
                          struct field_value *value)
{
    unsigned int endpoint = record_view_endpoint(view, field);

    return give_word(value, tcp_state_name(tcp_endpoint_state(view->flow->bits, endpoint)));
}

bool value_missed_syn(struct record_view *view, const struct field *field,
                      struct field_value *value)
{
    (void)field;
    return give_flag(value, view->flow->bits & FLOW_MISSED_SYN);
}

bool value_connected(struct record_view *view, const struct field *field, struct field_value *value)
{
    (void)field;
    return give_flag(value, view->flow->bits & FLOW_ESTABLISHED);
}

bool value_endpoint_bit(struct record_view *view, const struct field *field,
                        struct field_value *value)
{
    uint32_t bits = endpoint_bits(view->flow, record_view_endpoint(view, field));

    return give_flag(value, bits & field->arg);
}

/* ---- numbers and options of the handshake -------------------------------------------------------- */

/* Its own SYN told it, or a SYN-ACK that began the session and acknowledged it. */
static bool initial_seq(const struct flow *flow, unsigned int endpoint, uint32_t *seq)
{
    bool own = endpoint_bits(flow, endpoint) & FLOW_SYN;
    bool answered = endpoint_bits(flow, !endpoint) & FLOW_SYNACK;

    *seq = flow->dir[endpoint].first_seq;
    return own || (answered && flow->synack_ns == flow->first_ns);
}

bool record_view_client_seq(const struct record_view *view, uint32_t *seq)
{
    return (view->protos & FIELD_TCP) && initial_seq(view->flow, view->client, seq);
}

bool value_initial_seq(struct record_view *view, const struct field *field,
                       struct field_value *value)
{
    uint32_t seq;

    return initial_seq(view->flow, record_view_endpoint(view, field), &seq) && give_u64(value, seq);
}

bool value_last_ack(struct record_view *view, const struct field *field, struct field_value *value)
{
    uint32_t ack = view->flow->dir[record_view_endpoint(view, field)].ack;

    return ack && give_u64(value, ack);
}

bool value_syn_flags(struct record_view *view, const struct field *field, struct field_value *value)
{
    uint8_t flags = quality_of(view, field)->syn.flags;

    if (!flags)
        value->type = FIELD_NULL;
    return give_u64(value, flags);
}

bool value_mss(struct record_view *view, const struct field *field, struct field_value *value)
{
    const struct flow_syn *syn = &quality_of(view, field)->syn;

    return (syn->options & TCP_HAS_MSS) && give_u64(value, syn->mss);
}

bool value_window_scale(struct record_view *view, const struct field *field,
                        struct field_value *value)
{
    const struct flow_syn *syn = &quality_of(view, field)->syn;

    return (syn->options & TCP_HAS_WINDOW_SCALE) && give_u64(value, syn->window_scale);
}

bool value_option(struct record_view *view, const struct field *field, struct field_value *value)
{
    const struct flow_syn *syn = &quality_of(view, field)->syn;

    return syn->flags && give_flag(value, syn->options & field->arg);
}

bool value_unknown_option_count(struct record_view *view, const struct field *field,
                                struct field_value *value)
{
    uint8_t count = quality_of(view, field)->syn.unknown_count;

    return count && give_u64(value, count < FLOW_UNKNOWN_OPTIONS ? count : FLOW_UNKNOWN_OPTIONS);
}

/* RFC 3168 section 6.1.1: the client offers with ECE and CWR, the server agrees with ECE alone. */
bool value_ecn_negotiated(struct record_view *view, const struct field *field,
                          struct field_value *value)
{
    uint8_t client = view->flow->quality[view->client].syn.flags;
    uint8_t server = view->flow->quality[!view->client].syn.flags;
    bool offered = (client & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);

    (void)field;
    return client && server &&
           give_flag(value, offered && (server & (TCP_ECE | TCP_CWR)) == TCP_ECE);
}

/* ---- quality ------------------------------------------------------------------------------------- */

bool value_quality_u32(struct record_view *view, const struct field *field,
                       struct field_value *value)
{
    uint32_t number;

    memcpy(&number, (const char *)quality_of(view, field) + field->arg, sizeof(number));
    return give_u64(value, number);
}

bool value_syn_retries(struct record_view *view, const struct field *field,
                       struct field_value *value)
{
    uint32_t count = quality_of(view, field)->syn_count;

    return give_u64(value, count ? count - 1 : 0);
}

/* The ledger knows better than the tracker: some of what looked old was new to reassembly. */
bool value_retransmit_bytes(struct record_view *view, const struct field *field,
                            struct field_value *value)
{
    if (view->record->ledger)
        return give_u64(value,
                        view->record->ledger->retransmitted[record_view_endpoint(view, field)]);
    return give_u64(value, quality_of(view, field)->retransmit_bytes);
}

bool value_out_of_window_bytes(struct record_view *view, const struct field *field,
                               struct field_value *value)
{
    const struct record *record = view->record;

    return record->ledger && record->tally &&
           give_u64(value, record->ledger->out_of_window[record_view_endpoint(view, field)]);
}

bool value_tally_u64(struct record_view *view, const struct field *field, struct field_value *value)
{
    const struct stream_tally *tally = view->record->tally;

    if (!tally)
        return false;
    tally += record_view_endpoint(view, field);
    memcpy(&value->u64, (const char *)tally + field->arg, sizeof(value->u64));
    return true;
}

bool value_gaps(struct record_view *view, const struct field *field, struct field_value *value)
{
    const struct stream_tally *tally = view->record->tally;

    return tally && give_u64(value, tally[record_view_endpoint(view, field)].holes);
}

/* ---- round-trip time ----------------------------------------------------------------------------- */

static bool give_between(struct field_value *value, uint64_t begin_ns, uint64_t end_ns)
{
    return begin_ns && end_ns >= begin_ns && give_ns(value, (int64_t)(end_ns - begin_ns));
}

bool value_handshake_server(struct record_view *view, const struct field *field,
                            struct field_value *value)
{
    (void)field;
    return give_between(value, view->flow->syn_ns, view->flow->synack_ns);
}

bool value_handshake_client(struct record_view *view, const struct field *field,
                            struct field_value *value)
{
    (void)field;
    return give_between(value, view->flow->synack_ns, view->flow->established_ns);
}

/*
 * quality[x] times what x sent until the other side acknowledged it: the way from here to the other
 * side and back. So the client's half is in the server's entry. False when nothing was measured.
 */
static bool half_rtt(const struct record_view *view, unsigned int side, enum rtt_figure figure,
                     int64_t *ns)
{
    const struct flow_quality *q = &view->flow->quality[view->client ^ side ^ 1];
    uint64_t of[] = {
        [RTT_MIN] = q->rtt_min_ns,
        [RTT_AVG] = q->rtt_samples ? q->rtt_sum_ns / q->rtt_samples : 0,
        [RTT_MAX] = q->rtt_max_ns,
    };

    *ns = (int64_t)of[figure];
    return q->rtt_samples;
}

bool value_half_rtt(struct record_view *view, const struct field *field, struct field_value *value)
{
    return half_rtt(view, field->side, (enum rtt_figure)field->arg, &value->ns);
}

bool value_half_rtt_samples(struct record_view *view, const struct field *field,
                            struct field_value *value)
{
    uint32_t samples = view->flow->quality[view->client ^ field->side ^ 1].rtt_samples;

    return samples && give_u64(value, samples);
}

bool value_rtt(struct record_view *view, const struct field *field, struct field_value *value)
{
    enum rtt_figure figure = (enum rtt_figure)field->arg;
    int64_t client, server;
    bool any = half_rtt(view, 0, figure, &client);

    any |= half_rtt(view, 1, figure, &server);
    return any && give_ns(value, client + server);
}

bool value_rtt_samples(struct record_view *view, const struct field *field,
                       struct field_value *value)
{
    (void)field;
    return give_u64(value, (uint64_t)view->flow->quality[0].rtt_samples +
                               view->flow->quality[1].rtt_samples);
}
