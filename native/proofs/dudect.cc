// Constant time, measured the way of dudect: two classes of input that differ only where the first wrong byte is, in
// random order; Welch's t-test says whether their times differ. On a machine that does other things too: the slowest
// tenth is left out, and the median of several rounds decides.
// A control that leaves at the first wrong byte must be found, else nothing is proved.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>
#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <chrono>
#endif

#include "paycrypto/aes_gcm.h"
#include "paycrypto/base64.h"
#include "paycrypto/component_signature.h"
#include "paycrypto/constant_time.h"
#include "paycrypto/hex.h"
#include "paycrypto/hmac.h"
#include "paycrypto/hmac_batch.h"
#include "paycrypto/sha512.h"
#include "paycrypto/standard_webhooks.h"
#include "paycrypto/timestamped_hmac.h"
#include "paycrypto/token.h"

namespace paycrypto {
namespace {

constexpr int kRounds = 9;
constexpr double kThreshold = 4.5;
// What the control must reach, far above what noise does.
constexpr double kControlThreshold = 100;

volatile unsigned g_sink = 0;

std::uint64_t Ticks() {
#if defined(__x86_64__)
  _mm_lfence();
  const std::uint64_t ticks = __rdtsc();
  _mm_lfence();
  return ticks;
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

struct Sample {
  double time;
  bool second;
};

double WelchT(const std::vector<Sample>& samples) {
  double count[2] = {0, 0};
  double sum[2] = {0, 0};
  double squares[2] = {0, 0};
  const double origin = samples[0].time;
  for (const Sample& sample : samples) {
    const double time = sample.time - origin;
    count[sample.second] += 1;
    sum[sample.second] += time;
    squares[sample.second] += time * time;
  }
  double mean[2];
  double error = 0;
  for (int at = 0; at < 2; ++at) {
    mean[at] = sum[at] / count[at];
    error += (squares[at] / count[at] - mean[at] * mean[at]) / count[at];
  }
  return error > 0 ? (mean[0] - mean[1]) / std::sqrt(error) : 0;
}

// The input lies in one place for both classes, so that neither gains from an address or a cache line.
using Work = std::function<unsigned(const std::string& input)>;

double MeasureRound(const Work& work, const std::string& first, const std::string& second, int samples, int calls) {
  static std::uint64_t random = 0x9E3779B97F4A7C15;
  std::vector<Sample> times(static_cast<std::size_t>(samples));
  std::string input = first;
  for (Sample& sample : times) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    sample.second = random >> 63 == 1;
    // No branch: it would be mispredicted for one class more often than for the other.
    const auto mask = static_cast<unsigned char>(-static_cast<int>(random >> 63));
    for (std::size_t at = 0; at < input.size(); ++at) {
      input[at] = static_cast<char>(first[at] ^ ((first[at] ^ second[at]) & mask));
    }
    unsigned answers = 0;
    const std::uint64_t began = Ticks();
    for (int call = 0; call < calls; ++call) {
      answers += work(input);
    }
    sample.time = static_cast<double>(Ticks() - began);
    g_sink = g_sink + answers;
  }
  std::vector<double> sorted;
  for (const Sample& sample : times) {
    sorted.push_back(sample.time);
  }
  const auto limit = sorted.begin() + samples / 10 * 9;
  std::nth_element(sorted.begin(), limit, sorted.end());
  const double slow = *limit;
  times.erase(std::remove_if(times.begin(), times.end(), [slow](const Sample& sample) { return sample.time > slow; }),
              times.end());
  return WelchT(times);
}

// The signed median: a difference that is there has the same sign in every round, noise has not.
double Measure(const Work& work, const std::string& first, const std::string& second, int samples, int calls) {
  std::vector<double> rounds;
  MeasureRound(work, first, second, samples / 10, calls);  // warms up
  for (int round = 0; round < kRounds; ++round) {
    rounds.push_back(MeasureRound(work, first, second, samples, calls));
  }
  std::sort(rounds.begin(), rounds.end());
  return std::fabs(rounds[kRounds / 2]);
}

__attribute__((noinline)) bool EarlyExitEqual(ByteView left, ByteView right) {
  for (std::size_t at = 0; at < left.size; ++at) {
    if (left.data[at] != right.data[at]) {
      return false;
    }
  }
  return true;
}

struct Case {
  const char* name;
  std::string first;
  std::string second;
  int calls;
  Work work;
};

template <typename Bytes>
ByteView View(const Bytes& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

template <typename Bytes>
std::string Raw(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string Hex(const std::string& bytes) {
  std::string text(2 * bytes.size(), '\0');
  EncodeHex(bytes, text.data());
  return text;
}

std::string Base64(const std::string& bytes) {
  std::string text(Base64Size(bytes.size()), '\0');
  EncodeBase64(bytes, text.data());
  return text;
}

std::string Flip(std::string text, std::size_t at) {
  text[at] = static_cast<char>(text[at] ^ 1);
  return text;
}

std::vector<Case> MakeCases() {
  static HmacSha256Key key;
  static HmacSha512Key key512;
  static Aes256GcmKey aes;
  static const std::string nonce(kAesGcmNonceBytes, 'n');
  std::string sealed(64 + kAesGcmTagBytes, '\0');
  static const std::string message(64, 'm');
  static const std::string right(64, 'r');
  HmacSha256Tag made;
  HmacSha512Tag made512;
  Sha512Digest digest;
  const ByteView message_view(message);
  static const ByteView parts[] = {ByteView("order-1"), ByteView("secret")};
  SignedHeader header;
  WebhookSignature webhook;
  static const SignedComponents components{"client", "request", "2026-01-01T00:00:00Z", "/orders", false, true};
  ComponentSignature component;
  if (HmacSha256Key::Create("secret", &key) != Status::kOk || HmacSha512Key::Create("secret", &key512) != Status::kOk ||
      key.Sign({&message_view, 1}, &made) != Status::kOk || key512.Sign({&message_view, 1}, &made512) != Status::kOk ||
      Sha512({parts, 2}, &digest) != Status::kOk || SignTimestampedHmac(key, message, 1, &header) != Status::kOk ||
      SignStandardWebhook(key, "id", 1, message, &webhook) != Status::kOk ||
      SignComponents(key, components, message, &component) != Status::kOk ||
      Aes256GcmKey::Create(std::string(kAes256KeyBytes, 'k'), &aes) != Status::kOk ||
      aes.Seal(nonce, message, "", reinterpret_cast<std::uint8_t*>(sealed.data()), sealed.size()) != Status::kOk) {
    return {};
  }
  const std::string tag = Raw(made);
  const std::string tag512 = Raw(made512);
  static const HmacSha256Key* const live[] = {&key};
  static const HmacSha256Keys keys{live, 1};
  const auto answer = [](Status status) { return static_cast<unsigned>(status); };
  const std::string header_text(header.text, header.size);
  const std::string header_start = header_text.substr(0, header_text.size() - 64);
  const std::string header_tag = header_text.substr(header_text.size() - 64);
  const auto base64_of = [](const char* text, std::size_t size) { return std::string(text + size - 44, 44); };
  const auto flip_base64 = [](const std::string& text, std::size_t at) {
    std::string bytes(32, '\0');
    if (DecodeBase64(text, reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()) != Status::kOk) {
      std::abort();
    }
    return Base64(Flip(bytes, at));
  };
  const std::string webhook_tag = base64_of(webhook.text, sizeof webhook.text);
  const std::string component_tag = base64_of(component.text, sizeof component.text);
  const auto flip_hex = [](const std::string& text, std::size_t at) {
    std::string flipped = text;
    flipped[at] = text[at] == '0' ? '1' : '0';
    return flipped;
  };
  return {
      // Comparing has one way through, so right and wrong may be told apart by the answer only.
      {"equal_32: right or first byte wrong", right.substr(32), Flip(right.substr(32), 0), 32,
       [](const std::string& input) { return Equal(input, std::string_view(right).substr(32)) ? 1U : 0U; }},
      {"equal_64: right or first byte wrong", right, Flip(right, 0), 32,
       [](const std::string& input) { return Equal(input, right) ? 1U : 0U; }},
      {"equal_64: first or last byte wrong", Flip(right, 0), Flip(right, 63), 32,
       [](const std::string& input) { return Equal(input, right) ? 1U : 0U; }},
      // A whole check goes on differently once it knows its verdict, so both classes are wrong, at either end.
      {"token", Flip(right, 0), Flip(right, 63), 16,
       [answer](const std::string& input) {
         const ByteView expected(right);
         std::size_t matched = 0;
         return answer(VerifyToken(input, {&expected, 1}, &matched));
       }},
      {"hmac_sha256", Flip(tag, 0), Flip(tag, 31), 4,
       [answer](const std::string& input) {
         const ByteView view(message);
         return answer(key.Verify({&view, 1}, View(input)));
       }},
      {"hmac_sha512", Flip(tag512, 0), Flip(tag512, 63), 4,
       [answer](const std::string& input) {
         const ByteView view(message);
         return answer(key512.Verify({&view, 1}, View(input)));
       }},
      {"hmac_sha256_hex", flip_hex(Hex(tag), 0), flip_hex(Hex(tag), 63), 4,
       [answer](const std::string& input) {
         const ByteView view(message);
         return answer(key.VerifyHex({&view, 1}, input));
       }},
      {"hmac_sha256_any", Flip(tag, 0), Flip(tag, 31), 4,
       [answer](const std::string& input) {
         const ByteView view(message);
         const ByteView sent(input);
         std::size_t matched = 0;
         return answer(VerifyAny(keys, {&view, 1}, {&sent, 1}, &matched));
       }},
      {"hmac_sha256_batch", Flip(tag, 0), Flip(tag, 31), 1,
       [answer](const std::string& input) {
         HmacSha256Check checks[8];
         Status outcomes[8];
         for (auto& check : checks) {
           check = {&key, message, View(input)};
         }
         return answer(VerifyHmacSha256Batch(checks, 8, outcomes)) + answer(outcomes[0]);
       }},
      {"sha512_concat", flip_hex(Hex(Raw(digest)), 0), flip_hex(Hex(Raw(digest)), 127), 4,
       [answer](const std::string& input) { return answer(VerifySha512Concat({parts, 2}, input)); }},
      {"timestamped", header_start + flip_hex(header_tag, 0), header_start + flip_hex(header_tag, 63), 4,
       [answer](const std::string& input) {
         std::size_t matched = 0;
         return answer(VerifyTimestampedHmac(input, message, keys, {1, 0}, &matched));
       }},
      {"webhook", "v1," + flip_base64(webhook_tag, 0), "v1," + flip_base64(webhook_tag, 31), 4,
       [answer](const std::string& input) {
         std::size_t matched = 0;
         return answer(VerifyStandardWebhook({"id", "1", input}, message, keys, {1, 0}, &matched));
       }},
      {"component", "HMACSHA256=" + flip_base64(component_tag, 0), "HMACSHA256=" + flip_base64(component_tag, 31), 4,
       [answer](const std::string& input) {
         std::size_t matched = 0;
         return answer(VerifyComponentSignature(input, components, message, keys, &matched));
       }},
      {"aes_gcm: first or last byte of the tag", Flip(sealed, 64), Flip(sealed, 64 + kAesGcmTagBytes - 1), 2,
       [answer](const std::string& input) {
         std::uint8_t out[64];
         return answer(aes.Open(nonce, input, "", out, sizeof out));
       }},
  };
}

int Run(int samples) {
  const std::string secret(64, 'r');
  const Work early_exit = [&secret](const std::string& input) { return EarlyExitEqual(input, secret) ? 1U : 0U; };
  const double control = Measure(early_exit, Flip(secret, 0), Flip(secret, 63), samples, 32);
  std::printf("%-40s t = %6.1f\n", "control: leaves at the first wrong byte", control);
  if (control < kControlThreshold) {
    std::printf("the control was not found: nothing is proved\n");
    return 1;
  }
  const std::vector<Case> cases = MakeCases();
  int failures = cases.empty() ? 1 : 0;
  for (const Case& each : cases) {
    double t = Measure(each.work, each.first, each.second, samples, each.calls);
    if (t >= kThreshold) {
      // What is there is seen again, and more clearly with more samples.
      t = Measure(each.work, each.first, each.second, 4 * samples, each.calls);
    }
    std::printf("%-40s t = %6.1f%s\n", each.name, t, t < kThreshold ? "" : "  NOT constant time");
    failures += t < kThreshold ? 0 : 1;
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace paycrypto

int main(int count, char** arguments) {
  return paycrypto::Run(count > 1 ? std::atoi(arguments[1]) : 20000);
}
