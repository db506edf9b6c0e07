// Tells one peer who comes and goes, at the peer's own pace: it reads the journal of the table and remembers how far it got.
#pragma once

#include <string>

#include "registry/guest.hpp"
#include "registry/table.hpp"

namespace tractor::core {

class Watcher final : public Guest {
 public:
  /// `name`: whom; empty: everybody. It is behind until it is told to catch up.
  Watcher(TaskContext& ctx, const Table& table, std::string name, Pipe& pipe);
  /// Sends what it has not sent yet, as far as the peer takes it.
  void catch_up();

 private:
  bool wants(const Table::Entry& entry) const;
  void send(Bytes message);
  const Table& table_;
  std::string name_;
  Pipe& pipe_;
  uint64_t seen_ = 0;
  uint64_t first_;  ///< the last record when it began; who had left by then is no news
  bool synced_ = false, blocked_ = false;
};

}  // namespace tractor::core
