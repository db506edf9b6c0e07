// Those who work in one nursery: they start things, look what comes of them, start more, and close it at the end.
#pragma once

#include "work.hpp"

namespace sim {

enum Kind : size_t { kFunction, kContext, kGenerator };

/// Bits of an endpoint's argument, above its caller's number.
enum Promise : uint32_t {
  kWillCancel = 1u << 24,  ///< the caller ends it if it does not end by itself
  kWillDrain = 1u << 25,   ///< the caller opens the stream, reads it to its end and says when it sends no more
};

/// One direction of a stream: numbers in a row.
struct Lane {
  int sent = 0, received = 0;
  bool unsure = false;  ///< its reader dropped some on purpose
};

/// One context or generator: what goes which way.
struct Traffic {
  Lane there, back;
};

struct Crew {
  Crew(Work& w, Scope& s) : work(w), scope(s) {}
  Work& work;
  Scope& scope;
  int pending = 0;  ///< completions that are to come, and crews of nested nurseries
  bool began = false, closing = false;
  std::function<void()> on_over;
  struct Door {
    tractor_portal* portal;
    Start* child;
  };
  std::vector<Door> doors;

  SimProcess& p() { return *scope.p; }
  World& world() { return work.world_; }
  Ledger& ledger() { return work.ledger_; }
  Dice& dice() { return work.world_.dice; }
  bool over() const { return scope.ended; }

  void begin(int acts);
  void act();
  /// After something has completed.
  void next(const tractor_error* err);
  void settle();

  // What they do.
  void sleep(int64_t ns, std::function<void()> then);
  void hold();
  void nest(bool first = false);
  void start_child();
  void one_shot();
  void call(tractor_portal* portal);
  void open_context(tractor_portal* portal);
  void open_generator(tractor_portal* portal);
  void cancel_child(Door& door);
  void find();
  void cancel_something();
  void fail();

  Start& begin_start(const char* what, bool has_fn);
  /// `loose`: others of the crew may cancel it.
  void started(Start& s, tractor_op token, bool loose = false);
  template <class F>
  auto api(F&& f) {
    InHeap heap(&scope.p->heap);
    return f();
  }
  int64_t some_time();

  std::vector<Start*> mine;
};

/// Sends `count` values, one after the other, and then runs `then`.
void send_values(Crew& crew, tractor_stream* stream, Lane& lane, int count, std::function<void(bool ok)> then);
/// Reads to the end, or until something ends it.
void read_values(Crew& crew, tractor_stream* stream, Lane& lane, std::function<void(bool ok)> then);

/// What the endpoint of that start returns: one value.
std::string answer_to(int start);

// Completions.
void done_fn(const tractor_error* err, void* start);
void value_fn(const tractor_error* err, const tractor_value* value, void* start);
void portal_fn(const tractor_error* err, tractor_portal* portal, void* start);

}  // namespace sim
