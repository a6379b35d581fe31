// load REQUESTS PORT CONNECTIONS SECONDS RATE_PER_S PATIENCE_S [FILE]: send, then say what came of it as JSON.
// FILE gets a line for each request that was accepted: its number, when it was sent, when it was answered.

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "load.h"

namespace {

// The smallest latency that `share` of the answers do not exceed.
double AtShare(const std::vector<std::uint64_t>& sorted_ns, double share) {
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted_ns.size() - 1) + 0.5);
  return static_cast<double>(sorted_ns[index]) / 1e6;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The shares of the distribution that a plot needs: each hundredth, then the tail in thousandths.
void PrintLatencies(std::vector<std::uint64_t>& latencies_ns) {
  std::sort(latencies_ns.begin(), latencies_ns.end());
  std::printf(",\"latency_ms\":{");
  for (int share = 0; !latencies_ns.empty() && share <= 1000; share += share < 990 ? 10 : 1) {
    std::printf("%s\"%.1f\":%.6f", share == 0 ? "" : ",", share / 10.0, AtShare(latencies_ns, share / 1000.0));
  }
  std::printf("}");
}

void Print(Outcome& outcome) {
  std::printf("{\"sent\":%llu,\"unknown\":%llu,\"elapsed_s\":%.6f,\"cpu_s\":%.6f,\"statuses\":{",
              static_cast<unsigned long long>(outcome.sent), static_cast<unsigned long long>(outcome.unknown),
              outcome.elapsed_s, CpuSeconds());
  const char* comma = "";
  for (const auto& [status, count] : outcome.statuses) {
    std::printf("%s\"%d\":%llu", comma, status, static_cast<unsigned long long>(count));
    comma = ",";
  }
  std::printf("},\"accepted_per_second\":[");
  comma = "";
  for (const std::uint64_t count : outcome.accepted_per_second) {
    std::printf("%s%llu", comma, static_cast<unsigned long long>(count));
    comma = ",";
  }
  std::printf("]");
  PrintLatencies(outcome.latencies_ns);
  std::printf("}\n");
}

void Write(const std::vector<Exchange>& exchanges, const char* path) {
  std::ofstream file(path);
  for (const Exchange& exchange : exchanges) {
    file << exchange.number << ' ' << exchange.sent_at << ' ' << exchange.answered_at << '\n';
  }
  if (!file.flush()) throw std::runtime_error(std::string("cannot write ") + path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7 && argc != 8) {
    std::fprintf(stderr, "load REQUESTS PORT CONNECTIONS SECONDS RATE_PER_S PATIENCE_S [FILE]\n");
    return 2;
  }
  const Plan plan{static_cast<std::uint16_t>(std::atoi(argv[2])), std::atoi(argv[3]), std::atof(argv[4]),
                  std::atof(argv[5]), std::atof(argv[6])};
  try {
    const Requests requests(argv[1]);
    Outcome outcome = Run(requests, plan);
    if (argc == 8) Write(outcome.exchanges, argv[7]);
    Print(outcome);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
  }
  return 0;
}
