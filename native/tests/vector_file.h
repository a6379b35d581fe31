#pragma once

#include <map>
#include <string>
#include <vector>

#include "paycrypto/byte_view.h"
#include "paycrypto/status.h"

// Reads the files of tests/vectors; their README.md tells the form.

namespace paycrypto::testing {

class VectorCase {
 public:
  explicit VectorCase(std::string name) : name_(std::move(name)) {}

  void Add(const std::string& field, const std::string& value);

  const std::string& name() const { return name_; }
  // The only value of the field; throws when there is none.
  const std::string& One(const std::string& field) const { return fields_.at(field).at(0); }
  // Every value of the field, in the order of the file.
  std::vector<std::string> All(const std::string& field) const;
  std::int64_t Number(const std::string& field) const { return std::stoll(One(field)); }
  Status Expected() const;

 private:
  std::string name_;
  std::map<std::string, std::vector<std::string>> fields_;
};

std::string FromHex(const std::string& hex);
std::vector<ByteView> Views(const std::vector<std::string>& values);
std::vector<VectorCase> ReadVectors(const std::string& file);

}  // namespace paycrypto::testing
