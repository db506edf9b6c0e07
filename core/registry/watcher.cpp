#include "registry/watcher.hpp"

#include <new>

#include "rpc/args.hpp"

namespace tractor::core {

namespace {

using What = Follower::News::What;

void pack_news(OutBuffer& out, const Follower::News& news) {
  constexpr const char* kEvents[] = {"join", "leave", "synced", "reset"};
  wire::Packer pack(out);
  pack.map(news.what == What::join ? 3 : news.what == What::leave ? 2 : 1);
  pack.str("event");
  pack.str(kEvents[static_cast<size_t>(news.what)]);
  if (!news.entry) return;
  pack.str("uid");
  pack_uid(pack, news.entry->who);
  if (news.what == What::leave) return;
  pack.str("addrs");
  pack_addresses(pack, news.entry->addrs);
}

}  // namespace

void Watcher::catch_up() noexcept {
  try {
    while (linked() && !blocked_) {
      auto news = follower_.next();
      if (!news) return;
      OutBuffer out;
      pack_news(out, *news);
      send(out.view());
    }
  } catch (const std::bad_alloc&) {
    // What it has not been told it would never be told.
    ctx().fail(Error::out_of_memory());
    leave();
  }
}

void Watcher::send(Bytes message) {
  Status sent = pipe_.send(message);
  if (sent == Status::ok) return;
  if (sent != Status::again && sent != Status::invalid) return leave();
  blocked_ = true;
  OpToken token = pipe_.send_later(
      ctx(), message, nullptr, {},
      [](const tractor_error* err, void* user) {
        auto& watcher = *static_cast<Watcher*>(user);
        watcher.blocked_ = false;
        if (!err) return watcher.catch_up();
        // It would be a gap in what the peer is told.
        watcher.ctx().fail(ErrorRef(from_c(err)));
        watcher.leave();
      },
      this);
  if (token < 0) throw std::bad_alloc();
}

}  // namespace tractor::core
