// The prepared requests: a file of uint32 lengths (little endian), each followed by so many bytes of raw HTTP.

#ifndef PAYLINK_BENCH_REQUESTS_H_
#define PAYLINK_BENCH_REQUESTS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

class Requests {
 public:
  // Maps the whole file, so that no read disturbs the run. Throws std::runtime_error on a file of another form.
  explicit Requests(const std::string& path);
  ~Requests();
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  std::size_t size() const { return requests_.size(); }
  std::string_view operator[](std::size_t index) const { return requests_[index]; }

 private:
  void* memory_;
  std::size_t bytes_;
  std::vector<std::string_view> requests_;
};

#endif
