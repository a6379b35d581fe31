// Reads one HTTP/1.1 answer as far as a load generator must: its status, and where it ends.

#ifndef PAYLINK_BENCH_ANSWER_H_
#define PAYLINK_BENCH_ANSWER_H_

#include <array>
#include <cstddef>

class Answer {
 public:
  enum class State { kIncomplete, kComplete, kMalformed };

  // Where the next bytes of the answer go.
  char* free_space() { return bytes_.data() + have_; }
  std::size_t free_bytes() const { return bytes_.size() - have_; }

  // Takes `count` bytes that were written to free_space(). An answer needs a Content-Length and room in 128 KiB.
  State Take(std::size_t count);

  int status() const { return status_; }
  bool closes() const { return closes_; }
  void Reset() { have_ = 0; }

 private:
  State ReadHead(std::size_t head_bytes);

  std::array<char, 128 * 1024> bytes_;
  std::size_t have_ = 0;
  int status_ = 0;
  bool closes_ = false;
};

#endif
