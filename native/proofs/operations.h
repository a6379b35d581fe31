#pragma once

#include <functional>
#include <vector>

// What the library does for its callers, each on a fixed input: counted, watched and repeated by the proofs.

namespace paycrypto::proofs {

struct Operation {
  const char* name;
  // Whether its header lets it allocate with the low-level backend.
  bool may_allocate;
  // Whether the answer was right. May run in several threads at once.
  std::function<bool()> run;
};

std::vector<Operation> MakeOperations();

}  // namespace paycrypto::proofs
