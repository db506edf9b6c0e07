#include "work.hpp"

#include "crew.hpp"
#include "wire/value.hpp"

namespace sim {

namespace {

constexpr tractor_bytes kNothing = {nullptr, 0};

void task_ended(const tractor_error* err, void* scope) {
  Kernel kernel;
  auto& s = *static_cast<Scope*>(scope);
  s.ledger.scope_ended(s, err);
}

uint32_t word_of(const tractor_value* args) {
  std::string_view bytes = from_c(args)->bytes();
  uint32_t word = 0;
  for (size_t i = 0; bytes.size() == 8 && i < 4; ++i) word = word << 8 | static_cast<unsigned char>(bytes[4 + i]);
  return word;
}

}  // namespace

void Work::register_endpoints() {
  static const tractor_endpoint kEndpoints[] = {TRACTOR_FUNC("function", endpoint), TRACTOR_CTX("context", endpoint),
                                                TRACTOR_GEN("generator", endpoint), TRACTOR_ENDPOINTS_END};
  tractor_register("sim", kEndpoints, nullptr);
}

/// One body for all three kinds: which one it is, its caller has said.
void Work::endpoint(tractor_ctx* ctx, const tractor_value* args, void*) {
  Kernel kernel;
  Work& work = *current;
  World& world = work.world_;
  Dice& dice = world.dice;
  uint32_t word = word_of(args);
  Start* caller = work.ledger_.start_by_id(word & 0xffffff);
  SimProcess& p = *world.current();
  if (!caller) return world.journal.broken(world.now, "%s is asked by nobody", p.name());
  std::string_view what(caller->what);
  Kind kind = what == "open_context" ? kContext : what == "open_stream_from" ? kGenerator : kFunction;

  Scope& scope = work.ledger_.scope(p, nullptr, "task");
  scope.has_end = true;
  work.crews_.push_back(std::make_unique<Crew>(work, scope));
  Crew& crew = *work.crews_.back();
  scope.nursery = crew.api([&] { return tractor_ctx_nursery(ctx); });
  crew.api([&] { return tractor_nursery_on_end(scope.nursery, task_ended, &scope); });
  work.ledger_.task(scope, ctx, word & 0xffffff);
  world.journal.event("task", static_cast<uint64_t>(scope.id), word);
  world.journal.line(world.now, "%s: task%d of start %d (%s)", p.name(), scope.id, caller->id, caller->what);

  auto raise = [&work, &crew, ctx] {
    std::string text = work.ledger_.new_failure();
    int status = crew.api([&] { return tractor_ctx_raisef(ctx, "SimError", "%s", text.c_str()); });
    work.world_.journal.line(work.world_.now, "%s: task%d raises %s: %d", crew.p().name(), crew.scope.id, text.c_str(),
                             status);
    if (status == TRACTOR_OK) work.ledger_.owe(crew.scope, text);
  };
  auto answer = [&work, &crew, ctx, raise, kind, id = caller->id] {
    if (work.plan_.failures && crew.dice().one_in(10)) return raise();
    std::string value = answer_to(id);
    crew.api([&] {
      return tractor_ctx_return_value(ctx, kind == kGenerator ? kNothing : tractor_bytes{value.data(), value.size()});
    });
  };
  crew.on_over = answer;

  if (kind != kGenerator && work.plan_.failures && dice.one_in(16)) {
    crew.closing = true;
    return raise();
  }
  if ((word & kWillCancel) && dice.one_in(4)) {
    Start& s = crew.begin_start("sleep", true);
    crew.started(s, crew.api([&] { return tractor_nursery_sleep(scope.nursery, TRACTOR_FOREVER, done_fn, &s); }));
    return;
  }
  if (kind == kContext) crew.api([&] { return tractor_ctx_started_value(ctx, kNothing); });
  ++crew.pending;
  tractor_stream* stream = nullptr;
  if (kind != kFunction && (word & kWillDrain) && (kind == kGenerator || !dice.one_in(5)) &&
      crew.api([&] { return tractor_ctx_open_stream(ctx, nullptr, &stream); }) == TRACTOR_OK) {
    Traffic& traffic = *work.traffic[caller->id];
    bool both = kind == kContext;
    if (both) read_values(crew, stream, traffic.there, [](bool) {});
    send_values(crew, stream, traffic.back, static_cast<int>(dice.below(10)), [&crew, stream, both](bool ok) {
      if (ok && both && !crew.scope.ended && crew.dice().one_in(2))
        crew.api([&] { return tractor_stream_send_eof(stream); });
    });
  }
  if (kind != kGenerator)
    for (size_t n = dice.below(4); n > 0; --n) crew.act();
  --crew.pending;
  if (dice.one_in(10) && !crew.closing) {
    crew.closing = true;  // whatever is under way
    return answer();
  }
  crew.settle();
}

void Work::root_body(tractor_nursery* root, void* self) {
  Kernel kernel;
  auto& work = *static_cast<Work*>(self);
  Scope& scope = work.ledger_.scope(*work.world_.current(), nullptr, "root");
  scope.nursery = root;
  scope.has_end = true;
  work.main_ = &scope;
  work.crews_.push_back(std::make_unique<Crew>(work, scope));
  Crew& crew = *work.crews_.back();
  crew.closing = true;  // the end of its body is what closes it
  for (size_t n = 1 + work.world_.dice.below(2); n > 0; --n) crew.nest(true);
}

void Work::root_ended(const tractor_error* err, void* self) {
  Kernel kernel;
  auto& work = *static_cast<Work*>(self);
  work.root_over_ = true;
  if (work.main_) work.ledger_.scope_ended(*work.main_, err);
}

void Work::cancel_root() {
  if (!main_ || main_->ended || !main_->p->port) return;
  world_.journal.line(world_.now, "the root is cancelled");
  world_.dispatch(*main_->p, [&] { tractor_nursery_cancel(main_->nursery, "from outside"); });
}

}  // namespace sim
