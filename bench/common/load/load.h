// Sends prepared requests over kept-alive connections of the loopback interface, in one thread.

#ifndef PAYLINK_BENCH_LOAD_H_
#define PAYLINK_BENCH_LOAD_H_

#include <cstdint>
#include <map>
#include <vector>

#include "requests.h"

struct Plan {
  std::uint16_t port;
  int connections;
  // How long requests are sent; fewer are sent when the file ends before.
  double seconds;
  // Requests per second, each with a time of its own at which it is due. 0: every connection sends its next request
  // as soon as it has an answer.
  double rate_per_s;
  // Who has waited so long for an answer gives up: what became of that request is not known.
  double patience_s;
};

// One request that got a 2xx. Times by CLOCK_MONOTONIC, in nanoseconds.
struct Exchange {
  std::uint64_t number;
  std::uint64_t sent_at;
  std::uint64_t answered_at;
};

struct Outcome {
  std::map<int, std::uint64_t> statuses;
  std::uint64_t sent = 0;
  // Sent, and no whole answer came. Such a request may have been accepted or not.
  std::uint64_t unknown = 0;
  // From the first send (at a rate: from when it was due) to the last answer.
  double elapsed_s = 0;
  // Of every 2xx, from when it was sent, or at a rate: from when it was due.
  std::vector<std::uint64_t> latencies_ns;
  // 2xx answers that came in each second of the run.
  std::vector<std::uint64_t> accepted_per_second;
  std::vector<Exchange> exchanges;
};

// Throws std::runtime_error when the server cannot be connected to.
Outcome Run(const Requests& requests, const Plan& plan);

#endif
