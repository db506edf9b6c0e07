#include "registry/follower.hpp"

#include <algorithm>

namespace tractor::core {

std::optional<Follower::News> Follower::next() {
  // Who left before it began was never told, so that nothing is missed when that is forgotten.
  if (table_.forgotten() > std::max(seen_, first_)) {
    seen_ = 0;
    first_ = table_.last();
    synced_ = false;
    return News{News::What::reset};
  }
  for (auto record = table_.journal().upper_bound(seen_);; ++record) {
    const bool more = record != table_.journal().end();
    if (!synced_ && (!more || record->first > first_)) {
      synced_ = true;
      return News{News::What::synced};
    }
    if (!more) return std::nullopt;
    const Table::Entry& entry = record->second;
    const bool wanted = wants(entry);
    seen_ = record->first;
    if (wanted) return News{entry.gone() ? News::What::leave : News::What::join, &entry};
  }
}

bool Follower::wants(const Table::Entry& entry) const {
  if (!name_.empty() && entry.who.name != name_) return false;
  // Nobody has to be told that somebody left of whom it never heard.
  return !entry.gone() || entry.joined <= seen_;
}

}  // namespace tractor::core
