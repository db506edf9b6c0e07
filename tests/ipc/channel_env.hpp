// A channel under test, its handler, and the raw peer at the other end.
#pragma once

#include "check.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include "ipc/channel.hpp"
#include "loop/port_manual.hpp"
#include "pair.hpp"

namespace tractor::core {

/// What a test decides by itself: how much each read and write moves.
class ScriptedTransport final : public Transport {
 public:
  ssize_t read(void* to, size_t room) override {
    ++reads;
    return on_read(static_cast<char*>(to), room);
  }
  ssize_t write(const iovec* parts, int count) override {
    ++writes;
    size_t n = 0;
    for (int i = 0; i < count; ++i) n += parts[i].iov_len;
    if (write_error) return -write_error;
    n = std::min(n, accepts);
    accepts -= n;
    return n ? static_cast<ssize_t>(n) : -EAGAIN;
  }
  void start(Loop&, FdHandler& h, unsigned i) override { handler = &h, interest = i; }
  void want(unsigned i) override { interest = i; }
  void shutdown_write() override {}
  void close() override { closed = true; }
  const Address& local() const override { return address; }
  const Address& peer() const override { return address; }
  int64_t peer_pid() const override { return 0; }

  std::function<ssize_t(char*, size_t)> on_read = [](char*, size_t) { return -EAGAIN; };
  FdHandler* handler = nullptr;
  Address address = Address::uds("/scripted", "x.sock");
  unsigned interest = 0;
  int reads = 0, writes = 0, write_error = 0;
  size_t accepts = SIZE_MAX;
  bool closed = false;
};

struct Handler final : ChannelHandler {
  std::vector<std::string> frames;
  size_t count = 0, bytes = 0, largest_block = 0;
  bool record = true;
  int losses = 0, drains = 0;
  Failure why;
  std::function<void(Channel&, Bytes, SharedBuffer&)> fn = [](Channel&, Bytes, SharedBuffer&) {};
  std::function<void()> on_loss = [] {};

  void on_frame(Channel& channel, Bytes body, SharedBuffer& buffer) override {
    ++count;
    bytes += body.size();
    largest_block = std::max(largest_block, buffer.capacity());
    if (record) frames.emplace_back(body);
    fn(channel, body, buffer);
  }
  void on_lost(Channel&, Failure w) override {
    ++losses;
    why = std::move(w);
    on_loss();
  }
  void on_drained(Channel&) override { ++drains; }
};

struct Writable final : FdHandler {
  std::function<void(unsigned)> fn = [](unsigned) {};
  void on_fd(unsigned ready) override { fn(ready); }
};

struct Alarm final : Timer {
  bool rang = false;
  void on_timer() override { rang = true; }
};

struct Env {
  PairKind kind = PairKind::memory;
  ManualPort* manual = nullptr;
  std::unique_ptr<Loop> loop;
  Handler handler;
  Ref<Channel> channel;
  std::unique_ptr<Transport> peer;
  ScriptedTransport* scripted = nullptr;
  Writable peer_handler;
  std::string input;  // of the peer
  std::string output;
  std::vector<Ref<SharedBuffer>> blocks;
  std::vector<Bytes> kept;
  Alarm deadline;

  /// Over the transport of this test's kind.
  bool open() {
    if (!loop) loop = libevent_loop();
    TransportPair pair = connected(*loop, kind);
    if (!pair.first || !pair.second) return false;
    channel = Channel::open(*loop, std::move(pair.first), handler);
    peer = std::move(pair.second);
    return true;
  }
  void open_scripted() {
    use_manual();
    auto transport = std::make_unique<ScriptedTransport>();
    scripted = transport.get();
    channel = Channel::open(*loop, std::move(transport), handler);
  }
  void use_manual() {
    auto port = std::make_unique<ManualPort>();
    manual = port.get();
    loop = std::make_unique<Loop>(std::move(port));
  }
  void reopen() {
    channel.reset();
    peer.reset();
    handler = Handler();
  }
  bool until(const std::function<bool()>& done, int64_t limit = 60 * kSecond) {
    deadline.rang = false;
    loop->arm_after(deadline, limit);
    bool is_done = false;
    while (!(is_done = done()) && !deadline.rang) loop->port().run_once();
    deadline.disarm();
    return is_done;
  }
  void run_for(int64_t time) {
    (void)until([] { return false; }, time);
  }
  ssize_t peer_write(std::string_view bytes) {
    iovec part = {const_cast<char*>(bytes.data()), bytes.size()};
    return peer->write(&part, 1);
  }
  /// Writes `output` whenever there is room, at most `step` bytes at once; then closes if told.
  void peer_sends(std::string bytes, size_t step = SIZE_MAX, bool then_close = false) {
    output = std::move(bytes);
    peer_handler.fn = [this, step, then_close](unsigned) {
      ssize_t n = peer_write(std::string_view(output).substr(0, step));
      if (n > 0) output.erase(0, static_cast<size_t>(n));
      if (!output.empty()) return;
      peer->want(0);
      if (then_close) peer->close();
    };
    peer->start(*loop, peer_handler, kWrite);
  }
  void peer_reads() {
    peer_handler.fn = [this](unsigned) {
      char some[16384];
      ssize_t n = peer->read(some, sizeof some);
      if (n > 0) input.append(some, static_cast<size_t>(n));
      if (n == 0) peer->close();
    };
    peer->start(*loop, peer_handler, kRead);
  }
  void queue(std::string_view body) {
    char prefix[wire::kPrefix];
    wire::write_prefix(prefix, static_cast<uint32_t>(body.size()));
    channel->out().append(prefix, sizeof prefix);
    channel->out().append(body);
    channel->sent();
  }
};

inline Env& env(void** state) { return *static_cast<Env*>(*state); }

inline std::string frame(std::string_view body) {
  std::string whole(wire::kPrefix, '\0');
  wire::write_prefix(whole.data(), static_cast<uint32_t>(body.size()));
  return whole.append(body);
}

inline std::string prefix(uint32_t n) {
  std::string p(wire::kPrefix, '\0');
  wire::write_prefix(p.data(), n);
  return p;
}

inline int set_up(void** state) {
  auto* e = new Env;
  if (*state) e->kind = *static_cast<PairKind*>(*state);
  *state = e;
  return e->open() ? 0 : -1;
}

inline int set_up_scripted(void** state) {
  auto* e = new Env;
  e->open_scripted();
  *state = e;
  return 0;
}

inline int tear_down(void** state) {
  delete static_cast<Env*>(*state);
  return 0;
}

inline PairKind kinds[] = {PairKind::memory, PairKind::uds, PairKind::tcp};

}  // namespace tractor::core

/// One test over a transport that does what the test says; or the same test over each kind of transport.
#define SCRIPTED(f) cmocka_unit_test_setup_teardown(f, set_up_scripted, tear_down)
#define EACH(f)                                                                                    \
  {#f " memory", f, set_up, tear_down, &kinds[0]}, {#f " uds", f, set_up, tear_down, &kinds[1]}, { \
#f " tcp", f, set_up, tear_down, &kinds[2]                                                     \
  }
