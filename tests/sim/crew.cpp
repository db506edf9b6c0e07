#include "crew.hpp"

#include <algorithm>
#include <cstring>

#include <tractor/discovery.h>

#include "wire/value.hpp"

namespace sim {

namespace {

const char* const kModules[] = {"sim", nullptr};
const char* const kFunctions[] = {"function", "context", "generator"};

struct Bytes9 {
  char data[8];
  explicit Bytes9(uint32_t word) {
    std::memcpy(data, "\x81\xa1i\xce", 4);
    for (int i = 0; i < 4; ++i) data[4 + i] = static_cast<char>(word >> (24 - 8 * i));
  }
  tractor_bytes get() const { return {data, sizeof data}; }
};

void nested_ended(const tractor_error* err, void* scope) {
  Kernel kernel;
  auto& s = *static_cast<Scope*>(scope);
  s.ledger.scope_ended(s, err);
}

void exit_fn(const tractor_error* err, void* start) {
  Kernel kernel;
  auto& s = *static_cast<Start*>(start);
  s.ledger.exit_told(s, err);
}

void started_fn(tractor_ctx* ctx, const tractor_value*, void* start) {
  Kernel kernel;
  auto& s = *static_cast<Start*>(start);
  if (s.completions > 0 || s.abandoned)
    s.ledger.world().journal.broken(s.ledger.world().now, "start %d (%s) is told of its start after its end", s.id,
                                    s.what);
  if (s.with_ctx) s.with_ctx(ctx);
}

void open_fn(tractor_stream* stream, void* start) {
  Kernel kernel;
  auto& s = *static_cast<Start*>(start);
  if (s.with_stream) s.with_stream(stream);
}

}  // namespace

std::string answer_to(int start) { return "\xa6#" + std::to_string(10000 + start % 10000); }

void done_fn(const tractor_error* err, void* start) {
  Kernel kernel;
  auto& s = *static_cast<Start*>(start);
  s.ledger.completed(s, err);
  if (s.then) s.then(err);
}

void value_fn(const tractor_error* err, const tractor_value* value, void* start) {
  Kernel kernel;
  auto& s = *static_cast<Start*>(start);
  s.ledger.completed(s, err);
  if (s.with_value)
    s.with_value(err, value);
  else if (s.then)
    s.then(err);
}

void portal_fn(const tractor_error* err, tractor_portal* portal, void* start) {
  Kernel kernel;
  auto& s = *static_cast<Start*>(start);
  s.ledger.completed(s, err);
  if (!err && s.with_portal) s.with_portal(portal);
  if (s.then) s.then(err);
}

// --- the crew ------------------------------------------------------------------------------------------------------

int64_t Crew::some_time() {
  static constexpr int64_t kTimes[] = {
      0,           kMillisecond / 100, kMillisecond / 10, kMillisecond, kMillisecond, 20 * kMillisecond,
      kSecond / 2, 2 * kSecond};
  return kTimes[dice().below(std::size(kTimes))];
}

Start& Crew::begin_start(const char* what, bool has_fn) {
  Start& s = ledger().start(p(), scope, what, has_fn);
  if (has_fn) s.then = [this](const tractor_error* err) { next(err); };
  return s;
}

void Crew::started(Start& s, tractor_op token, bool loose) {
  ledger().returned(s, token);
  if (token > 0 && s.has_fn) ++pending;
  if (token > 0 && loose) mine.push_back(&s);
}

void Crew::begin(int acts) {
  began = true;
  ++pending;
  for (int i = 0; i < acts; ++i) act();
  --pending;
  settle();
}

void Crew::next(const tractor_error* err) {
  // Its start has one completion less to wait for.
  --pending;
  if (scope.ended) return;
  ++pending;
  // Who hears of an error may pass it on to its own scope.
  if (err && !from_c(err)->canceled() && dice().one_in(4)) {
    std::string text;
    for (auto* s : mine)
      for (const std::string& failure : s->wanted)
        if (says(from_c(err), failure)) text = failure;
    if (api([&] { return tractor_nursery_fail(scope.nursery, err); }) == TRACTOR_OK && !text.empty())
      ledger().owe(scope, text);
  }
  for (size_t n = dice().below(3); n > 0; --n) act();
  --pending;
  settle();
}

void Crew::settle() {
  if (pending > 0 || closing || scope.ended) return;
  closing = true;
  if (on_over) return on_over();
  if (work.plan_.cancels && dice().one_in(4)) {
    api([&] { return tractor_nursery_cancel(scope.nursery, "the work is done"); });
  } else {
    scope.closed = true;
    api([&] {
      tractor_nursery_close(scope.nursery);
      return 0;
    });
  }
}

void Crew::act() {
  if (scope.ended || work.plan_.acts <= 0) return;
  --work.plan_.acts;
  size_t what = dice().below(20);
  if (work.plan_.launches > 0 && doors.empty() && scope.dismisses && dice().one_in(2)) return start_child();
  Door* door = doors.empty() ? nullptr : &doors[dice().below(doors.size())];
  if (door && what < 14) {
    if (what < 4) return call(door->portal);
    if (what < 9) return open_context(door->portal);
    if (what < 12) return open_generator(door->portal);
    if (what < 13 && work.plan_.cancels && dice().one_in(2)) return cancel_child(*door);
  }
  if (what < 3) return sleep(some_time(), {});
  if (what < 4) return dice().one_in(2) ? hold() : find();
  if (what < 7) return nest();
  if (what < 12) return start_child();
  if (what < 14) return one_shot();
  if (what < 16 && p().actor) {
    tractor_portal* other = api([&] {
      auto* actor = to_c(p().actor);
      tractor_portal* parent = tractor_actor_parent(actor);
      return parent ? parent : tractor_actor_self(actor);
    });
    return dice().one_in(2) ? call(other) : open_context(other);
  }
  if (what < 18 && work.plan_.cancels && dice().one_in(2)) return cancel_something();
  if (what < 19 && work.plan_.failures && dice().one_in(4)) return fail();
  sleep(some_time(), {});
}

void Crew::sleep(int64_t ns, std::function<void()> then) {
  Start& s = begin_start("sleep", true);
  if (then)
    s.then = [this, then](const tractor_error*) {
      --pending;
      then();
      settle();
    };
  started(s, api([&] { return tractor_nursery_sleep(scope.nursery, ns, done_fn, &s); }), !then);
}

/// Work of its own, which a cancel ends soon.
void Crew::hold() {
  struct Held {
    Crew* crew;
    tractor_op op = 0;
    bool over = false;
  };
  auto held = std::make_shared<Held>();
  held->crew = this;
  held->op = api([&] { return tractor_nursery_hold(scope.nursery, "work", nullptr, nullptr); });
  if (held->op <= 0) return;
  ++pending;
  sleep(some_time(), [held] {
    Crew& crew = *held->crew;
    --crew.pending;
    if (crew.p().actor) crew.api([&] { return tractor_op_complete(to_c(crew.p().actor), held->op, nullptr); });
  });
}

void Crew::nest(bool first) {
  bool shield = dice().one_in(6), limited = shield || dice().one_in(5), told = !dice().one_in(3);
  if (first) shield = limited = limited && dice().one_in(3);
  Scope& inner = ledger().scope(p(), &scope, "nursery");
  inner.has_end = told;
  inner.dismisses = true;
  tractor_nursery_options options = {};
  options.struct_size = sizeof options;
  options.name = "nested";
  options.flags = TRACTOR_NURSERY_CANCEL_DAEMONS | (shield ? unsigned{TRACTOR_NURSERY_SHIELD} : 0);
  options.timeout_ns = limited ? 1 + some_time() : 0;
  auto crew = std::make_unique<Crew>(work, inner);
  Crew& c = *crew;
  work.crews_.push_back(std::move(crew));
  ++pending;
  inner.on_end = [this, &c](const tractor_error* err) {
    c.closing = true;
    std::string failure;
    if (err && c.scope.has_end && !c.scope.owed.empty() && dice().one_in(2)) failure = c.scope.owed.back();
    if (!failure.empty() && api([&] { return tractor_nursery_fail(scope.nursery, err); }) == TRACTOR_OK)
      ledger().owe(scope, failure);
    next(nullptr);
  };
  inner.nursery =
      api([&] { return tractor_nursery_open(scope.nursery, &options, told ? nested_ended : nullptr, &inner); });
  if (!told) api([&] { return tractor_nursery_on_end(inner.nursery, nested_ended, &inner); });
  if (first) c.start_child();
  c.begin((first ? 3 : 1) + static_cast<int>(dice().below(4)));
}

void Crew::start_child() {
  if (work.plan_.launches <= 0 || p().depth >= work.plan_.depth || !scope.dismisses) return sleep(some_time(), {});
  --work.plan_.launches;
  bool told = !dice().one_in(8);
  Start& s = begin_start("start_actor", told);
  s.with_portal = [this, &s](tractor_portal* portal) { doors.push_back({portal, &s}); };
  s.has_exit = dice().one_in(4);
  std::string name = "c" + std::to_string(s.id);
  tractor_spawn_options options = {};
  options.struct_size = sizeof options;
  options.modules = kModules;
  if (s.has_exit) {
    options.on_exit = exit_fn;
    options.on_exit_user = &s;
  }
  if (dice().one_in(8)) options.boot_timeout_ns = kMillisecond + some_time();
  if (dice().one_in(4)) options.cancel_timeout_ns = kMillisecond;
  if (dice().one_in(4)) options.kill_timeout_ns = kMillisecond;
  started(s, api([&] {
            return tractor_nursery_start_actor(scope.nursery, name.c_str(), &options, told ? portal_fn : nullptr, &s);
          }),
          true);
}

void Crew::one_shot() {
  if (work.plan_.launches <= 0 || p().depth >= work.plan_.depth) return sleep(some_time(), {});
  --work.plan_.launches;
  bool told = !dice().one_in(3);
  Start& s = begin_start("run_in_actor", told);
  if (told)
    s.with_value = [this, &s](const tractor_error* err, const tractor_value* value) {
      if (!err && from_c(value)->bytes() != answer_to(s.id))
        world().journal.broken(world().now, "start %d (run_in_actor) of %s brings another value", s.id, p().name());
      next(err);
    };
  Bytes9 args(static_cast<uint32_t>(s.id));
  started(s, api([&] {
            return tractor_nursery_run_in_actor(scope.nursery, "sim", "function", args.get(), nullptr,
                                                told ? value_fn : nullptr, &s);
          }),
          true);
}

void Crew::call(tractor_portal* portal) {
  bool told = !dice().one_in(4), limited = dice().one_in(3);
  Start& s = begin_start("run", told);
  if (told)
    s.with_value = [this, &s](const tractor_error* err, const tractor_value* value) {
      if (!err && from_c(value)->bytes() != answer_to(s.id))
        world().journal.broken(world().now, "start %d (run) of %s brings another value than was returned", s.id,
                               p().name());
      next(err);
    };
  Bytes9 args(static_cast<uint32_t>(s.id) | (limited ? unsigned{kWillCancel} : 0));
  tractor_call_options options = {};
  options.struct_size = sizeof options;
  options.timeout_ns = limited ? 1 + some_time() : 0;
  started(s, api([&] {
            return tractor_portal_run(portal, scope.nursery, "sim", "function", args.get(), &options,
                                      told ? value_fn : nullptr, &s);
          }),
          true);
}

void Crew::open_context(tractor_portal* portal) {
  bool limited = dice().one_in(3), drains = !dice().one_in(4);
  Start& s = begin_start("open_context", true);
  auto traffic = std::make_shared<Traffic>();
  s.with_ctx = [this, traffic, &s, drains](tractor_ctx* ctx) {
    // Its part of the work runs in the context's own nursery.
    Scope& inner = ledger().scope(p(), &scope, "context");
    inner.nursery = api([&] { return tractor_ctx_nursery(ctx); });
    inner.has_end = true;
    if (api([&] { return tractor_nursery_on_end(inner.nursery, nested_ended, &inner); }) != TRACTOR_OK) {
      inner.ended = true;
      return;
    }
    work.crews_.push_back(std::make_unique<Crew>(work, inner));
    Crew& c = *work.crews_.back();
    c.on_over = [] {};
    c.closing = true;  // it has no end of its own: the peer's is what counts
    if (drains) {
      tractor_stream* stream = nullptr;
      if (api([&] { return tractor_ctx_open_stream(ctx, nullptr, &stream); }) != TRACTOR_OK) return;
      read_values(c, stream, traffic->back, [](bool) {});
      send_values(c, stream, traffic->there, static_cast<int>(dice().below(8)), [&c, stream](bool ok) {
        if (!ok || c.scope.ended) return;
        c.api([&] { return tractor_stream_send_eof(stream); });
      });
    }
    if (work.plan_.cancels && dice().one_in(6)) {
      Start& cancel = c.begin_start("ctx_cancel", true);
      cancel.then = [&c](const tractor_error*) { --c.pending; };
      cancel.in = &scope;
      c.started(cancel, api([&] { return tractor_ctx_cancel(ctx, scope.nursery, nullptr, done_fn, &cancel); }));
    } else if (work.plan_.failures && dice().one_in(10)) {
      c.fail();
    } else if (dice().one_in(3)) {
      c.act();
    }
  };
  uint32_t word =
      static_cast<uint32_t>(s.id) | (limited ? unsigned{kWillCancel} : 0) | (drains ? unsigned{kWillDrain} : 0);
  // The endpoint finds its side of the traffic by the caller's number.
  s.ledger.world().journal.hash(word);
  Bytes9 args(word);
  tractor_call_options options = {};
  options.struct_size = sizeof options;
  options.timeout_ns = limited ? 1 + some_time() : 0;
  work.traffic[s.id] = traffic;
  started(s, api([&] {
            return tractor_portal_open_context(portal, scope.nursery, "sim", "context", args.get(), &options,
                                               started_fn, value_fn, &s);
          }),
          true);
}

void Crew::open_generator(tractor_portal* portal) {
  bool limited = dice().one_in(3);
  Start& s = begin_start("open_stream_from", true);
  auto traffic = std::make_shared<Traffic>();
  work.traffic[s.id] = traffic;
  bool leaves = dice().one_in(4);
  s.with_stream = [this, traffic, leaves](tractor_stream* stream) {
    if (leaves)
      api([&] {
        tractor_stream_close(stream);
        return 0;
      });
    else
      read_values(*this, stream, traffic->back, [](bool) {});
  };
  Bytes9 args(static_cast<uint32_t>(s.id) | (limited ? unsigned{kWillCancel} : 0) | kWillDrain);
  tractor_call_options options = {};
  options.struct_size = sizeof options;
  options.timeout_ns = limited ? 1 + some_time() : 0;
  started(s, api([&] {
            return tractor_portal_open_stream_from(portal, scope.nursery, "sim", "generator", args.get(), &options,
                                                   open_fn, done_fn, &s);
          }),
          true);
}

/// Some other child, through the registrar.
void Crew::find() {
  Start& s = begin_start("find_actor", true);
  std::string name = "c" + std::to_string(dice().below(12));
  s.with_portal = [this](tractor_portal* portal) {
    if (portal) doors.push_back({portal, nullptr});
  };
  bool waits = dice().one_in(2);
  tractor_find_options options = {};
  options.struct_size = sizeof options;
  options.timeout_ns = waits ? 1 + some_time() : 0;
  started(s, api([&] {
            return (waits ? tractor_wait_for_actor : tractor_find_actor)(scope.nursery, name.c_str(), &options,
                                                                         portal_fn, &s);
          }),
          true);
}

void Crew::cancel_child(Door& door) {
  Start& s = begin_start("cancel_actor", true);
  if (door.child) door.child->child_cancelled = true;
  started(s, api([&] { return tractor_portal_cancel_actor(door.portal, scope.nursery, nullptr, done_fn, &s); }), true);
}

void Crew::cancel_something() {
  if (mine.empty() || dice().one_in(4)) {
    if (dice().one_in(2)) return;
    world().journal.line(world().now, "%s: cancels %s%d", p().name(), scope.what.c_str(), scope.id);
    bool hard = dice().one_in(4);
    api([&] { return (hard ? tractor_nursery_cancel_hard : tractor_nursery_cancel)(scope.nursery, "thrown"); });
    return;
  }
  Start& s = *mine[dice().below(mine.size())];
  if (!p().actor) return;
  if (dice().one_in(3)) {
    int status = api([&] { return tractor_op_abandon(to_c(p().actor), s.token); });
    world().journal.line(world().now, "%s: abandons start %d: %d", p().name(), s.id, status);
    if (status != TRACTOR_OK) return;
    s.abandoned = true;
    s.child_cancelled = true;
    if (s.has_fn && s.completions == 0) --pending;
  } else {
    world().journal.line(world().now, "%s: cancels start %d", p().name(), s.id);
    if (s.completions == 0) s.child_cancelled = true;
    api([&] { return tractor_op_cancel(to_c(p().actor), s.token); });
  }
}

void Crew::fail() {
  std::string text = ledger().new_failure();
  int status = api([&] {
    tractor_error* err = tractor_error_newf(TRACTOR_EUSER, "SimError", "%s", text.c_str());
    int answer = tractor_nursery_fail(scope.nursery, err);
    tractor_error_unref(err);
    return answer;
  });
  world().journal.line(world().now, "%s: %s in %s%d: %d", p().name(), text.c_str(), scope.what.c_str(), scope.id,
                       status);
  if (status == TRACTOR_OK) ledger().owe(scope, text);
}

// --- streams -------------------------------------------------------------------------------------------------------

void send_values(Crew& crew, tractor_stream* stream, Lane& lane, int count, std::function<void(bool ok)> then) {
  if (count <= 0 || crew.scope.ended) return then(!crew.scope.ended);
  Start& s = crew.begin_start("send", true);
  s.then = [&crew, stream, &lane, count, then](const tractor_error* err) {
    --crew.pending;
    if (!err) {
      ++lane.sent;
      return send_values(crew, stream, lane, count - 1, then);
    }
    then(false);
    crew.settle();
  };
  // A number, and as many bytes as a small window or a large frame.
  size_t pad = crew.dice().one_in(20) ? 40000 : crew.dice().below(300);
  std::string value("\xdb\0\0\0\0", 5);
  size_t length = 4 + pad;
  for (int i = 0; i < 4; ++i) value[static_cast<size_t>(1 + i)] = static_cast<char>(length >> (24 - 8 * i));
  for (int i = 0; i < 4; ++i) value += static_cast<char>('a' + (lane.sent >> (4 * i) & 15));
  value.append(pad, '.');
  tractor_op token = crew.api([&] {
    return tractor_stream_send_wait(stream, nullptr, {value.data(), value.size()}, done_fn, &s);
  });
  crew.started(s, token);
  if (token <= 0) then(false);
}

void read_values(Crew& crew, tractor_stream* stream, Lane& lane, std::function<void(bool ok)> then) {
  if (crew.scope.ended) return then(false);
  Start& s = crew.begin_start("receive", true);
  s.with_value = [&crew, stream, &lane, then](const tractor_error* err, const tractor_value* value) {
    --crew.pending;
    World& world = crew.world();
    if (!err) {
      std::string_view bytes = from_c(value)->bytes();
      int number = 0;
      for (size_t i = 0; bytes.size() >= 9 && i < 4; ++i) number |= (bytes[5 + i] - 'a') << (4 * i);
      if (number != lane.received)
        world.journal.broken(world.now, "a stream of %s brings value %d in place of %d", crew.p().name(), number,
                             lane.received);
      lane.received = number + 1;
      return read_values(crew, stream, lane, then);
    }
    bool eof = from_c(err)->code() == Status::eof;
    if (eof && lane.received < lane.sent && !lane.unsure)
      world.journal.broken(world.now, "a stream of %s ends after %d of %d values", crew.p().name(), lane.received,
                           lane.sent);
    then(eof);
    crew.settle();
  };
  tractor_op token = crew.api([&] { return tractor_stream_receive(stream, nullptr, value_fn, &s); });
  crew.started(s, token);
  if (token <= 0) then(false);
}

}  // namespace sim
