// Somebody who follows the journal of the table at his own pace.
#pragma once

#include <optional>
#include <string>

#include "registry/table.hpp"

namespace tractor::core {

class Follower {
 public:
  struct News {
    enum class What : uint8_t {
      join,    ///< an entry is there, or its addresses have changed
      leave,   ///< it is not any more
      synced,  ///< all who were there when this began, or began anew, have been told
      reset  ///< all who are there will be told again: what was missed is forgotten. Who is not told by `synced` has left
    } what;
    const Table::Entry* entry = nullptr;  ///< of a join or leave
  };

  /// `name`: whom; empty: everybody.
  Follower(const Table& table, std::string name) : table_(table), name_(std::move(name)), first_(table.last()) {}
  /// What it has not been told yet; nothing: it has caught up.
  std::optional<News> next();

 private:
  bool wants(const Table::Entry& entry) const;
  const Table& table_;
  std::string name_;
  uint64_t seen_ = 0;
  uint64_t first_;  ///< the record with which what was there when it began ends
  bool synced_ = false;
};

}  // namespace tractor::core
