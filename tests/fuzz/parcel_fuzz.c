/* SPDX-License-Identifier: 0BSD */
/* Signed things whose signature is right, whatever else they say: what can be
 * read is signed by the harness, so that nothing is refused for that. The
 * input: two bytes that say how, two that say which bit of it all is turned
 * over afterwards, then what stands behind the signature in the map.
 *   bit 0  a slip, else a parcel
 *   bit 1  slips: one with sets
 *   bit 2  the author stays whom the input names
 * What is taken, written anew from what was read, is the same bytes. */
#include "base/limits.h"
#include "form/cbor.h"
#include "form/parcel.h"
#include "form/record.h"
#include "sync/slip.h"

#include "fuzz/demand.h"

#define LEAD 4u
#define SIG_AT 7u /* map, "sig", head of 64 bytes */
#define REST_AT (SIG_AT + CRYPT_SIG_SIZE)

static const struct identity *signer(void)
{
  static struct identity *id;
  static const uint8_t seed[CRYPT_SEED_SIZE] = {7};
  if (id == NULL) {
    demand(crypt_start(NULL) == 0);
    demand(identity_from_seed(&id, seed, NULL) == 0);
  }
  return id;
}

/* The map of ${pairs} pairs with an empty signature before ${rest}. */
static void wrap(struct buf *out, unsigned pairs, struct span rest)
{
  uint8_t head[REST_AT] = {
      (uint8_t)(0xa0 + pairs), 0x63, 's', 'i', 'g', 0x58, 0x40};
  demand(buf_put(out, head, sizeof head) == 0);
  demand(buf_put(out, rest.p, rest.n) == 0);
}

/* It can be read, and ${author} lies in it: sign it. */
static void seal(struct buf *b, const uint8_t *author, bool own,
                 const char *domain)
{
  uint8_t head = (uint8_t)(b->p[0] - 1);
  if (own) {
    memcpy(b->p + (author - b->p), identity_key(signer()), CRYPT_KEY_SIZE);
  }
  demand(crypt_sign(b->p + SIG_AT, signer(), domain, span_of(&head, 1),
                    span_of(b->p + REST_AT, b->n - REST_AT)) == 0);
}

/* Turn a bit over; it is somebody else's word now. */
static void turn(struct buf *b, const uint8_t *how)
{
  size_t at = ((size_t)how[2] << 8 | how[3]) % (8 * b->n);
  b->p[at / 8] ^= (uint8_t)(1 << at % 8);
}

static bool holds(const struct parcel *p, bool own)
{
  struct err e = {0};
  int rc = parcel_verify(p, own, &e);
  demand(rc == 0 || rc == ERR_SIG);
  demand((rc < 0) == (e.text[0] != '\0'));
  return rc == 0;
}

static void check_parcel(struct buf *b, const uint8_t *how)
{
  struct parcel p;
  struct cid record[PARCEL_RECORDS_MAX];
  struct buf again = {0};
  bool own = (how[0] & 4) == 0;
  if (parcel_read(&p, buf_span(b), NULL) < 0) {
    return;
  }
  seal(b, p.author, own, "mahatta/parcel/1");
  demand(holds(&p, own) == own || !own);
  demand(p.count >= 1 && p.count <= PARCEL_RECORDS_MAX);
  for (size_t i = 0; i < p.count; i++) {
    parcel_record(&p, i, &record[i]);
  }
  if (own) {
    demand(parcel_write(&again, signer(), p.time, p.collection, record, p.count,
                        NULL) == 0);
    demand(span_equal(buf_span(&again), buf_span(b)));
  }
  turn(b, how);
  if (own && parcel_read(&p, buf_span(b), NULL) == 0) {
    demand(!holds(&p, false));
  }
  buf_free(&again);
}

/* All that was read of it, through the writer. */
static void rewrite(struct buf *out, const struct slip *s)
{
  struct slip_writer w = {0};
  struct slip_walk it = {0}, sets = {0};
  struct slip_wish wish;
  struct slip_set set;
  while (slip_wish_next(s, &it, &wish)) {
    demand(slip_add(&w, &wish, NULL) == 0);
  }
  while (slip_set_next(s, &sets, &set)) {
    demand(slip_add_set(&w, &set, NULL) == 0);
  }
  demand(slip_size(&w) >= s->bytes.n);
  demand(slip_finish(&w, out, signer(), s->salt, s->time, s->budget, NULL) ==
         0);
  slip_writer_free(&w);
}

static void check_slip(struct buf *b, const uint8_t *how)
{
  struct slip s;
  struct buf again = {0};
  bool own = (how[0] & 4) == 0;
  if (slip_read(&s, buf_span(b), NULL) < 0) {
    return;
  }
  seal(b, s.author, own, s.sets_n > 0 ? "mahatta/slip/2" : "mahatta/slip/1");
  demand((slip_verify(&s, NULL) == 0) == own || !own);
  if (own) {
    rewrite(&again, &s);
    demand(span_equal(buf_span(&again), buf_span(b)));
  }
  turn(b, how);
  if (own && slip_read(&s, buf_span(b), NULL) == 0) {
    demand(slip_verify(&s, NULL) == ERR_SIG);
  }
  buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct buf b = {0};
  if (size < LEAD || size > SLIP_SIZE_MAX) {
    return 0;
  }
  struct span rest = span_of(data + LEAD, size - LEAD);
  if ((data[0] & 1) != 0) {
    wrap(&b, (data[0] & 2) != 0 ? 8 : 7, rest);
    check_slip(&b, data);
  } else {
    wrap(&b, 6, rest);
    check_parcel(&b, data);
  }
  buf_free(&b);
  return 0;
}
