// The raw baseline: what sockets and shared memory give with as little of our
// own code as possible.
//
//   --io blocking | epoll | spin | hybrid   framed protocol of common/frames.hpp
//                                      (hybrid: poll for --spin-us, then sleep)
//   --io bare                          8-byte ping-pong / unframed writes
//                                      (--think-us: the server works so long
//                                      before it answers)
//   --io shm-spin | shm-futex          8-byte ping-pong over shared memory
//   --addr unix:/path | tcp:PORT | pair (socketpair, server forked by client)
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <atomic>

#include "common/frames.hpp"
#include "common/net.hpp"

using bench::Args;
using bench::check;
using frames::Driver;
using frames::Frame;
using frames::Out;

namespace {

// Sends what it can; false when the socket would block.
bool flush(int fd, Out& out) {
  while (!out.empty()) {
    iovec iov[2];
    int n = 0;
    size_t head = out.head.size();
    if (out.sent < head) iov[n++] = {out.head.data() + out.sent, head - out.sent};
    if (!out.ref.empty()) {
      size_t at = out.sent > head ? out.sent - head : 0;
      iov[n++] = {const_cast<char*>(out.ref.data()) + at, out.ref.size() - at};
    }
    ssize_t k = n == 1 ? write(fd, iov[0].iov_base, iov[0].iov_len) : writev(fd, iov, n);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0 && errno == EAGAIN) return false;
    check(k > 0, "write");
    out.sent += size_t(k);
  }
  out.clear();
  return true;
}

// Reads poll the socket for `spin_ns`, yielding the CPU, and then block: 0 is
// plain blocking I/O, `forever` never sleeps.
constexpr uint64_t forever = ~uint64_t(0);

ssize_t receive(int fd, char* p, size_t room, uint64_t spin_ns) {
  uint64_t stop = spin_ns == 0 || spin_ns == forever ? spin_ns : bench::now_ns() + spin_ns;
  for (;;) {
    bool block = stop != forever && (stop == 0 || bench::now_ns() >= stop);
    ssize_t k = recv(fd, p, room, block ? 0 : MSG_DONTWAIT);
    if (k >= 0 || (errno != EINTR && errno != EAGAIN)) return k;
    if (stop != forever) sched_yield();
  }
}

void run_blocking(int fd, Driver& d, uint64_t spin_ns) {
  Out out;
  frames::RxBuf rx;
  d.start(out);
  while (!d.done()) {
    if (!out.empty()) flush(fd, out);
    if (d.produce(out)) continue;
    size_t room;
    char* p = rx.space(room);
    ssize_t k = receive(fd, p, room, spin_ns);
    if (k == 0) return;
    check(k > 0, "recv");
    rx.commit(size_t(k), [&](const Frame& f) { d.on_frame(f, out); });
  }
}

void run_epoll(int fd, Driver& d) {
  net::set_nonblocking(fd);
  int ep = epoll_create1(EPOLL_CLOEXEC);
  epoll_event ev{};
  ev.events = EPOLLIN;
  ev.data.fd = fd;
  check(ep >= 0 && epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0, "epoll");
  Out out;
  frames::RxBuf rx;
  bool armed = false;
  d.start(out);
  while (!d.done()) {
    bool blocked = false;
    for (;;) {
      if (out.empty() && !d.produce(out)) break;
      if (!flush(fd, out)) {
        blocked = true;
        break;
      }
    }
    if (blocked != armed) {
      ev.events = blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
      check(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &ev) == 0, "epoll_ctl");
      armed = blocked;
    }
    epoll_event got[16];
    int n = epoll_wait(ep, got, 16, -1);
    if (n < 0 && errno == EINTR) continue;
    check(n >= 0, "epoll_wait");
    for (int i = 0; i < n; ++i) {
      if (!(got[i].events & (EPOLLIN | EPOLLHUP))) continue;
      size_t room;
      char* p = rx.space(room);
      ssize_t k = read(fd, p, room);
      if (k == 0) {
        close(ep);
        return;
      }
      if (k < 0 && errno == EAGAIN) continue;
      check(k > 0, "read");
      rx.commit(size_t(k), [&](const Frame& f) { d.on_frame(f, out); });
    }
  }
  close(ep);
}

// ---- bare: no frames -------------------------------------------------------

void bare_pingpong_server(int fd, uint64_t think_ns) {
  int64_t x;
  for (;;) {
    ssize_t k = read(fd, &x, sizeof x);
    if (k == 0) return;
    check(k == sizeof x, "read");
    ++x;
    if (think_ns > 0)
      for (uint64_t stop = bench::now_ns() + think_ns; bench::now_ns() < stop;) {
      }
    check(write(fd, &x, sizeof x) == sizeof x, "write");
  }
}

void bare_pingpong_client(int fd, const Args& a) {
  bench::Meter m(a);
  m.start();
  for (int64_t i = 0;; ++i) {
    int64_t x = i;
    uint64_t t0 = bench::now_ns();
    check(write(fd, &x, sizeof x) == sizeof x, "write");
    check(read(fd, &x, sizeof x) == sizeof x && x == i + 1, "read");
    uint64_t t1 = bench::now_ns();
    m.record(t0, t1);
    if (!m.running(t1)) break;
  }
  m.print();
}

// The receiver reads all up to an 8-byte total that the sender announces by
// shutting down its side; then it answers with the total.
void bare_sink_server(int fd) {
  std::vector<char> buf(1 << 20);
  uint64_t total = 0;
  for (;;) {
    ssize_t k = read(fd, buf.data(), buf.size());
    check(k >= 0, "read");
    if (k == 0) break;
    total += uint64_t(k);
  }
  net::write_all(fd, &total, sizeof total);
}

void bare_sink_client(const Args& a) {
  std::vector<char> payload(a.size(), 'x');
  bench::measure_oneway(a, [&](double seconds, uint64_t& messages, uint64_t& bytes) {
    int fd = net::connect_to(a.addr());
    uint64_t stop = bench::now_ns() + uint64_t(seconds * 1e9);
    unsigned stride = bench::clock_stride(a.size());
    do {
      for (unsigned i = 0; i < stride; ++i, ++messages) net::write_all(fd, payload.data(), payload.size());
    } while (bench::now_ns() < stop);
    shutdown(fd, SHUT_WR);
    net::read_all(fd, &bytes, sizeof bytes);
    check(bytes == messages * payload.size(), "totals differ");
    close(fd);
  });
}

// ---- shared memory ---------------------------------------------------------

struct Cell {
  alignas(64) std::atomic<uint32_t> seq;
  int64_t value;
};
struct Shared {
  Cell request, reply;
};

void futex(std::atomic<uint32_t>& word, int op, uint32_t v) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), op, v, nullptr, nullptr, 0);
}

void post(Cell& c, int64_t v, bool spin) {
  c.value = v;
  c.seq.fetch_add(1, std::memory_order_release);
  if (!spin) futex(c.seq, FUTEX_WAKE, 1);
}

int64_t await(Cell& c, uint32_t seen, bool spin) {
  while (c.seq.load(std::memory_order_acquire) == seen) {
    if (spin)
      __builtin_ia32_pause();
    else
      futex(c.seq, FUTEX_WAIT, seen);
  }
  return c.value;
}

void shm_pingpong(const Args& a, bool spin) {
  void* p = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  check(p != MAP_FAILED, "mmap");
  auto* s = new (p) Shared{};
  pid_t pid = fork();
  if (pid == 0) {
    bench::pin_to(int(a.num("peer-cpu", -1)));
    for (uint32_t i = 0;; ++i) {
      int64_t x = await(s->request, i, spin);
      if (x < 0) std::_Exit(0);
      post(s->reply, x + 1, spin);
    }
  }
  bench::Meter m(a);
  m.start();
  for (uint32_t i = 0;; ++i) {
    uint64_t t0 = bench::now_ns();
    post(s->request, int64_t(i), spin);
    int64_t y = await(s->reply, i, spin);
    uint64_t t1 = bench::now_ns();
    check(y == int64_t(i) + 1, "bad reply");
    m.record(t0, t1);
    if (!m.running(t1)) break;
  }
  post(s->request, -1, spin);
  waitpid(pid, nullptr, 0);
  m.print();
}

// ---- the machine itself ----------------------------------------------------

// Its speed drifts; these three figures tell whether two runs may be compared.
void calibrate() {
  auto best = [](int rounds, auto&& f) {
    uint64_t least = ~uint64_t(0);
    for (int i = 0; i < rounds; ++i) {
      uint64_t t0 = bench::now_ns();
      f();
      least = std::min(least, bench::now_ns() - t0);
    }
    return double(least);
  };
  double syscall_ns = best(20,
                           [] {
                             for (int i = 0; i < 10000; ++i) syscall(SYS_getppid);
                           }) /
                      10000;
  volatile uint64_t sink = 0;
  double loop_ns = best(20,
                        [&] {
                          uint64_t x = 1;
                          for (int i = 0; i < 1000000; ++i) x = x * 6364136223846793005u + 1442695040888963407u;
                          sink = x;
                        }) /
                   1000000;
  std::vector<char> from(16 << 20, 'x'), to(16 << 20);
  double copy_ns = best(20, [&] { std::memcpy(to.data(), from.data(), to.size()); });
  std::printf("{\"syscall_ns\":%.1f,\"loop_ns\":%.4f,\"memcpy_mb_s\":%.0f}\n", syscall_ns, loop_ns,
              double(to.size()) / copy_ns * 1e3);
}

// ---------------------------------------------------------------------------

uint64_t spin_time(const Args& a) {
  std::string io = a.str("io", "blocking");
  return io == "spin" ? forever : io == "hybrid" ? uint64_t(a.num("spin-us", 50) * 1e3) : 0;
}

void serve(int fd, const Args& a) {
  std::string io = a.str("io", "blocking");
  if (io == "bare") {
    if (a.work() == "stream")
      bare_sink_server(fd);
    else
      bare_pingpong_server(fd, uint64_t(a.num("think-us", 0) * 1e3));
    return;
  }
  frames::Server s;
  if (io == "epoll")
    run_epoll(fd, s);
  else
    run_blocking(fd, s, spin_time(a));
}

void request(int fd, const Args& a) {
  std::string io = a.str("io", "blocking");
  if (io == "bare") return bare_pingpong_client(fd, a);
  auto d = frames::make_client(a);
  if (io == "epoll")
    run_epoll(fd, *d);
  else
    run_blocking(fd, *d, spin_time(a));
  d->print();
}

}  // namespace

int main(int argc, char** argv) {
  Args a(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  std::string io = a.str("io", "blocking");
  if (a.server()) {
    int l = net::listen_on(a.addr());
    bench::ready();
    for (;;) {
      int fd = net::accept_on(l, a.addr());
      serve(fd, a);
      close(fd);
    }
  }
  if (a.work() == "calib") {
    calibrate();
  } else if (io == "shm-spin" || io == "shm-futex") {
    shm_pingpong(a, io == "shm-spin");
  } else if (a.addr() == "pair") {
    int sv[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0, "socketpair");
    pid_t pid = fork();
    if (pid == 0) {
      close(sv[0]);
      bench::pin_to(int(a.num("peer-cpu", -1)));
      serve(sv[1], a);
      std::_Exit(0);
    }
    close(sv[1]);
    request(sv[0], a);
    close(sv[0]);
    waitpid(pid, nullptr, 0);
  } else if (io == "bare" && a.work() == "stream") {
    bare_sink_client(a);
  } else {
    int fd = net::connect_to(a.addr());
    request(fd, a);
    close(fd);
  }
}
