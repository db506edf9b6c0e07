#include "registry/inquiry.hpp"

#include <cerrno>

namespace tractor::core {

bool nobody_listens(const Failure& why) {
  return why.error == ECONNREFUSED || why.error == ENOENT || why.error == ENOTDIR;
}

Task<Found> inquire(LinkHost& host, Address addr, std::string uuid, Halt& halt) {
  constexpr int64_t kLimit = kSecond;
  bool reached = false;
  auto link = co_await connect(host, std::move(addr), Greeting::probe, kLimit, &halt, &reached);
  if (link) {
    const bool same = (*link)->peer().uuid == uuid;
    (*link)->close(Error::of(Status::closed, "the probe is answered"));
    co_return same ? Found::them : Found::others;
  }
  const Failure& why = link.failure();
  if (halt.why()) co_return Found::unreachable;
  if (reached) co_return why.type == std::string_view("TimeoutError") ? Found::silent : Found::nobody;
  co_return nobody_listens(why) ? Found::nobody : Found::unreachable;
}

}  // namespace tractor::core
