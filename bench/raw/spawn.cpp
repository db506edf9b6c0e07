// Raw process spawn: from the request to a worker process that has connected
// back over a Unix socket and answered a first call; and its teardown.
//
//   --how posix_spawn | vfork | fork | zygote    --worker PATH
//   --link connect (worker connects back) | pair (inherits a socketpair)
//   --batch N     workers at once (1: one after the other)   --count M rounds
//   --work spawn | memory | kill (SIGKILL to all --count, reaped by pidfd)
#include <poll.h>
#include <sys/syscall.h>

#include <fstream>
#include <iostream>

#include "common/net.hpp"

using bench::Args;
using bench::check;

namespace {

struct Worker {
  pid_t pid = -1;
  int fd = -1;
};

class Spawner {
 public:
  explicit Spawner(const Args& a)
      : how_(a.str("how", "posix_spawn")),
        exe_(a.str("worker", "./worker_tiny")),
        pair_(a.str("link", "connect") == "pair"),
        path_(a.addr().substr(5)) {
    listener_ = net::listen_on(a.addr());
    if (how_ == "zygote") start_zygote();
  }
  ~Spawner() {
    close(listener_);
    unlink(path_.c_str());
    if (zygote_ > 0) {
      close(zygote_fd_);
      waitpid(zygote_, nullptr, 0);
    }
  }

  // Starts a worker; with `connect`, its socket is got by accept() later.
  Worker start() {
    Worker w;
    if (how_ == "zygote") {
      char c = 1;
      net::write_all(zygote_fd_, &c, 1);
      return w;  // the pid comes with the hello
    }
    std::string where = path_;
    int sv[2] = {-1, -1};
    if (pair_) {
      check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0, "socketpair");
      where = "fd:3";
      w.fd = sv[0];
    }
    char* argv[] = {exe_.data(), where.data(), nullptr};
    if (how_ == "posix_spawn") {
      posix_spawn_file_actions_t fa;
      posix_spawn_file_actions_init(&fa);
      if (pair_) posix_spawn_file_actions_adddup2(&fa, sv[1], 3);
      check(posix_spawn(&w.pid, exe_.c_str(), &fa, nullptr, argv, environ) == 0, "posix_spawn");
      posix_spawn_file_actions_destroy(&fa);
    } else {
      w.pid = how_ == "vfork" ? vfork() : fork();
      check(w.pid >= 0, "fork");
      if (w.pid == 0) {
        if (pair_) dup2(sv[1], 3);
        execve(exe_.c_str(), argv, environ);
        _exit(127);
      }
    }
    if (pair_) close(sv[1]);
    return w;
  }

  void hello(Worker& w) {
    if (w.fd < 0) w.fd = net::accept_on(listener_, "unix:");
    int64_t pid;
    net::read_all(w.fd, &pid, sizeof pid);
    w.pid = pid_t(pid);
  }

  void stop(Worker& w) {
    close(w.fd);  // the worker ends on EOF
    if (how_ == "zygote") {
      int64_t gone;  // the zygote has reaped it
      net::read_all(zygote_fd_, &gone, sizeof gone);
    } else {
      int status;
      check(waitpid(w.pid, &status, 0) == w.pid && status == 0, "worker failed");
    }
  }

 private:
  // A process that forks a ready worker (no exec) for each byte it receives and
  // reports each one reaped.
  void start_zygote() {
    int sv[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0, "socketpair");
    zygote_ = fork();
    check(zygote_ >= 0, "fork");
    zygote_fd_ = sv[0];
    if (zygote_ > 0) {
      close(sv[1]);
      return;
    }
    close(sv[0]);
    close(listener_);
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    sigprocmask(SIG_BLOCK, &chld, nullptr);
    struct sigaction sa {};
    sa.sa_handler = [](int) {};
    sigaction(SIGCHLD, &sa, nullptr);
    sigset_t none;
    sigemptyset(&none);
    for (;;) {
      pollfd p{sv[1], POLLIN, 0};
      int n = ppoll(&p, 1, nullptr, &none);
      if (n < 0) {
        int status;
        pid_t pid;
        while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
          int64_t gone = pid;
          net::write_all(sv[1], &gone, sizeof gone);
        }
        continue;
      }
      char buf[64];
      ssize_t k = read(sv[1], buf, sizeof buf);
      if (k <= 0) std::_Exit(0);
      for (ssize_t i = 0; i < k; ++i) {
        if (fork() == 0) {
          close(sv[1]);
          forked_worker();
        }
      }
    }
  }
  [[noreturn]] void forked_worker() {
    int fd = net::connect_to("unix:" + path_);
    int64_t x = getpid();
    net::write_all(fd, &x, sizeof x);
    while (read(fd, &x, sizeof x) == sizeof x) {
      ++x;
      net::write_all(fd, &x, sizeof x);
    }
    std::_Exit(0);
  }

  std::string how_, exe_;
  bool pair_;
  std::string path_;
  int listener_ = -1, zygote_fd_ = -1;
  pid_t zygote_ = -1;
};

void first_call(const Worker& w) {
  int64_t x = 41;
  net::write_all(w.fd, &x, sizeof x);
  net::read_all(w.fd, &x, sizeof x);
  check(x == 42, "bad reply");
}

long pss_kb(pid_t pid) {
  std::ifstream f("/proc/" + std::to_string(pid) + "/smaps_rollup");
  std::string word;
  long v;
  while (f >> word)
    if (word == "Pss:" && f >> v) return v;
  bench::die("no Pss of the worker");
}

/// From the first signal until the last one is reaped.
uint64_t kill_all(const std::vector<Worker>& ws) {
  std::vector<pollfd> pidfds;
  for (const Worker& w : ws) {
    pidfds.push_back({int(syscall(SYS_pidfd_open, w.pid, 0)), POLLIN, 0});
    check(pidfds.back().fd >= 0, "pidfd_open");
  }
  uint64_t t0 = bench::now_ns();
  for (pollfd& p : pidfds) syscall(SYS_pidfd_send_signal, p.fd, SIGKILL, nullptr, 0);
  for (size_t left = pidfds.size(); left > 0;) {
    check(poll(pidfds.data(), pidfds.size(), -1) > 0, "poll");
    for (pollfd& p : pidfds) {
      if (!(p.revents & POLLIN)) continue;
      siginfo_t info;
      check(waitid(idtype_t(P_PIDFD), id_t(p.fd), &info, WEXITED) == 0, "waitid");
      close(p.fd);
      p.fd = -1;
      --left;
    }
  }
  return bench::now_ns() - t0;
}

}  // namespace

int main(int argc, char** argv) {
  Args a(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  Spawner s(a);
  if (a.work() == "memory") {
    std::vector<Worker> ws;
    std::vector<uint64_t> pss;
    for (int i = 0; i < int(a.num("count", 16)); ++i) {
      ws.push_back(s.start());
      s.hello(ws.back());
      first_call(ws.back());
    }
    usleep(200000);
    for (auto& w : ws) pss.push_back(uint64_t(pss_kb(w.pid)));
    std::printf("{\"n\":%zu,\"pss_kb\":%.0f}\n", pss.size(), bench::percentile(pss, .5));
    for (auto& w : ws) s.stop(w);
    return 0;
  }
  if (a.work() == "kill") {
    std::vector<Worker> ws;
    for (int i = 0; i < int(a.num("count", 200)); ++i) {
      ws.push_back(s.start());
      s.hello(ws.back());
      first_call(ws.back());
    }
    usleep(200000);
    std::printf("{\"n\":%zu,\"p50_us\":%.1f}\n", ws.size(), double(kill_all(ws)) / 1e3);
    return 0;
  }
  int batch = int(a.num("batch", 1)), count = int(a.num("count", 200)), warm = batch > 1 ? 1 : 5;
  std::vector<uint64_t> up, down;
  for (int i = 0; i < count + warm; ++i) {
    std::vector<Worker> ws;
    uint64_t t0 = bench::now_ns();
    for (int k = 0; k < batch; ++k) ws.push_back(s.start());
    for (auto& w : ws) s.hello(w);
    for (auto& w : ws) first_call(w);
    uint64_t t1 = bench::now_ns();
    if (batch > 1)
      for (auto& w : ws) shutdown(w.fd, SHUT_RDWR);  // all at once, then reap
    for (auto& w : ws) s.stop(w);
    uint64_t t2 = bench::now_ns();
    if (i < warm) continue;
    up.push_back(t1 - t0);
    down.push_back(t2 - t1);
  }
  std::printf("{\"n\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"min_us\":%.1f,\"down_p50_us\":%.1f,\"down_p99_us\":%.1f}\n",
              up.size(), bench::percentile(up, .5) / 1e3, bench::percentile(up, .99) / 1e3,
              bench::percentile(up, 0) / 1e3, bench::percentile(down, .5) / 1e3, bench::percentile(down, .99) / 1e3);
}
