#include "registry/watcher.hpp"

#include <algorithm>

#include "rpc/args.hpp"

namespace tractor::core {

namespace {

void pack_event(OutBuffer& out, const char* event, const Table::Entry* entry) {
  wire::Packer pack(out);
  pack.map(!entry ? 1 : entry->gone() ? 2 : 3);
  pack.str("event");
  pack.str(event);
  if (!entry) return;
  pack.str("uid");
  pack_uid(pack, entry->who);
  if (entry->gone()) return;
  pack.str("addrs");
  pack_addresses(pack, entry->addrs);
}

}  // namespace

Watcher::Watcher(TaskContext& ctx, const Table& table, std::string name, Pipe& pipe)
    : Guest(ctx), table_(table), name_(std::move(name)), pipe_(pipe), first_(table.last()) {}

bool Watcher::wants(const Table::Entry& entry) const {
  if (!name_.empty() && entry.who.name != name_) return false;
  // Nobody has to be told that somebody left of whom it never heard.
  return !entry.gone() || entry.joined <= seen_;
}

void Watcher::catch_up() {
  while (linked() && !blocked_) {
    OutBuffer out;
    if (seen_ > 0 && std::max(seen_, first_) < table_.forgotten()) {
      // What it has missed is forgotten: it is told all again.
      pack_event(out, "reset", nullptr);
      seen_ = 0;
      first_ = table_.last();
      synced_ = false;
    } else {
      auto next = table_.journal().upper_bound(seen_);
      const bool more = next != table_.journal().end();
      if (!synced_ && (!more || next->first > first_)) {
        synced_ = true;
        pack_event(out, "synced", nullptr);
      } else if (!more) {
        return;
      } else {
        if (wants(next->second)) pack_event(out, next->second.gone() ? "leave" : "join", &next->second);
        seen_ = next->first;
      }
    }
    if (!out.view().empty()) send(out.view());
  }
}

void Watcher::send(Bytes message) {
  Status sent = pipe_.send(message);
  if (sent == Status::ok) return;
  if (sent != Status::again) return leave();
  blocked_ = true;
  pipe_.send_later(
      ctx(), message, nullptr, {},
      [](const tractor_error* err, void* user) {
        auto& watcher = *static_cast<Watcher*>(user);
        watcher.blocked_ = false;
        if (!err) watcher.catch_up();
      },
      this);
}

}  // namespace tractor::core
