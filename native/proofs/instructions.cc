// Lets callgrind write one profile for each operation. instructions.py reads them.

#include <valgrind/callgrind.h>

#include <cstdio>
#include <cstring>

#include "operations.h"
#include "paycrypto/version.h"

int main() {
#if defined(__clang__)
  std::printf("compiler clang-%d\n", __clang_major__);
#else
  std::printf("compiler gcc-%d\n", __GNUC__);
#endif
  std::printf("backend %s\nbatch %s\n", paycrypto::BackendName(), paycrypto::BatchBackendName());
  // With libipsec-mb the processor decides how many messages go at once, and so what is left to us.
  const bool counts_batches = std::strcmp(paycrypto::BatchBackendName(), "scalar") == 0;
  for (const auto& operation : paycrypto::proofs::MakeOperations()) {
    if (!counts_batches && std::strstr(operation.name, "batch") != nullptr) {
      continue;
    }
    bool right = operation.run();  // what is made once is not counted
    CALLGRIND_ZERO_STATS;
    right = operation.run() && right;
    CALLGRIND_DUMP_STATS_AT(operation.name);
    if (!right) {
      std::printf("%s: wrong\n", operation.name);
      return 1;
    }
  }
  return 0;
}
