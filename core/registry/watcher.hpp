// Tells one peer who comes and goes, at the peer's own pace.
#pragma once

#include <string>

#include "registry/guest.hpp"
#include "registry/follower.hpp"

namespace tractor::core {

class Watcher final : public Guest {
 public:
  /// `name`: whom; empty: everybody. It is behind until it is told to catch up.
  Watcher(TaskContext& ctx, const Table& table, std::string name, Pipe& pipe)
      : Guest(ctx), follower_(table, std::move(name)), pipe_(pipe) {}
  /// Sends what it has not sent yet, as far as the peer takes it. Without memory for that it fails, and nobody else.
  void catch_up() noexcept;

 private:
  void send(Bytes message);
  Follower follower_;
  Pipe& pipe_;
  bool blocked_ = false;
};

}  // namespace tractor::core
