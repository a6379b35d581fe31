// Checks a file of any size, read in pieces: hmac_file SECRET FILE HEX exits with 0 when HEX is its HMAC-SHA512.

#include <paycrypto/paycrypto.h>
#include <stdio.h>

static paycrypto_status verify_file(const paycrypto_hmac_key *key, FILE *file, const char *hex) {
  uint8_t tag[PAYCRYPTO_SHA512_SIZE];
  char piece[65536];
  paycrypto_hmac_stream *stream = NULL;
  paycrypto_status status = paycrypto_hex_decode(paycrypto_text(hex), tag, sizeof tag);
  if (status == PAYCRYPTO_OK) {
    status = paycrypto_hmac_stream_begin(key, &stream);
  }
  while (status == PAYCRYPTO_OK && !feof(file) && !ferror(file)) {
    const paycrypto_bytes read = {piece, fread(piece, 1, sizeof piece, file)};
    status = paycrypto_hmac_stream_update(stream, read);
  }
  if (status == PAYCRYPTO_OK) {
    const paycrypto_bytes expected = {tag, sizeof tag};
    status = ferror(file) ? PAYCRYPTO_INVALID_ARGUMENT : paycrypto_hmac_stream_verify(stream, expected);
  }
  paycrypto_hmac_stream_destroy(stream);
  return status;
}

int main(int count, char **arguments) {
  paycrypto_hmac_key *key = NULL;
  paycrypto_status status = PAYCRYPTO_INVALID_ARGUMENT;
  FILE *const file = count == 4 ? fopen(arguments[2], "rb") : NULL;
  if (file == NULL) {
    fputs("usage: hmac_file SECRET FILE HEX\n", stderr);
    return 2;
  }
  status = paycrypto_hmac_key_create(PAYCRYPTO_SHA512, paycrypto_text(arguments[1]), &key);
  if (status == PAYCRYPTO_OK) {
    status = verify_file(key, file, arguments[3]);
  }
  paycrypto_hmac_key_destroy(key);
  fclose(file);
  puts(paycrypto_status_name(status));
  return status == PAYCRYPTO_OK ? 0 : 1;
}
