// Who listens where: found by name, by uuid and by address, and told in the order in which things changed.
//
// The records are a journal. An entry is one record, which moves to the end when the entry changes; who has left is one
// more, for as long as somebody may have to be told. So a follower that remembers the number of the last record it has seen
// misses nothing, however slow it is, and needs no queue of its own.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "ipc/address.hpp"

namespace tractor::core {

class PeerLink;

class Table {
 public:
  struct Entry {
    ActorId who;
    std::vector<Address> addrs;  ///< empty: it has left
    uint64_t number = 0;         ///< of the record
    uint64_t joined = 0;         ///< number of its first one
    PeerLink* lease = nullptr;   ///< it lives as long as this connection; null: until somebody finds out
    bool own = false;            ///< the registrar's
    bool gone() const { return addrs.empty(); }
  };
  using Journal = std::map<uint64_t, Entry>;
  /// How many of the gone are remembered.
  static constexpr size_t kGoneKept = 1024;

  Table() = default;
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// Adds an address that belongs to nobody else; one that is there already changes nothing.
  Entry& add(const ActorId& who, const Address& addr);
  void remove(Entry& entry) noexcept;
  /// Who has no address left has left.
  void remove(Entry& entry, const Address& addr) noexcept;
  void set_lease(Entry& entry, PeerLink* lease);

  Entry* by_uuid(std::string_view uuid) const;
  Entry* by_address(const Address& addr) const;
  /// Those of that name, in the order in which they registered.
  const std::vector<Entry*>& by_name(std::string_view name) const;
  /// One that lives as long as `link`, if there is one.
  Entry* leased(const PeerLink& link) const;
  size_t size() const { return by_uuid_.size(); }

  const Journal& journal() const { return journal_; }
  uint64_t last() const { return last_; }
  /// Whoever has seen no more than that may have missed that somebody left.
  uint64_t forgotten() const { return forgotten_; }
  /// While somebody reads the journal.
  void remember_gone(bool remember) noexcept;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct AddressHash {
    size_t operator()(const Address& a) const {
      return Hash{}(a.host) * 31 + Hash{}(a.file) * 7 + a.port + static_cast<size_t>(a.kind);
    }
  };
  Journal::iterator move_to_end(Entry& entry) noexcept;
  void take_out_of_indexes(Entry& entry) noexcept;
  void forget(uint64_t number) noexcept;

  Journal journal_;
  std::unordered_map<std::string_view, Entry*> by_uuid_;  // keys and values lie in the journal
  std::unordered_map<std::string, std::vector<Entry*>, Hash, std::equal_to<>> by_name_;
  std::unordered_map<Address, Entry*, AddressHash> by_address_;
  std::unordered_multimap<const PeerLink*, Entry*> by_lease_;
  std::set<uint64_t> gone_;
  uint64_t last_ = 0, forgotten_ = 0;
  bool remembers_ = false;
};

}  // namespace tractor::core
