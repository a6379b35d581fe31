#include "requests.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>

Requests::Requests(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat info {};
  if (fd < 0 || fstat(fd, &info) != 0 || info.st_size == 0) throw std::runtime_error("cannot read " + path);
  bytes_ = static_cast<std::size_t>(info.st_size);
  memory_ = mmap(nullptr, bytes_, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  close(fd);
  if (memory_ == MAP_FAILED) throw std::runtime_error("cannot map " + path);

  const char* at = static_cast<const char*>(memory_);
  const char* const end = at + bytes_;
  while (at != end) {
    std::uint32_t length = 0;
    if (static_cast<std::size_t>(end - at) < sizeof length) throw std::runtime_error(path + " is cut off");
    std::memcpy(&length, at, sizeof length);
    at += sizeof length;
    if (static_cast<std::size_t>(end - at) < length) throw std::runtime_error(path + " is cut off");
    requests_.emplace_back(at, length);
    at += length;
  }
}

Requests::~Requests() { munmap(memory_, bytes_); }
