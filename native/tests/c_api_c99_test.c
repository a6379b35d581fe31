/* The header is C99 and the library links from C: compiled with -std=c99 -pedantic-errors. */
#include <paycrypto/paycrypto.h>
#include <stdio.h>

int main(void) {
  const char *tag = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
  const paycrypto_bytes parts[] = {{"The quick brown fox ", 20}, {"jumps over the lazy dog", 23}};
  paycrypto_hmac_key *key = NULL;
  paycrypto_status status = paycrypto_hmac_key_create(PAYCRYPTO_SHA256, paycrypto_text("key"), &key);
  if (status == PAYCRYPTO_OK) {
    status = paycrypto_hmac_verify_hex(key, parts, 2, paycrypto_text(tag));
  }
  paycrypto_hmac_key_destroy(key);
  puts(paycrypto_status_name(status));
  return status == PAYCRYPTO_OK ? 0 : 1;
}
