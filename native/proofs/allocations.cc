// Proves what the headers say of allocating: counts calls of malloc and its like while each operation runs.
// Those that may allocate must be seen to, or the counting itself is broken.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "operations.h"
#include "paycrypto/version.h"

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

bool g_counting = false;
int g_allocations = 0;

void Count() { g_allocations += g_counting ? 1 : 0; }

}  // namespace

// These stand before libc's own, for libcrypto and operator new too.
extern "C" {
void* malloc(std::size_t size) noexcept {
  Count();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  Count();
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  Count();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  Count();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  Count();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? 12 : 0;
}
}

int main() {
  const bool lowlevel = std::strcmp(paycrypto::BackendName(), "libcrypto-lowlevel") == 0;
  const auto operations = paycrypto::proofs::MakeOperations();
  int wrong = operations.empty() ? 1 : 0;
  int free_of_allocation = 0;
  int seen = 0;
  for (const auto& operation : operations) {
    bool right = operation.run();  // what is made once for a process or a thread is not counted
    g_allocations = 0;
    g_counting = true;
    right = operation.run() && right;
    g_counting = false;
    if (!right || (lowlevel && !operation.may_allocate && g_allocations > 0)) {
      std::printf("%s: %s, %d allocations\n", operation.name, right ? "right" : "WRONG", g_allocations);
      ++wrong;
    }
    free_of_allocation += g_allocations == 0 ? 1 : 0;
    seen += operation.may_allocate && g_allocations > 0 ? 1 : 0;
  }
  if (seen < 3) {
    std::printf("the counter saw no allocation where there must be some\n");
    ++wrong;
  }
  std::printf("%s: %d of %zu operations do not allocate\n", paycrypto::BackendName(), free_of_allocation,
              operations.size());
  return wrong == 0 ? 0 : 1;
}
