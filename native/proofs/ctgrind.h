#pragma once

#include <valgrind/memcheck.h>

#include <cstdint>
#include <cstdio>

#include "paycrypto/byte_view.h"
#include "paycrypto/status.h"

// What the parts of ctgrind.cc share.

namespace paycrypto::proofs {

inline int g_failures = 0;

template <typename Bytes>
void Poison(const Bytes& bytes) {
  VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size());
}

template <typename Bytes>
void Reveal(const Bytes& bytes) {
  VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size());
}

template <typename Bytes>
bool IsPoisoned(const Bytes& bytes) {
  unsigned char bits[1] = {0};
  return VALGRIND_GET_VBITS(bytes.data(), bits, 1) == 1 && bits[0] != 0;
}

template <typename Bytes>
ByteView View(const Bytes& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

inline void Say(const char* name, const char* problem) {
  std::printf("%s: %s\n", name, problem);
  ++g_failures;
}

// How often valgrind reports something while the check runs, which must answer right.
template <typename Check>
unsigned Reports(const char* name, Check check) {
  const auto before = VALGRIND_COUNT_ERRORS;
  const bool right = check();
  const auto reports = static_cast<unsigned>(VALGRIND_COUNT_ERRORS - before);
  if (!right) {
    Say(name, "gave a wrong answer");
  }
  return reports;
}

// Runs the check, and has valgrind report nothing, or something when it is a control.
template <typename Check>
void Prove(const char* name, Check check, bool is_control = false) {
  const bool reported = Reports(name, check) > 0;
  if (reported && !is_control) {
    Say(name, "depends on a secret");
  }
  if (!reported && is_control) {
    Say(name, "is not constant time, and that was not reported: nothing is proved");
  }
}

inline bool Is(Status expected, Status status) { return expected == status; }

void ProveAesGcm();

}  // namespace paycrypto::proofs
