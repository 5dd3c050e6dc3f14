/* SPDX-License-Identifier: Apache-2.0 */
/* A certificate's names, by libcrypto: subject and issuer as RFC 2253 writes them, subjectAltName. */
#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "app/tls_internal.h"

#define NAMES_MAX 256

static struct fact_text write_name(struct facts *facts, const X509_NAME *name)
{
    struct fact_text text = {0};
    BIO *bio = BIO_new(BIO_s_mem());
    char *at;
    long len;

    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        len = BIO_get_mem_data(bio, &at);
        text = facts_text(facts, at, (size_t)len);
    }
    BIO_free(bio);
    return text;
}

static struct fact_text write_address(struct facts *facts, const ASN1_OCTET_STRING *address)
{
    int len = ASN1_STRING_length(address);
    char text[INET6_ADDRSTRLEN];

    if ((len != 4 && len != 16) || !inet_ntop(len == 4 ? AF_INET : AF_INET6,
                                              ASN1_STRING_get0_data(address), text, sizeof(text)))
        return (struct fact_text){0};
    return facts_text(facts, text, strlen(text));
}

static struct fact_text write_alternative(struct facts *facts, const GENERAL_NAME *name)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);

    switch (type) {
    case GEN_DNS:
    case GEN_EMAIL:
    case GEN_URI:
        return facts_text(facts, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
    case GEN_IPADD:
        return write_address(facts, value);
    default:
        return (struct fact_text){0};
    }
}

static void write_alternatives(struct facts *facts, struct tls_facts *tls, const X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int count = names ? sk_GENERAL_NAME_num(names) : 0;

    if (count > NAMES_MAX)
        count = NAMES_MAX;
    if (count > 0)
        tls->names = facts_alloc(facts, (size_t)count * sizeof(*tls->names));
    for (int i = 0; tls->names && i < count; i++) {
        struct fact_text text = write_alternative(facts, sk_GENERAL_NAME_value(names, i));

        if (text.at)
            tls->names[tls->name_count++] = text;
    }
    GENERAL_NAMES_free(names);
}

void tls_certificate(struct facts *facts, struct tls_facts *tls, bool is_server, const uint8_t *der,
                     size_t len)
{
    X509 *certificate;

    if (is_server ? !!tls->subject.at : !!tls->client_subject.at)
        return;
    certificate = d2i_X509(NULL, &der, (long)len);
    if (!certificate) {
        ERR_clear_error();
        return;
    }
    if (is_server) {
        tls->subject = write_name(facts, X509_get_subject_name(certificate));
        tls->issuer = write_name(facts, X509_get_issuer_name(certificate));
        write_alternatives(facts, tls, certificate);
    } else {
        tls->client_subject = write_name(facts, X509_get_subject_name(certificate));
    }
    X509_free(certificate);
    ERR_clear_error();
}
