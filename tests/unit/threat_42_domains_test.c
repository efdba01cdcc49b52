/* SPDX-License-Identifier: 0BSD */
/* Threats 42 and 43: a signature of one kind used as another, and a signer who
 * lends his secret to a stranger's key. Each signed kind has a domain of its
 * own: what was signed under any other is refused by each verifier. */
#include "form/parcel.h"
#include "session_puppet.h"
#include "sync/slip.h"

/* All that this project signs. */
static const char *const domains[] = {"mahatta/parcel/1", "mahatta/slip/1",
                                      "mahatta/slip/2", "mahatta/session/1"};
#define DOMAINS (sizeof domains / sizeof domains[0])

/* Parcels and slips begin alike: a map whose first entry is the signature,
 * which covers the head less one and the rest. */
#define SIG_AT 7
#define SIGNED_AT (SIG_AT + CRYPT_SIG_SIZE)

static void sign_again(struct buf *b, const struct identity *id,
                       const char *domain)
{
  uint8_t head = (uint8_t)(b->p[0] - 1);
  NEED(crypt_sign(b->p + SIG_AT, id, domain, span_of(&head, 1),
                  span_of(b->p + SIGNED_AT, b->n - SIGNED_AT)) == 0);
}

static int parcel_good(struct span block)
{
  struct parcel p;
  NEED(parcel_read(&p, block, NULL) == 0);
  return parcel_verify(&p, false, NULL);
}

static int slip_good(struct span file)
{
  struct slip s;
  NEED(slip_read(&s, file, NULL) == 0);
  return slip_verify(&s, NULL);
}

static struct buf a_parcel(const struct identity *id)
{
  struct buf b = {0};
  struct cid record;
  NEED(cid_of(&record, CID_DAG_CBOR, "\xa0", 1) == 0);
  NEED(parcel_write(&b, id, 1700000000, span_of("c", 1), &record, 1, NULL) ==
       0);
  return b;
}

static struct buf a_slip(const struct identity *id, bool set)
{
  static const uint8_t salt[SLIP_SALT_SIZE], digest[HASH_SIZE];
  struct slip_writer w = {0};
  struct slip_wish wish = {.collection = span_of("c", 1)};
  struct slip_set one = {
      .name = span_of("d", 1), .digest = digest, .sketch = {NULL, 0}};
  struct buf b = {0};
  NEED(slip_add(&w, &wish, NULL) == 0);
  NEED(!set || slip_add_set(&w, &one, NULL) == 0);
  NEED(slip_finish(&w, &b, id, salt, 1700000000, 0, NULL) == 0);
  slip_writer_free(&w);
  return b;
}

typedef int verifier(struct span bytes);

/* Good under its own domain alone. */
static void try_domains(struct buf *b, verifier *good, const char *own)
{
  const struct identity *id = host_identity(false);
  int taken = 0;
  for (size_t i = 0; i < DOMAINS; i++) {
    sign_again(b, id, domains[i]);
    int rc = good(buf_span(b));
    EXPECT_INT(rc, strcmp(domains[i], own) == 0 ? 0 : ERR_SIG);
    taken += rc == 0;
  }
  EXPECT_INT(taken, 1);
  buf_free(b);
}

static void test_parcels(void)
{
  struct buf b = a_parcel(host_identity(false));
  EXPECT_INT(parcel_good(buf_span(&b)), 0);
  try_domains(&b, parcel_good, "mahatta/parcel/1");
}

static void test_slips(void)
{
  struct buf b = a_slip(host_identity(false), false);
  EXPECT_INT(slip_good(buf_span(&b)), 0);
  try_domains(&b, slip_good, "mahatta/slip/1");
  b = a_slip(host_identity(false), true);
  EXPECT_INT(slip_good(buf_span(&b)), 0);
  try_domains(&b, slip_good, "mahatta/slip/2");
}

static void test_sessions(void)
{
  static struct puppet p;
  for (size_t i = 0; i < DOMAINS; i++) {
    uint8_t body[2 + CRYPT_KEY_SIZE + CRYPT_SIG_SIZE] = {SESSION_VERSION, 0};
    const struct identity *id = host_identity(true);
    memset(&p, 0, sizeof p);
    puppet_meet(&p, true);
    memcpy(body + 2, identity_key(id), CRYPT_KEY_SIZE);
    NEED(crypt_sign(body + 2 + CRYPT_KEY_SIZE, id, domains[i],
                    span_of(p.c.noise.key, NOISE_KEY_SIZE),
                    span_of(noise_hash(&p.c.noise), NOISE_HASH_SIZE)) == 0);
    int rc = puppet_say(&p, FRAME_HELLO, span_of(body, sizeof body));
    EXPECT_INT(rc, i == DOMAINS - 1 ? 0 : ERR_SIG);
    puppet_free(&p);
  }
}

/* Nobody can have a signature made for a key that is not the signer's: there
 * is no such parameter (RUSTSEC-2022-0093). */
static void test_no_lent_key(void)
{
  _Static_assert(_Generic(&crypt_sign,
                          int (*)(uint8_t *, const struct identity *,
                                  const char *, struct span, struct span) : 1,
                          default : 0),
                 "crypt_sign takes the public key from the identity");
  uint8_t sig[CRYPT_SIG_SIZE];
  const struct identity *id = host_identity(false);
  struct span message = span_of("m", 1), none = span_of(NULL, 0);
  NEED(crypt_sign(sig, id, "d", message, none) == 0);
  EXPECT_INT(crypt_verify(sig, identity_key(id), false, "d", message, none), 0);
  EXPECT_INT(crypt_verify(sig, identity_key(host_identity(true)), false, "d",
                          message, none),
             ERR_SIG);
}

int main(void)
{
  RUN(test_parcels);
  RUN(test_slips);
  RUN(test_sessions);
  RUN(test_no_lent_key);
  return unit_done();
}
