#include "registry/table.hpp"

#include <algorithm>
#include <new>

namespace tractor::core {

Table::Entry& Table::add(const ActorId& who, const Address& addr) {
  Entry* entry = by_uuid(who.uuid);
  if (entry && std::find(entry->addrs.begin(), entry->addrs.end(), addr) != entry->addrs.end()) return *entry;
  if (entry) {
    entry->addrs.reserve(entry->addrs.size() + 1);
    by_address_.emplace(addr, entry);
    entry->addrs.push_back(addr);
    move_to_end(*entry);
    return *entry;
  }
  auto at =
      journal_.emplace(last_ + 1, Entry{.who = who, .addrs = {addr}, .number = last_ + 1, .joined = last_ + 1}).first;
  entry = &at->second;
  try {
    by_uuid_.emplace(entry->who.uuid, entry);
    by_address_.emplace(addr, entry);
    auto named = by_name_.find(who.name);
    if (named == by_name_.end()) named = by_name_.emplace(who.name, std::vector<Entry*>()).first;
    named->second.push_back(entry);
  } catch (const std::bad_alloc&) {
    take_out_of_indexes(*entry);
    journal_.erase(at);
    throw;
  }
  ++last_;
  return *entry;
}

void Table::remove(Entry& entry) noexcept {
  take_out_of_indexes(entry);
  entry.addrs.clear();
  auto record = move_to_end(entry);
  if (!remembers_) return forget(record->first);
  try {
    gone_.insert(record->first);
  } catch (const std::bad_alloc&) {
    return forget(record->first);
  }
  if (gone_.size() > kGoneKept) forget(*gone_.begin());
}

void Table::remove(Entry& entry, const Address& addr) noexcept {
  if (entry.addrs.size() == 1 && entry.addrs.front() == addr) return remove(entry);
  by_address_.erase(addr);
  std::erase(entry.addrs, addr);
  move_to_end(entry);
}

void Table::set_lease(Entry& entry, PeerLink* lease) {
  if (entry.lease == lease) return;
  if (lease) by_lease_.emplace(lease, &entry);
  if (entry.lease) {
    auto [begin, end] = by_lease_.equal_range(entry.lease);
    by_lease_.erase(std::find_if(begin, end, [&](const auto& pair) { return pair.second == &entry; }));
  }
  entry.lease = lease;
}

Table::Entry* Table::by_uuid(std::string_view uuid) const {
  auto it = by_uuid_.find(uuid);
  return it == by_uuid_.end() ? nullptr : it->second;
}

Table::Entry* Table::by_address(const Address& addr) const {
  auto it = by_address_.find(addr);
  return it == by_address_.end() ? nullptr : it->second;
}

const std::vector<Table::Entry*>& Table::by_name(std::string_view name) const {
  static const std::vector<Entry*> nobody;
  auto it = by_name_.find(name);
  return it == by_name_.end() ? nobody : it->second;
}

Table::Entry* Table::leased(const PeerLink& link) const {
  auto it = by_lease_.find(&link);
  return it == by_lease_.end() ? nullptr : it->second;
}

void Table::remember_gone(bool remember) noexcept {
  remembers_ = remember;
  if (!remember)
    while (!gone_.empty()) forget(*gone_.begin());
}

/// Moves the node as it is, so that the entry stays where it lies and no memory is needed.
Table::Journal::iterator Table::move_to_end(Entry& entry) noexcept {
  auto node = journal_.extract(entry.number);
  entry.number = node.key() = ++last_;
  return journal_.insert(journal_.end(), std::move(node));
}

void Table::take_out_of_indexes(Entry& entry) noexcept {
  if (entry.lease) set_lease(entry, nullptr);
  for (const Address& addr : entry.addrs)
    if (auto it = by_address_.find(addr); it != by_address_.end() && it->second == &entry) by_address_.erase(it);
  if (auto it = by_uuid_.find(entry.who.uuid); it != by_uuid_.end() && it->second == &entry) by_uuid_.erase(it);
  if (auto it = by_name_.find(entry.who.name); it != by_name_.end()) {
    std::erase(it->second, &entry);
    if (it->second.empty()) by_name_.erase(it);
  }
}

void Table::forget(uint64_t number) noexcept {
  gone_.erase(number);
  journal_.erase(number);
  forgotten_ = std::max(forgotten_, number);
}

}  // namespace tractor::core
