// Transports, dialers and listeners under test.
#pragma once

#include "check.hpp"

#include <cerrno>
#include <functional>
#include <optional>
#include <sys/un.h>
#include <vector>

#include "log_lines.hpp"
#include "pair.hpp"

namespace tractor::core {

struct Fd final : FdHandler {
  std::function<void(unsigned)> fn = [](unsigned) {};
  void on_fd(unsigned ready) override { fn(ready); }
};

struct Dialed final : Dialer::Handler {
  std::unique_ptr<Dialer> dialer;
  std::unique_ptr<Transport> transport;
  Failure failure;
  int calls = 0;
  void on_dialed(Result<std::unique_ptr<Transport>> result) override {
    ++calls;
    if (result) {
      transport = std::move(*result);
    } else {
      failure = result.failure();
    }
    dialer.reset();  // which is allowed
  }
};

struct Accepted final : Listener::Handler {
  std::vector<std::unique_ptr<Transport>> transports;
  std::function<void()> fn = [] {};
  void on_accepted(std::unique_ptr<Transport> transport) override {
    transports.push_back(std::move(transport));
    fn();
  }
};

struct Alarm final : Timer {
  bool rang = false;
  void on_timer() override { rang = true; }
};

struct Env {
  TempDir dir;
  std::unique_ptr<Loop> loop = libevent_loop();
  PairKind kind = PairKind::uds;
  TransportPair pair;
  Fd fd[2];
  Dialed dialed;
  Accepted accepted;
  std::unique_ptr<Listener> listener[2];
  std::string failure;
  std::vector<int> descriptors;
  std::vector<std::unique_ptr<Transport>> kept;
  Alarm deadline, pause;
  std::string text;
  std::optional<LogLines> log;

  ~Env() {
    for (int d : descriptors) close(d);
  }

  bool listen_at(int i, const Address& at) {
    auto made = listen(*loop, at, accepted);
    failure = failure_text(made);
    if (made) listener[i] = std::move(*made);
    return made.ok();
  }
  void dial_to(const Address& at, int64_t timeout = 10 * kSecond) { dialed.dialer = dial(*loop, at, timeout, dialed); }
  /// Runs the loop until `done()`, for ten seconds at most.
  bool until(const std::function<bool()>& done) {
    deadline.rang = false;
    loop->arm_after(deadline, 10 * kSecond);
    bool is_done = false;
    while (!(is_done = done()) && !deadline.rang) loop->port().run_once();
    deadline.disarm();
    return is_done;
  }
  /// The same for what the loop does not hear of.
  bool eventually(const std::function<bool()>& done) {
    for (int i = 0; i < 5000; ++i) {
      if (done()) return true;
      run_for(2 * kMillisecond);
    }
    return false;
  }
  void run_for(int64_t time) {
    pause.rang = false;
    loop->arm_after(pause, time);
    while (!pause.rang) loop->port().run_once();
  }
  /// Listens, dials, and has "hello" and the addresses arrive.
  bool connects(const Address& at) {
    if (!listen_at(0, at)) return false;
    dial_to(listener[0]->address());
    if (dialed.calls != 0) return false;  // never inside the call
    if (!until([&] { return dialed.calls == 1 && accepted.transports.size() == 1; }) || !dialed.transport) return false;
    Transport& served = *accepted.transports[0];
    std::string got;
    ssize_t last;
    return write(*dialed.transport, "hello") == 5 && eventually([&] {
             got += drain(served, last);
             return got == "hello";
           }) &&
           served.local() == listener[0]->address() && dialed.transport->peer() == listener[0]->address() &&
           served.peer() == dialed.transport->local();
  }
  Address uds(const std::string& file) { return Address::uds(dir.path(), file); }
  int raw_listener(const Address& at, int backlog) {
    sockaddr_storage where;
    auto n = at.to_sockaddr(where);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    descriptors.push_back(s);
    return bind(s, reinterpret_cast<sockaddr*>(&where), *n) == 0 && ::listen(s, backlog) == 0 ? s : -1;
  }
  /// A socket file that nobody listens at.
  void leave_stale(const Address& at) {
    raw_listener(at, 1);
    close(descriptors.back());
    descriptors.pop_back();
  }
  ssize_t write(Transport& t, std::string_view bytes) {
    iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
    return t.write(&part, 1);
  }
  /// What can be read now; the result that ended it is in `last`.
  std::string drain(Transport& t, ssize_t& last) {
    std::string all;
    char some[1000];
    while ((last = t.read(some, sizeof some)) > 0) all.append(some, static_cast<size_t>(last));
    return all;
  }
};

inline Env& env(void** state) { return *static_cast<Env*>(*state); }
inline bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

inline int set_up(void** state) {
  auto* e = new Env;
  if (*state) e->kind = *static_cast<PairKind*>(*state);
  e->pair = connected(*e->loop, e->kind);
  *state = e;
  return e->pair.first && e->pair.second ? 0 : -1;
}

inline int tear_down(void** state) {
  delete static_cast<Env*>(*state);
  return 0;
}

}  // namespace tractor::core
