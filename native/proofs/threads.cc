// Every operation in several threads at once, on shared keys, to be watched by ThreadSanitizer or helgrind.
// With --race it also does what they must report.

#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include "operations.h"
#include "paycrypto/hmac.h"

namespace {

constexpr int kThreads = 4;
constexpr int kRounds = 25;

std::atomic<int> g_wrong{0};

void Run(const std::vector<paycrypto::proofs::Operation>& operations, std::size_t first) {
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t at = 0; at < operations.size(); ++at) {
      // Each starts elsewhere, so that every pair of operations meets.
      if (!operations[(at + first) % operations.size()].run()) {
        g_wrong.fetch_add(1);
      }
    }
  }
}

template <typename Work>
void InThreads(Work work) {
  std::vector<std::thread> threads;
  for (int at = 0; at < kThreads; ++at) {
    threads.emplace_back(work, static_cast<std::size_t>(at));
  }
  for (auto& thread : threads) {
    thread.join();
  }
}

}  // namespace

int main(int count, char** arguments) {
  const auto operations = paycrypto::proofs::MakeOperations();
  if (operations.empty()) {
    return 1;
  }
  InThreads([&operations](std::size_t at) { Run(operations, at * operations.size() / kThreads); });
  if (count > 1 && std::strcmp(arguments[1], "--race") == 0) {
    paycrypto::HmacSha256Key key;
    InThreads([&key](std::size_t) { key = paycrypto::HmacSha256Key(); });
  }
  std::printf("%d threads, %d rounds of %zu operations, %d wrong\n", kThreads, kRounds, operations.size(),
              g_wrong.load());
  return g_wrong.load() == 0 ? 0 : 1;
}
