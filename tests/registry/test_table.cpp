// The table and those who read its journal, against a model that has neither indexes nor a journal.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
}

#include "registry/follower.hpp"
#include "registry/table.hpp"

using namespace tractor::core;

namespace {

using What = Follower::News::What;

ActorId actor(const std::string& name, int number) { return {name, name + "-" + std::to_string(number), 0}; }
Address at(int port) { return Address::tcp("127.0.0.1", static_cast<uint16_t>(port)); }

/// What the peer at the other end of a watch knows; see RegistryWatch, which does the same.
struct Audience {
  Audience(const Table& table, const std::string& n) : reader(table, n), name(n) {}
  Follower reader;
  std::string name;
  std::map<std::string, std::vector<Address>> known;
  std::set<std::string> untold;
  bool synced = false;
  size_t resets = 0;

  bool take() {
    auto news = reader.next();
    if (!news) return false;
    switch (news->what) {
      case What::join:
        assert_true(name.empty() || news->entry->who.name == name);
        assert_false(news->entry->addrs.empty());
        known[news->entry->who.uuid] = news->entry->addrs;
        untold.erase(news->entry->who.uuid);
        break;
      case What::leave: known.erase(news->entry->who.uuid); break;
      case What::synced:
        assert_false(synced);
        for (const std::string& uuid : untold) known.erase(uuid);
        untold.clear();
        synced = true;
        break;
      case What::reset:
        ++resets;
        for (const auto& [uuid, addrs] : known) untold.insert(uuid);
        synced = false;
        break;
    }
    return true;
  }
};

/// The table as one would write it down.
struct Model {
  struct Entry {
    ActorId who;
    std::vector<Address> addrs;
    const PeerLink* lease = nullptr;
  };
  std::vector<Entry> entries;  // in the order in which they registered

  Entry* by_uuid(const std::string& uuid) {
    for (Entry& e : entries)
      if (e.who.uuid == uuid) return &e;
    return nullptr;
  }
  Entry* by_address(const Address& addr) {
    for (Entry& e : entries)
      if (std::find(e.addrs.begin(), e.addrs.end(), addr) != e.addrs.end()) return &e;
    return nullptr;
  }
  void remove(const std::string& uuid) {
    std::erase_if(entries, [&](const Entry& e) { return e.who.uuid == uuid; });
  }
};

constexpr int kActors = 40, kPorts = 60, kLinks = 5;
constexpr const char* kNames[] = {"a", "b", "c"};

struct World {
  explicit World(uint64_t seed) : random(seed) {}
  int pick(int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }
  PeerLink* link(int i) { return reinterpret_cast<PeerLink*>(places + i); }  // only ever compared

  std::mt19937_64 random;
  Table table;
  Model model;
  char places[kLinks] = {};
  std::vector<std::unique_ptr<Audience>> audience;

  void add() {
    ActorId who = actor(kNames[pick(3)], pick(kActors));
    Address addr = at(1 + pick(kPorts));
    if (Model::Entry* owner = model.by_address(addr); owner && owner->who.uuid != who.uuid) return;
    Table::Entry& entry = table.add(who, addr);
    if (!model.by_uuid(who.uuid)) model.entries.push_back({who, {}});
    Model::Entry& m = *model.by_uuid(who.uuid);
    if (std::find(m.addrs.begin(), m.addrs.end(), addr) == m.addrs.end()) m.addrs.push_back(addr);
    if (pick(2)) table.set_lease(entry, const_cast<PeerLink*>(m.lease = link(pick(kLinks))));
  }
  void remove_address() {
    Address addr = at(1 + pick(kPorts));
    Table::Entry* entry = table.by_address(addr);
    Model::Entry* m = model.by_address(addr);
    assert_true((entry != nullptr) == (m != nullptr));
    if (!entry) return;
    table.remove(*entry, addr);
    std::erase(m->addrs, addr);
    if (m->addrs.empty()) model.remove(std::string(m->who.uuid));
  }
  void remove_actor() {
    if (model.entries.empty()) return;
    std::string uuid = model.entries[static_cast<size_t>(pick(static_cast<int>(model.entries.size())))].who.uuid;
    table.remove(*table.by_uuid(uuid));
    model.remove(uuid);
  }
  void lose_link() {
    PeerLink* lost = link(pick(kLinks));
    while (Table::Entry* entry = table.leased(*lost)) table.remove(*entry);
    std::erase_if(model.entries, [&](const Model::Entry& e) { return e.lease == lost; });
  }
  /// As the registrar does it before it removes one.
  void readers_come_and_go() {
    if (pick(2) && !audience.empty()) audience.erase(audience.begin() + pick(static_cast<int>(audience.size())));
    if (pick(2) && audience.size() < 6)
      audience.push_back(std::make_unique<Audience>(table, pick(2) ? "" : kNames[pick(3)]));
    table.remember_gone(!audience.empty());
  }
  void step() {
    switch (pick(12)) {
      case 0: return readers_come_and_go();
      case 1: return lose_link();
      case 2: return remove_actor();
      case 3:
      case 4: return remove_address();
      default: return add();
    }
  }
  void read_some() {
    for (auto& a : audience)
      for (int n = pick(4) ? 0 : pick(20); n > 0 && a->take(); --n) {
      }
  }
  void check() {
    assert_int_equal(table.size(), model.entries.size());
    for (Model::Entry& m : model.entries) {
      Table::Entry* entry = table.by_uuid(m.who.uuid);
      assert_non_null(entry);
      assert_true(entry->addrs == m.addrs && entry->lease == m.lease && entry->who.name == m.who.name);
      for (const Address& addr : m.addrs) assert_ptr_equal(table.by_address(addr), entry);
    }
    for (const char* name : kNames) {
      std::vector<std::string> want, have;
      for (const Model::Entry& m : model.entries)
        if (m.who.name == name) want.push_back(m.who.uuid);
      for (const Table::Entry* e : table.by_name(name)) have.push_back(e->who.uuid);
      assert_true(want == have);
    }
    for (int port = 1; port <= kPorts; ++port) assert_true(!table.by_address(at(port)) == !model.by_address(at(port)));
  }
  void check_audience() {
    for (auto& a : audience) {
      // To catch up takes no more than what is there, and once all anew.
      size_t taken = 0, most = 2 * (table.journal().size() + 3);
      while (a->take()) assert_true(++taken <= most);
      assert_true(a->synced);
      std::map<std::string, std::vector<Address>> want;
      for (const Model::Entry& m : model.entries)
        if (a->name.empty() || m.who.name == a->name) want[m.who.uuid] = m.addrs;
      assert_true(a->known == want);
    }
  }
};

void test_random_life(void**) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    World w(seed);
    for (int i = 0; i < 1500; ++i) {
      w.step();
      w.read_some();
      if (i % 50 == 0) w.check();
      if (w.pick(100) == 0) w.check_audience();
    }
    w.check();
    w.check_audience();
  }
}

/// Those who left before it began it was never told of: that they are forgotten is no reason to begin anew.
void test_begins_after_leaves(void**) {
  Table table;
  table.add(actor("a", 0), at(1));
  table.remove(table.add(actor("a", 1), at(2)));
  Audience late(table, "");
  table.remember_gone(true);
  size_t taken = 0;
  while (late.take()) assert_true(++taken < 10);
  assert_true(late.synced);
  assert_int_equal(late.resets, 0);
  assert_int_equal(late.known.size(), 1);
}

/// More leave than are remembered while somebody does not listen.
void test_falls_behind(void**) {
  Table table;
  table.remember_gone(true);
  std::vector<Table::Entry*> there;
  constexpr int kMany = static_cast<int>(Table::kGoneKept) * 2;
  for (int i = 0; i < kMany; ++i) there.push_back(&table.add(actor("a", i), at(i + 1)));
  Audience quick(table, ""), slow(table, "");
  while (quick.take()) {
  }
  for (int i = 0; i < kMany / 2; ++i) slow.take();
  for (int i = 0; i < kMany - 10; ++i) {
    table.remove(*there[static_cast<size_t>(i)]);
    while (quick.take()) {
    }
  }
  assert_int_equal(quick.resets, 0);
  size_t taken = 0;
  while (slow.take()) assert_true(++taken < 2 * Table::kGoneKept);
  assert_int_equal(slow.resets, 1);
  assert_true(slow.synced && slow.known == quick.known && slow.known.size() == 10);
  assert_true(table.journal().size() <= Table::kGoneKept + 10);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(test_random_life),
      cmocka_unit_test(test_begins_after_leaves),
      cmocka_unit_test(test_falls_behind),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
