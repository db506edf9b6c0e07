// X-27 for contexts: memory runs out in whoever opens them and in whoever serves them, at every place where that can be.
// What is received is what was sent, in order; what ends well has ended well on the other side too.
// ctest: timeout=240
#include <cstdint>

#include "robust/lives.hpp"

namespace {

// --- endpoints -----------------------------------------------------------------------------------------------------

constexpr int kValues = 20;
constexpr size_t kSmall = 200, kLarge = 40000;  // a large one is written from where it lies
constexpr unsigned char kStamp = 5;             // an extension of four bytes
char filling[kLarge];

/// Whether a call of an endpoint's succeeded; if not, the endpoint fails, if it does not already.
bool served(tractor_ctx* ctx, int64_t status) {
  if (status < 0 && !tractor_nursery_cancel_called(tractor_ctx_nursery(ctx)))
    tractor_ctx_raisef(ctx, "MemoryError", "an endpoint can't go on: %s", tractor_strerror(static_cast<int>(status)));
  return status >= 0;
}

/// Their state.
struct Serving {
  tractor_ctx* ctx;
  tractor_stream* stream;
  int count, total, mistake;
};

Serving* serving(tractor_ctx* ctx) {
  auto* s = static_cast<Serving*>(tractor_nursery_alloc(tractor_ctx_nursery(ctx), sizeof(Serving)));
  if (!s) tractor_ctx_raisef(ctx, "MemoryError", "an endpoint has no state");
  if (s) *s = {ctx, nullptr, 0, 0, 0};
  return s;
}

void serve_error(Serving* s, const tractor_error* err) {
  if (tractor_error_code(err) != TRACTOR_ECANCELED) tractor_ctx_raise(s->ctx, err);
}

/// Sends back what it gets.
void relay_next(Serving* s);
void on_relayed(const tractor_error* err, void* user) {
  auto* s = static_cast<Serving*>(user);
  if (err) return serve_error(s, err);
  s->count++;
  relay_next(s);
}
void relay_next(Serving* s) {
  served(s->ctx, tractor_stream_receive(
                     s->stream, nullptr,
                     [](const tractor_error* err, const tractor_value* value, void* user) {
                       auto* me = static_cast<Serving*>(user);
                       if (!err) {
                         served(me->ctx, tractor_stream_send_value(me->stream, nullptr, value, on_relayed, me));
                       } else if (tractor_error_code(err) != TRACTOR_EEOF) {
                         serve_error(me, err);
                       } else {
                         tractor_stream_send_eof(me->stream);
                         served(me->ctx, tractor_ctx_return(me->ctx, "i", me->count));
                       }
                     },
                     s));
}
void relay(tractor_ctx* ctx, const tractor_value*, void*) {
  Serving* s = serving(ctx);
  if (s && served(ctx, tractor_ctx_started(ctx, "s", "a first value that is not short at all")) &&
      served(ctx, tractor_ctx_open_stream(ctx, nullptr, &s->stream)))
    relay_next(s);
}

/// Sends numbers, as fast as it may.
void count_on(Serving* s) {
  for (; s->count < s->total; ++s->count) {
    int status = tractor_stream_sendf(s->stream, "{s:i, s:y}", "n", s->count, "data", filling, kSmall);
    if (status == TRACTOR_EAGAIN) {
      tractor_bytes item = tractor_pack("{s:i, s:y}", "n", s->count, "data", filling, kSmall);
      served(s->ctx, tractor_stream_send_wait(
                         s->stream, nullptr, item,
                         [](const tractor_error* err, void* user) {
                           auto* me = static_cast<Serving*>(user);
                           if (err) return serve_error(me, err);
                           me->count++;
                           count_on(me);
                         },
                         s));
      return;
    }
    if (!served(s->ctx, status)) return;
  }
  if (s->mistake) return void(tractor_ctx_raisef(s->ctx, "KeyError", "as asked, in more than a few bytes"));
  served(s->ctx, tractor_ctx_return(s->ctx, nullptr));
}
void numbers(tractor_ctx* ctx, const tractor_value*, void* generator) {
  Serving* s = serving(ctx);
  if (!s) return;
  s->total = kValues;
  if (!generator && !served(ctx, tractor_ctx_started(ctx, "i", kValues))) return;
  if (served(ctx, tractor_ctx_open_stream(ctx, nullptr, &s->stream))) count_on(s);
}
void numbers_of_generator(tractor_ctx* ctx, const tractor_value* args, void*) { numbers(ctx, args, ctx); }
void numbers_of_context(tractor_ctx* ctx, const tractor_value* args, void*) { numbers(ctx, args, nullptr); }
void failing(tractor_ctx* ctx, const tractor_value*, void*) {
  Serving* s = serving(ctx);
  if (!s) return;
  s->total = 3;
  s->mistake = 1;
  if (served(ctx, tractor_ctx_started(ctx, nullptr)) && served(ctx, tractor_ctx_open_stream(ctx, nullptr, &s->stream)))
    count_on(s);
}

void stay(tractor_ctx* ctx, const tractor_value*, void*) {
  if (!served(ctx, tractor_ctx_started(ctx, nullptr))) return;
  tractor_nursery* nested = tractor_nursery_open(tractor_ctx_nursery(ctx), nullptr, nullptr, nullptr);
  if (!served(ctx, tractor_nursery_sleep(nested, TRACTOR_FOREVER, nullptr, nullptr))) return;
  served(ctx, tractor_nursery_sleep(tractor_ctx_nursery(ctx), TRACTOR_FOREVER, nullptr, nullptr));
}

void cancels_itself(tractor_ctx* ctx, const tractor_value*, void*) {
  if (served(ctx, tractor_ctx_started(ctx, nullptr)))
    served(ctx, tractor_ctx_cancel(ctx, nullptr, nullptr, nullptr, nullptr));
}

/// What it sends is of the right type but for one mistake: in what it starts with, a value of its stream, what it returns.
enum Mistake { kNone, kInStarted, kInStream, kInReturn };
const char* const kTypes =
    "started: {name: str, at: stamp, more?: list[int | str]};"
    "stream: {n: int, data: bytes} | stamp | 'the end of it';"
    "return: tuple[int, stamp]";
const char stamp_bytes[] = "\xd6\x05when";
const tractor_bytes stamp_value = {stamp_bytes, 6};

int check_stamp(const void* data, size_t len, void*) {
  return len == 4 && memcmp(data, "when", 4) == 0 ? TRACTOR_OK : TRACTOR_EINVAL;
}

void typed(tractor_ctx* ctx, const tractor_value* args, void*) {
  int mistake = 0;
  if (tractor_ctx_unpack(ctx, args, "{s:i}", "mistake", &mistake) != TRACTOR_OK) return;
  Serving* s = serving(ctx);
  if (!s) return;
  s->mistake = mistake;
  tractor_bytes name = mistake == kInStarted ? tractor_pack("i", 1) : tractor_pack("s", "a name of several words");
  if (!served(ctx,
              tractor_ctx_started(ctx, "{s:v, s:v, s:[i,s]}", "name", &name, "at", &stamp_value, "more", 1, "2")) ||
      !served(ctx, tractor_ctx_open_stream(ctx, nullptr, &s->stream)))
    return;
  for (s->count = 0; s->count < 3; s->count++)
    if (!served(ctx, tractor_stream_sendf(s->stream, "{s:i, s:y}", "n", s->count, "data", filling, size_t{20}))) return;
  if (!served(ctx,
              tractor_stream_send(s->stream, mistake == kInStream ? tractor_pack("s", "no such end") : stamp_value)))
    return;
  // Until the caller has read everything.
  served(ctx, tractor_stream_receive(
                  s->stream, nullptr,
                  [](const tractor_error* err, const tractor_value*, void* user) {
                    auto* me = static_cast<Serving*>(user);
                    if (err && tractor_error_code(err) != TRACTOR_EEOF) return serve_error(me, err);
                    if (me->mistake == kInReturn)
                      served(me->ctx, tractor_ctx_return(me->ctx, "[i]", 1));
                    else
                      served(me->ctx, tractor_ctx_return(me->ctx, "[i,v]", me->count, &stamp_value));
                  },
                  s));
}

const tractor_endpoint endpoints[] = {
    STARVING_ENDPOINTS,
    TRACTOR_CTX("relay", relay),
    TRACTOR_CTX("numbers", numbers_of_context),
    TRACTOR_GEN("generator", numbers_of_generator),
    TRACTOR_CTX("failing", failing),
    TRACTOR_CTX("stay", stay),
    TRACTOR_CTX("cancels_itself", cancels_itself),
    TRACTOR_CTX_TYPED("typed", typed, kTypes),
    TRACTOR_ENDPOINTS_END,
};

// --- the caller's side ---------------------------------------------------------------------------------------------

/// One context or generator of another actor.
struct Talk {
  Probe* probe;
  int normal;              // how it ends if there is memory enough
  const char* boxed_type;  // and the type of that, or null
  void (*go_on)(Talk*);    // it has started
  tractor_ctx* ctx;
  tractor_stream* stream;
  int sent, received, lost;  // lost: sends that failed
  bool read_all, gave_up, cancels;
  int mistake, observed;
  tractor_value* result;
};
Talk talks[32];
size_t talk_count;
int open_talks;
void (*when_all_over)();

/// An operation of a talk.
struct Step {
  Talk* talk;
  Probe* probe;
  tractor_stream* from;
  int next;
};
Step steps[4096];
size_t step_count;
Step* step(Talk* t, const char* what) {
  Step* s = &steps[step_count++];
  *s = {t, probe(what), t->stream, 0};
  return s;
}

/// Without memory a program may be told this, and nothing else that it would not be told with memory.
bool follows_from_shortage(const tractor_error* err) {
  const char* text = tractor_error_message(err);
  switch (tractor_error_code(err)) {
    case TRACTOR_ENOMEM:
    case TRACTOR_ETRANSPORT:
    case TRACTOR_ECHILD:
    case TRACTOR_ECANCELED:
    case TRACTOR_ECTXCANCELED:
    case TRACTOR_ECLOSED: return true;
    case TRACTOR_EREMOTE: return strcmp(tractor_error_boxed_type(err), "MemoryError") == 0;
    case TRACTOR_EGROUP: return tractor_error_find(err, TRACTOR_ENOMEM) != nullptr;
    case TRACTOR_EUSER: return strstr(text, "gives up") != nullptr;
    default: return false;
  }
}

void expect_outcome(const char* what, const tractor_error* err, int normal, const char* boxed_type = nullptr) {
  int code = tractor_error_code(err);
  const char* type = tractor_error_boxed_type(err);
  if (code == normal && (!boxed_type || (type && strcmp(type, boxed_type) == 0))) return;
  Plenty plenty;
  char* text = tractor_error_format(err);
  EXPECT(was_starved(), "%s ends with %s", what, text ? text : "success");
  EXPECT(err && follows_from_shortage(err), "%s ends with %s", what, text ? text : "success");
  tractor_free(text);
}

void give_up(Talk* t) {
  t->gave_up = true;
  tractor_ctx_raisef(t->ctx, "MemoryError", "the caller gives up");
}

void talk_over(Talk* t) {
  tractor_value_unref(t->result);
  if (--open_talks == 0 && when_all_over) when_all_over();
  work_over();
}

bool number_of(const tractor_value* value, int& n) {
  Plenty plenty;
  const void* data = nullptr;
  size_t size = 0;
  return tractor_unpack(value, "{s:i, s:y}", "n", &n, "data", &data, &size) == TRACTOR_OK &&
         memcmp(data, filling, size) == 0;
}

void on_started(tractor_ctx* ctx, const tractor_value*, void* user) {
  auto* t = static_cast<Talk*>(user);
  t->ctx = ctx;
  if (t->go_on) t->go_on(t);
}

void on_result(const tractor_error* err, const tractor_value* value, void* user) {
  auto* t = static_cast<Talk*>(user);
  completed(t->probe, err);
  expect_outcome(t->probe->what, err, t->normal, t->boxed_type);
  EXPECT(!err || !value, "%s: an error and a value", t->probe->what);
  if (value && t->sent > 0 && t->read_all) {
    Plenty plenty;
    int count = -1;
    EXPECT(tractor_unpack(value, "i", &count) == TRACTOR_OK && count == t->received, "%s: %d of %d values back",
           t->probe->what, t->received, count);
    EXPECT(count == t->sent - t->lost, "%s: %d of %d values there", t->probe->what, count, t->sent - t->lost);
  }
  if (t->cancels && !err) EXPECT(!value, "%s: a value", t->probe->what);
  talk_over(t);
}

void on_observed(const tractor_error* err, const tractor_value*, void* user) {
  auto* s = static_cast<Step*>(user);
  completed(s->probe, err);
  expect_outcome("wait_for_result", err, s->talk->normal, s->talk->boxed_type);
  work_over();
}

Talk* talk(const char* what, int normal, void (*go_on)(Talk*), const char* boxed_type = nullptr) {
  Talk* t = &talks[talk_count++];
  *t = {};
  t->probe = probe(what);
  t->normal = normal;
  t->boxed_type = boxed_type;
  t->go_on = go_on;
  return t;
}

bool opened(Talk* t, tractor_op token) {
  bool accepted = started(t->probe, token);
  if (accepted) ++open_talks;
  return accepted;
}

bool open_context(Talk* t, const char* module, const char* func, tractor_bytes args = {nullptr, 0}, int64_t timeout = 0,
                  tractor_portal* to = child) {
  tractor_call_options options = {};
  options.struct_size = sizeof options;
  options.timeout_ns = timeout;
  return opened(t, tractor_portal_open_context(to, nullptr, module, func, args, &options, on_started, on_result, t));
}

/// The stream, or the end of the talk.
bool open_stream(Talk* t, uint32_t buffer = 0) {
  tractor_call_options options = {};
  options.struct_size = sizeof options;
  options.buffer = buffer;
  int status = tractor_ctx_open_stream(t->ctx, &options, &t->stream);
  EXPECT(status == TRACTOR_OK || status == TRACTOR_ENOMEM || status == TRACTOR_ECANCELED, "%s",
         tractor_strerror(status));
  if (status != TRACTOR_OK) give_up(t);
  return status == TRACTOR_OK;
}

/// Reads on until the end; what is read grows.
void receive(Talk* t, tractor_stream* from, int next);
void on_received(const tractor_error* err, const tractor_value* value, void* user) {
  auto* s = static_cast<Step*>(user);
  Talk* t = s->talk;
  completed(s->probe, err);
  int n = -1, code = tractor_error_code(err);
  if (value) {
    bool whole = number_of(value, n);
    EXPECT(whole && n >= s->next, "%s: value %d comes after %d", t->probe->what, n, s->next - 1);
    bool main = s->from == t->stream;
    EXPECT(n == s->next || t->lost > 0 || tractor_stream_lagged(s->from) > 0, "%s: value %d after %d", t->probe->what,
           n, s->next - 1);
    t->received += main;
    receive(t, s->from, n + 1);
  } else if (code == TRACTOR_ELAGGED) {
    receive(t, s->from, s->next);
  } else if (code == TRACTOR_EEOF) {
    if (s->from == t->stream) t->read_all = true;
  } else {
    expect_outcome("receive", err, t->normal, t->boxed_type);
  }
  work_over();
}
void receive(Talk* t, tractor_stream* from, int next) {
  Step* s = step(t, "receive");
  s->from = from;
  s->next = next;
  if (!started(s->probe, tractor_stream_receive(from, nullptr, on_received, s))) tractor_stream_close(from);
}

void on_sent(const tractor_error* err, void* user) {
  auto* s = static_cast<Step*>(user);
  completed(s->probe, err);
  if (err) s->talk->lost++;
  if (err && tractor_error_code(err) != TRACTOR_EEOF) expect_outcome("send_wait", err, s->talk->normal);
  work_over();
}

/// More than the window at once, half closed, and all of it back.
void send_and_receive(Talk* t, int count, size_t size) {
  if (!open_stream(t)) return;
  Step* observer = step(t, "wait_for_result");
  started(observer->probe, tractor_ctx_wait_for_result(t->ctx, nullptr, on_observed, observer));
  for (int n = 0; n < count; ++n) {
    Step* s = step(t, "send_wait");
    t->sent++;
    tractor_bytes item = tractor_pack("{s:i, s:y}", "n", n, "data", filling, size);
    if (!started(s->probe, tractor_stream_send_wait(t->stream, nullptr, item, on_sent, s))) t->lost++;
  }
  int status = tractor_stream_send_eof(t->stream);
  EXPECT(status == TRACTOR_OK, "%s", tractor_strerror(status));
  receive(t, t->stream, 0);
}

void both_ways(Talk* t) { send_and_receive(t, kValues, kSmall); }
void large_both_ways(Talk* t) { send_and_receive(t, 3, kLarge); }

void read_all(Talk* t) {
  if (open_stream(t)) receive(t, t->stream, 0);
}

/// Three readers: the stream itself, one that is as fast, and one that never reads.
void broadcast(Talk* t) {
  if (!open_stream(t, 4)) return;
  for (uint32_t flags : {uint32_t{0}, uint32_t{TRACTOR_SUBSCRIBE_NO_LAG_ERROR}}) {
    tractor_stream* subscriber = nullptr;
    int status = tractor_stream_subscribe(t->stream, flags, &subscriber);
    EXPECT(status == TRACTOR_OK || status == TRACTOR_ENOMEM, "%s", tractor_strerror(status));
    if (status == TRACTOR_OK && flags == 0) receive(t, subscriber, 0);
    if (status != TRACTOR_OK) EXPECT(tractor_stream_send_eof(subscriber) == TRACTOR_ECLOSED, "it is not dead");
  }
  receive(t, t->stream, 0);
}

void cancel_it(Talk* t) {
  Step* s = step(t, "ctx_cancel");
  bool accepted = started(s->probe, tractor_ctx_cancel(
                                        t->ctx, nullptr, nullptr,
                                        [](const tractor_error* err, void* user) {
                                          completed(static_cast<Step*>(user)->probe, err);
                                          work_over();
                                        },
                                        s));
  if (!accepted) tractor_nursery_cancel(tractor_ctx_nursery(t->ctx), "the gentle way is too costly");
}

void cancel_token(Talk* t) { tractor_op_cancel(actor, t->probe->token); }

/// Reads what is typed. Before that it has narrowed the types, and made them wide again.
void read_typed(Talk* t);
void on_typed(const tractor_error* err, const tractor_value* value, void* user) {
  auto* s = static_cast<Step*>(user);
  Talk* t = s->talk;
  completed(s->probe, err);
  if (value && t->received < 3) {
    int n = -1;
    EXPECT(number_of(value, n) && n == t->received, "value %d", n);
    t->received++;
    read_typed(t);
  } else if (value) {
    tractor_bytes got = tractor_value_bytes(value);
    EXPECT(t->mistake != kInStream && got.len == stamp_value.len && memcmp(got.data, stamp_value.data, got.len) == 0,
           "no stamp");
    tractor_stream_send_eof(t->stream);
  } else if (tractor_error_code(err) != TRACTOR_EEOF) {
    expect_outcome("typed receive", err, t->normal);
  }
  work_over();
}
void read_typed(Talk* t) {
  Step* s = step(t, "typed receive");
  if (!started(s->probe, tractor_stream_receive(t->stream, nullptr, on_typed, s))) give_up(t);
}
void on_scope_end(const tractor_error* err, void* user) {
  auto* s = static_cast<Step*>(user);
  completed(s->probe, err);
  if (!tractor_nursery_cancel_called(tractor_ctx_nursery(s->talk->ctx))) read_typed(s->talk);
  work_over();
}
void limited(Talk* t) {
  if (!open_stream(t)) return;
  Step* s = step(t, "scope of a limit");
  tractor_nursery* scope = tractor_nursery_open(tractor_ctx_nursery(t->ctx), nullptr, on_scope_end, s);
  int status = tractor_ctx_limit_payloads(t->ctx, scope, "dict[str, any] | list[int] | 'a type that nothing has'");
  if (status == TRACTOR_ECLOSED) {
    s->probe->token = TRACTOR_ENOMEM;
    return read_typed(t);
  }
  EXPECT(status == TRACTOR_OK || status == TRACTOR_ENOMEM, "%s", tractor_strerror(status));
  started(s->probe, 1);
  tractor_nursery_close(scope);
}

void typed_talks() {
  for (int mistake : {kNone, kInStarted, kInStream, kInReturn}) {
    Talk* t = talk("typed context", mistake ? TRACTOR_EMSGTYPE : TRACTOR_OK, limited);
    t->mistake = mistake;
    open_context(t, "memory", "typed", tractor_pack("{s:i}", "mistake", mistake));
  }
}

void on_generated(tractor_stream* stream, void* user) {
  auto* t = static_cast<Talk*>(user);
  t->stream = stream;
  t->ctx = tractor_stream_ctx(stream);
  receive(t, stream, 0);
}
void on_generator_end(const tractor_error* err, void* user) {
  auto* t = static_cast<Talk*>(user);
  completed(t->probe, err);
  expect_outcome(t->probe->what, err, t->normal);
  if (!err && t->read_all && !t->gave_up)
    EXPECT(t->received == kValues, "only %d values of the generator", t->received);
  talk_over(t);
}
void on_generated_briefly(tractor_stream* stream, void* user) {
  on_generated(stream, user);
  static_cast<Talk*>(user)->gave_up = true;
  tractor_stream_close(stream);
}
void generators() {
  for (tractor_stream_fn on_open : {on_generated, on_generated_briefly}) {
    Talk* t = talk("generator", TRACTOR_OK, nullptr);
    opened(t, tractor_portal_open_stream_from(child, nullptr, "memory", "generator", {nullptr, 0}, nullptr, on_open,
                                              on_generator_end, t));
  }
}

// --- lives ---------------------------------------------------------------------------------------------------------

void streams() {
  open_context(talk("both ways", TRACTOR_OK, both_ways), "memory", "relay");
  open_context(talk("both ways with oneself", TRACTOR_OK, both_ways), "memory", "relay", {nullptr, 0}, 0,
               tractor_actor_self(actor));
  open_context(talk("large values", TRACTOR_OK, large_both_ways), "memory", "relay");
  open_context(talk("broadcast", TRACTOR_OK, broadcast), "memory", "numbers");
  generators();
}

void ends_of_contexts() {
  open_context(talk("ctx_cancel", TRACTOR_OK, cancel_it), "memory", "stay");
  talks[talk_count - 1].cancels = true;
  open_context(talk("cancel of the token", TRACTOR_ECANCELED, cancel_token), "memory", "stay");
  open_context(talk("timeout", TRACTOR_ETIMEDOUT, nullptr), "memory", "stay", {nullptr, 0}, 20 * TRACTOR_MS);
  Talk* t = talk("cancel before the start", TRACTOR_ECANCELED, nullptr);
  if (open_context(t, "memory", "stay")) cancel_token(t);
  open_context(talk("cancels itself", TRACTOR_ECTXCANCELED, nullptr), "memory", "cancels_itself");
  open_context(talk("failing", TRACTOR_EREMOTE, read_all, "KeyError"), "memory", "failing");
  open_context(talk("no such endpoint", TRACTOR_EREMOTE, nullptr, "AttributeError"), "memory", "is_not_there");
  open_context(talk("a function", TRACTOR_ERUNTIME, nullptr), "kit", "echo");
  typed_talks();
}

void begin(tractor_nursery* nursery) {
  root = nursery;
  open_work = 1;
  open_talks = 0;
}

template <void (*talk_all)()>
void life(tractor_nursery* nursery, void*) {
  begin(nursery);
  start_child(talk_all);
  work_over();
}

template <void (*talk_all)()>
void life_with_starving_child(tractor_nursery* nursery, void*) {
  begin(nursery);
  start_child([] {
    starve_child();
    when_all_over = feed_child;
    talk_all();
  });
  work_over();
}

template <void (*talk_all)()>
void live() {
  starve_root(life<talk_all>);
}
template <void (*talk_all)()>
void live_with_child() {
  root_of_starving(life_with_starving_child<talk_all>);
}

// --- the tests -----------------------------------------------------------------------------------------------------

void test_streams(void**) { sweep(live<streams>, 1, 64); }
void test_streams_in_a_long_shortage(void**) { sweep(live<streams>, 30, 4); }
void test_streams_out_of_memory(void**) { sweep(live<streams>, kForGood, 4); }
void test_streams_of_child(void**) { sweep(live_with_child<streams>, 1, 64); }
void test_streams_of_child_out_of_memory(void**) { sweep(live_with_child<streams>, kForGood, 4); }
void test_ends(void**) { sweep(live<ends_of_contexts>, 1, 64); }
void test_ends_in_a_long_shortage(void**) { sweep(live<ends_of_contexts>, 30, 4); }
void test_ends_out_of_memory(void**) { sweep(live<ends_of_contexts>, kForGood, 4); }
void test_ends_of_child(void**) { sweep(live_with_child<ends_of_contexts>, 1, 64); }
void test_ends_of_child_out_of_memory(void**) { sweep(live_with_child<ends_of_contexts>, kForGood, 4); }

}  // namespace

int main(int argc, char** argv) {
  window = 2048;
  memset(filling, 'f', sizeof filling);
  tractor_register_ext("stamp", kStamp, check_stamp, nullptr);
  tractor_register("memory", endpoints, nullptr);
  kit_begin(argc, argv);
  prepare_lives();
  const kit_test tests[] = {
      KIT_TEST(test_streams),
      KIT_TEST(test_streams_in_a_long_shortage),
      KIT_TEST(test_streams_out_of_memory),
      KIT_TEST(test_streams_of_child),
      KIT_TEST(test_streams_of_child_out_of_memory),
      KIT_TEST(test_ends),
      KIT_TEST(test_ends_in_a_long_shortage),
      KIT_TEST(test_ends_out_of_memory),
      KIT_TEST(test_ends_of_child),
      KIT_TEST(test_ends_of_child_out_of_memory),
  };
  return kit_run_tests(tests);
}
