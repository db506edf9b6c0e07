#include "ipc/peer_process.hpp"

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tractor::core {

namespace {

struct Query {
  nlmsghdr head;
  inet_diag_req_v2 request;
};

/// As sock_diag names an end of a connection; the family, or AF_UNSPEC.
int fill_end(const Address& at, __be16& port, __be32 (&host)[4]) {
  sockaddr_storage name = {};
  if (!at.to_sockaddr(name)) return AF_UNSPEC;
  if (name.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &name, sizeof in);
    port = in.sin_port;
    std::memcpy(host, &in.sin_addr, sizeof in.sin_addr);
  } else if (name.ss_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, &name, sizeof in);
    port = in.sin6_port;
    std::memcpy(host, &in.sin6_addr, sizeof in.sin6_addr);
  }
  return name.ss_family;
}

uint64_t ask_kernel(const Query& query) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) return 0;
  struct {
    nlmsghdr head;
    inet_diag_msg socket;
    char attributes[1024];
  } answer = {};
  // The kernel answers inside the call that asks.
  ssize_t n = send(fd, &query, sizeof query, MSG_NOSIGNAL) < 0
                  ? -1
                  : recv(fd, &answer, sizeof answer, MSG_DONTWAIT | MSG_TRUNC);
  close(fd);
  constexpr size_t kNeeded = offsetof(decltype(answer), attributes);
  if (n < 0 || static_cast<size_t>(n) < kNeeded || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY) return 0;
  return answer.socket.idiag_inode;
}

}  // namespace

uint64_t peer_socket(const Transport& transport) {
  if (transport.peer().kind != TransportKind::tcp) return 0;
  Query query = {};
  query.head.nlmsg_len = sizeof query;
  query.head.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  query.head.nlmsg_flags = NLM_F_REQUEST;
  inet_diag_sockid& id = query.request.id;
  // Seen from over there.
  int family = fill_end(transport.peer(), id.idiag_sport, id.idiag_src);
  if (family == AF_UNSPEC || fill_end(transport.local(), id.idiag_dport, id.idiag_dst) != family) return 0;
  id.idiag_cookie[0] = id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  query.request.sdiag_family = static_cast<__u8>(family);
  query.request.sdiag_protocol = IPPROTO_TCP;
  query.request.idiag_states = ~0U;
  return ask_kernel(query);
}

bool holds_socket(int64_t pid, uint64_t inode) {
  char folder[64];
  std::snprintf(folder, sizeof folder, "/proc/%lld/fd", static_cast<long long>(pid));
  DIR* fds = opendir(folder);
  if (!fds) return false;
  bool found = false;
  while (dirent* entry = found ? nullptr : readdir(fds)) {
    struct stat st {};
    found = fstatat(dirfd(fds), entry->d_name, &st, 0) == 0 && S_ISSOCK(st.st_mode) && st.st_ino == inode;
  }
  closedir(fds);
  return found;
}

}  // namespace tractor::core
