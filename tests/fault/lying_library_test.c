/* SPDX-License-Identifier: 0BSD */
/* Libraries that answer wrongly: crypt_start tries each answer that anything
 * hangs on, and says whose is wrong. Here libsodium's and libcrypto's
 * functions have ours before them, which lie in one way each. */
#include "form/crypt.h"
#include "unit.h"

#include <dlfcn.h>

typedef unsigned char byte;
typedef unsigned long long size_ull;

enum lie {
  REFUSES, /* does nothing, says that it failed */
  AGREES,  /* says that all is well, whatever it found */
  SPOILS   /* what it gives has one bit turned */
};

static struct {
  const char *name; /* of who lies; NULL: all are honest */
  enum lie how;
  int from; /* its first call that does, counted from 1 */
  int calls;
} liar;

/* What stands behind ours. A data pointer becomes a function's only so. */
static void behind(void *function, const char *name)
{
  void *found = dlsym(RTLD_NEXT, name);
  NEED(found != NULL);
  memcpy(function, &found, sizeof found);
}

/* Does it lie in this way, this time? */
static bool lies(const char *name, enum lie how)
{
  return liar.name != NULL && strcmp(liar.name, name) == 0 && liar.how == how &&
         liar.calls >= liar.from;
}

static void count_call(const char *name)
{
  liar.calls += liar.name != NULL && strcmp(liar.name, name) == 0;
}

/* ${good}, ${bad}: what it returns when all is well, and when not. */
#define LIAR(name, params, args, out, good, bad)                               \
  int name params;                                                             \
  int name params                                                              \
  {                                                                            \
    static int(*real) params;                                                  \
    if (real == NULL) {                                                        \
      behind(&real, #name);                                                    \
    }                                                                          \
    count_call(#name);                                                         \
    if (lies(#name, REFUSES)) {                                                \
      return bad;                                                              \
    }                                                                          \
    int rc = real args;                                                        \
    byte *given = out;                                                         \
    if (lies(#name, SPOILS) && given != NULL) {                                \
      given[0] ^= 1;                                                           \
    }                                                                          \
    return lies(#name, AGREES) ? good : rc;                                    \
  }

LIAR(sodium_init, (void), (), NULL, 0, -1)
LIAR(EVP_Digest,
     (const void *p, size_t n, byte *out, unsigned *size, const void *type,
      void *engine),
     (p, n, out, size, type, engine), out, 1, 0)
LIAR(crypto_sign_detached,
     (byte * sig, size_ull *size, const byte *m, size_ull n, const byte *key),
     (sig, size, m, n, key), sig, 0, -1)
LIAR(crypto_sign_verify_detached,
     (const byte *sig, const byte *m, size_ull n, const byte *key),
     (sig, m, n, key), NULL, 0, -1)
LIAR(crypto_core_ed25519_is_valid_point, (const byte *p), (p), NULL, 1, 0)
LIAR(crypto_pwhash,
     (byte * out, size_ull size, const char *pass, size_ull n, const byte *salt,
      size_ull passes, size_t memory, int kind),
     (out, size, pass, n, salt, passes, memory, kind), out, 0, -1)
LIAR(crypto_scalarmult, (byte * out, const byte *n, const byte *p), (out, n, p),
     out, 0, -1)
LIAR(crypto_auth_hmacsha256_final, (void *state, byte *out), (state, out), out,
     0, -1)

#define SEAL                                                                   \
  (byte * out, size_ull * size, const byte *p, size_ull n, const byte *head,   \
   size_ull head_n, const byte *secret, const byte *nonce, const byte *key)
#define SEALED (out, size, p, n, head, head_n, secret, nonce, key)
#define OPEN                                                                   \
  (byte * out, size_ull * size, byte * secret, const byte *p, size_ull n,      \
   const byte *head, size_ull head_n, const byte *nonce, const byte *key)
#define OPENED (out, size, secret, p, n, head, head_n, nonce, key)

LIAR(crypto_aead_xchacha20poly1305_ietf_encrypt, SEAL, SEALED, out, 0, -1)
LIAR(crypto_aead_xchacha20poly1305_ietf_decrypt, OPEN, OPENED, out, 0, -1)
LIAR(crypto_aead_chacha20poly1305_ietf_encrypt, SEAL, SEALED, out, 0, -1)
LIAR(crypto_aead_chacha20poly1305_ietf_decrypt, OPEN, OPENED, out, 0, -1)

#define ED "Ed25519 gives a wrong answer"
#define RULE "Ed25519 accepts or refuses the wrong signatures"
#define SECRETS "Argon2id or XChaCha20-Poly1305 gives a wrong answer"
#define SESSION "X25519, HKDF or ChaCha20-Poly1305 gives a wrong answer"

static void test_lies(void)
{
  static const struct {
    const char *name;
    enum lie how;
    int from;
    const char *says;
  } lie[] = {
      {"sodium_init", REFUSES, 1, "libsodium does not start"},
      {"EVP_Digest", REFUSES, 1, "SHA-256 gives a wrong answer"},
      {"EVP_Digest", SPOILS, 1, "SHA-256 gives a wrong answer"},
      {"crypto_sign_detached", REFUSES, 1, ED},
      {"crypto_sign_detached", SPOILS, 1, ED},
      {"crypto_sign_verify_detached", REFUSES, 1, ED},
      {"crypto_sign_verify_detached", AGREES, 1, ED},
      {"crypto_sign_verify_detached", REFUSES, 3, RULE},
      {"crypto_core_ed25519_is_valid_point", REFUSES, 1, ED},
      {"crypto_core_ed25519_is_valid_point", AGREES, 1, RULE},
      {"crypto_pwhash", REFUSES, 1, SECRETS},
      {"crypto_pwhash", SPOILS, 1, SECRETS},
      {"crypto_aead_xchacha20poly1305_ietf_encrypt", SPOILS, 1, SECRETS},
      {"crypto_aead_xchacha20poly1305_ietf_decrypt", REFUSES, 1, SECRETS},
      {"crypto_aead_xchacha20poly1305_ietf_decrypt", SPOILS, 1, SECRETS},
      {"crypto_scalarmult", AGREES, 1, SESSION}, /* a point of small order */
      {"crypto_scalarmult", REFUSES, 1, SESSION},
      {"crypto_scalarmult", SPOILS, 1, SESSION},
      {"crypto_auth_hmacsha256_final", SPOILS, 1, SESSION},
      {"crypto_aead_chacha20poly1305_ietf_encrypt", SPOILS, 1, SESSION},
      {"crypto_aead_chacha20poly1305_ietf_decrypt", REFUSES, 1, SESSION},
      {"crypto_aead_chacha20poly1305_ietf_decrypt", SPOILS, 1, SESSION},
  };
  for (size_t i = 0; i < sizeof lie / sizeof *lie; i++) {
    char says[ERR_TEXT_MAX];
    struct err e = {0};
    (void)snprintf(says, sizeof says, "self-test: %s", lie[i].says);
    liar.name = lie[i].name;
    liar.how = lie[i].how;
    liar.from = lie[i].from;
    liar.calls = 0;
    int rc = crypt_start(&e);
    EXPECT_INT(rc, ERR_CORRUPT);
    EXPECT_TEXT(e.text, says);
    if (rc != ERR_CORRUPT) {
      printf("  %s lies, unnoticed\n", lie[i].name);
    }
  }
  liar.name = NULL;
  EXPECT_INT(crypt_start(NULL), 0);
}

int main(void)
{
  RUN(test_lies);
  return unit_done();
}
