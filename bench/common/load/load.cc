#include "load.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "answer.h"

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr int kSweepMs = 100;
// Servers close connections that idle for some seconds; a request sent at that moment would be lost. We are earlier.
constexpr std::uint64_t kIdleMax = 2 * kSecond;

std::uint64_t Now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * kSecond + static_cast<std::uint64_t>(time.tv_nsec);
}

[[noreturn]] void Fail(const char* what) { throw std::runtime_error(std::string(what) + ": " + std::strerror(errno)); }

struct Connection {
  int fd = -1;
  bool busy = false;
  std::uint64_t number = 0;
  std::uint64_t sent_at = 0;
  std::uint64_t counted_from = 0;
  std::uint64_t idle_since = 0;
  Answer answer;
};

class Load {
 public:
  Load(const Requests& requests, const Plan& plan) : requests_(requests), plan_(plan) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (epoll_ < 0 || timer_ < 0) Fail("epoll");
    Watch(timer_, nullptr);
    total_ = requests.size();
    if (AtRate()) total_ = std::min(total_, static_cast<std::size_t>(plan.rate_per_s * plan.seconds));
    outcome_.latencies_ns.reserve(total_);
    outcome_.exchanges.reserve(total_);
    for (int i = 0; i < plan.connections; ++i) {
      connections_.push_back(std::make_unique<Connection>());
      Connect(*connections_.back());
      idle_.push_back(connections_.back().get());
    }
  }

  ~Load() {
    for (const auto& connection : connections_) Close(*connection);
    close(timer_);
    close(epoll_);
  }

  Outcome Run() {
    start_ = Now();
    last_answer_ = start_;
    std::uint64_t sweep_at = start_;
    SendDue();
    while (busy_ > 0 || Sends()) {
      std::array<epoll_event, 256> events;
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), kSweepMs);
      if (count < 0 && errno != EINTR) Fail("epoll_wait");
      for (int i = 0; i < count; ++i) {
        auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (connection != nullptr) Receive(*connection);
      }
      SendDue();
      if (const std::uint64_t now = Now(); now >= sweep_at) {
        GiveUpOnLate(now);
        sweep_at = now + kSweepMs * (kSecond / 1000);
      }
    }
    outcome_.elapsed_s = static_cast<double>(last_answer_ - start_) / kSecond;
    return std::move(outcome_);
  }

 private:
  bool AtRate() const { return plan_.rate_per_s > 0; }

  std::uint64_t DueAt(std::size_t index) const {
    return start_ + static_cast<std::uint64_t>(static_cast<double>(index) * kSecond / plan_.rate_per_s);
  }

  // Whether another request will be sent, now or later.
  bool Sends() const {
    if (outcome_.sent >= total_) return false;
    return AtRate() || static_cast<double>(Now() - start_) < plan_.seconds * kSecond;
  }

  void SendDue() {
    while (!idle_.empty() && Sends()) {
      const std::uint64_t now = Now();
      const std::uint64_t due = AtRate() ? DueAt(outcome_.sent) : now;
      if (due > now) {
        WakeAt(due);
        return;
      }
      // The one that was used last: the others may rest.
      Connection& connection = *idle_.back();
      idle_.pop_back();
      Send(connection, due, now);
    }
  }

  void Send(Connection& connection, std::uint64_t due, std::uint64_t now) {
    if (connection.fd >= 0 && now - connection.idle_since > kIdleMax) Close(connection);
    if (connection.fd < 0) Connect(connection);
    connection.number = outcome_.sent;
    const std::string_view request = requests_[outcome_.sent++];
    connection.busy = true;
    ++busy_;
    connection.sent_at = now;
    connection.counted_from = due;
    connection.answer.Reset();
    // A connection has one request at a time, which its empty send buffer takes whole; or the server is gone.
    const ssize_t written = send(connection.fd, request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written != static_cast<ssize_t>(request.size())) Lose(connection);
  }

  void Receive(Connection& connection) {
    const ssize_t got = recv(connection.fd, connection.answer.free_space(), connection.answer.free_bytes(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (!connection.busy) {
      Close(connection);
      return;
    }
    if (got <= 0) {
      Lose(connection);
      return;
    }
    switch (connection.answer.Take(static_cast<std::size_t>(got))) {
      case Answer::State::kIncomplete:
        return;
      case Answer::State::kMalformed:
        Lose(connection);
        return;
      case Answer::State::kComplete:
        Count(connection);
        if (connection.answer.closes()) Close(connection);
        Rest(connection);
    }
  }

  void Count(const Connection& connection) {
    last_answer_ = Now();
    const int status = connection.answer.status();
    ++outcome_.statuses[status];
    if (status < 200 || status >= 300) return;
    outcome_.latencies_ns.push_back(last_answer_ - connection.counted_from);
    outcome_.exchanges.push_back({connection.number, connection.sent_at, last_answer_});
    const std::size_t second = (last_answer_ - start_) / kSecond;
    if (outcome_.accepted_per_second.size() <= second) outcome_.accepted_per_second.resize(second + 1);
    ++outcome_.accepted_per_second[second];
  }

  void Lose(Connection& connection) {
    ++outcome_.unknown;
    last_answer_ = Now();
    Close(connection);
    Rest(connection);
  }

  void Rest(Connection& connection) {
    connection.busy = false;
    --busy_;
    connection.idle_since = last_answer_;
    idle_.push_back(&connection);
  }

  void GiveUpOnLate(std::uint64_t now) {
    for (const auto& connection : connections_) {
      if (connection->busy && static_cast<double>(now - connection->sent_at) > plan_.patience_s * kSecond) {
        Lose(*connection);
      }
    }
  }

  void Connect(Connection& connection) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(plan_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (connection.fd < 0 || setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) Fail("socket");
    // The loopback interface connects at once, whether the server accepts now or later.
    if (connect(connection.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) Fail("connect");
    connection.idle_since = Now();
    Watch(connection.fd, &connection);
  }

  void Close(Connection& connection) {
    if (connection.fd >= 0) close(connection.fd);
    connection.fd = -1;
  }

  void Watch(int fd, Connection* connection) {
    epoll_event event{};
    event.events = EPOLLIN | (connection == nullptr ? EPOLLET : 0U);
    event.data.ptr = connection;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) Fail("epoll_ctl");
  }

  void WakeAt(std::uint64_t time) {
    if (time == wake_at_) return;
    wake_at_ = time;
    itimerspec when{};
    when.it_value.tv_sec = static_cast<time_t>(time / kSecond);
    when.it_value.tv_nsec = static_cast<long>(time % kSecond);
    if (timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr) != 0) Fail("timerfd");
  }

  const Requests& requests_;
  const Plan& plan_;
  Outcome outcome_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;
  int epoll_ = -1;
  int timer_ = -1;
  int busy_ = 0;
  std::size_t total_ = 0;
  std::uint64_t start_ = 0;
  std::uint64_t last_answer_ = 0;
  std::uint64_t wake_at_ = 0;
};

}  // namespace

Outcome Run(const Requests& requests, const Plan& plan) { return Load(requests, plan).Run(); }
