#include "vector_file.h"

#include <fstream>
#include <stdexcept>

namespace paycrypto::testing {

std::string FromHex(const std::string& hex) {
  std::string bytes;
  for (std::size_t at = 0; at < hex.size(); at += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<ByteView> Views(const std::vector<std::string>& values) {
  return {values.begin(), values.end()};
}

void VectorCase::Add(const std::string& field, const std::string& value) {
  const std::size_t suffix = field.rfind("_hex");
  if (suffix != std::string::npos) {
    fields_[field.substr(0, suffix)].push_back(FromHex(value));
  } else {
    fields_[field].push_back(value);
  }
}

std::vector<std::string> VectorCase::All(const std::string& field) const {
  const auto found = fields_.find(field);
  return found == fields_.end() ? std::vector<std::string>{} : found->second;
}

Status VectorCase::Expected() const {
  static const std::map<std::string, Status> statuses = {
      {"ok", Status::kOk},
      {"malformed", Status::kMalformed},
      {"no_match", Status::kNoMatch},
      {"outside_window", Status::kOutsideWindow},
  };
  return statuses.at(One("expect"));
}

std::vector<VectorCase> ReadVectors(const std::string& file) {
  std::ifstream stream(PAYCRYPTO_VECTORS "/" + file, std::ios::binary);
  std::vector<VectorCase> cases;
  std::string line;
  while (std::getline(stream, line)) {
    if (line.empty() || line[0] == '#') {
      continue;
    }
    if (line.front() == '[') {
      cases.emplace_back(line.substr(1, line.size() - 2));
      continue;
    }
    const std::size_t equals = line.find(" =");
    if (equals == std::string::npos || cases.empty()) {
      throw std::runtime_error(file + ": not a field: " + line);
    }
    cases.back().Add(line.substr(0, equals), equals + 3 <= line.size() ? line.substr(equals + 3) : "");
  }
  if (cases.empty()) {
    throw std::runtime_error(file + ": no cases");
  }
  return cases;
}

}  // namespace paycrypto::testing
