#include "schedule.hpp"

#include <algorithm>

#include "base/ids.hpp"
#include "base/log.hpp"
#include "crew.hpp"
#include "wire/scratch.hpp"

#include <tractor/value.h>

namespace sim {

namespace {

constexpr uint64_t kMostSteps = 100'000;
constexpr int64_t kLongest = 3600 * kSecond;

struct Fault {
  enum Kind : uint8_t { kill, exit, stop, terminate, cut, refuse, lose, launch, cancel, kKinds } kind;
  uint64_t at;
};

const char* name_of(Fault::Kind kind) {
  static const char* const kNames[] = {"kill",   "exit", "stop",   "terminate", "cut",
                                       "refuse", "lose", "launch", "cancel"};
  return kNames[kind];
}

/// Anything but the root, which would take all along.
SimProcess* victim(World& world) {
  std::vector<SimProcess*> found;
  for (auto& p : world.processes())
    if (p->depth > 0 && p->alive()) found.push_back(p.get());
  return found.empty() ? nullptr : found[world.dice.below(found.size())];
}

/// False: there was nobody to do it to, so it comes later.
bool strike(World& world, Work& work, Fault::Kind kind) {
  Dice& dice = world.dice;
  world.journal.event(name_of(kind));
  switch (kind) {
    case Fault::refuse: world.refuse_dials = 1; return true;
    case Fault::lose: world.lose_dials = 1; return true;
    case Fault::launch: world.fail_launches = 1; return true;
    case Fault::cancel: work.cancel_root(); return true;
    case Fault::cut: {
      auto sockets = world.open_sockets();
      if (sockets.empty()) return false;
      Socket& s = *sockets[dice.below(sockets.size())];
      auto how = static_cast<World::Cut>(dice.below(4));
      world.journal.line(world.now, "fault: connection %d of %s with %s is cut (%d)", s.id, s.owner->name(),
                         s.peer->owner->name(), static_cast<int>(how));
      world.cut(s, how);
      return true;
    }
    default: break;
  }
  SimProcess* p = victim(world);
  if (!p) return false;
  world.journal.line(world.now, "fault: %s %s", name_of(kind), p->name());
  switch (kind) {
    case Fault::kill: world.kill(*p); return true;
    case Fault::exit: world.exit(*p, static_cast<int>(dice.below(3))); return true;
    case Fault::terminate: world.terminate(*p); return true;
    case Fault::stop: {
      static constexpr int64_t kTimes[] = {kMillisecond / 10, 100 * kMillisecond, kSecond, 20 * kSecond};
      world.stop(*p, kTimes[dice.below(4)]);
      return true;
    }
    default: return true;
  }
}

}  // namespace

Outcome run_schedule(uint64_t seed, bool keep_lines) {
  Dice dice(seed * 0x2545F4914F6CDD1Du + 0x9e3779b9);
  seed_uuids(dice.next());
  Journal journal(keep_lines);
  World world(dice, journal);
  Ledger ledger(world);
  world.set_witness(ledger);

  static constexpr size_t kCapacities[] = {300, 5000, 256 * 1024, 256 * 1024};
  world.socket_capacity = kCapacities[dice.below(4)];
  world.pieces = dice.one_in(3) ? 2 : dice.below(12);
  world.slowness = dice.one_in(4) ? 20 + dice.below(200) : 0;
  Plan plan;
  plan.acts = 5 + static_cast<int>(dice.below(40));
  plan.launches = 1 + static_cast<int>(dice.below(4));
  plan.failures = dice.one_in(2);
  plan.cancels = dice.one_in(2);
  Work work(world, ledger, plan);
  Work::current = &work;

  std::vector<Fault> faults;
  if (!dice.one_in(4))
    for (size_t n = dice.below(5); n > 0; --n)
      faults.push_back({static_cast<Fault::Kind>(dice.below(Fault::kKinds)), 10 + dice.below(1 + dice.below(1500))});
  std::sort(faults.begin(), faults.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; });

  RootConfig config;
  config.name = "root";
  config.modules = {{"sim", ""}};
  config.registry_addrs = {Address::tcp("127.0.0.1", 1616)};
  static constexpr size_t kWindows[] = {1, 500, kDefaultStreamWindow, 0};
  config.stream_window = kWindows[dice.one_in(8) ? 3 : dice.below(3)];
  world.start_root(config, true, Work::root_body, Work::root_ended, &work);
  world.root()->boot.uuid = world.root()->actor ? world.root()->actor->self().uuid : "";

  size_t next_fault = 0;
  while (!journal.is_broken()) {
    while (next_fault < faults.size() && faults[next_fault].at <= world.steps) {
      if (!work.root_over() && !strike(world, work, faults[next_fault].kind) && faults[next_fault].at < 3000) {
        faults[next_fault].at = world.steps + 20;
        break;
      }
      ++next_fault;
    }
    if (!world.step()) break;
    if (world.steps > kMostSteps) journal.broken(world.now, "it does not end");
    if (world.now > kLongest) journal.broken(world.now, "it takes more than an hour");
  }
  if (!journal.is_broken() && !work.root_over()) ledger.say_what_waits();
  if (!journal.is_broken()) ledger.close_books();
  journal.hash(world.steps);
  journal.hash(static_cast<uint64_t>(world.now));
  Outcome outcome;
  outcome.why = journal.why();
  outcome.steps = world.steps;
  outcome.digest = journal.digest();
  outcome.lines = journal.lines();
  Work::current = nullptr;
  return outcome;
}

void warm_up() {
  log::set_sink([](int, const char*, void*) {}, nullptr, nullptr);
  Work::register_endpoints();
  // What a thread keeps for packing and for callbacks is not to be some process's.
  std::string large(3000, 'x');
  tractor_pack("s", large.c_str());
  scratch_release({});
}

}  // namespace sim
