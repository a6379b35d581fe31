// Runs each operation, to be watched by valgrind or LeakSanitizer. With --lose it loses a key, which must be reported.

#include <cstdio>
#include <cstring>
#include <new>

#include "operations.h"
#include "paycrypto/hmac.h"

int main(int count, char** arguments) {
  for (const auto& operation : paycrypto::proofs::MakeOperations()) {
    for (int round = 0; round < 3; ++round) {
      if (!operation.run()) {
        std::printf("%s: wrong\n", operation.name);
        return 1;
      }
    }
  }
  if (count > 1 && std::strcmp(arguments[1], "--lose") == 0) {
    alignas(paycrypto::HmacSha256Key) unsigned char place[sizeof(paycrypto::HmacSha256Key)];
    auto* const key = new (place) paycrypto::HmacSha256Key;
    const bool made = paycrypto::HmacSha256Key::Create("secret", key) == paycrypto::Status::kOk;
    std::memset(place, 0, sizeof place);
    return made ? 0 : 1;
  }
  return 0;
}
